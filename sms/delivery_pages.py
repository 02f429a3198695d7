"""The page of delivery, and sending again what failed: one reason at a time, or what was ticked in the list."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from common.changes import By
from common.moves import ForbiddenMove, LostRace
from common.phone import BadPhone, masked
from common.windows import person
from partners.models import Partner
from sms import delivery, operations
from sms.models import SmsNotification, Status

SHOWN = 20


def page(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Show how messages fare in a period, for all partners or one."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    period, partner = _chosen(request)
    at = timezone.now()
    rows = delivery.rows_since(delivery.since(period, at=at), partner.pk if partner else None)
    stages = delivery.funnel(rows)
    context = model_admin.admin_site.each_context(request) | {
        "title": "SMS delivery",
        "opts": model_admin.model._meta,
        "period": period,
        "periods": delivery.PERIODS,
        "partner": partner,
        "partners": Partner.objects.all(),
        "stages": stages,
        "empty": not stages[0].count,
        "reasons": delivery.reasons(rows),
        "accounts": delivery.accounts(rows),
        "list": reverse("admin:sms_smsnotification_changelist"),
        "may_send": may_send(request),
    }
    return TemplateResponse(request, "sms/delivery.html", context)


def may_send(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("sms.change_smsnotification"))


def _chosen(request: HttpRequest) -> tuple[str, Partner | None]:
    said = request.GET if request.method == "GET" else request.POST
    period = said.get("period", "24h")
    known = period if period in {name for name, _, _ in delivery.PERIODS} else "24h"
    return known, Partner.objects.filter(code=said.get("partner", "")).first()


def again(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Ask before failed messages of one reason, or those that were ticked, are sent again; then do it."""
    if not may_send(request):
        raise PermissionDenied
    period, partner = _chosen(request)
    if request.method == "POST" and "ids" in request.POST:
        rows = list(SmsNotification.objects.filter(pk__in=request.POST.getlist("ids")[: delivery.MOST_AGAIN]))
        return _send(request, rows)
    reason = request.GET.get("reason", "")
    begin = delivery.since(period, at=timezone.now())
    return confirm(
        request, model_admin, list(delivery.to_send_again(begin, reason, partner.pk if partner else None))
    )


def confirm(request: HttpRequest, model_admin: Any, rows: Sequence[SmsNotification]) -> HttpResponse:
    """Show which messages would go out again, in how many parts, and ask why."""
    fitting = [row for row in rows if row.status == Status.FAILED or row.unconfirmed]
    context = model_admin.admin_site.each_context(request) | {
        "title": f"Send {len(fitting)} messages again",
        "opts": model_admin.model._meta,
        "rows": [(row, masked(row.recipient_phone)) for row in fitting[:SHOWN]],
        "ids": [row.pk for row in fitting],
        "more": max(0, len(fitting) - SHOWN),
        "left_out": len(rows) - len(fitting),
        "parts": sum(row.segments for row in fitting),
        "doubtful": sum(row.unconfirmed for row in fitting),
        "back": back_to(request),
    }
    return TemplateResponse(request, "sms/again.html", context)


def back_to(request: HttpRequest) -> str:
    period, partner = _chosen(request)
    query = urlencode({"period": period, "partner": partner.code if partner else ""})
    return f"{reverse('admin:sms_smsnotification_delivery')}?{query}"


def _send(request: HttpRequest, rows: Sequence[SmsNotification]) -> HttpResponse:
    reason = request.POST.get("reason", "").strip()
    if not reason:
        messages.error(request, "Nothing was sent: say why, in a few words.")
        return HttpResponseRedirect(back_to(request))
    by, at, refused = By(actor=person(request), reason=reason), timezone.now(), 0
    for row in rows:
        try:
            operations.resend(notification_id=row.pk, at=at, by=by)
        except (BadPhone, ForbiddenMove, LostRace):
            refused += 1
    gone = len(rows) - refused
    words = f"{gone} message{'' if gone == 1 else 's'} on the way again."
    if refused:
        words += f" {refused} could not be: the number is wrong, or they were on their way already."
    messages.add_message(request, messages.SUCCESS if gone else messages.ERROR, words)
    return HttpResponseRedirect(back_to(request))
