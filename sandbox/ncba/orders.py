"""What all outgoing rails share: the order, its refusals, its double, its booking."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.ncba.booking import Movement, book
from sandbox.ncba.gateway import Call
from sandbox.ncba.pushing import announce
from sandbox.ncba.state import Order
from sandbox.world import World

NO_FUNDS, INVALID_ACCOUNT, INVALID_AMOUNT, USE_IFT = "051", "014", "013", "RC01"
OUT_OF_HOURS = "096"
TEXTS = {
    NO_FUNDS: "Insufficient funds",
    INVALID_ACCOUNT: "Invalid account",
    INVALID_AMOUNT: "Invalid amount",
    USE_IFT: "Declined",
    OUT_OF_HOURS: "Service not available at this hour",
}
MINIMUM = Decimal(50)
Deliver = Callable[[Order], None]
REFERENCE = re.compile(r"[A-Za-z0-9]+\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An order as a rail understood it."""

    rail: str
    our_reference: str
    account: str
    beneficiary: str
    name: str
    amount: Decimal | None  # None: not a number
    narration: str
    maximum: Decimal | None = None
    refused: str | None = None  # a code with which the rail itself refuses
    phone: str = ""


def amount_of(text: str) -> Decimal | None:
    """The amount in a field, number or text; None if it is none."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    exponent = amount.as_tuple().exponent
    return amount if isinstance(exponent, int) and exponent >= -2 else None


def is_reference(world: World, text: str) -> bool:
    """Whether it can be a reference: letters and digits, not too many."""
    return REFERENCE.match(text) is not None and len(text) <= world.ncba.switch("reference_length")


def refusal(world: World, call: Call, wanted: Wanted) -> str | None:
    """The code with which an order is refused: account, amount, the rail's own rule, funds."""
    account = call.account(world, wanted.account)
    if account is None:
        return INVALID_ACCOUNT
    amount = wanted.amount
    if amount is None or amount < MINIMUM or (wanted.maximum is not None and amount > wanted.maximum):
        return INVALID_AMOUNT
    if wanted.refused is not None:
        return wanted.refused
    return NO_FUNDS if account.balance < amount + world.ncba.switch("charge") else None


def refusal_body(code: str, our_reference: str) -> dict[str, Any]:
    """A transfer's refusal in HTTP 200."""
    return {
        "resultCode": code,
        "statusDescription": TEXTS.get(code, "FAILED"),
        "cbxReferenceNumber": our_reference,
        "txnReferenceNo": None,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is said of an order: refused with a code, or booked (now, or earlier if it is a double)."""

    order: Order | None = None
    doubled: bool = False
    code: str = ""

    @property
    def reference(self) -> str:
        """The core reference."""
        return self.order.reference if self.order is not None else ""


async def place(world: World, call: Call, wanted: Wanted, deliver: Deliver) -> Outcome:
    """Book an order at most once by our reference, send its money on and tell the account's holder.

    The fault ``refused`` says a refusal; with ``params.moved`` it is only said, the money did move.
    """
    state = world.ncba
    earlier = state.orders.get(wanted.our_reference)
    if earlier is not None:
        state.duplicates += 1
        world.tell("ncba", f"{wanted.our_reference}: a double of {earlier.reference}")
        return Outcome(order=earlier, doubled=True)
    fault, code = call.plays("refused"), refusal(world, call, wanted)
    forced = None if fault is None else str(fault.params.get("code", NO_FUNDS))
    if code is not None or (fault is not None and not fault.params.get("moved")):
        state.refused += 1
        world.tell("ncba", f"{wanted.our_reference}: refused with {forced or code}")
        return Outcome(code=forced or code or NO_FUNDS)
    order = await _book(world, call, wanted, deliver)
    return Outcome(order=order, code=forced or "")


async def _book(world: World, call: Call, wanted: Wanted, deliver: Deliver) -> Order:
    state = world.ncba
    account = call.account(world, wanted.account)
    assert account is not None  # both checked by refusal()
    assert wanted.amount is not None
    echo = state.switch("debit_narrative") == "echo"
    order = Order(
        rail=wanted.rail,
        our_reference=wanted.our_reference,
        reference=state.new_reference(),
        account=wanted.account,
        beneficiary=wanted.beneficiary,
        amount=wanted.amount,
        narration=wanted.narration,
        at=world.clock.now(),
    )
    state.orders[order.our_reference] = order
    debit = Movement(
        kind=wanted.rail,
        amount=-order.amount,
        narrative=f"{wanted.narration} {order.our_reference}" if echo else wanted.narration,
        counter_account=order.beneficiary,
        name=wanted.name,
        reference=order.reference,
        our_reference=order.our_reference,
        phone=wanted.phone,
    )
    lines = [book(world, account, debit)]
    if charge := state.switch("charge"):
        lines.append(book(world, account, _charge(order, Decimal(charge))))
    deliver(order)  # all of the money moves before anything else may happen
    for line in lines:
        await announce(world, account, line)
    return order


def _charge(order: Order, charge: Decimal) -> Movement:
    """The bank's fee is a line of its own, with a reference of its own."""
    return Movement(
        kind="charge",
        amount=-charge,
        narrative=f"CHARGE {order.reference}",
        counter_account="NCBA",
        name="NCBA BANK",
        our_reference=order.our_reference,
    )


def without_success(told: dict[str, Any], call: Call, *names: str) -> dict[str, Any]:
    """The answer as it is, or without its sign of success if the fault ``success_missing`` plays."""
    if not call.plays("success_missing"):
        return told
    return {name: value for name, value in told.items() if name not in names}
