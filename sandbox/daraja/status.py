"""``POST /mpesa/transactionstatus/v1/query``: what became of a payout or a payment, by receipt or by our own id."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.daraja import c2b_status, ids
from sandbox.daraja.asking import Asked, ask
from sandbox.daraja.codes import text_of
from sandbox.daraja.gateway import Call
from sandbox.daraja.paying import FINAL, REASONS
from sandbox.daraja.payments import Payment
from sandbox.daraja.results import Parameter, parameter
from sandbox.daraja.state import Payout
from sandbox.world import World


async def query(world: World, call: Call) -> web.Response:
    """Accept the question; the answer goes to ResultURL."""
    world.daraja.queries += 1
    return await ask(world, call, "status", _look_up)


def _look_up(asked: Asked) -> dict[str, Any]:
    body, world = asked.call.body, asked.world
    named = body.get("TransactionID") or body.get("OriginalConversationID")
    if not isinstance(named, str) or str(body.get("IdentifierType")) not in ("1", "2", "4"):
        return asked.result("25")
    payout = _find(world, body)
    fault = asked.call.fault
    hidden = fault is not None and fault.kind == "status_not_found"
    # An operator can ask only about transactions of its own shortcode.
    if payout is None or hidden or payout.shortcode != asked.call.shortcode.number:
        code = str(world.switches.get("daraja.status_not_found"))
        return asked.result(code, text=str(world.switches.get("daraja.status_not_found_text")))
    dictated = None
    if fault is not None and fault.kind == "status_value":
        dictated = str(fault.params.get("value", "Initiated"))
    if isinstance(payout, Payment):
        return asked.result("0", parameters=c2b_status.parameters(world, payout, dictated))
    return asked.result("0", parameters=_parameters(world, payout, dictated or payout.status))


def _find(world: World, body: dict[str, Any]) -> Payout | Payment | None:
    state = world.daraja
    if body.get("TransactionID"):
        receipt = body["TransactionID"]
        return state.by_receipt.get(receipt) or state.payments.by_receipt.get(receipt)
    named = body["OriginalConversationID"]
    return state.payouts.get(named) or state.by_gateway_id.get(named)


def _parameters(world: World, payout: Payout, status: str) -> list[Parameter]:
    shortcode, phone = world.daraja.shortcodes[payout.shortcode], world.daraja.phone(payout.phone)
    paid = payout.charge > 0 and status == "Completed"
    reason = [text_of(payout.result_code)] if status == "Declined" and payout.result_code else []
    finished = [ids.compact(payout.finished_at or payout.at)] if status in FINAL else []
    return [
        parameter("DebitPartyName", f"{shortcode.number} - {shortcode.name}"),
        parameter("CreditPartyName", f"{payout.phone} - {phone.name}"),
        parameter("OriginatorConversationID", payout.originator_conversation_id),
        parameter("InitiatedTime", ids.compact(payout.at)),
        parameter("DebitAccountType", "Utility Account"),
        parameter("DebitPartyCharges", f"Fee For B2C Payment|KES|{payout.charge:.2f}" if paid else ""),
        parameter("TransactionReason", *reason),
        parameter("ReasonType", REASONS.get(payout.command, "Business Payment to Customer via API")),
        parameter("TransactionStatus", status),
        parameter("FinalisedTime", *finished),
        parameter("Amount", str(payout.amount)),
        parameter("ConversationID", payout.conversation_id),
        parameter("ReceiptNo", payout.receipt),
    ]
