"""Run a write: filters, permission, idempotency, maker-checker, audit, hooks.

Source: SynchronousCommandProcessingService, IdempotencyKeyResolver, COBApiFilter of Apache Fineract.
"""

import asyncio
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from aiohttp import web

from sandbox.faults import Fault
from sandbox.fineract import idempotency
from sandbox.fineract.call import Call, reply
from sandbox.fineract.errors import (
    UNMAPPED,
    HangUp,
    Refusal,
    cob_locked,
    conflict,
    invalid_json,
    not_authorized,
    scheduler_running,
    server_side,
    wrong_instance,
)
from sandbox.fineract.hooks import announce
from sandbox.fineract.host import OFFICER, Host
from sandbox.fineract.records import (
    AWAITING,
    FAILED,
    PROCESSED,
    REJECTED_BY_CHECKER,
    Change,
    Command,
    Loan,
    Savings,
    User,
)
from sandbox.fineract.wire import Json
from sandbox.world import World

_DECODE = json.JSONDecoder(parse_float=Decimal).decode
INLINE_COB_SECONDS: Final = 3.5  # what a loan that is behind COB costs the first writer


@dataclass(slots=True, kw_only=True)
class Intent:
    """What a request wants: the command's name, what it is about, and its checks."""

    operation: str  # the name in latencies and faults
    action: str
    entity: str
    prepare: Callable[[Json], Change]  # checks; changes nothing before it is called
    loan: Loan | None = None
    loan_id: int | None = None
    savings: Savings | None = None
    resource_id: int | None = None
    keyed: bool = True  # whether Idempotency-Key has a meaning here
    body_needed: bool = True
    permission: str | None = None

    @property
    def task(self) -> str:
        """The permission's name."""
        return self.permission or f"{self.action}_{self.entity}"


async def run(call: Call, intent: Intent) -> web.StreamResponse:
    """Run a command for a caller of the API.

    :raises Refusal: as the server refuses
    """
    fault = await pass_filters(call, intent)
    if not call.user.may(intent.task):
        raise not_authorized(intent.task)
    if call.host.scheduler_runs() or (fault and fault.kind == "scheduler"):
        raise scheduler_running()
    raw = await call.request.text()
    body = read_body(raw, needed=intent.body_needed)
    key = idempotency.key_of(call.request) if intent.keyed else None
    if key is not None:
        stored = await idempotency.stored_answer(call, intent.action, intent.entity, key, raw)
        if stored is not None:
            return stored
    row = open_row(call.host, call.user, intent, body, key, url=call.request.path_qs)
    return reply(await _process(call, intent, row, fault))


async def pass_filters(call: Call, intent: Intent) -> Fault | None:
    """What stands before every command: read-only node, COB lock, inline COB. Nothing is stored."""
    subject = {"host": call.host.name, "loan_id": intent.loan_id}
    fault = call.world.faults.pick("fineract", intent.operation, subject) if call.world.faults else None
    kind = fault.kind if fault else ""
    if call.host.read_only or kind == "read_only":
        raise wrong_instance()
    if intent.loan is not None:
        await _pass_cob(call.host, intent.loan, fault)
    return fault


async def _pass_cob(host: Host, loan: Loan, fault: Fault | None) -> None:
    lock = loan.lock
    if lock and lock.until is not None and host.clock() >= lock.until:
        loan.lock = lock = None
    if (lock and lock.kind in ("cob", "orphaned")) or (fault and fault.kind == "cob_lock"):
        raise cob_locked(loan.id)
    if lock and lock.kind == "behind":
        loan.lock = None  # the first writer pays, the next find the loan up to date
        await asyncio.sleep(lock.seconds)
    elif fault and fault.kind == "inline_cob":
        await asyncio.sleep(fault.seconds(INLINE_COB_SECONDS))


def read_body(raw: str, *, needed: bool = True) -> Json:
    """The JSON object of a command.

    :raises Refusal: 400 as a bare item
    """
    if not raw.strip() and not needed:
        return {}
    try:
        body = _DECODE(raw)
    except ValueError:
        raise invalid_json() from None
    if not isinstance(body, dict):
        raise invalid_json()
    return body


def open_row(host: Host, maker: User, intent: Intent, body: Json, key: str | None, *, url: str) -> Command:
    """Store the command as under processing, before it runs."""
    owner = intent.loan or intent.savings
    row = Command(
        id=host.next_id("command"),
        action=intent.action,
        entity=intent.entity,
        key=key or str(uuid.uuid4()),
        maker=maker,
        at=host.clock(),
        url=url,
        request=body,
        resource_id=intent.resource_id,
        loan_id=intent.loan_id,
        client_id=owner.client.id if owner else None,
        savings_id=intent.savings.id if intent.savings else None,
        office_id=owner.client.office_id if owner else None,
        prepare=intent.prepare,
    )
    host.audits.append(row)
    if key is not None:
        host.by_key[intent.action, intent.entity, key] = row
    return row


