"""Which requests go through the gate without a fresh code: what moves no money and changes no credential."""

from typing import Any

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest

from common import marks

OPEN = "entry_open"  # the door's own pages


def opens(view: Any) -> Any:
    """Mark a page of the door itself, which nobody asks anything more of."""
    setattr(view, OPEN, True)
    return view


def is_open(view: Any) -> bool:
    return bool(getattr(view, OPEN, False))


def is_harmless(request: HttpRequest, view: Any) -> bool:
    """Whether a POST may go on without a fresh second factor. What nobody has marked may not."""
    if marks.is_harmless(view, request):
        return True
    window = model_admin_of(view)
    if window is None:
        return False
    name = request.POST.get("action", "")
    if name and _is_list(request):
        chosen = window.get_actions(request).get(name)
        return bool(chosen and marks.is_harmless(chosen[0], request))
    return _is_form(request) and marks.is_harmless(window, request)


def model_admin_of(view: Any) -> "ModelAdmin[Any] | None":
    """Return the admin to which a page belongs, however it was hung into the URLs."""
    while view is not None:
        for found in (getattr(view, "model_admin", None), getattr(view, "__self__", None)):
            if isinstance(found, ModelAdmin):
                return found
        view = getattr(view, "__wrapped__", None)
    return None


def _name(request: HttpRequest) -> str:
    return (request.resolver_match.url_name or "") if request.resolver_match else ""


def _is_list(request: HttpRequest) -> bool:
    return _name(request).endswith("_changelist")


def _is_form(request: HttpRequest) -> bool:
    return _name(request).endswith(("_add", "_change"))
