"""Phones on pages: masked until somebody who may asks for one; who asked is written down.

A window names the phones that it has in `phone_fields`; `hidden()` shows one as a button, and `house.js` puts the
full number in its place for a while.
"""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from common.marks import for_partners, harmless
from common.phone import masked
from common.windows import write_line

RIGHT = "common.reveal_phone"


def hidden(row: models.Model, field: str = "phone") -> SafeString:
    """Show a phone masked, as a button that reveals it; whoever may not is told so when pressing it."""
    number = str(getattr(row, field) or "")
    if not number:
        return format_html('<span class="pv-quiet">{}</span>', "no phone yet")
    label = row._meta.label_lower
    return format_html(
        '<button type="button" class="pv-phone" data-pv-reveal="{}" title="{}">{}</button>',
        reverse("reveal_phone", args=[label, row.pk, field]),
        "Show the full number for half a minute; that you asked is written down.",
        masked(number),
    )


@for_partners
@harmless
@require_POST
def reveal(request: HttpRequest, label: str, row_id: UUID, field: str) -> JsonResponse:
    """Tell one phone in full, to whoever may see its row and has the right, and write down who asked."""
    window = next(
        (one for model, one in admin.site._registry.items() if model._meta.label_lower == label), None
    )
    if window is None or field not in getattr(window, "phone_fields", ()):
        raise Http404
    row: Any = window.get_queryset(request).filter(pk=row_id).first()
    if row is None or not window.has_view_permission(request, row) or not request.user.has_perm(RIGHT):
        raise PermissionDenied
    with transaction.atomic():
        write_line(request, row, "revealed phone")
    answer = JsonResponse({"phone": getattr(row, field)})
    answer["Cache-Control"] = "no-store"
    return answer
