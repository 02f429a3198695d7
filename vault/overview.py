"""The first page: is everything all right, and what must I do?

It asks PostgreSQL, and Redis whether it is there; the outside is known from our own rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, F, Min, Q, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from common.money import shown
from common.remembered import Remembered
from common.tones import Tone
from disbursements.models import Disbursement
from disbursements.saved import SAVED, midnight
from disbursements.statuses import Cause, Status
from disbursements.story import span
from partners.models import Partner, Shortcode
from vault import float_needs, measuring, money_in, systems
from vault.chart import Chart, money_by_hour
from vault.money_in import collected
from wallet import forecast
from wallet.models import Account, Kind, PartnerWallet
from wallet.room import moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One figure, what it means beside it, and the rows behind it."""

    label: str
    figure: str
    words: str
    link: str
    tone: Tone | None = None


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the overview to the context of the admin's first page (unfold's `DASHBOARD_CALLBACK`)."""
    if not request.user.has_perm("disbursements.view_disbursement"):
        return context | {"may_see": False}
    return context | {"may_see": True} | _picture(None)


def picture(*, at: datetime) -> dict[str, Any]:
    """Return all that the page shows at one moment, with a constant number of queries."""
    chart = money_by_hour(at=at)
    needs = [*needs_a_person(at=at), *unknown(at=at)]
    return {
        "at": at,
        "tiles": tiles(chart, at=at),
        "chart": chart,
        "needs": needs,
        "measures": measuring.all_measures(at=at),
        "systems": systems.sentences(at=at),
        "low_wallets": low_wallets(),
        "floats": floats(at=at),
        "empty": not Partner.objects.exists(),
    }


_picture: Remembered[None, dict[str, Any]] = Remembered(lambda _: picture(at=timezone.now()))


def tiles(chart: Chart, *, at: datetime) -> list[Tile]:
    """Return the four figures on top."""
    found = {
        name: Disbursement.objects.filter(SAVED[name].where(at)).aggregate(
            rows=Count("pk"), oldest=Min("moved_at"), sum=Sum("amount")
        )
        for name in ("on-the-way", "needs-a-person")
    }
    return [
        _paid_tile(chart),
        collected_tile(chart.weekday, at=at),
        _tile("On the way", "on-the-way", found, at=at, tone=Tone.MOVING, none="Nothing is under way."),
        _tile("Needs a person", "needs-a-person", found, at=at, tone=Tone.PERSON, none="Nobody is needed."),
    ]


def unknown(*, at: datetime) -> list[dict[str, Any]]:
    """Return the payments that M-Pesa may have made or not, as one group of what deserves attention."""
    rows = Disbursement.objects.filter(SAVED["unknown"].where(at), attention="")
    found = rows.aggregate(count=Count("pk"), oldest=Min("moved_at"), sum=Sum("amount"))
    if not found["count"]:
        return []
    return [
        {
            "why": "Unknown: M-Pesa is being asked",
            "tone": Tone.UNKNOWN.value,
            "count": found["count"],
            "money": shown(found["sum"]),
            "waits": span(at - found["oldest"]),
            "link": rows_of("unknown"),
        }
    ]


def _paid_tile(chart: Chart) -> Tile:
    count = f"{chart.payments:,} payment{'' if chart.payments == 1 else 's'}"
    if chart.usual is None:
        words = f"{count}. No earlier {chart.weekday} to compare with yet."
    else:
        words = f"{count}. Usual for a {chart.weekday} by now: {shown(chart.usual)}."
    return Tile(label="Paid out today", figure=shown(chart.total), words=words, link=rows_of("paid-today"))


def collected_tile(weekday: str, *, at: datetime) -> Tile:
    """Return what customers paid in today, against the usual by this time of day."""
    found = collected(at=at)
    count = f"{found.payments:,} payment{'' if found.payments == 1 else 's'}"
    usual = (
        f"No earlier {weekday} to compare with yet."
        if found.usual is None
        else f"Usual for a {weekday} by now: {shown(found.usual)}."
    )
    return Tile(
        label="Collected today", figure=shown(found.total), words=f"{count}. {usual}", link=found.link
    )


def _tile(label: str, name: str, found: Any, *, at: datetime, tone: Tone, none: str) -> Tile:
    figures = found[name]
    if not figures["rows"]:
        return Tile(label=label, figure="0", words=none, link=rows_of(name))
    words = f"{shown(figures['sum'])}, the oldest for {span(at - figures['oldest'])}"
    return Tile(label=label, figure=f"{figures['rows']:,}", words=words, link=rows_of(name), tone=tone)


def rows_of(name: str, **filters: str) -> str:
    """Return the address of the list behind a number."""
    return f"{reverse('admin:disbursements_disbursement_changelist')}?{urlencode({'view': name} | filters)}"


_WHY = {
    Status.FAILED: "M-Pesa refused",
    Status.UNKNOWN: "Unknown for long",
    Status.PAID: "Paid, but Mifos does not book it",
    Status.COMPLETED: "Mifos booked something else",
}


def needs_a_person(*, at: datetime) -> list[dict[str, Any]]:
    """Return what waits for people, by reason, the oldest first."""
    rows = Disbursement.objects.exclude(attention="").order_by().values("status", "hold_cause")
    groups = rows.annotate(count=Count("pk"), oldest=Min("attention_at"), sum=Sum("amount")).order_by(
        "oldest"
    )
    return [
        {
            "why": Cause(one["hold_cause"]).label if one["hold_cause"] else _why(one["status"]),
            "count": one["count"],
            "money": shown(one["sum"]),
            "waits": span(at - one["oldest"]) if one["oldest"] else "",
            "link": rows_of("needs-a-person", **_same(one["status"], one["hold_cause"])),
        }
        for one in groups
    ] + [*money_in.needs_a_person(at=at), *float_needs.needs_a_person(at=at)]


def _why(status: str) -> str:
    return _WHY.get(Status(status), f"{Status(status).label}, with something to look at")


def _same(status: str, cause: str) -> dict[str, str]:
    return {"status__exact": status} | ({"hold_cause__exact": cause} if cause else {})


def low_wallets() -> dict[str, Any]:
    """Return the wallets at or below their threshold, and what to say when there are none."""
    rows = PartnerWallet.objects.filter(current_balance__lte=F("low_balance_threshold")).select_related(
        "partner"
    )
    counts = PartnerWallet.objects.aggregate(all=Count("pk"), watched=Count("low_balance_threshold"))
    if not counts["all"]:
        words = "There is no wallet yet. One is opened with a partner's first money."
    elif not counts["watched"]:
        words = "No wallet has a threshold, so none can be below it. Set one on the wallet's page."
    else:
        words = f"No wallet is below it; {counts['watched']:,} of {counts['all']:,} have a threshold."
    low = [
        {
            "partner": one.partner,
            "balance": shown(one.current_balance),
            "threshold": shown(one.low_balance_threshold or Decimal(0)),
            "link": reverse("admin:wallet_partnerwallet_change", args=[one.pk]),
        }
        for one in rows.order_by("current_balance")[:20]
    ]
    return {"rows": low, "words": words}


def floats(*, at: datetime) -> list[dict[str, Any]]:
    """Return what each shortcode can pay out: by our ledger, and as M-Pesa last said."""
    sums = (
        Account.objects.filter(kind__in=[Kind.FLOAT, Kind.FLOAT_HELD])
        .order_by()
        .values("shortcode")
        .annotate(
            free=Sum("balance", filter=Q(kind=Kind.FLOAT)),
            held=Sum("balance", filter=Q(kind=Kind.FLOAT_HELD)),
        )
    )
    by_shortcode = {one["shortcode"]: one for one in sums}
    rows = Shortcode.objects.filter(pk__in=_ids(by_shortcode)).select_related("partner")
    paces = forecast.float_per_hour(at=at)
    return [
        {
            "name": str(one),
            "words": _runway(by_shortcode[one.pk]["free"] or Decimal(0), paces.get(one.pk), at=at),
            "free": shown(by_shortcode[one.pk]["free"] or Decimal(0)),
            "held": shown(by_shortcode[one.pk]["held"] or Decimal(0)),
            "told": shown(one.utility_balance) if one.utility_balance is not None else "not told yet",
            "told_when": f"{span(at - one.balance_at)} ago" if one.balance_at else "",
            "link": reverse("admin:partners_shortcode_change", args=[one.pk]),
        }
        for one in rows.order_by("number")
    ]


def _runway(free: Decimal, per_hour: Decimal | None, *, at: datetime) -> str:
    gone = forecast.lasts(free, per_hour, at=at)
    words = forecast.in_words(free, per_hour, moment(gone, at=at) if gone else "")
    tomorrow = midnight(at) + timedelta(days=1)
    if per_hour is None or gone is None or gone >= tomorrow:
        return words
    short = per_hour * Decimal((tomorrow - gone).total_seconds()) / 3600
    return f"{words} {shown(short.quantize(Decimal(1)))} to buy for today."


def _ids(found: Iterable[UUID]) -> list[UUID]:
    return list(found)
