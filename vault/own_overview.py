"""The first page of people of a partner: their own figures, each leading to the rows behind it."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Count, Min, Q, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from c2b.models import C2bTransaction
from c2b.statuses import Status as Collected
from common.money import shown
from common.own_rows import partner_of
from common.tones import Tone
from disbursements.models import Disbursement
from disbursements.saved import SAVED, midnight
from disbursements.story import span
from partners.models import Partner
from vault.overview import Tile, rows_of
from wallet import balances
from wallet.models import PartnerWallet

QUESTIONS: tuple[tuple[str, Tone | None, str], ...] = (
    ("paid-today", None, "Nothing was paid out yet today."),
    ("on-the-way", Tone.MOVING, "Nothing is under way."),
    ("needs-a-person", Tone.PERSON, "Nobody is needed."),
    ("unknown", Tone.UNKNOWN, "We know of every payment."),
)


def page(request: HttpRequest) -> HttpResponse:
    """Show what is going on at one's own partner."""
    at, partner_id = timezone.now(), partner_of(request)
    if partner_id is None:
        raise Http404
    partner = Partner.objects.get(pk=partner_id)
    context = admin.site.each_context(request) | {"title": str(partner), "partner": partner}
    if request.user.has_perm("disbursements.view_disbursement"):
        context |= {"may_see": True, "tiles": tiles(partner.pk, at=at), "money": money(partner.pk)}
    return TemplateResponse(request, "vault/own_overview.html", context)


def tiles(partner_id: UUID, *, at: datetime) -> list[Tile]:
    """Return the figures on top."""
    rows = Disbursement.objects.filter(partner_id=partner_id)
    found = []
    for name, tone, none in QUESTIONS:
        sums = rows.filter(SAVED[name].where(at)).aggregate(
            rows=Count("pk"), oldest=Min("moved_at"), sum=Sum("amount", default=Decimal(0))
        )
        words = shown(sums["sum"]) if sums["rows"] else none
        if sums["rows"] and name != "paid-today":
            words += f", the oldest for {span(at - sums['oldest'])}"
        found.append(
            Tile(
                label=SAVED[name].label,
                figure=f"{sums['rows']:,}",
                words=words,
                link=rows_of(name),
                tone=tone if sums["rows"] else None,
            )
        )
    return [*found, *_collected(partner_id, at=at)]


def _collected(partner_id: UUID, *, at: datetime) -> list[Tile]:
    rows = C2bTransaction.objects.filter(partner_id=partner_id)
    today = rows.filter(paid_at__gte=midnight(at)).aggregate(
        rows=Count("pk"), sum=Sum("amount", default=Decimal(0))
    )
    waiting = rows.filter(Q(status=Collected.UNMATCHED) | Q(status=Collected.FAILED)).count()
    listed = reverse("admin:c2b_c2btransaction_changelist")
    return [
        Tile(label="Collected today", figure=f"{today['rows']:,}", words=shown(today["sum"]), link=listed),
        Tile(
            label="In suspense",
            figure=f"{waiting:,}",
            words="Payments that fit no account." if waiting else "Every payment found its account.",
            link=reverse("admin:c2b_suspense"),
            tone=Tone.PERSON if waiting else None,
        ),
    ]


def money(partner_id: UUID) -> list[dict[str, Any]]:
    """Return what is in the wallet and in the float, with the page behind each."""
    held = balances.of_partner(partner_id)
    wallet = PartnerWallet.objects.filter(partner_id=partner_id).first()
    page = reverse("admin:wallet_partnerwallet_change", args=[wallet.pk]) if wallet else ""
    rows = [{"name": "Wallet", "free": shown(held.wallet), "held": shown(held.wallet_held), "link": page}]
    return rows + [
        {
            "name": f"Float on {one.number}",
            "free": shown(one.available),
            "held": shown(one.held),
            "link": reverse("admin:wallet_account_changelist"),
        }
        for one in held.floats
    ]
