"""What the office does to a loan through the control API: commands that fire hooks, and plain changes."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, Final

from sandbox.fineract import disburse, repayments
from sandbox.fineract.api_loans import command_intent
from sandbox.fineract.commands import Intent, run_as_officer
from sandbox.fineract.host import OFFICER, Host
from sandbox.fineract.making import day, make_tranche, money
from sandbox.fineract.records import Client, Loan, Lock
from sandbox.fineract.statuses import LOAN_STATUS, ZERO
from sandbox.fineract.wire import Json
from sandbox.world import World

LOCK_KINDS: Final = ("cob", "orphaned", "behind", "optimistic")
QUIET: Final = ("replay", "change", "lock")  # no command stands behind these, so no hook fires
_FORMAT: Final = {"dateFormat": "yyyy-MM-dd", "locale": "en"}
_COMMANDS: Final = {
    "approve": "approve",
    "undo-approval": "undoapproval",
    "reject": "reject",
    "withdraw": "withdrawnbyapplicant",
    "undo-disbursal": "undodisbursal",
}


def _today(host: Host, body: Json) -> str:
    return str(body.get("date") or host.today().isoformat())


def _request(host: Host, loan: Loan, verb: str, body: Json) -> Json:
    """The command's JSON for the few words of the control API."""
    if verb == "approve":
        return _FORMAT | {
            "approvedOnDate": _today(host, body),
            "approvedLoanAmount": body.get("amount", loan.proposed),
            "expectedDisbursementDate": loan.expected_on.isoformat(),
        }
    if verb in ("reject", "withdraw"):
        key = "rejectedOnDate" if verb == "reject" else "withdrawnOnDate"
        return _FORMAT | {key: _today(host, body)}
    return {}


def act(world: World, host: Host, loan: Loan, verb: str, body: Json) -> Json:
    """Run one of the office's commands on a loan.

    :raises ValueError: unknown verb, or refused by the rules
    """
    if verb in _COMMANDS:
        request = _request(host, loan, verb, body)
        intent = command_intent(host, _COMMANDS[verb], loan, loan.id, OFFICER)
        return run_as_officer(world, host, intent, request)
    if verb == "disburse-by-hand":
        return _disburse(world, host, loan, body)
    if verb == "repay-by-hand":
        return _repay(world, host, loan, body)
    if verb == "replay":
        for row in [row for row in loan.transactions if row.kind == 2 and not row.reversed]:
            repayments.replay(host, loan, row)
        return {"id": loan.id}
    if verb == "change":
        return change(host, loan, body)
    if verb == "lock":
        return lock(world, host, loan, body)
    known = (*_COMMANDS, "disburse-by-hand", "repay-by-hand", *QUIET)
    raise ValueError(f"one of {', '.join(known)} expected, not {verb!r}")


def _given(body: Json, names: dict[str, str]) -> Json:
    return {theirs: body[ours] for ours, theirs in names.items() if body.get(ours) is not None}


_NAMES: Final = {
    "amount": "transactionAmount",
    "external_id": "externalId",
    "receipt": "receiptNumber",
    "payment_type_id": "paymentTypeId",
}


def _disburse(world: World, host: Host, loan: Loan, body: Json) -> Json:
    request = _FORMAT | {"actualDisbursementDate": _today(host, body)} | _given(body, _NAMES)
    develops = world.fineract.develops(host)
    check = partial(disburse.prepare, host, loan, loan.id, user=OFFICER, develops=develops)
    intent = _intent(loan, "DISBURSE", check)
    return run_as_officer(world, host, intent, request)


def _repay(world: World, host: Host, loan: Loan, body: Json) -> Json:
    request = _FORMAT | {"transactionDate": _today(host, body)} | _given(body, _NAMES)
    check = partial(
        repayments.prepare,
        host,
        loan,
        loan.id,
        user=OFFICER,
        develops=world.fineract.develops(host),
        postgresql=world.fineract.on_postgresql(host),
    )
    return run_as_officer(world, host, _intent(loan, "REPAYMENT", check), request)


def _intent(loan: Loan, action: str, check: Any) -> Intent:
    return Intent(operation="", action=action, entity="LOAN", prepare=check, loan=loan, loan_id=loan.id)


def change(host: Host, loan: Loan, body: Json) -> Json:
    """Change a loan's facts behind the rules' back.

    :raises ValueError: an unknown fact or status
    """
    setters: dict[str, Callable[[Any], None]] = {
        "principal": lambda value: _set_amount(loan, money(value)),
        "net_disbursal_amount": lambda value: _set_net(loan, value),
        "status": lambda value: _set_status(host, loan, int(value)),
        "charged_off": lambda value: setattr(loan, "charged_off", bool(value)),
        "first_repayment_date": lambda value: setattr(
            loan, "first_repayment_on", day(value) if value else None
        ),
        "expected_date": lambda value: setattr(loan, "expected_on", day(value)),
        "approved_on": lambda value: setattr(loan, "approved_on", day(value)),
        "client_id": lambda value: _set_client(loan, host.clients[int(value)]),
        "tranches": lambda rows: setattr(loan, "tranches", [make_tranche(host, row) for row in rows]),
    }
    strange = sorted(set(body) - set(setters))
    if strange:
        raise ValueError(f"unknown: {', '.join(strange)}; known: {', '.join(setters)}")
    for name, value in body.items():
        setters[name](value)
    loan.text = None
    return {"id": loan.id, "status": loan.status}


def _set_amount(loan: Loan, amount: Any) -> None:
    loan.proposed = loan.approved = amount
    loan.net = amount - loan.charge


def _set_net(loan: Loan, value: Any) -> None:
    loan.net = money(value)
    loan.charge = max(loan.approved - loan.net, ZERO)


def _set_status(host: Host, loan: Loan, status: int) -> None:
    if status not in LOAN_STATUS:
        raise ValueError(f"status: one of {', '.join(map(str, LOAN_STATUS))} expected, not {status}")
    host.move(loan, status)


def _set_client(loan: Loan, client: Client) -> None:
    loan.client.loan_ids.remove(loan.id)
    client.loan_ids.append(loan.id)
    loan.client = client


def lock(world: World, host: Host, loan: Loan, body: Json) -> Json:
    """Lock a loan: `cob` for some seconds, `orphaned` for ever (1.14 only), `behind` slows the next
    write, `optimistic` refuses the next writes (`times`); `{"kind": null}` takes the lock away.

    :raises ValueError: unknown kind
    """
    kind = body.get("kind", "cob")
    if kind is None:
        loan.lock = None
        return {"id": loan.id, "lock": None}
    if kind not in LOCK_KINDS:
        raise ValueError(f"kind: one of {', '.join(LOCK_KINDS)} or null expected, not {kind!r}")
    if kind == "orphaned" and world.fineract.develops(host):
        raise ValueError("orphaned locks are fixed in develop (FINERACT-2602)")
    seconds = float(body.get("seconds", 5))
    until = host.clock() + timedelta(seconds=seconds) if kind == "cob" else None
    times = int(body.get("times", 1)) if kind == "optimistic" else None
    loan.lock = Lock(kind=kind, until=until, seconds=seconds, times=times)
    return {"id": loan.id, "lock": kind}
