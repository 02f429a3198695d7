"""A partner's statement of one month: what was there, every line, what is left; each sum checked on the way."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Max, Min, Sum

from partners.models import Partner
from wallet.models import Account, Kind, LedgerLine, PartnerWallet, TransferType, WalletTransaction

NAIROBI = ZoneInfo("Africa/Nairobi")
ZERO = Decimal("0.00")


class Unbalanced(Exception):
    """The lines do not lead from the opening to the closing balance; the statement is not given out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A movement. `at`: when we wrote it, which is the order of the statement; `event_at`: outside."""

    at: datetime
    event_at: datetime
    type: str
    words: str
    reference: str
    amount: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """All movements of one type."""

    type: str
    words: str
    count: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One account: the wallet, or the float on a shortcode."""

    title: str
    opening: Decimal
    lines: tuple[Line, ...]
    closing: Decimal
    totals: tuple[Total, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A partner's month in Nairobi."""

    partner: Partner
    month: date  # its first day
    until: datetime  # the moment up to which it is complete
    wallet: Section
    floats: tuple[Section, ...]

    @property
    def sections(self) -> tuple[Section, ...]:
        return (self.wallet, *self.floats)

    @property
    def name(self) -> str:
        """Name of the file, without an extension."""
        return f"statement-{self.partner.code}-{self.month:%Y-%m}"


def of_month(partner: Partner, month: date, *, at: datetime) -> Statement:
    """Put a partner's statement of a month together, in one snapshot.

    :param month: any day of it
    :raises Unbalanced: the ledger itself is not sound
    """
    start, end = bounds(month)
    with transaction.atomic():
        if not connection.savepoint_ids:  # the outermost transaction: the snapshot is ours to choose
            with connection.cursor() as cursor:
                cursor.execute("set transaction isolation level repeatable read, read only")
        wallet = _wallet(partner, start, end)
        floats = tuple(_floats(partner, start, end))
    return Statement(
        partner=partner, month=month.replace(day=1), until=min(at, end), wallet=wallet, floats=floats
    )


def bounds(month: date) -> tuple[datetime, datetime]:
    """Return the first moment of a month in Nairobi, and the first one after it."""
    first = month.replace(day=1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return tuple(  # type: ignore[return-value]
        datetime(day.year, day.month, 1, tzinfo=NAIROBI).astimezone(UTC) for day in (first, following)
    )


def months(partner: Partner) -> list[date]:
    """Return the months that have lines, the newest first."""
    found = WalletTransaction.objects.filter(wallet__partner=partner).aggregate(
        first=Min("created_at"), last=Max("created_at")
    )
    if found["first"] is None:
        return []
    month, last = (found[name].astimezone(NAIROBI).date().replace(day=1) for name in ("first", "last"))
    out = [month]
    while out[-1] < last:
        out.append(bounds(out[-1])[1].astimezone(NAIROBI).date())
    return out[::-1]


def _wallet(partner: Partner, start: datetime, end: datetime) -> Section:
    wallet = PartnerWallet.objects.filter(partner=partner).first()
    rows = WalletTransaction.objects.filter(wallet=wallet) if wallet else WalletTransaction.objects.none()
    names = ("created_at", "event_at", "transaction_type", "description", "reference", "amount")
    now = wallet.current_balance if wallet else ZERO
    return _section("Wallet", rows, names, now, start, end)


def _floats(partner: Partner, start: datetime, end: datetime) -> Iterator[Section]:
    names = (
        "created_at",
        "event_at",
        "transfer__type",
        "transfer__description",
        "transfer__reference",
        "amount",
    )
    accounts = Account.objects.filter(partner=partner, kind=Kind.FLOAT).select_related("shortcode")
    for account in accounts.order_by("shortcode__number"):
        rows = LedgerLine.objects.filter(account=account)
        number = account.shortcode.number if account.shortcode else ""
        yield _section(f"Float on {number}", rows, names, account.balance or ZERO, start, end)


def _section(
    title: str, rows: Any, names: tuple[str, ...], now: Decimal, start: datetime, end: datetime
) -> Section:
    opening = rows.filter(created_at__lt=start).aggregate(sum=Sum("amount"))["sum"] or ZERO
    later = rows.filter(created_at__gte=end).aggregate(sum=Sum("amount"))["sum"] or ZERO
    inside = rows.filter(created_at__gte=start, created_at__lt=end).order_by("number")
    lines = tuple(_lines(inside.values_list(*names), opening))
    closing = lines[-1].balance if lines else opening
    if closing + later != now:
        raise Unbalanced(f"{title}: the lines lead to {closing + later}, the account says {now}.")
    return Section(title=title, opening=opening, lines=lines, closing=closing, totals=_totals(lines))


def _lines(rows: Any, opening: Decimal) -> Iterator[Line]:
    balance = opening
    for at, event_at, kind, description, reference, amount in rows:
        balance += amount
        yield Line(
            at=at,
            event_at=event_at,
            type=kind,
            words=description or label(kind),
            reference=reference,
            amount=amount,
            balance=balance,
        )


def _totals(lines: tuple[Line, ...]) -> tuple[Total, ...]:
    found: dict[str, tuple[int, Decimal]] = {}
    for line in lines:
        count, amount = found.get(line.type, (0, ZERO))
        found[line.type] = count + 1, amount + line.amount
    return tuple(
        Total(type=kind, words=label(kind), count=count, amount=amount)
        for kind, (count, amount) in sorted(found.items())
    )


def label(kind: str) -> str:
    """Return a type of transfer in words."""
    return str(TransferType(kind).label) if kind in TransferType.values else kind
