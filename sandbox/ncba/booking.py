"""The one place where a bank account's balance changes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sandbox.ncba.pushing import announce
from sandbox.ncba.state import Account, Line
from sandbox.world import World

# Credits as in NCBA's glossary. The codes of debits are not listed anywhere: these are ours.
TRANS_TYPES = {
    "transfer_in": "549",
    "mpesa_in": "876",
    "ift": "550",
    "eft": "510",
    "rtgs": "520",
    "pesalink": "885",
    "float_purchase": "880",
    "lipa_na_mpesa": "881",
    "wallet": "877",
    "charge": "190",
    "transfer_out": "551",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What is to be booked on an account; ``amount`` is signed."""

    kind: str
    amount: Decimal
    narrative: str
    counter_account: str
    name: str
    reference: str = ""  # of core banking; empty: a new one
    our_reference: str = ""
    receipt: str = ""
    phone: str = ""
    code: str = ""


def book(world: World, account: Account, movement: Movement) -> Line:
    """Change the balance and write the line; the caller announces it."""
    account.balance += movement.amount
    line = Line(
        reference=movement.reference or world.ncba.new_reference(),
        amount=movement.amount,
        balance=account.balance,
        narrative=movement.narrative,
        counter_account=movement.counter_account,
        name=movement.name,
        trans_type=TRANS_TYPES[movement.kind],
        at=world.clock.now(),
        our_reference=movement.our_reference,
        receipt=movement.receipt,
        phone=movement.phone,
        code=movement.code,
    )
    account.lines.append(line)
    way = "into" if movement.amount > 0 else "out of"
    world.tell("ncba", f"KES {abs(movement.amount)} {way} account {account.account}, {line.reference}")
    return line


async def book_and_announce(world: World, account: Account, movement: Movement) -> Line:
    """Book, then tell the account's holder."""
    line = book(world, account, movement)
    await announce(world, account, line)
    return line
