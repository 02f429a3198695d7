"""One Mifos host: its settings, its books and the indexes that keep lists cheap."""

from bisect import bisect_left, insort
from collections import Counter, deque
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.fineract.records import (
    PROCESSED,
    Client,
    Command,
    Hook,
    Loan,
    PaymentType,
    Product,
    Savings,
    Transaction,
    User,
)
from sandbox.fineract.statuses import ACTIVE, OVERPAID
from sandbox.fineract.wire import DateShape, as_array, as_text

PAYMENT_TYPES = (
    PaymentType(id=1, name="Cash", cash=True),
    PaymentType(id=2, name="Bank Transfer"),
    PaymentType(id=3, name="M-Pesa"),
)
AUDIT_ROWS = 5000  # kept per host; rows that carry a caller's key are never dropped

# The office user who acts for the control API, so that its commands fire hooks like anyone's.
OFFICER = User(username="mifos", password="", id=1)


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """Load a time zone once."""
    return ZoneInfo(name)


class Host:
    """Books of one host and tenant, in memory. Making one is cheap: empty containers only."""

    __slots__ = (
        "_ids", "accepted", "audits", "business_date", "by_account", "by_external", "by_key",
        "by_mobile", "by_status", "cache_hooks", "cached_hooks", "clients", "clock", "configurations",
        "counts", "database", "date_shape", "endpoint", "holidays", "holidays_refused", "hooks",
        "identifiers", "loans", "maker_checker", "name", "payment_types", "pending", "products",
        "read_only", "savings", "savings_by_account", "savings_by_external", "savings_external_ids",
        "scheduler_until", "tenant", "timezone", "transactions", "users", "version",
    )  # fmt: skip

    def __init__(self, name: str, clock: Callable[[], datetime]) -> None:
        self.name = name
        self.clock = clock
        self.tenant = "default"
        self.users: dict[str, User] = {}
        self.accepted: dict[str, User] = {}  # Authorization headers already checked
        self.version: str | None = None  # None follows the switch, as do database and date_shape
        self.database: str | None = None
        self.date_shape = "arrays"
        self.timezone = "Africa/Nairobi"
        self.business_date: date | None = None
        self.maker_checker: frozenset[str] = frozenset()
        self.configurations: dict[str, bool] = {}
        self.holidays: frozenset[date] = frozenset()
        self.holidays_refused = False
        self.read_only = False
        self.cache_hooks = False
        self.cached_hooks: list[Hook] | None = None
        self.scheduler_until: datetime | None = None
        self.endpoint: str | None = None
        self.payment_types: tuple[PaymentType, ...] = PAYMENT_TYPES
        self._ids: dict[str, Any] = {}
        self._empty_books()

    def _empty_books(self) -> None:
        self.products: dict[int, Product] = {}
        self.clients: dict[int, Client] = {}
        self.identifiers: dict[str, int] = {}  # document key -> client id
        self.by_mobile: dict[str, Client] = {}
        self.loans: dict[int, Loan] = {}
        self.by_status: dict[int, list[int]] = {}  # ids, ascending, so that a page costs its own length
        self.by_account: dict[str, Loan] = {}
        self.by_external: dict[str, Loan] = {}
        self.transactions: dict[str, tuple[int, Transaction]] = {}  # external id -> loan id, row
        self.savings: dict[int, Savings] = {}
        self.savings_by_account: dict[str, Savings] = {}
        self.savings_by_external: dict[str, Savings] = {}
        self.savings_external_ids: dict[str, tuple[int, Transaction]] = {}
        self.by_key: dict[tuple[str, str, str], Command] = {}
        self.pending: dict[int, Command] = {}
        self.audits: deque[Command] = deque(maxlen=AUDIT_ROWS)
        self.hooks: dict[int, Hook] = {}
        self.counts: Counter[str] = Counter()

    def next_id(self, sequence: str) -> int:
        """Take the next number of a sequence, starting at 1."""
        return int(next(self._ids.setdefault(sequence, count(1))))

    def begin_at(self, sequence: str, first: int) -> None:
        """Let a sequence that has not been used yet begin at another number.

        :raises ValueError: below 1, or numbers were given already
        """
        if first < 1 or sequence in self._ids:
            raise ValueError(f"first_{sequence}_id: 1 or more expected, before the first {sequence} is made")
        self._ids[sequence] = count(first)

    def now(self) -> datetime:
        """The moment in the tenant's time zone."""
        return self.clock().astimezone(zone(self.timezone))

    def today(self) -> date:
        """The business date if one is set, else the day in the tenant's time zone."""
        return self.business_date or self.now().date()

    def shape(self) -> DateShape:
        """How Gson endpoints write dates on this host."""
        return as_text if self.date_shape == "text" else as_array

    def scheduler_runs(self) -> bool:
        """Whether a job that forbids updates is running."""
        return self.scheduler_until is not None and self.clock() < self.scheduler_until

    def move(self, loan: Loan, status: int) -> None:
        """Change a loan's status and keep the index by status."""
        if loan.status != status:
            self._unlist(loan)
            insort(self.by_status.setdefault(status, []), loan.id)
            loan.status = status
        loan.text = None

    def _unlist(self, loan: Loan) -> None:
        ids = self.by_status.get(loan.status, [])
        place = bisect_left(ids, loan.id)
        if place < len(ids) and ids[place] == loan.id:
            del ids[place]

    def with_status(self, status: int) -> list[int]:
        """Ids of the loans in a status, ascending; not to be changed."""
        return self.by_status.get(status, [])

    def add_loan(self, loan: Loan) -> None:
        """Enter a loan in the books and all indexes."""
        self.loans[loan.id] = loan
        self.by_account[loan.account_no] = loan
        if loan.external_id:
            self.by_external[loan.external_id] = loan
        loan.client.loan_ids.append(loan.id)
        insort(self.by_status.setdefault(loan.status, []), loan.id)

    def reserve(self, loan: Loan, row: Transaction) -> None:
        """Add a transaction to a loan; its external id is taken for ever, or moves here on replay."""
        loan.transactions.append(row)
        loan.text = None
        if row.external_id:
            self.transactions[row.external_id] = (loan.id, row)

    def settle(self, loan: Loan) -> None:
        """Recompute balance and status after money moved on a disbursed loan."""
        rest = loan.disbursed - loan.repaid
        loan.outstanding, loan.overpaid = max(rest, Decimal(0)), max(-rest, Decimal(0))
        if rest < 0:
            self.move(loan, OVERPAID)
        elif rest == 0 and not loan.open_tranches():
            self.move(loan, 600)
        else:
            self.move(loan, ACTIVE)
        loan.closed_on = self.today() if loan.status in (600, OVERPAID) else None

    def purge(self, keep_days: int, at: datetime) -> int:
        """Play the job "Purge Processed Commands"; error rows and stuck rows stay."""
        old = {
            row.id: key
            for key, row in self.by_key.items()
            if row.status == PROCESSED and (at - row.at).total_seconds() > keep_days * 86400
        }
        for key in old.values():
            del self.by_key[key]
        self.audits = deque((row for row in self.audits if row.id not in old), maxlen=AUDIT_ROWS)
        return len(old)
