"""``POST /mpesa/reversal/v1/request``: give a customer's payment back. No protection but its own two codes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from aiohttp import web

from sandbox.daraja import ids
from sandbox.daraja.asking import Asked, ask
from sandbox.daraja.balance import account_line
from sandbox.daraja.entries import Movement, enter
from sandbox.daraja.gateway import COLLECTING, Call
from sandbox.daraja.payments import Payment
from sandbox.daraja.results import INTERNAL_URL, parameter
from sandbox.world import World

REFERENCE = {"Key": "QueueTimeoutURL", "Value": INTERNAL_URL.replace("b2cresults", "reversalresults")}


async def request(world: World, call: Call) -> web.Response:
    """Accept the reversal; what became of it goes to ResultURL."""
    return await ask(world, call, "reversal", _reverse, _failed)


def _failed(asked: Asked, code: str) -> dict[str, Any]:
    return asked.result(code, references=REFERENCE)


def _reverse(asked: Asked) -> dict[str, Any]:
    world, call = asked.world, asked.call
    payment = world.daraja.payments.by_receipt.get(call.body["TransactionID"])
    amount = Decimal(str(call.body["Amount"]))
    refused = _refusal(call, payment, amount)
    if refused or payment is None:
        return _failed(asked, refused or "R000002")
    receipt = _give_back(world, call, payment, amount)
    shortcode, at = call.shortcode, world.clock.now()
    return asked.result(
        "0",
        transaction_id=receipt,
        parameters=[
            parameter("DebitAccountBalance", account_line("Utility Account", shortcode.utility)),
            parameter("Amount", float(amount)),
            parameter("TransCompletedTime", int(ids.compact(at))),
            parameter("OriginalTransactionID", payment.receipt),
            parameter("Charge", 0.0),
            parameter("CreditPartyPublicName", f"{payment.phone} - {payment.name}"),
            parameter("DebitPartyPublicName", f"{shortcode.number} - {shortcode.name}"),
        ],
        references=REFERENCE,
    )


def _refusal(call: Call, payment: Payment | None, amount: Decimal) -> str | None:
    """Only a completed payment to the own shortcode, once, and not more than was paid."""
    shortcode = call.shortcode
    if shortcode.kind not in COLLECTING:
        return "2028"
    organisation = {"invalid": "11", "restricted": "2006"}.get(shortcode.state)
    if organisation:
        return organisation
    if payment is None or payment.shortcode != shortcode.number or payment.status != "completed":
        return "R000002"
    if payment.reversed_by:
        return "R000001"
    if amount > payment.amount:
        return "R000002"
    return "1" if shortcode.utility < amount else None


def _give_back(world: World, call: Call, payment: Payment, amount: Decimal) -> str:
    receipt, at = world.daraja.new_receipt(), world.clock.now()
    other = f"{payment.phone} - {payment.name}"
    movement = Movement(
        receipt=receipt,
        details=f"Organization Initiated Reversal of {payment.receipt} to {other}",
        reason="Pay Bill Reversal",
        at=at,
        other_party=other,
        linked=payment.receipt,
        reference=payment.bill_ref,
    )
    enter(call.shortcode, "utility", -amount, movement)
    call.shortcode.collected -= min(amount, call.shortcode.collected)
    world.daraja.phone(payment.phone).balance += amount
    payment.reversed_by = receipt
    world.daraja.payments.reversals.append(
        {
            "receipt": receipt,
            "original": payment.receipt,
            "shortcode": payment.shortcode,
            "phone": payment.phone,
            "amount": f"{amount:.2f}",
            "at": at.isoformat(),
        }
    )
    world.tell("daraja", f"{payment.receipt}: KES {amount} given back to {payment.phone}, {receipt}")
    return receipt
