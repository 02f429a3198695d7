"""What of float and the ledger waits for people, for the overview."""

from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Sum
from django.db.models.functions import Abs
from django.urls import reverse

from common.money import shown
from disbursements.story import span
from wallet.observations import FloatWatch, LedgerProof
from wallet.purchases import FloatPurchase


def needs_a_person(*, at: datetime) -> list[dict[str, Any]]:
    """Return what waits, by reason: purchases without evidence, drifting shortcodes, a proof that failed."""
    return [*_purchases(at), *_drifts(at), *_proof(at)]


def _purchases(at: datetime) -> list[dict[str, Any]]:
    rows = FloatPurchase.objects.exclude(attention="")
    found = rows.aggregate(count=Count("pk"), oldest=Min("attention_at"), sum=Sum("amount"))
    link = f"{reverse('admin:wallet_floatpurchase_changelist')}?needs=yes"
    return _line("Float purchases with something to look at", found, link, at)


def _drifts(at: datetime) -> list[dict[str, Any]]:
    rows = FloatWatch.objects.exclude(attention="")
    found = rows.aggregate(count=Count("pk"), oldest=Min("drift_since"), sum=Sum(Abs("drift")))
    return _line(
        "M-Pesa holds another float than booked", found, reverse("admin:wallet_floatwatch_changelist"), at
    )


def _proof(at: datetime) -> list[dict[str, Any]]:
    last = LedgerProof.objects.order_by("-started_at").first()
    if last is None or not last.difference_count:
        return []
    found = {"count": last.difference_count, "oldest": last.started_at, "sum": 0}
    return _line(
        "The ledger's proof found differences",
        found,
        reverse("admin:wallet_ledgerproof_change", args=[last.pk]),
        at,
    )


def _line(why: str, found: dict[str, Any], link: str, at: datetime) -> list[dict[str, Any]]:
    if not found["count"]:
        return []
    return [
        {
            "why": why,
            "count": found["count"],
            "money": shown(found["sum"]) if found["sum"] else "",
            "waits": span(at - found["oldest"]) if found["oldest"] else "",
            "link": link,
        }
    ]
