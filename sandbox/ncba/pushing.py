"""How notices go out: at once, late, twice, never, before the answer; again until they are taken."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

from sandbox.faults import Fault
from sandbox.ncba import notices
from sandbox.ncba.state import Account, Line, Push
from sandbox.world import World

ANSWER_KEPT = 500  # characters of the answer that the books show


async def announce(world: World, account: Account, line: Line) -> None:
    """Tell the holder of a new line: notice C for every line, notice B for a payment to the till.

    Returns at once, unless a fault wants the notice delivered before the request is answered.
    """
    if line.receipt and account.push_b_url:
        fields = notices.push_b_fields(world.ncba, account, line)
        named = notices.renamed(world.ncba, account, fields)
        await _start(world, account, "b", account.push_b_url, account.push_b_form, named)
    if account.push_c_url:
        fields = notices.push_c_fields(world.ncba, account, line)
        await _start(world, account, "c", account.push_c_url, "xml", fields)


async def _start(
    world: World, account: Account, kind: str, url: str, form: str, fields: dict[str, str]
) -> None:
    state = world.ncba
    subject = {"account": account.account, "amount": fields["TransAmount"], "id": fields["TransID"]}
    fault = world.faults.pick("ncba", f"push_{kind}", subject) if world.faults else None
    how = str(state.switch("push_hash"))
    if fault is not None:
        world.tell("ncba", f"push {kind}: fault {fault.kind}")
        if fault.kind == "push_wrong_hash":
            how = "wrong"
        if fault.kind == "push_wrong_password":
            fields = fields | {"Password": fields["Password"] + "x"}
    push = Push(
        id=len(state.pushes) + 1,
        kind=kind,
        account=account.account,
        url=url,
        form=form,
        fields=notices.sealed(state, account, kind, fields, how),
        at=world.clock.now(),
    )
    state.pushes.append(push)
    await _send_as(world, push, fault)


async def _send_as(world: World, push: Push, fault: Fault | None) -> None:
    kind = fault.kind if fault is not None else ""
    if kind == "push_lost":
        push.status = "lost"
        return
    if kind == "push_before_answer":
        await attempt(world, push)
        return
    delay = world.latencies.sample(f"ncba.push_{push.kind}")
    if fault is not None and kind == "push_late":
        delay += fault.seconds(3600)
    world.later(delay, attempt, world, push)
    if kind == "push_twice":
        world.later(delay, _post_double, world, push)


async def _post_double(world: World, push: Push) -> None:
    await post(world, push)


async def attempt(world: World, push: Push) -> None:
    """Post it, and again later, until it is taken or the retries are used up."""
    if push.status == "delivered":
        return
    push.tries += 1
    if (await post(world, push))["taken"]:
        return
    if push.tries > world.switches.get("ncba.push_retries"):
        push.status = "gave up"
        world.tell("ncba", f"push {push.kind} {push.fields['TransID']}: never taken")
        return
    world.later(world.switches.get("ncba.push_retry_seconds"), attempt, world, push)


async def post(world: World, push: Push, fields: dict[str, str] | None = None) -> dict[str, Any]:
    """Post it once, with its own fields or changed ones, and note the answer."""
    body, content_type = notices.rendered(push, push.fields if fields is None else fields)
    headers = {"Content-Type": content_type} | ({"SOAPAction": '""'} if push.form == "xml" else {})
    said = await world.exchange("POST", push.url, data=body, headers=headers)
    status, text = said or (None, "")
    taken = status == 200 and _is_taken(push, text)
    if taken and fields is None:
        push.status = "delivered"
    made = {
        "at": world.clock.now().isoformat(),
        "status": status,
        "answer": text[:ANSWER_KEPT],
        "taken": taken,
    }
    push.attempts.append(made)
    world.tell("ncba", f"push {push.kind} {push.fields['TransID']}: {'taken' if taken else 'not taken'}")
    return made


def _is_taken(push: Push, text: str) -> bool:
    """B in JSON: ResultCode 0. B in SOAP: Result OK. C: a Result that contains OK."""
    if push.form == "json":
        return _result_code(text) == "0"
    said = _soap_result(text)
    return "OK" in said if push.kind == "c" else said == "OK" or said.startswith("OK:")


def _result_code(text: str) -> str:
    try:
        body = json.loads(text)
    except ValueError:
        return ""
    return str(body.get("ResultCode", "")) if isinstance(body, dict) else ""


def _soap_result(text: str) -> str:
    """The text of ``NCBAPaymentNotificationResult/Result``, whatever the prefixes."""
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  (the answer of the system under test)
    except ElementTree.ParseError:
        return ""
    found = root.find(".//{*}NCBAPaymentNotificationResult/{*}Result")
    return (found.text or "").strip() if found is not None else ""
