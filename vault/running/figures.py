"""The demo's figures: loans, money in, float, how long it took, and the SMS; as a table and a line."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db.models import Q, QuerySet
from rich import box
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from c2b.models import C2bTransaction
from c2b.statuses import Status as Collected
from disbursements.models import Disbursement
from disbursements.statuses import Status
from sms.models import SmsNotification
from sms.models import Status as SmsStatus
from vault.running.agreement import LoanKey
from wallet.bank_models import BankCredit, CreditStatus
from wallet.purchases import FloatPurchase, PurchaseStatus

ENDED = (Status.COMPLETED, Status.CANCELLED)
ALWAYS_SHOWN = (
    Status.READY,
    Status.SENDING,
    Status.ACCEPTED,
    Status.PAID,
    Status.COMPLETED,
)  # fits 80 columns
TELLING = (SmsStatus.PENDING, SmsStatus.SENDING)


@dataclass(kw_only=True)
class Figures:
    """What the database says at one moment about the loans of this run."""

    approved: int
    loans: Counter[str] = field(default_factory=Counter)  # by status
    settled: int = 0
    attention: int = 0
    paid: Decimal = Decimal(0)
    seconds: list[float] = field(default_factory=list)  # from seen to paid, sorted
    sms: Counter[str] = field(default_factory=Counter)
    topups: Counter[str] = field(default_factory=Counter)  # by status of the bank's credits
    topped_up: Decimal = Decimal(0)
    purchases: Counter[str] = field(default_factory=Counter)
    float_bought: Decimal = Decimal(0)
    payments: Counter[str] = field(default_factory=Counter)
    posted: Decimal = Decimal(0)  # of customers' payments, in Mifos
    suspense: Decimal = Decimal(0)  # of customers' payments, in no account

    @property
    def all_settled(self) -> bool:
        """Whether every loan has ended and every SMS has left."""
        return self.settled >= self.approved and not any(self.sms[status] for status in TELLING)

    def part(self, share: float) -> str:
        """Return the seconds within which that share of the loans was paid."""
        if not self.seconds:
            return "–"
        return f"{self.seconds[min(len(self.seconds) - 1, int(share * len(self.seconds)))]:.1f} s"


def read(*, hosts: Iterable[str], first_loan_id: dict[str, int], since: datetime, approved: int) -> Figures:
    """Ask the database."""
    figures = Figures(approved=approved)
    columns = ("status", "next_step_at", "attention", "amount", "detected_at", "settled_at")
    for status, next_step_at, attention, amount, seen_at, paid_at in _rows(hosts, first_loan_id).values_list(
        *columns
    ):
        figures.loans[status] += 1
        figures.settled += status in ENDED or (status == Status.FAILED and next_step_at is None)
        figures.attention += bool(attention)
        if status in (Status.PAID, Status.COMPLETED):
            figures.paid += amount
            figures.seconds += [(paid_at - seen_at).total_seconds()] if paid_at else []
    figures.seconds.sort()
    _read_money(figures, since)
    figures.sms.update(SmsNotification.objects.filter(created_at__gte=since).values_list("status", flat=True))
    return figures


def _read_money(figures: Figures, since: datetime) -> None:
    credits_ = BankCredit.objects.filter(created_at__gte=since).exclude(status=CreditStatus.IGNORED)
    for status, amount in credits_.values_list("status", "amount"):
        figures.topups[status] += 1
        figures.topped_up += amount if status in (CreditStatus.BOOKED, CreditStatus.ALLOCATED) else 0
    moved = Q(asked_at__gte=since) | Q(settled_at__gte=since)
    for status, amount in FloatPurchase.objects.filter(moved).values_list("status", "amount"):
        figures.purchases[status] += 1
        figures.float_bought += amount if status == PurchaseStatus.BOUGHT else 0
    columns = ("status", "amount", "booked_amount")
    for status, amount, booked in C2bTransaction.objects.filter(created_at__gte=since).values_list(*columns):
        figures.payments[status] += 1
        figures.posted += booked
        figures.suspense += amount - booked if status == Collected.UNMATCHED else 0


def stuck(*, hosts: Iterable[str], first_loan_id: dict[str, int], approved: Iterable[LoanKey]) -> list[str]:
    """Say of each loan that has not ended where it is and why."""
    rows = _rows(hosts, first_loan_id).select_related("mifos_partner__partner")
    found = {
        (row.mifos_partner.partner.code, row.mifos_loan_id): row
        for row in rows
        if row.mifos_partner is not None
    }
    lines = []
    for host, number in approved:
        row = found.get((host, number))
        if row is None:
            lines.append(f"loan {number} of {host}: approved in Mifos, not seen by us")
        elif row.status not in ENDED:
            lines.append(
                f"loan {number} of {host}: {row.status}; {row.attention or row.reason or 'no reason given'}"
            )
    waiting = SmsNotification.objects.filter(status__in=TELLING)
    return lines + [
        f"SMS {text.message_type}: {text.status}; {text.last_error or 'waiting'}" for text in waiting[:20]
    ]


def _rows(hosts: Iterable[str], first_loan_id: dict[str, int]) -> "QuerySet[Disbursement]":
    new = Q(pk__in=[])
    for host in hosts:
        new |= Q(mifos_partner__partner__code=host, mifos_loan_id__gte=first_loan_id.get(host, 1))
    return Disbursement.objects.filter(new).order_by()


def as_line(figures: Figures) -> str:
    """One plain line, for logs."""
    states = (
        ", ".join(f"{count} {status}" for status, count in sorted(figures.loans.items())) or "none seen yet"
    )
    sent = figures.sms[SmsStatus.SENT] + figures.sms[SmsStatus.DELIVERED]
    return (
        f"approved {figures.approved}: {states} · KES {figures.paid:,.2f} paid · "
        f"time to pay p50 {figures.part(0.5)}, p95 {figures.part(0.95)} · SMS {sent} of {figures.sms.total()} · "
        f"top-ups {figures.topups.total()}: KES {figures.topped_up:,.2f} · "
        f"float bought {figures.purchases[PurchaseStatus.BOUGHT]}: KES {figures.float_bought:,.2f} · "
        f"payments {figures.payments.total()}: {figures.payments[Collected.POSTED]} posted "
        f"KES {figures.posted:,.2f}, {figures.payments[Collected.UNMATCHED]} in suspense "
        f"KES {figures.suspense:,.2f}"
    )


def as_table(figures: Figures, *, links: dict[str, str], news: Iterable[str]) -> Group:
    """The live picture for a terminal."""
    table = Table(box=box.SIMPLE_HEAD, expand=False)
    shown = [status for status in Status if status in ALWAYS_SHOWN or figures.loans[status]]
    columns = [("Approved", figures.approved), *((status.label, figures.loans[status]) for status in shown)]
    columns += [("Need a person", figures.attention)] if figures.attention else []
    for heading, _ in columns:
        table.add_column(heading, justify="right")
    table.add_row(*(str(count or "·") for _, count in columns))
    sent = figures.sms[SmsStatus.SENT] + figures.sms[SmsStatus.DELIVERED]
    money = Text.assemble(
        ("Paid ", "dim"), (f"KES {figures.paid:,.2f}", "bold green"),
        ("  Time to pay ", "dim"), f"p50 {figures.part(0.5)}, p95 {figures.part(0.95)}",
        ("  SMS ", "dim"), f"{sent} of {figures.sms.total()}",
    )  # fmt: skip
    addresses = Text("\n".join(f"{name:<10} {address}" for name, address in links.items()), style="cyan")
    body = Group(table, money, _money_table(figures), addresses, Text("\n".join(news), style="yellow"))
    return Group(Panel(body, title="Payment Vault demo", subtitle="Ctrl-C stops everything", expand=False))


def _money_table(figures: Figures) -> Table:
    """Draw what came in and what was bought."""
    table = Table(box=box.SIMPLE_HEAD, expand=False)
    for heading in ("", "Seen", "Done", "KES", "Suspense", "Under way"):
        table.add_column(heading, justify="left" if not heading else "right")
    booked = figures.topups[CreditStatus.BOOKED] + figures.topups[CreditStatus.ALLOCATED]
    bought, posted = figures.purchases[PurchaseStatus.BOUGHT], figures.payments[Collected.POSTED]
    unknown = figures.topups.total() - booked
    lines = (
        ("Wallet top-ups (NCBA)", figures.topups, booked, figures.topped_up, unknown),
        ("Float bought by rule", figures.purchases, bought, figures.float_bought, 0),
        (
            "Customers' payments",
            figures.payments,
            posted,
            figures.posted,
            figures.payments[Collected.UNMATCHED],
        ),
    )
    for name, seen, done, amount, suspense in lines:
        left = seen.total() - done - suspense
        counts = (str(count or "·") for count in (seen.total(), done))
        table.add_row(name, *counts, f"{amount:,.2f}", str(suspense or "·"), str(left or "·"))
    return table
