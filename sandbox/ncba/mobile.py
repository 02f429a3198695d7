"""Rails towards M-Pesa: float purchase, pay to paybill or till, bank to wallet."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from aiohttp import web

from sandbox.ncba.floating import under_way
from sandbox.ncba.gateway import Call, invalid
from sandbox.ncba.orders import (
    INVALID_ACCOUNT,
    INVALID_AMOUNT,
    TEXTS,
    Outcome,
    Wanted,
    amount_of,
    is_reference,
    place,
    without_success,
)
from sandbox.ncba.paying import is_mobile
from sandbox.ncba.state import Order
from sandbox.routing import answer
from sandbox.world import World

DUPLICATE = "011"
WALLET_MAXIMUM = Decimal(250_000)
FLOAT_FIELDS = (
    "reqCreditAmount",
    "reqCustomerReference",
    "reqDebitAccountNumber",
    "reqDebitAcCurrency",
    "reqDebitAmount",
    "reqPayBillTillNo",
    "reqPaymentDescription",
    "reqPaymentType",
    "reqToAccountName",
    "reqTransactionReferenceNo",
    "reqTxnDate",
    "senderCountry",
)
LIPA_FIELDS = (
    "reqTransactionReferenceNo",
    "reqPaymentType",
    "reqPayBillTillNo",
    "DebitAccountNumber",
    "DebitAmount",
    "reqCreditAmount",
    "reqDebitAcCurrency",
    "reqToAccountName",
    "reqPaymentDescription",
    "Country",
)
WALLET_FIELDS = (
    "beneficiaryName",
    "date",
    "debitAccount",
    "debitAmount",
    "mobileNumber",
    "transactionNarration",
    "uniqueReferenceNumber",
)


async def float_purchase(world: World, call: Call) -> web.Response:
    """M-Pesa float for a shortcode; it goes to its Utility account."""
    return await _buy(world, call, "float_purchase", FLOAT_FIELDS, "reqDebitAccountNumber", "reqDebitAmount")


async def lipa_na_mpesa(world: World, call: Call) -> web.Response:
    """Pay to a paybill or till; a "One Account" shortcode gets it into Utility."""
    if call.text("reqPaymentType").lower() not in ("", "paybill", "till"):
        return invalid(["reqPaymentType"])
    return await _buy(world, call, "lipa_na_mpesa", LIPA_FIELDS, "DebitAccountNumber", "DebitAmount")


async def _buy(
    world: World, call: Call, rail: str, fields: tuple[str, ...], account: str, amount: str
) -> web.Response:
    reference, shortcode = call.text("reqTransactionReferenceNo"), call.text("reqPayBillTillNo")
    missing = call.missing(*fields)
    if missing or not is_reference(world, reference):
        return invalid(missing or ["reqTransactionReferenceNo"])
    debit = amount_of(call.text(amount))
    wanted = Wanted(
        rail=rail,
        our_reference=reference,
        account=call.text(account),
        beneficiary=shortcode,
        name=call.text("reqToAccountName"),
        amount=debit,
        narration=call.text("reqPaymentDescription"),
        refused=_refuse(world, call, shortcode, debit),
    )

    def deliver(order: Order) -> None:
        under_way(world, order.reference, shortcode=shortcode, into="utility", amount=order.amount)

    return answer(_bill(world, call, await place(world, call, wanted, deliver), reference))


def _refuse(world: World, call: Call, shortcode: str, debit: Decimal | None) -> str | None:
    if shortcode not in world.daraja.shortcodes:
        return INVALID_ACCOUNT
    return None if amount_of(call.text("reqCreditAmount")) == debit else INVALID_AMOUNT


def _bill(world: World, call: Call, outcome: Outcome, our_reference: str) -> dict[str, Any]:
    """The ``resErrorCode`` family."""
    code, text = outcome.code or "000", TEXTS.get(outcome.code, "FAILED" if outcome.code else "Success")
    if outcome.doubled:
        code, text = DUPLICATE, f"DUPLICATE | {outcome.reference}"
    elif call.plays("success_false") and not outcome.code:
        code, text = "999", "FAILED"
    told = {
        "hdrRefNo": our_reference,
        "hdrTranId": outcome.reference or None,
        "resErrorCode": code,
        world.ncba.switch("bill_text"): text,
        "UnitId": "KE0010001",
    }
    return without_success(told, call, "resErrorCode", world.ncba.switch("bill_text"))


async def wallet(world: World, call: Call) -> web.Response:
    """Bank to M-Pesa wallet: the customer is paid whatever ``succeeded`` says."""
    reference, phone = call.text("uniqueReferenceNumber"), call.text("mobileNumber")
    missing = call.missing(*WALLET_FIELDS)
    if missing or not is_reference(world, reference):
        return invalid(missing or ["uniqueReferenceNumber"])
    if not _is_date(call.text("date")):
        return invalid(["date"])
    known = world.daraja.phone(phone) if is_mobile(phone) else None
    reachable = known is not None and known.exists and known.active and known.registered
    wanted = Wanted(
        rail="wallet",
        our_reference=reference,
        account=call.text("debitAccount"),
        beneficiary=phone,
        name=call.text("beneficiaryName"),
        amount=amount_of(call.text("debitAmount")),
        narration=call.text("transactionNarration"),
        maximum=WALLET_MAXIMUM,
        refused=None if reachable else INVALID_ACCOUNT,
        phone=phone,
    )

    def deliver(order: Order) -> None:
        world.daraja.phone(phone).receive(order.amount, world.daraja.today())

    return answer(_wallet_told(world, call, await place(world, call, wanted, deliver)))


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == 10


def _wallet_told(world: World, call: Call, outcome: Outcome) -> dict[str, Any]:
    if outcome.doubled:
        text = f"DUPLICATE | {outcome.reference}"
        return {"succeeded": False, "resErrorCode": DUPLICATE, "resErrorDesc": text, "message": text}
    if outcome.code:
        return {"succeeded": False, "data": None, "message": TEXTS.get(outcome.code, "FAILED")}
    form = world.ncba.switch("wallet_succeeded")
    if call.plays("success_false") or form == "false":
        return {"succeeded": False, "data": None, "message": "Request could not be completed"}
    ids = {"id": f"{world.random.getrandbits(64):016x}", "bankRef": outcome.reference}
    told = {"succeeded": True, "data": ids, "message": "Request accepted for processing"}
    if form == "missing":
        return {name: value for name, value in told.items() if name != "succeeded"}
    return without_success(told, call, "succeeded")
