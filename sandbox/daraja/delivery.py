"""How a result comes back: at once, late, twice, never, before the answer, or as a timeout notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.daraja import results
from sandbox.faults import Fault
from sandbox.world import World

GARBAGE = {
    "empty": "",
    "html": "<html><body><h1>It works!</h1></body></html>",
    "broken": '{"Result": {"ResultType": 0, "ResultCo',
}


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One asynchronous request that was accepted.

    ``work`` does what was asked (with a forced result code, if any) and gives the result's body.
    """

    operation: str
    request: dict[str, Any]
    originator_conversation_id: str
    conversation_id: str
    work: Callable[[str | None], dict[str, Any]]
    fault: Fault | None = None
    untrue: Callable[[], dict[str, Any]] | None = None  # a result that says the opposite
    forged: Callable[[], dict[str, Any]] | None = None  # a result with other amounts or ids
    stay: Callable[[str], None] | None = None  # leave it in this status and never speak of it
    sent: Callable[[str], None] = lambda kind: None


async def deliver(world: World, delivery: Delivery) -> None:
    """Start the work of an accepted request; returns at once unless the result goes first."""
    delay = world.latencies.sample(f"daraja.{delivery.operation}_result")
    if delivery.fault is not None and delivery.fault.kind == "result_before_answer":
        await _finish(world, delivery)
    elif delivery.fault is not None and delivery.fault.kind == "queue_timeout":
        world.later(delay, _time_out, world, delivery, delivery.fault)
    else:
        world.later(delay, _finish, world, delivery)


async def _time_out(world: World, delivery: Delivery, fault: Fault) -> None:
    """Tell QueueTimeOutURL; afterwards the request is processed or not, as ``params.then`` says."""
    then = fault.params.get("then", "never")
    if then == "never":
        if delivery.stay is not None:
            delivery.stay("Expired")
    elif then == "lost":
        delivery.work(None)
    body = results.timeout_notice(
        world, delivery.request, delivery.originator_conversation_id, delivery.conversation_id
    )
    delivery.sent("timeout")
    await world.call("POST", delivery.request["QueueTimeOutURL"], json=body)
    if then == "result":
        world.later(fault.seconds(1), _post_work, world, delivery)


async def _post_work(world: World, delivery: Delivery) -> None:
    await post(world, delivery, delivery.work(None))


async def _finish(world: World, delivery: Delivery) -> None:
    fault = delivery.fault
    if fault is None:
        await post(world, delivery, delivery.work(None))
        return
    if fault.kind == "silent":
        _stay_silent(delivery, str(fault.params.get("status", "Initiated")))
        return
    await _send_as(world, delivery, fault, delivery.work(_forced(fault)))


def _stay_silent(delivery: Delivery, status: str) -> None:
    if status == "Completed":
        delivery.work(None)
    elif delivery.stay is not None:
        delivery.stay(status)


def _forced(fault: Fault) -> str | None:
    if fault.kind == "result_code" and not fault.params.get("paid"):
        return str(fault.params.get("code", "17"))
    return None


async def _send_as(world: World, delivery: Delivery, fault: Fault, body: dict[str, Any]) -> None:
    if fault.kind == "result_lost":
        return
    if fault.kind == "result_late":
        world.later(fault.seconds(60), post, world, delivery, body)
        return
    if fault.kind == "result_garbage":
        await _post_garbage(world, delivery, str(fault.params.get("body", "html")))
    others = {"result_contradicting": delivery.untrue, "result_forged": delivery.forged}
    other = others.get(fault.kind)
    if other is not None and (fault.kind == "result_forged" or fault.params.get("untrue_first")):
        await post(world, delivery, other())
    await post(world, delivery, _spoken(world, fault, body))
    if fault.kind == "result_twice":
        await post(world, delivery, body)
    if fault.kind == "result_contradicting" and other is not None and not fault.params.get("untrue_first"):
        await post(world, delivery, other())


def _spoken(world: World, fault: Fault, body: dict[str, Any]) -> dict[str, Any]:
    """With ``paid`` the code is only what the result says: the money did move."""
    if fault.kind != "result_code" or not fault.params.get("paid"):
        return body
    told = body["Result"]
    return results.result(
        world,
        code=str(fault.params.get("code", "17")),
        originator_conversation_id=told["OriginatorConversationID"],
        conversation_id=told["ConversationID"],
        transaction_id=results.failed_transaction_id(world),
        references=told["ReferenceData"]["ReferenceItem"],
    )


async def _post_garbage(world: World, delivery: Delivery, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    text = GARBAGE.get(body, body)
    await world.call("POST", delivery.request["ResultURL"], data=text.encode(), headers=headers)


async def post(world: World, delivery: Delivery, body: dict[str, Any]) -> None:
    """Send a result to ResultURL, once; M-Pesa does not try again."""
    delivery.sent("result")
    status = await world.call("POST", delivery.request["ResultURL"], json=body)
    if status is None or status >= 400:
        world.tell("daraja", f"{delivery.operation}: the result found no taker ({status or 'no answer'})")
