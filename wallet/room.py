"""All that the page of one wallet shows, with a constant number of queries however long its history is."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from common.money import shown
from common.tones import Tone, badge
from wallet import balances, forecast
from wallet.bank_models import BankAccount, TopUp, TopUpStatus
from wallet.forecast import Point
from wallet.models import PartnerWallet, WalletTransaction
from wallet.purchases import AutoFloatRule, FloatPurchase, PurchaseStatus
from wallet.tones import PURCHASES, TOPUPS

WIDTH, HEIGHT, TOP, BOTTOM = 720, 170, 16, 22
LINES = 12


class TellsOfMoney:
    """The wallet's page says what is there, what is held and how long it lasts."""

    change_form_template = "wallet/room.html"

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **options: Any) -> Any:
        found = gather(context["original"], at=timezone.now())
        return super().render_change_form(request, context | found, *args, **options)  # type: ignore[misc]


def gather(wallet: PartnerWallet, *, at: datetime) -> dict[str, Any]:
    """Return what the template shows."""
    found = balances.of_partner(wallet.partner_id)
    points = forecast.course(wallet, at=at)
    low = wallet.low_balance_threshold
    return {
        "wallet": wallet,
        "at": at,
        "tone": _tone(wallet).value,
        "held": found.wallet_held,
        "runway": _runway(wallet, points, at=at),
        "chart": chart(points, threshold=low),
        "lines": _lines(wallet),
        "floats": _floats(found, wallet, at=at),
        "topups": _topups(wallet),
        "purchases": _purchases(wallet),
        "rule": AutoFloatRule.objects.filter(partner_id=wallet.partner_id).first(),
        "pays_to": _pays_to(wallet),
        "links": {
            "lines": f"{reverse('admin:wallet_wallettransaction_changelist')}?wallet__id__exact={wallet.pk}",
            "topups": f"{reverse('admin:wallet_topup_changelist')}?partner__id__exact={wallet.partner_id}",
            "purchases": f"{reverse('admin:wallet_floatpurchase_changelist')}?partner__id__exact={wallet.partner_id}",
        },
    }


def _tone(wallet: PartnerWallet) -> Tone:
    low = wallet.low_balance_threshold
    return Tone.PERSON if low is not None and wallet.current_balance <= low else Tone.SETTLED


def _runway(wallet: PartnerWallet, points: Sequence[Point], *, at: datetime) -> str:
    per_day = forecast.charges_per_day(points)
    per_hour = None if per_day is None else per_day / 24
    if per_day is not None and not per_day:
        return "No charge was taken lately, so it lasts."
    gone = forecast.lasts(wallet.current_balance, per_hour, at=at)
    return forecast.in_words(wallet.current_balance, per_hour, moment(gone, at=at) if gone else "")


def moment(when: datetime, *, at: datetime) -> str:
    """Write a moment to come: the time of today, else the day too."""
    local, today = timezone.localtime(when), timezone.localtime(at).date()
    if local.date() == today:
        return f"{local:%H:%M} today"
    if local.date() == today + timedelta(days=1):
        return f"{local:%H:%M} tomorrow"
    return f"{local.day} {local:%B}"


def _floats(found: balances.Balances, wallet: PartnerWallet, *, at: datetime) -> list[dict[str, Any]]:
    paces = forecast.float_per_hour(at=at, partner_id=wallet.partner_id)
    rows = []
    for one in found.floats:
        pace = paces.get(one.shortcode_id)
        gone = forecast.lasts(one.available, pace, at=at)
        words = forecast.in_words(one.available, pace, moment(gone, at=at) if gone else "")
        rows.append({"float": one, "words": words})
    return rows


def _lines(wallet: PartnerWallet) -> list[WalletTransaction]:
    return list(WalletTransaction.objects.filter(wallet=wallet).order_by("-number")[:LINES])


def _topups(wallet: PartnerWallet) -> list[tuple[TopUp, Any]]:
    rows = TopUp.objects.filter(partner_id=wallet.partner_id).order_by("-asked_at")[:5]
    return [(one, badge(TOPUPS[TopUpStatus(one.status)], one.get_status_display())) for one in rows]


def _purchases(wallet: PartnerWallet) -> list[tuple[FloatPurchase, Any]]:
    rows = FloatPurchase.objects.filter(partner_id=wallet.partner_id).order_by("-asked_at")[:5]
    return [(one, badge(PURCHASES[PurchaseStatus(one.status)], one.get_status_display())) for one in rows]


def _pays_to(wallet: PartnerWallet) -> str:
    account = BankAccount.objects.order_by("created_at").first()
    return f"{account.till}#{wallet.partner.code.upper()}" if account and account.till else ""


def chart(points: Sequence[Point], *, threshold: Decimal | None) -> dict[str, Any] | None:
    """Place a wallet's course on a drawing; None while there is nothing to draw."""
    whole = (points[-1].at - points[0].at).total_seconds()
    highest = max([*(point.balance for point in points), threshold or Decimal(0)])
    if not whole or not highest:
        return None
    room = HEIGHT - TOP - BOTTOM

    def place(amount: Decimal) -> float:
        return round(HEIGHT - BOTTOM - float(amount / highest) * room, 1)

    places = [
        (round((point.at - points[0].at).total_seconds() / whole * WIDTH, 1), place(point.balance))
        for point in points
    ]
    return {
        "line": " ".join(f"{x},{y}" for x, y in places),
        "area": f"0,{HEIGHT - BOTTOM} "
        + " ".join(f"{x},{y}" for x, y in places)
        + f" {WIDTH},{HEIGHT - BOTTOM}",
        "threshold": place(threshold) if threshold else None,
        "top": shown(highest.quantize(Decimal(1))),
        "began": points[0].at,
    }
