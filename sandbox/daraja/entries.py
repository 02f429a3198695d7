"""The lines of an organisation's accounts: the one place where their balances change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.daraja.state import Shortcode

ACCOUNTS = ("utility", "working", "charges_paid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What moved and why, in the words of the organisation's statement."""

    receipt: str
    details: str
    reason: str
    at: datetime
    initiated_at: datetime | None = None
    other_party: str = ""
    linked: str = ""  # the receipt of the payment that a charge or a reversal belongs to
    reference: str = ""  # "A/C No.": what the customer typed


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of one account; ``amount`` is signed."""

    account: str
    amount: Decimal
    balance: Decimal
    movement: Movement


def enter(shortcode: Shortcode, account: str, amount: Decimal, movement: Movement) -> None:
    """Change the balance of ``utility``, ``working`` or ``charges_paid`` and write the line."""
    balance = getattr(shortcode, account) + amount
    setattr(shortcode, account, balance)
    shortcode.entries.append(Entry(account, amount, balance, movement))
