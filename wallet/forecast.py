"""How long money lasts: the pace at which it left lately, and when it is gone at that pace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

from django.db.models import Count, Min, Sum

from common.ids import first_id
from common.money import shown
from wallet.models import EVERY_PAYOUT, Hold, PartnerWallet, WalletTransaction

LOOKED_AT = timedelta(hours=2)  # of payouts, for the pace of float
SURE_AFTER = timedelta(minutes=10)  # a pace of less than that is a guess
POINTS = 60  # top-ups and purchases that the chart of a wallet remembers
FAR = timedelta(days=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What a wallet held at a moment."""

    at: datetime
    balance: Decimal


def course(wallet: PartnerWallet, *, at: datetime) -> list[Point]:
    """Return how a wallet's balance went, from before its last top-ups and purchases until now.

    Between those the many small charges took it down about evenly, so that nobody reads a million lines.
    """
    rare = WalletTransaction.objects.filter(wallet=wallet).exclude(transaction_type__in=EVERY_PAYOUT)
    lines = list(rare.order_by("-number").values_list("created_at", "amount", "balance_after")[:POINTS])
    points = []
    for when, amount, after in reversed(lines):
        points += [Point(at=when, balance=after - amount), Point(at=when, balance=after)]
    return [*points, Point(at=at, balance=wallet.current_balance)]


def charges_per_day(points: Sequence[Point]) -> Decimal | None:
    """Return what the charges of a day take, from the falls between top-ups; None while that is a guess."""
    if len(points) < 2 or points[-1].at - points[0].at < SURE_AFTER:
        return None
    falls = [before.balance - after.balance for before, after in pairwise(points) if before.at < after.at]
    days = Decimal((points[-1].at - points[0].at).total_seconds()) / 86_400
    return max(Decimal(0), sum(falls, Decimal(0))) / days


def float_per_hour(*, at: datetime, partner_id: UUID | None = None) -> Mapping[UUID, Decimal]:
    """Return the pace of payouts by shortcode, from those of the last two hours; only where it is no guess."""
    rows = Hold.objects.filter(
        pk__gte=first_id(at - LOOKED_AT), status=Hold.Status.CAPTURED, purpose=Hold.Purpose.PAYOUT
    )
    if partner_id:
        rows = rows.filter(partner_id=partner_id)
    sums = (
        rows.order_by()
        .values("shortcode")
        .annotate(paid=Sum("principal"), count=Count("pk"), first=Min("held_at"))
    )
    return {
        one["shortcode"]: one["paid"] * 3600 / Decimal((at - one["first"]).total_seconds())
        for one in sums
        if at - one["first"] >= SURE_AFTER
    }


def lasts(amount: Decimal, per_hour: Decimal | None, *, at: datetime) -> datetime | None:
    """Return when it is gone at this pace; None where that is far away or nobody can say."""
    if not per_hour:
        return None
    left = min(Decimal(FAR.total_seconds()), amount * 3600 / per_hour)
    return at + timedelta(seconds=float(left)) if left < FAR.total_seconds() else None


def in_words(amount: Decimal, per_hour: Decimal | None, until: str) -> str:
    """Say how long something lasts.

    :param until: when it is gone, as people write it; empty: not soon
    """
    if not amount:
        return "It is used up."
    if per_hour is None:
        return "Too little went out lately to say how long it lasts."
    pace = f"at {shown(per_hour.quantize(Decimal(1)))} an hour"
    return f"Lasts until {until} {pace}." if until else f"Lasts for weeks {pace}."
