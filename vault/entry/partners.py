"""What partner users may open: windows with a path to their partner, their own rows, and pages made for them."""

from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

from common.marks import is_for_partners
from common.own_rows import OwnRows, partner_of
from mifos.models import LoanProduct
from partners.models import PauseDial, Shortcode
from vault.entry.marks import model_admin_of

# Pages of Django's and unfold's own that show what the windows allow, and no more.
FRAME = frozenset({"app_list", "autocomplete", "jsi18n", "logout", "password_change_done"})
OF_THE_LIST = ("_changelist", "_export")


def refuse(request: HttpRequest, view: Any, kwargs: dict[str, Any]) -> HttpResponse | None:
    """Refuse a page that is not for partner users, or a row that is not theirs; show them their own first page.

    :raises Http404: there is no such page for them
    """
    if partner_of(request) is None or is_for_partners(view):
        return None
    name = (request.resolver_match.url_name or "") if request.resolver_match else ""
    if name == "index":
        from vault import own_overview  # it needs the apps

        return own_overview.page(request)
    if not _may_open(request, name, view, kwargs):
        raise Http404
    return None


def may_open(request: HttpRequest, address: str) -> bool:
    """Whether a link leads anywhere for this person; everybody of the platform may try."""
    if partner_of(request) is None:
        return True
    try:
        found = resolve(address)
    except Resolver404:
        return False
    if is_for_partners(found.func) or found.url_name == "index":
        return True
    return _may_open(request, found.url_name or "", found.func, found.kwargs)


def _may_open(request: HttpRequest, name: str, view: Any, kwargs: dict[str, Any]) -> bool:
    window = kwargs.get("model_admin") or model_admin_of(view)
    if window is None:
        return name in FRAME
    if not isinstance(window, OwnRows) or window.partner_path is None:
        return False
    if "object_id" in kwargs:
        return _is_theirs(request, window, kwargs["object_id"])
    return name.endswith(OF_THE_LIST)


def _is_theirs(request: HttpRequest, window: Any, object_id: Any) -> bool:
    try:
        row_id = window.model._meta.pk.to_python(unquote(str(object_id)))
    except ValidationError:
        return False
    return bool(window.get_queryset(request).filter(pk=row_id).exists())


def concerns(request: HttpRequest, dial: PauseDial) -> bool:
    """Whether a pause dial is this person's business."""
    partner_id = partner_of(request)
    if partner_id is None or dial.scope == PauseDial.Scope.EVERYTHING:
        return True
    if dial.scope == PauseDial.Scope.PARTNER:
        return dial.target_id == partner_id
    assert dial.target_id is not None  # the database sees to it
    if dial.scope == PauseDial.Scope.SHORTCODE:
        return Shortcode.objects.filter(pk=dial.target_id, partner_id=partner_id).exists()
    return LoanProduct.objects.filter(pk=dial.target_id, mifos_partner__partner_id=partner_id).exists()
