"""What the pages of all six steps share: who may enter, the row of steps, and what a real call said."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from common.changes import By
from common.own_rows import partner_of
from common.windows import person
from partners.models import Partner
from vault.wizard import readiness
from vault.wizard.readiness import STEPS

Said = list[tuple[bool, str]]
RIGHTS = {
    "partner": "partners.change_partner",
    "mifos": "mifos.change_mifospartner",
    "shortcodes": "partners.change_shortcode",
    "wallet": "wallet.change_partnerwallet",
    "sms": "sms.change_smsgateway",
    "keys": "partners.change_apikey",
}


def enter(request: HttpRequest, model_admin: Any, partner_id: UUID | None, slug: str) -> Partner | None:
    """Return the partner whose step it is, None for a new one.

    :raises PermissionDenied: this person may not set it up, or may not see it
    """
    may = request.user.has_perm(RIGHTS[slug] if partner_id else "partners.add_partner")
    if not may or partner_of(request) is not None:  # the steps show what is the platform's, too
        raise PermissionDenied
    if partner_id is None:
        return None
    found: Partner | None = model_admin.get_queryset(request).filter(pk=partner_id).first()
    if found is None:
        raise PermissionDenied
    return found


def show(
    request: HttpRequest,
    model_admin: Any,
    partner: Partner | None,
    slug: str,
    context: dict[str, Any],
) -> HttpResponse:
    """Show a step with the row of all six above it."""
    at = timezone.now()
    found = readiness.of_partner(partner, at=at) if partner else None
    title = dict(STEPS)[slug]
    frame = model_admin.admin_site.each_context(request) | {
        "title": f"Set up {partner}: {title}" if partner else "Set up a partner",
        "opts": model_admin.model._meta,
        "partner": partner,
        "readiness": found,
        "slug": slug,
        "number": [name for name, _ in STEPS].index(slug) + 1,
        "step_title": title,
        "steps": found.steps if found else [],
        "coming": [] if found else STEPS,
        "following": _following(partner, slug),
    }
    answer = TemplateResponse(request, f"vault/wizard/{slug}.html", frame | context)
    answer["Cache-Control"] = "no-store"
    return answer


def _following(partner: Partner | None, slug: str) -> dict[str, str] | None:
    slugs = [name for name, _ in STEPS]
    place = slugs.index(slug) + 1
    if partner is None or place == len(slugs):
        return None
    return {"title": STEPS[place][1], "link": link(partner, slugs[place])}


def link(partner: Partner, slug: str) -> str:
    """Return the address of a partner's step."""
    return reverse("admin:partners_partner_step", args=[partner.pk, slug])


def back(partner: Partner, slug: str, *, query: str = "") -> HttpResponse:
    """Lead to a step after something was done."""
    return HttpResponseRedirect(link(partner, slug) + query)


def by_whom(request: HttpRequest) -> By:
    return By(actor=person(request), reason="set-up")


def good(said: Sequence[tuple[bool, str]]) -> bool:
    return all(fine for fine, _ in said)


def keep(request: HttpRequest, said: Sequence[tuple[bool, str]], *, works_now: bool) -> bool:
    """Whether what was typed is saved: always, unless it would replace what works by what does not."""
    return good(said) or not works_now or "anyway" in request.POST


def written(form: BaseForm, *, without: Sequence[str] = ()) -> dict[str, Any]:
    """Return the fields of a valid form, as operations take them."""
    return {name: form.cleaned_data[name] for name in form.fields if name not in without}


def refuse(form: BaseForm, exc: ValidationError | ValueError) -> None:
    """Put what an operation refused beside the fields it is about."""
    if not isinstance(exc, ValidationError):
        form.add_error(None, str(exc))
        return
    if not hasattr(exc, "error_dict"):
        form.add_error(None, exc)
        return
    for name, errors in exc.message_dict.items():
        form.add_error(name if name in form.fields else None, errors)


def now() -> datetime:
    return timezone.now()
