"""IFT, EFT, RTGS and PesaLink: answered at once, in the newer or the older shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from aiohttp import web

from sandbox.ncba import hours
from sandbox.ncba.booking import Movement, book
from sandbox.ncba.floating import shortcode_behind, under_way
from sandbox.ncba.gateway import Call, Work, invalid
from sandbox.ncba.orders import (
    INVALID_ACCOUNT,
    INVALID_AMOUNT,
    OUT_OF_HOURS,
    USE_IFT,
    Outcome,
    Wanted,
    amount_of,
    is_reference,
    place,
    refusal_body,
    without_success,
)
from sandbox.ncba.pushing import announce
from sandbox.ncba.state import Order
from sandbox.routing import answer
from sandbox.world import World

NCBA_CLEARING_CODE = "07000"
INTERBANK_MAXIMUM = Decimal(999_999)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rail:
    """One way to move money between banks."""

    name: str
    fields: tuple[str, ...]
    account: str  # the field of the account that pays
    beneficiary: str
    beneficiary_name: str
    amount: str = "amount"
    maximum: Decimal | None = None
    refuse: Callable[[World, Call], str | None]
    seconds: Callable[[World], float] = lambda world: 0.0


def _refuse_ift(world: World, call: Call) -> str | None:
    """The other account must be one of this bank's; it may belong to Safaricom (333 + shortcode)."""
    other = call.text("creditAccountNumber")
    known = other in world.ncba.accounts or shortcode_behind(world, other) is not None
    return None if known and other != call.text("debitAccountNumber") else INVALID_ACCOUNT


def _refuse_rtgs(world: World, call: Call) -> str | None:
    amount = amount_of(call.text("creditAmount"))
    if amount is None or amount != amount.to_integral_value():
        return INVALID_AMOUNT
    shut = not hours.is_open_for_rtgs(world.ncba.now_in_nairobi())
    return OUT_OF_HOURS if shut and world.ncba.switch("hours") == "refuse" else None


def _refuse_pesalink(world: World, call: Call) -> str | None:
    inside = call.text("beneficiaryBankBIC") == NCBA_CLEARING_CODE
    return USE_IFT if inside or call.text("beneficiaryAccountNumber") in world.ncba.accounts else None


def _seconds_of_rtgs(world: World) -> float:
    ignored = world.ncba.switch("hours") == "ignore"
    return 0.0 if ignored else hours.seconds_of_rtgs(world.ncba.now_in_nairobi())


def _seconds_of_eft(world: World) -> float:
    ignored = world.ncba.switch("hours") == "ignore"
    return 0.0 if ignored else hours.seconds_of_eft(world.ncba.now_in_nairobi())


INTERBANK = ("beneficiaryAccountNumber", "beneficiaryBankBIC", "beneficiaryName", "narration")
SENDER = ("senderCIF", "senderCountry", "transactionID")

IFT = Rail(
    name="ift",
    fields=("country", "transactionID", "beneficiaryAccountName", "currency", "narration"),
    account="debitAccountNumber",
    beneficiary="creditAccountNumber",
    beneficiary_name="beneficiaryAccountName",
    refuse=_refuse_ift,
)
EFT = Rail(
    name="eft",
    fields=(*INTERBANK, *SENDER, "currency"),
    account="debitAccountNumber",
    beneficiary="beneficiaryAccountNumber",
    beneficiary_name="beneficiaryName",
    maximum=INTERBANK_MAXIMUM,
    refuse=lambda world, call: None,
    seconds=_seconds_of_eft,
)
RTGS = Rail(
    name="rtgs",
    fields=(*INTERBANK, *SENDER, "beneficiaryCountry", "creditCurrency", "debitCurrency", "purposeCode"),
    account="senderAccountNumber",
    beneficiary="beneficiaryAccountNumber",
    beneficiary_name="beneficiaryName",
    amount="creditAmount",
    refuse=_refuse_rtgs,
    seconds=_seconds_of_rtgs,
)
PESALINK = Rail(
    name="pesalink",
    fields=(*INTERBANK, *SENDER, "currency"),
    account="senderAccountNumber",
    beneficiary="beneficiaryAccountNumber",
    beneficiary_name="beneficiaryName",
    maximum=INTERBANK_MAXIMUM,
    refuse=_refuse_pesalink,
)


def transfer(rail: Rail) -> Work:
    """The handler of a rail."""

    async def handle(world: World, call: Call) -> web.Response:
        reference = call.text("transactionID")
        missing = call.missing(*rail.fields, rail.account, rail.beneficiary, rail.amount)
        if missing or not is_reference(world, reference):
            return invalid(missing or ["transactionID"])
        wanted = Wanted(
            rail=rail.name,
            our_reference=reference,
            account=call.text(rail.account),
            beneficiary=call.text(rail.beneficiary),
            name=call.text(rail.beneficiary_name),
            amount=amount_of(call.text(rail.amount)),
            narration=call.text("narration"),
            maximum=rail.maximum,
            refused=rail.refuse(world, call),
        )
        outcome = await place(world, call, wanted, lambda order: _deliver(world, rail, order))
        return answer(_told(world, call, outcome, reference))

    return handle


def _deliver(world: World, rail: Rail, order: Order) -> None:
    """Into another account of this bank, or towards a shortcode's Working account; else it leaves this world."""
    shortcode = shortcode_behind(world, order.beneficiary)
    if shortcode is not None:
        seconds = rail.seconds(world)
        into = "working"
        under_way(
            world, order.reference, shortcode=shortcode, into=into, amount=order.amount, seconds=seconds
        )
    elif order.beneficiary in world.ncba.accounts:
        world.later(rail.seconds(world), _credit, world, order)


async def _credit(world: World, order: Order) -> None:
    payer, account = world.ncba.accounts[order.account], world.ncba.accounts[order.beneficiary]
    credit = Movement(
        kind="transfer_in",
        amount=order.amount,
        narrative=order.narration,
        counter_account=order.account,
        name=payer.name,
        reference=order.reference,
    )
    await announce(world, account, book(world, account, credit))


def _told(world: World, call: Call, outcome: Outcome, our_reference: str) -> dict[str, Any]:
    older = world.ncba.switch("transfer_shape") == "response_code"
    if outcome.doubled:
        return _double(world, outcome, our_reference)
    if outcome.code or call.plays("success_false"):
        code = outcome.code or "999"
        told = refusal_body(code, our_reference)
        return _older(code, "", told["statusDescription"]) if older else told
    if older:
        return without_success(_older(0, outcome.reference, "Success"), call, "Response Code", "Description")
    told = {
        "resultCode": "000",
        "statusDescription": "SUCCESS",
        "cbxReferenceNumber": our_reference,
        "txnReferenceNo": outcome.reference,
    }
    return without_success(told, call, "resultCode", "statusDescription")


def _double(world: World, outcome: Outcome, our_reference: str) -> dict[str, Any]:
    text = f"DUPLICATE | {outcome.reference}"
    if world.ncba.switch("duplicate_shape") == "response_code":
        return _older(11, text, "ERROR")
    told = {"resultCode": "011", "statusDescription": text, "cbxReferenceNumber": our_reference}
    return told | {"txnReferenceNo": outcome.reference}


def _older(code: int | str, reference: str, description: str) -> dict[str, Any]:
    return {"Response Code": code, "Reference": reference, "Description": description}
