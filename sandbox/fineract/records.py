"""The rows of one host's books."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sandbox.fineract.statuses import CLIENT_ACTIVE, SAVINGS_ACTIVE, SUBMITTED, ZERO
from sandbox.fineract.wire import Json


@dataclass(slots=True, kw_only=True)
class User:
    username: str
    password: str
    id: int = 1
    permissions: frozenset[str] = frozenset({"ALL_FUNCTIONS"})
    password_expired: bool = False  # refused at /authentication
    password_outdated: bool = False  # refused on every call
    office_id: int = 1

    def may(self, permission: str) -> bool:
        """Whether the user holds a permission, or one that passes everything."""
        if permission in self.permissions or "ALL_FUNCTIONS" in self.permissions:
            return True
        return permission.startswith("READ_") and "ALL_FUNCTIONS_READ" in self.permissions


@dataclass(slots=True, kw_only=True)
class Product:
    id: int
    name: str
    short_name: str
    principal: Decimal
    min_principal: Decimal | None
    max_principal: Decimal | None
    multi_disburse: bool = False
    max_tranches: int | None = None
    disallow_expected: bool = False
    sync_expected_date: bool = False
    over_applied_percentage: Decimal | None = None
    repayments: int = 12
    close_date: date | None = None
    external_id: str | None = None
    description: str | None = None


@dataclass(slots=True, kw_only=True)
class Identifier:
    id: int
    client_id: int
    kind: str
    key: str
    active: bool = True


@dataclass(slots=True, kw_only=True)
class Client:
    id: int
    account_no: str
    firstname: str
    lastname: str
    mobile_no: str | None = None
    external_id: str | None = None
    status: int = CLIENT_ACTIVE
    activated_on: date | None = None
    office_id: int = 1
    identifiers: list[Identifier] = field(default_factory=list)
    loan_ids: list[int] = field(default_factory=list)
    savings_ids: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The display name."""
        return f"{self.firstname} {self.lastname}".strip()


@dataclass(slots=True, kw_only=True)
class PaymentDetail:
    type_id: int
    account_number: str | None = None
    check_number: str | None = None
    routing_code: str | None = None
    receipt_number: str | None = None
    bank_number: str | None = None


@dataclass(slots=True, kw_only=True)
class Transaction:
    """A row of a loan's or a savings account's history; `kind` is Fineract's type id."""

    id: int
    kind: int
    day: date
    amount: Decimal
    submitted_on: date
    external_id: str | None = None
    payment: PaymentDetail | None = None
    net: Decimal | None = None
    overpaid: Decimal = ZERO
    balance: Decimal = ZERO
    reversed: bool = False
    by_hand: bool = False  # reversed by a person, and so still shown
    reversed_on: date | None = None
    reversal_external_id: str | None = None


@dataclass(slots=True, kw_only=True)
class Tranche:
    id: int
    expected: date
    principal: Decimal
    charge: Decimal = ZERO
    actual: date | None = None

    @property
    def net(self) -> Decimal:
        """The cash that this tranche should bring."""
        return self.principal - self.charge


@dataclass(slots=True, kw_only=True)
class Note:
    id: int
    text: str
    at: datetime
    by: str


@dataclass(slots=True, kw_only=True)
class Loan:
    id: int
    account_no: str
    client: Client
    product: Product
    proposed: Decimal
    approved: Decimal
    net: Decimal
    submitted_on: date
    expected_on: date
    external_id: str | None = None
    status: int = SUBMITTED
    charge: Decimal = ZERO
    approved_on: date | None = None
    disbursed_on: date | None = None
    closed_on: date | None = None
    first_repayment_on: date | None = None  # set: a later disbursal is refused
    charged_off: bool = False
    disbursed: Decimal = ZERO
    outstanding: Decimal = ZERO
    overpaid: Decimal = ZERO
    tranches: list[Tranche] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    lock: "Lock | None" = None
    stale_totals: bool = False
    text: str | None = None  # the list item as it was last written

    @property
    def repaid(self) -> Decimal:
        """Repayments that stand, any excess included."""
        kinds = (2, 8)
        return sum((row.amount for row in self.transactions if row.kind in kinds and not row.reversed), ZERO)

    def open_tranches(self) -> list[Tranche]:
        """Tranches not yet disbursed, by expected date, then id."""
        rows = [tranche for tranche in self.tranches if tranche.actual is None]
        return sorted(rows, key=lambda tranche: (tranche.expected, tranche.id))

    def can_disburse(self) -> bool:
        """Whether the state allows a disbursal, the next tranche's included."""
        if self.status == 200 and not self.disbursed:
            return True
        if not self.product.multi_disburse or self.status not in (200, 300):
            return False
        if self.product.disallow_expected:
            return self.disbursed < self.approved
        return any(tranche.actual is None for tranche in self.tranches)


@dataclass(slots=True, kw_only=True)
class Lock:
    """Why writes on a loan are refused or slow: `cob`, `orphaned`, `behind` or `optimistic`."""

    kind: str
    until: datetime | None = None
    seconds: float = 0.0
    times: int | None = None


@dataclass(slots=True, kw_only=True)
class Savings:
    id: int
    account_no: str
    client: Client
    product_name: str
    activated_on: date
    external_id: str | None = None
    status: int = SAVINGS_ACTIVE
    deposit_type: str = "savings"
    balance: Decimal = ZERO
    blocked: bool = False
    credit_blocked: bool = False
    transactions: list[Transaction] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class PaymentType:
    id: int
    name: str
    cash: bool = False


@dataclass(slots=True, kw_only=True)
class Hook:
    id: int
    display_name: str
    active: bool
    events: list[tuple[str, str]]
    url: str
    content_type: str
    created_on: date


# A command that passed its checks, ready to change the books. Checks and change are apart, so that
# maker-checker and played conflicts can run the first without the second.
Change = Callable[[], Json]


UNDER_PROCESSING, PROCESSED, AWAITING, REJECTED_BY_CHECKER, FAILED = 4, 1, 2, 3, 5
PROCESSING_RESULT = {
    UNDER_PROCESSING: "under processing",
    PROCESSED: "processed",
    AWAITING: "awaiting.approval",
    REJECTED_BY_CHECKER: "rejected",
    FAILED: "error",
}


@dataclass(slots=True, kw_only=True)
class Command:
    """A row of the command source: audit, idempotency and maker-checker in one."""

    id: int
    action: str
    entity: str
    key: str
    maker: User
    at: datetime
    url: str
    request: Json
    status: int = UNDER_PROCESSING
    http_status: int = 200
    result: Json | None = None
    resource_id: int | None = None
    loan_id: int | None = None
    client_id: int | None = None
    savings_id: int | None = None
    office_id: int | None = None
    prepare: Callable[[Json], Change] | None = None
    checked_at: datetime | None = None

    def ids(self) -> dict[str, Any]:
        """The ids that audits and hooks show."""
        return {"officeId": self.office_id, "clientId": self.client_id, "loanId": self.loan_id}
