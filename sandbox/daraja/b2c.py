"""``POST /mpesa/b2c/v3/paymentrequest``: take a payout once, pay it, send its result."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from aiohttp import web

from sandbox.daraja import errors, ids, results
from sandbox.daraja.codes import SUCCESS
from sandbox.daraja.delivery import Delivery, deliver
from sandbox.daraja.gateway import Call, accepted, internal_error_text, not_taken
from sandbox.daraja.paying import FINAL, finish
from sandbox.daraja.state import Payout
from sandbox.world import World


async def pay(world: World, call: Call) -> web.Response:
    """Accept a payout, or refuse its id as seen before."""
    if seen_before(world, call.body["OriginatorConversationID"]):
        return await _refuse_duplicate(world, call)
    kind = call.fault.kind if call.fault else ""
    if call.fault is not None and kind == "response_code":
        return not_taken(world, call.fault)
    internal_error = kind == "duplicate_text_as_internal_error"
    if internal_error and call.fault is not None and not call.fault.params.get("accepted"):
        return internal_error_text(world)
    payout = _take(world, call)
    await deliver(world, delivery_of(world, payout, call))
    if internal_error:
        return internal_error_text(world)
    return accepted(payout.conversation_id, payout.originator_conversation_id)


def seen_before(world: World, originator_conversation_id: str) -> bool:
    """Whether M-Pesa remembers the id."""
    if originator_conversation_id in world.daraja.refused_ids:
        return True
    earlier = world.daraja.payouts.get(originator_conversation_id)
    days = world.switches.get("daraja.dedupe_days")
    if earlier is None or days == "unlimited":
        return earlier is not None
    return world.clock.now() - earlier.at < timedelta(days=float(days))


async def _refuse_duplicate(world: World, call: Call) -> web.Response:
    world.daraja.duplicates_refused += 1
    world.tell("daraja", f"duplicate refused: {call.body['OriginatorConversationID']}")
    if world.switches.get("daraja.duplicate_as") == "gateway":
        return errors.duplicate(world)
    originator, conversation = _ids(world, call)
    body = results.result(
        world,
        code="15",
        originator_conversation_id=originator,
        conversation_id=conversation,
        transaction_id=ids.generic_receipt(world.clock.now()),
        references=results.QUEUE_REFERENCE,
    )
    refusal = Delivery(
        operation="b2c",
        request=call.body,
        originator_conversation_id=originator,
        conversation_id=conversation,
        work=lambda forced: body,
    )
    await deliver(world, refusal)
    return accepted(conversation, originator)


def _ids(world: World, call: Call) -> tuple[str, str]:
    conversation = ids.conversation_id(world.random, world.clock.now())
    return call.body["OriginatorConversationID"], conversation


def _take(world: World, call: Call) -> Payout:
    """Write the payout down."""
    state, body = world.daraja, call.body
    originator, conversation = _ids(world, call)
    key = originator
    while key in state.payouts:  # only where the memory of ids is limited: both payouts stay in the books
        key += "#again"
    payout = Payout(
        originator_conversation_id=originator,
        conversation_id=conversation,
        gateway_id=ids.gateway_id(world.random),
        receipt=state.new_receipt(),
        shortcode=call.shortcode.number,
        phone=str(body["PartyB"]),
        amount=Decimal(str(body["Amount"])),
        command=body["CommandID"],
        request=body,
        at=world.clock.now(),
    )
    state.payouts[key] = state.by_gateway_id[payout.gateway_id] = payout
    return payout


def delivery_of(world: World, payout: Payout, call: Call) -> Delivery:
    """How this payout is carried out and told."""

    def work(forced: str | None) -> dict[str, Any]:
        finish(world, payout, call.consumer_key, forced=forced)
        return results.of_payout(world, payout)

    def untrue() -> dict[str, Any]:
        return results.of_payout(world, payout, code="2001" if payout.result_code == SUCCESS else SUCCESS)

    def forged() -> dict[str, Any]:
        params = dict(call.fault.params) if call.fault else {}
        body = results.of_payout(world, payout, code=SUCCESS, changes=params)
        body["Result"] |= {key: value for key, value in params.items() if key in body["Result"]}
        return body

    def stay(status: str) -> None:
        payout.status = status
        payout.finished_at = world.clock.now() if status in FINAL else None

    def sent(kind: str) -> None:
        payout.results_sent += kind == "result"
        payout.timeouts_sent += kind == "timeout"

    return Delivery(
        operation="b2c",
        request=call.body,
        originator_conversation_id=payout.originator_conversation_id,
        conversation_id=payout.conversation_id,
        work=work,
        fault=call.fault,
        untrue=untrue,
        forged=forged,
        stay=stay,
        sent=sent,
    )