async def _process(call: Call, intent: Intent, row: Command, fault: Fault | None) -> Json:
    kind = fault.kind if fault else ""
    if fault and kind == "slow_processing":
        await asyncio.sleep(fault.seconds(5))
    try:
        change = intent.prepare(row.request)
        await _play_conflict(call.world, intent, fault)
    except Refusal as exc:
        _fail(call.world, call.host, row, exc)
        raise
    except UNMAPPED:
        _fail(call.world, call.host, row, server_side())
        raise
    if intent.task in call.host.maker_checker and "CHECKER_SUPER_USER" not in call.user.permissions:
        return await_checker(call.world, call.host, row)
    if fault and kind in ("stuck", "booked_error"):
        _break(call, row, change, fault)
    result = finish(call.world, call.host, row, change)
    if kind == "stale_totals" and intent.loan is not None and not call.develops:
        intent.loan.stale_totals = True
    return result


async def _play_conflict(world: World, intent: Intent, fault: Fault | None) -> None:
    """:raises Refusal: 409 after the server's own retries, rolled back, stored as an error"""
    lock = intent.loan.lock if intent.loan else None
    if lock and lock.kind == "optimistic" and intent.loan:
        lock.times = None if lock.times is None else lock.times - 1
        if lock.times == 0:
            intent.loan.lock = None
    elif not fault or fault.kind != "conflict":
        return
    await idempotency.server_retries(world)
    raise conflict(str(fault.params.get("type", "optimistic lock")) if fault else "optimistic lock")


def _break(call: Call, row: Command, change: Change, fault: Fault) -> None:
    """Fail between the business change and the saving of the command's result.

    In 1.14 these are two transactions: booked, and the row stays under processing. In `develop` they
    are one: nothing is booked, and the error is stored, or the row is stuck when the server died.
    """
    booked = not call.develops and (fault.kind == "booked_error" or fault.params.get("booked", False))
    if booked:
        change()
    if fault.kind == "stuck":
        raise HangUp
    error = server_side()
    if not booked:
        _fail(call.world, call.host, row, error)
    raise error


def _fail(world: World, host: Host, row: Command, refusal: Refusal) -> None:
    row.status, row.http_status, row.result, row.prepare = FAILED, refusal.status, refusal.body, None
    announce(world, host, row, None)


def finish(world: World, host: Host, row: Command, change: Change) -> Json:
    """Make the change, store the result and tell the hooks."""
    result = change()
    row.status, row.http_status, row.result, row.prepare = PROCESSED, 200, result, None
    row.resource_id = result.get("resourceId", row.resource_id)
    number = row.loan_id or row.savings_id
    world.tell("fineract", f"{host.name}: {row.action} {row.entity} {number}", loan=row.loan_id)
    announce(world, host, row, result)
    return result


def await_checker(world: World, host: Host, row: Command) -> Json:
    """Park a command that passed its checks and was rolled back; 200 without `changes`."""
    row.status = AWAITING
    host.pending[row.id] = row
    result: Json = {"commandId": row.id}
    if row.resource_id is not None:
        result["resourceId"] = row.resource_id
    row.result = result | {"rollbackTransaction": True}
    announce(world, host, row, None)
    return row.result


def check(world: World, host: Host, row: Command, *, approve: bool) -> Json:
    """Let a checker decide on a parked command.

    :raises Refusal: the command no longer passes its checks
    """
    if not approve:
        host.pending.pop(row.id)
        row.status, row.checked_at, row.prepare = REJECTED_BY_CHECKER, host.clock(), None
        return {"commandId": row.id}
    assert row.prepare is not None
    change = row.prepare(row.request)
    host.pending.pop(row.id)
    row.checked_at = host.clock()
    return finish(world, host, row, lambda: {"commandId": row.id} | change())


def run_as_officer(world: World, host: Host, intent: Intent, body: Json) -> Json:
    """Run a command for the control API: no key, no checker, no faults; hooks fire as for anyone.

    :raises ValueError: with the code of the refusal
    """
    try:
        change = intent.prepare(body)
    except Refusal as exc:
        errors = exc.body.get("errors") or [exc.body]
        codes = ", ".join(error["userMessageGlobalisationCode"] for error in errors)
        raise ValueError(f"{exc.status} {codes}") from exc
    row = open_row(host, OFFICER, intent, body, None, url="")
    return finish(world, host, row, change)
