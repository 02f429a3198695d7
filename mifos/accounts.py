"""Accounts that take money in, and what is asked of Mifos for them."""

import enum
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from mifos.shapes import MAX_KEY

ACTIVE = 300  # of loans and of savings accounts alike
CLOSED, OVERPAID = 600, 700  # of loans: Fineract takes a repayment and makes the loan overpaid
PLAIN_SAVINGS = 100  # depositType; fixed and recurring ones refuse deposits


class AccountKind(enum.StrEnum):
    LOAN = "loan"
    SAVINGS = "savings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """What a search found: an account, or (`kind` None) a client, by itself or by an identity document."""

    kind: AccountKind | None
    id: int
    account_no: str = ""
    external_id: str = ""
    client_id: int | None
    client_name: str = ""
    product_name: str = ""
    status_id: int | None = None
    mobile_no: str = ""

    @property
    def active(self) -> bool:
        return self.status_id == ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A loan or a savings account as it is now.

    `outstanding` is what a loan still owes, None where Mifos did not say (and for savings); `plain` is
    False for savings products that take no deposits by hand; `opened_on` is the first day that money can have.
    """

    kind: AccountKind
    id: int
    account_no: str
    external_id: str
    status_id: int
    status_text: str
    client_id: int | None
    client_name: str
    product_name: str = ""
    outstanding: Decimal | None = None
    balance: Decimal | None = None
    plain: bool = True
    opened_on: date | None = None

    @property
    def active(self) -> bool:
        return self.status_id == ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyIn:
    """A repayment of a loan, or a deposit into a savings account, to be booked.

    :param external_id: never changes for one intent; empty where the release refuses it (deposits, 1.14)
    :param idempotency_key: the intent and the number of its stored refusals
    :raises ValueError: something that Mifos would refuse, or would silently drop
    """

    kind: AccountKind
    account_id: int
    on: date
    amount: Decimal
    payment_type_id: int
    receipt: str
    external_id: str
    note: str
    idempotency_key: str

    def __post_init__(self) -> None:
        key = self.idempotency_key
        if not (key.isascii() and key.isprintable() and 0 < len(key) <= MAX_KEY):
            raise ValueError(f"an idempotency key has 1 to {MAX_KEY} plain characters")
        if self.kind == AccountKind.LOAN and not self.external_id:
            raise ValueError("a repayment without an external id cannot be found again")
        if len(self.receipt) > 50 or len(self.external_id) > 100 or len(self.note) > 1000:
            raise ValueError("receipt, external id or note is longer than Mifos takes")
        if self.amount <= 0 or self.amount != round(self.amount, 2):
            raise ValueError("an amount is above zero and has whole cents")


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """What a 200 meant: done, or waiting for a checker (then nothing is booked)."""

    done: bool
    pending_checker: bool
    from_cache: bool
    transaction_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of an account, as far as a payment can be recognised in it."""

    id: int
    external_id: str
    receipt: str
    amount: Decimal
    on: date | None
    reversed: bool
