"""Charge partners for the SMS that were sent: per segment, in one ledger transfer per partner and run.

Only what a provider surely has is charged, so a message in doubt waits for its report. What does not fit into
the wallet stays uncharged, the oldest first, and shows; a wallet never goes below zero for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Count, Min, Q, QuerySet, Sum

from common.ids import new_id
from common.money import shown
from partners.models import TariffBand, fee
from sms.models import SmsNotification, Status
from wallet import operations
from wallet.alarms import OPERATORS
from wallet.models import Account, Kind, TransferType

NAIROBI = ZoneInfo("Africa/Nairobi")
SENT_FOR_SURE = Q(status__in=[Status.SENT, Status.DELIVERED], unconfirmed=False)
MOST = 2000  # messages of one partner in one run


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncharged:
    """What a partner has not been charged for yet."""

    messages: int
    segments: int
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Priced:
    id: UUID
    segments: int
    charge: Decimal


def uncharged() -> "QuerySet[SmsNotification]":
    """Return the messages that are surely sent and not charged; alarms to our own people never are."""
    rows = SmsNotification.objects.filter(SENT_FOR_SURE, charged_at__isnull=True, partner__isnull=False)
    return rows.exclude(event_key__startswith=OPERATORS)


def waiting(partner_id: UUID) -> Uncharged:
    """Return what waits for money in a partner's wallet (or for the next run)."""
    found = (
        uncharged()
        .filter(partner_id=partner_id)
        .aggregate(messages=Count("pk"), segments=Sum("segments"), since=Min("sent_at"))
    )
    return Uncharged(messages=found["messages"], segments=found["segments"] or 0, since=found["since"])


def partners_with_some() -> list[UUID]:
    """Return the partners that have messages to be charged."""
    return list(uncharged().order_by().values_list("partner_id", flat=True).distinct())


def charge(*, partner_id: UUID, at: datetime) -> Decimal:
    """Charge what fits into a partner's wallet, and return how much that was.

    The messages and the transfer are written together or not at all, and each message at most once.
    """
    try:
        with transaction.atomic():
            rows = list(_fitting(_priced(partner_id), _free(partner_id)))
            total = sum((row.charge for row in rows), Decimal(0))
            _mark(rows, at=at)
            if total:
                _book(partner_id, rows, total, at=at)  # last: it locks the wallet's row
    except operations.InsufficientFunds:
        return Decimal(0)  # something else was quicker: the next run sees what is left
    return total


def _priced(partner_id: UUID) -> Iterable[_Priced]:
    rows = uncharged().filter(partner_id=partner_id).order_by("created_at", "pk")
    locked = rows.select_for_update(skip_locked=True, no_key=True)[:MOST]
    prices: dict[date, Decimal] = {}
    for pk, segments, sent_at, created_at in locked.values_list("pk", "segments", "sent_at", "created_at"):
        on = (sent_at or created_at).astimezone(NAIROBI).date()
        if on not in prices:
            prices[on] = fee(TariffBand.Kind.SMS, partner_id=partner_id, amount=Decimal(1), on=on) or Decimal(
                0
            )
        yield _Priced(id=pk, segments=segments, charge=prices[on] * segments)


def _free(partner_id: UUID) -> Decimal:
    account = Account.objects.filter(kind=Kind.WALLET, partner_id=partner_id).first()
    return (account.balance if account else None) or Decimal(0)


def _fitting(rows: Iterable[_Priced], free: Decimal) -> Iterable[_Priced]:
    for row in rows:
        free -= row.charge
        if free < 0:
            return
        yield row


def _mark(rows: list[_Priced], *, at: datetime) -> None:
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "update sms_notifications s set charge = c.charge, charged_at = %s "
            "from unnest(%s::uuid[], %s::numeric[]) as c (id, charge) where s.id = c.id",
            [at, [str(row.id) for row in rows], [row.charge for row in rows]],
        )


def _book(partner_id: UUID, rows: list[_Priced], total: Decimal, *, at: datetime) -> None:
    segments = sum(row.segments for row in rows)
    operations.transfer(
        type=TransferType.CHARGE,
        reference=f"sms:{new_id()}",
        from_account=Account.objects.named(Kind.WALLET, partner_id=partner_id).pk,
        to_account=operations.platform_account(Kind.FEES),
        amount=total,
        at=at,
        description=f"{len(rows):,} SMS, {segments:,} segments: {shown(total)}",
    )
