"""What we say to NCBA and what it says to us, as values."""

import secrets
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

NAIROBI = ZoneInfo("Africa/Nairobi")
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def new_reference(at: datetime) -> str:
    """Make a reference of our own for one order: 20 capital letters and digits.

    NCBA deduplicates by it; hyphens and more than 20 characters are not known to be taken (field reports).
    """
    return f"PV{at.astimezone(NAIROBI):%y%m%d}" + "".join(secrets.choice(_LETTERS) for _ in range(12))


@dataclass(frozen=True, slots=True, kw_only=True)
class TillLogin:
    """The user of the till API."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayLogin:
    """A customer of the Open Banking gateway."""

    user: str
    password: str = field(repr=False)
    subscription_key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StkPush:
    """A question on a phone: pay this amount to the till. `account` is `<till>#<partner code>`."""

    phone: str
    amount: Decimal  # whole shillings
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StkTaken:
    """NCBA took the push. Whether the customer paid, its notice tells."""

    transaction_id: str
    reference_id: str


class Hint(StrEnum):
    """What a status answer makes likely. None of them is proof."""

    DONE = "done"
    NOT_DONE = "not_done"  # also while the customer still types the PIN
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusHint:
    """What a status query says, and in which words."""

    hint: Hint
    words: str
    core_reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QrCode:
    """A picture to show: `data:image/png;base64,…`."""

    image: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BankBalance:
    """What an account holds."""

    available: Decimal
    current: Decimal | None
    currency: str
    account_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """One line of a statement; the amount is signed, a debit below zero."""

    core_reference: str
    amount: Decimal
    value_date: date | None
    running_balance: Decimal | None
    narrative: str
    details: str
    transaction_code: str
    other_references: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BankStatement:
    """The lines that could be read, and how many could not."""

    lines: tuple[StatementLine, ...]
    unreadable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InternalTransfer:
    """Money to another account at NCBA (IFT); 333 + shortcode is M-Pesa's holding account for a shortcode."""

    reference: str
    debit_account: str
    credit_account: str
    beneficiary_name: str
    amount: Decimal
    narration: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatPurchase:
    """M-Pesa float for a shortcode, by the bank's product. `on` is the day in Nairobi."""

    reference: str
    debit_account: str
    shortcode: str
    account_name: str
    amount: Decimal  # whole shillings
    phone: str
    description: str
    on: date
    agent_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaybillPayment:
    """Money to a paybill or till; a shortcode that also pays out gets it as float."""

    reference: str
    debit_account: str
    shortcode: str
    paybill_account: str
    account_name: str
    amount: Decimal  # whole shillings
    phone: str
    description: str
    payment_type: str = "Paybill"  # or Till


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTaken:
    """NCBA took an order. `final`: the money has left our account; else it says so later, on the statement.

    `earlier`: it was taken before under the same reference ("DUPLICATE"); its evidence is to be looked for.
    """

    core_reference: str
    final: bool
    earlier: bool = False
