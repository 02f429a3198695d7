"""The heart of M-Pesa: whether a payout is made, and the one place where its money moves."""

from __future__ import annotations

import re
from decimal import Decimal

from sandbox.daraja import tariff
from sandbox.daraja.codes import SUCCESS, text_of
from sandbox.daraja.entries import Movement, enter
from sandbox.daraja.operators import operator_refusal
from sandbox.daraja.state import Payout, Phone, Shortcode
from sandbox.world import World

MOBILE = re.compile(r"254[17][0-9]{8}\Z")
FINAL = ("Completed", "Cancelled", "Declined", "Expired")
REASONS = {
    "SalaryPayment": "Salary Payment via API",
    "PromotionPayment": "Promotion Payment via API",
}


def finish(world: World, payout: Payout, consumer_key: str, *, forced: str | None = None) -> None:
    """Decide a payout and move its money; a payout that is final stays as it is.

    ``forced``: the result code that a fault or a magic number wants; success still needs the funds.
    """
    if payout.status in FINAL:
        return
    shortcode = world.daraja.shortcodes[payout.shortcode]
    if forced is not None and forced != SUCCESS:
        code = forced
    else:
        code = refusal(world, payout, shortcode, consumer_key) or SUCCESS
    payout.result_code, payout.finished_at = code, world.clock.now()
    if code == SUCCESS:
        _move(world, payout, shortcode)
    else:
        payout.status = "Declined"
        world.tell("daraja", f"KES {payout.amount} to {payout.phone} refused: {code} {text_of(code)}")
    payout.funds = {
        "utility": shortcode.utility,
        "working": shortcode.working,
        "charges_paid": shortcode.charges_paid,
    }


def refusal(world: World, payout: Payout, shortcode: Shortcode, consumer_key: str) -> str | None:
    """The code with which M-Pesa refuses: operator, then receiver, then limits, then funds."""
    return (
        operator_refusal(world, shortcode, consumer_key, "b2c", payout.request)
        or _organisation_refusal(shortcode)
        or _receiver_refusal(world.daraja.phone(payout.phone))
        or _limit_refusal(world, payout, world.daraja.phone(payout.phone))
        or ("1" if shortcode.utility < payout.amount else None)
    )


def _organisation_refusal(shortcode: Shortcode) -> str | None:
    if shortcode.kind == "c2b":
        return "2028"
    return {"invalid": "11", "restricted": "2006"}.get(shortcode.state)


def _receiver_refusal(phone: Phone) -> str | None:
    if not phone.exists or not phone.active or not MOBILE.match(phone.phone):
        return "SFC_IC0003"
    return None if phone.registered else "2040"


def _limit_refusal(world: World, payout: Payout, phone: Phone) -> str | None:
    if payout.amount < tariff.MINIMUM:
        return "2"
    if payout.amount > tariff.MAXIMUM:
        return "3"
    if phone.received_today(world.daraja.today()) + payout.amount > tariff.MAXIMUM_PER_DAY:
        return "4"
    return "8" if phone.balance + payout.amount > tariff.MAXIMUM_BALANCE else None


def _move(world: World, payout: Payout, shortcode: Shortcode) -> None:
    state, today = world.daraja, world.daraja.today()
    payout.charge = fee(world, payout.amount)
    phone = state.phone(payout.phone)
    _enter(payout, shortcode, phone)
    phone.receive(payout.amount, today)
    payout.status = "Completed"
    state.by_receipt[payout.receipt] = payout
    world.tell("daraja", f"KES {payout.amount} paid to {payout.phone}, receipt {payout.receipt}")


def _enter(payout: Payout, shortcode: Shortcode, phone: Phone) -> None:
    """The lines of the payment and of its charge."""
    at, other = payout.finished_at or payout.at, f"{payout.phone} - {phone.name}"
    movement = Movement(
        receipt=payout.receipt,
        details=f"Business Payment to {other} via API. Original conversation ID is {payout.conversation_id}.",
        reason=REASONS.get(payout.command, "Business Payment to Customer via API"),
        at=at,
        initiated_at=payout.at,
        other_party=other,
    )
    enter(shortcode, "utility", -payout.amount, movement)
    if payout.charge:
        details, reason = f"Business Payment Charge for {payout.receipt}", "Business Payment Charge"
        charge = Movement(
            receipt=payout.receipt, details=details, reason=reason, at=at, linked=payout.receipt
        )
        enter(shortcode, "charges_paid", -payout.charge, charge)


def fee(world: World, amount: Decimal) -> Decimal:
    """What the payout costs the business today."""
    withdrawal = world.switches.get("daraja.withdrawal_charges") == "on"
    state = world.daraja
    return tariff.b2c_fee(amount, state.today(), withdrawal=withdrawal, table=state.fees)
