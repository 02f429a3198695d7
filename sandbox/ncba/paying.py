"""A customer pays a till by M-Pesa: paybill 880100, account ``<till>#<code>``."""

from __future__ import annotations

from decimal import Decimal

from sandbox.daraja.paying import MOBILE
from sandbox.ncba.booking import Movement, book_and_announce
from sandbox.ncba.state import PAYBILL, Line, Stk
from sandbox.world import World

MAXIMUM = Decimal(250_000)  # M-Pesa's own, per transaction
NO_FUNDS = "The balance is insufficient for the transaction."


def split_reference(text: str) -> tuple[str, str]:
    """Till and code of ``<till>#<code>``."""
    till, _, code = text.partition("#")
    return till.strip(), code.strip()


async def pay_till(world: World, *, till: str, code: str, phone: str, name: str, amount: Decimal) -> Line:
    """Credit the till's account and tell its holder in B and C; the phone's wallet is the caller's matter.

    :raises KeyError: no such till
    """
    account = world.ncba.by_till[till]
    movement = Movement(
        kind="mpesa_in",
        amount=amount,
        narrative=f"{till} {code}".strip(),
        counter_account=PAYBILL,
        name=name.upper(),
        receipt=world.daraja.new_receipt(),
        phone=phone,
        code=code,
    )
    return await book_and_announce(world, account, movement)


def is_mobile(text: str) -> bool:
    """Whether it is a Kenyan mobile number, 254…"""
    return MOBILE.match(text) is not None


async def finish_stk(world: World, stk: Stk) -> None:
    """What the customer does with the question: pays if the phone holds enough, else it fails."""
    if stk.status != "pending":
        return
    subject = {"phone": stk.phone, "amount": f"{stk.amount:.2f}", "till": stk.till, "id": stk.id}
    fault = world.faults.pick("ncba", "stk", subject) if world.faults else None
    phone = world.daraja.phone(stk.phone)
    if fault is not None and fault.kind == "stk_failed":
        stk.description = str(fault.params.get("text", "Request cancelled by user"))
    elif not (phone.exists and phone.active and phone.registered):
        stk.description = "DS timeout user cannot be reached"
    elif phone.balance < stk.amount:
        stk.description = NO_FUNDS
    if stk.description:
        stk.status = "failed"
        world.tell("ncba", f"STK of KES {stk.amount} on {stk.phone} failed: {stk.description}")
        return
    stk.status = "paid"
    phone.balance -= stk.amount
    await pay_till(world, till=stk.till, code=stk.code, phone=stk.phone, name=phone.name, amount=stk.amount)
