"""The reconciliation room: a day and a partner, three columns each, the lines that differ, and the certificate."""

from datetime import date
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from common.exporting import NAIROBI
from common.marks import harmless
from common.money import shown
from common.windows import person, write_line
from partners.models import Partner
from vault.house import certificate, reconciling
from vault.house.reconciling import Side
from wallet.observations import FloatWatch, LedgerProof


@harmless
def page(request: HttpRequest) -> HttpResponse:
    """Show how a day stands; on POST hand out its certificate, if all agrees."""
    if not request.user.has_perms(["disbursements.view_disbursement", "c2b.view_c2btransaction"]):
        raise PermissionDenied
    partner, day = _partner(request), _day(request)
    sides = [reconciling.payouts(partner, day), reconciling.collections(partner, day)] if partner else []
    if request.method == "POST" and partner:
        return _certify(request, partner, day, sides)
    context = admin.site.each_context(request) | {
        "title": "Reconciliation",
        "partners": Partner.objects.order_by("name"),
        "partner": partner,
        "day": day,
        "today": timezone.now().astimezone(NAIROBI).date(),
        "sides": [(side, [(book, shown(book.total)) for book in side.books]) for side in sides],
        "agrees": all(side.agrees for side in sides),
        "over": day < timezone.now().astimezone(NAIROBI).date(),
        "check": f"{reverse('admin:c2b_check')}?partner={partner.code if partner else ''}&day={day}",
        "most": reconciling.MOST,
        "floats": _floats(partner),
        "proof": LedgerProof.objects.order_by("-started_at").first(),
    }
    return TemplateResponse(request, "vault/reconciliation.html", context)


def _partner(request: HttpRequest) -> Partner | None:
    code = request.GET.get("partner", "")
    return Partner.objects.filter(code=code).first() if code else Partner.objects.order_by("name").first()


def _day(request: HttpRequest) -> date:
    today = timezone.now().astimezone(NAIROBI).date()
    try:
        found = date.fromisoformat(request.GET.get("day", ""))
    except ValueError:
        return today
    return found if 2000 <= found.year <= today.year + 1 else today


def _floats(partner: Partner | None) -> list[dict[str, Any]]:
    """Return how far M-Pesa's balances are from our book, for the shortcodes of a partner and the shared ones."""
    rows = FloatWatch.objects.select_related("shortcode__partner").order_by("shortcode__number")
    return [
        {
            "name": str(one.shortcode),
            "drift": shown(one.drift) if one.drift is not None else "",
            "agrees": one.drift == 0,
            "known": one.drift is not None,
            "at": one.drift_at,
        }
        for one in rows
        if one.shortcode.partner_id in (None, partner.pk if partner else None)
    ]


def _certify(request: HttpRequest, partner: Partner, day: date, sides: list[Side]) -> HttpResponse:
    now = timezone.now()
    if day >= now.astimezone(NAIROBI).date():
        messages.error(request, "The day is not over yet, so it cannot be certified.")
        return HttpResponseRedirect(request.get_full_path())
    by = person(request)
    try:
        made = certificate.as_pdf(partner=partner.name, day=day, sides=sides, by=by.get_username(), at=now)
    except ValueError:
        messages.error(
            request, "It does not agree, so there is nothing to certify. The page says what differs."
        )
        return HttpResponseRedirect(request.get_full_path())
    lines = {side.title.lower(): side.lines for side in sides}
    write_line(request, partner, "certified a day", detail={"day": str(day)} | lines)
    answer = HttpResponse(made, content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="certificate-{partner.code}-{day}.pdf"'
    answer["Cache-Control"] = "no-store"
    return answer
