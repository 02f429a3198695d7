"""How messages fare: from the outbox to the phone, why some fail, and how the accounts that carry them are."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Q, QuerySet

from common.ids import first_id
from common.tones import Tone
from sms.models import SmsGateway, SmsNotification, Status

PERIODS = (
    ("1h", "hour", timedelta(hours=1)),
    ("24h", "24 hours", timedelta(days=1)),
    ("7d", "7 days", timedelta(days=7)),
)
MOST_REASONS = 12
MOST_AGAIN = 500  # messages sent again by one press


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of the way: how many messages came at least this far."""

    name: str
    count: int
    share: int  # of all, in percent
    tone: Tone
    filter: str  # of the list behind it
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why messages failed."""

    words: str
    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How one account is."""

    row: SmsGateway
    tone: Tone
    words: str
    waiting: int
    sent: int
    last_at: datetime | None


def since(period: str, *, at: datetime) -> datetime:
    """Return when a period began; the day for one that does not exist."""
    return at - next((length for name, _, length in PERIODS if name == period), timedelta(days=1))


def rows_since(begin: datetime, partner_id: UUID | None = None) -> "QuerySet[SmsNotification]":
    """Return the messages written since then, by the time in their ids."""
    rows = SmsNotification.objects.filter(pk__gte=first_id(begin))
    return rows.filter(partner_id=partner_id) if partner_id else rows


def funnel(rows: "QuerySet[SmsNotification]") -> list[Stage]:
    """Count how far messages came, in one query."""
    found = rows.aggregate(
        all=Count("pk"),
        waiting=Count("pk", filter=Q(status__in=[Status.PENDING, Status.SENDING])),
        sent=Count("pk", filter=Q(status__in=[Status.SENT, Status.DELIVERED])),
        unconfirmed=Count("pk", filter=Q(unconfirmed=True)),
        delivered=Count("pk", filter=Q(status=Status.DELIVERED)),
        failed=Count("pk", filter=Q(status=Status.FAILED)),
    )
    whole = found["all"] or 1

    def stage(name: str, key: str, tone: Tone, where: str, words: str = "") -> Stage:
        count = found[key]
        share = round(100 * count / whole)
        return Stage(name=name, count=count, share=share, tone=tone, filter=where, words=words)

    doubt = f"{found['unconfirmed']:,} of them in doubt" if found["unconfirmed"] else ""
    return [
        stage("Queued", "all", Tone.MOVING, ""),
        stage("Waiting", "waiting", Tone.WAITING, "status__exact=pending"),
        stage("Sent", "sent", Tone.SETTLED, "status__exact=sent", doubt),
        stage("Delivered", "delivered", Tone.SETTLED, "status__exact=delivered"),
        stage("Failed", "failed", Tone.PERSON, "status__exact=failed"),
    ]


def reasons(rows: "QuerySet[SmsNotification]") -> list[Reason]:
    """Return why messages failed, the most frequent first."""
    failed = rows.filter(status=Status.FAILED).order_by().values("last_error")
    groups = failed.annotate(count=Count("pk"), last=Max("moved_at")).order_by("-count")
    return [
        Reason(words=one["last_error"] or "No reason was given", count=one["count"], last_at=one["last"])
        for one in groups[:MOST_REASONS]
    ]


def to_send_again(begin: datetime, reason: str, partner_id: UUID | None) -> "QuerySet[SmsNotification]":
    """Return the failed messages of one reason, the oldest first, as many as one press sends."""
    rows = rows_since(begin, partner_id).filter(status=Status.FAILED, last_error=reason)
    return rows.order_by("pk")[:MOST_AGAIN]


def accounts(rows: "QuerySet[SmsNotification]") -> list[Health]:
    """Say of every account how it is, with what it carried of these messages."""
    counted = (
        rows.order_by()
        .values("gateway")
        .annotate(sent=Count("pk", filter=Q(status__in=[Status.SENT, Status.DELIVERED])), last=Max("sent_at"))
    )
    carried: dict[Any, dict[str, Any]] = {one["gateway"]: dict(one) for one in counted}
    waiting = dict(
        SmsNotification.objects.filter(status=Status.PENDING, gateway__isnull=False)
        .order_by()
        .values_list("gateway")
        .annotate(Count("pk"))
    )
    return [
        _health(row, carried.get(row.pk, {}), waiting.get(row.pk, 0))
        for row in SmsGateway.objects.select_related("partner")
    ]


def _health(row: SmsGateway, carried: dict[str, Any], waiting: int) -> Health:
    tone, words = Tone.SETTLED, "In use."
    if not row.is_active:
        tone, words = Tone.OFF, "Switched off."
    elif row.attention:
        tone, words = (Tone.PERSON if row.stopped_at else Tone.WAITING), row.attention
    elif row.credits is None:
        tone, words = Tone.OFF, "Its credit was never asked for."
    sent, last = carried.get("sent", 0), carried.get("last")
    return Health(row=row, tone=tone, words=words, waiting=waiting, sent=sent, last_at=last)
