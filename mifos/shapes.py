"""What the client takes and gives: frozen values, amounts as exact decimals, days as dates."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

MAX_KEY = 50  # Fineract's column; a longer key is a 500
_LIMITS = {"external_id": 100, "receipt": 50, "note": 1000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Whom Mifos takes us for. With an expired password nothing but this answer is to be had."""

    username: str
    office_name: str
    permissions: frozenset[str]
    password_expired: bool
    two_factor: bool

    def may(self, permission: str) -> bool:
        reads_all = permission.startswith("READ_") and "ALL_FUNCTIONS_READ" in self.permissions
        return reads_all or bool(self.permissions & {permission, "ALL_FUNCTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    id: int
    name: str
    currency: str
    min_principal: Decimal | None
    principal: Decimal | None
    max_principal: Decimal | None
    multi_disburse: bool
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tranche:
    """One part of a multi-disburse loan; without `actual_on` it is still to be paid."""

    id: int
    expected_on: date | None
    actual_on: date | None
    principal: Decimal
    net: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loan:
    """A loan as the list or a single read tells it.

    `net_disbursal_amount` is the cash that the client should get; None when Mifos did not say. A loan of a
    whole group has no client. `tranches` is empty unless it was asked for.
    """

    id: int
    account_no: str
    external_id: str
    status_id: int
    status_text: str
    waiting_for_disbursal: bool
    active: bool
    client_id: int | None
    client_name: str
    group_name: str
    product_id: int
    product_name: str
    currency: str
    principal: Decimal
    approved_principal: Decimal
    net_disbursal_amount: Decimal | None
    multi_disburse: bool
    is_topup: bool
    fraud: bool
    approved_on: date | None
    expected_disbursement_on: date | None
    actual_disbursement_on: date | None
    tranches: tuple[Tranche, ...] = ()

    @property
    def next_tranche(self) -> Tranche | None:
        """The undisbursed tranche that comes first, by expected date and then by id."""
        waiting = [tranche for tranche in self.tranches if tranche.actual_on is None]
        return min(waiting, key=lambda one: (one.expected_on or date.max, one.id), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A borrower. `mobile_no` is free text as somebody typed it."""

    id: int
    active: bool
    display_name: str
    mobile_no: str
    status_text: str
    external_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentType:
    """A cash type makes Mifos look for a cashier, so it does not do for mobile money."""

    id: int
    name: str
    is_cash: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanTransaction:
    """A line of a loan. Its id is not stable (Mifos replays history); its external id is."""

    id: int
    loan_id: int
    external_id: str
    type_code: str
    is_disbursement: bool
    on: date | None
    amount: Decimal
    net_disbursal_amount: Decimal | None
    receipt: str
    payment_type_id: int | None
    reversed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    id: int
    display_name: str
    url: str
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DisburseCommand:
    """A disbursement to be recorded.

    :param amount: gross shillings; None lets Mifos take the whole principal
    :param external_id: never changes for one intent
    :param idempotency_key: the intent and the number of its stored refusals
    :raises ValueError: something that Mifos would refuse, or would silently drop
    """

    loan_id: int
    on: date
    amount: Decimal | None
    payment_type_id: int | None
    receipt: str
    external_id: str
    note: str
    idempotency_key: str

    def __post_init__(self) -> None:
        key = self.idempotency_key
        if not (key.isascii() and key.isprintable() and 0 < len(key) <= MAX_KEY):
            raise ValueError(f"an idempotency key has 1 to {MAX_KEY} plain characters")
        if self.receipt and self.payment_type_id is None:
            raise ValueError("without a payment type Mifos drops the receipt silently")
        if not self.external_id:
            raise ValueError("a disbursement without an external id cannot be found again")
        for name, limit in _LIMITS.items():
            if len(getattr(self, name)) > limit:
                raise ValueError(f"{name} has more than {limit} characters")
        if self.amount is not None and (self.amount <= 0 or self.amount != round(self.amount, 2)):
            raise ValueError("an amount is above zero and has whole cents")


@dataclass(frozen=True, slots=True, kw_only=True)
class DisburseAnswer:
    """What a 200 meant: done, or waiting for a checker (then nothing is disbursed).

    `from_cache`: this key had been done before; `transaction_id` is None where Mifos did not say.
    """

    done: bool
    pending_checker: bool
    from_cache: bool
    loan_id: int
    transaction_id: int | None
