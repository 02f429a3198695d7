"""The page for a form whose proof of origin is stale: in words, and without losing what was typed."""

from urllib.parse import urlsplit

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from vault.entry import keeping
from vault.entry.gate import HOUSE

DIALOG = "vault/entry/stale_in_dialog.html"


def failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that Django's CSRF check refused.

    Where the browser itself says that the form is from our own page (a login in another tab has changed the
    token), what was typed can be sent again by one more press. From anywhere else nothing is offered.
    """
    if not request.path.startswith(HOUSE):
        return JsonResponse({"detail": "This form was not sent from a page of ours."}, status=403)
    at_the_door = request.path.startswith(f"{HOUSE}log")
    ours, user = is_from_us(request) and not at_the_door, getattr(request, "user", None)
    logged_in = bool(user and user.is_authenticated)
    sealed = keeping.seal(request, user_id=user.pk) if ours and logged_in and user and user.pk else None
    kept = keeping.unseal(sealed, user_id=user.pk) if sealed and user else None
    context = {
        "title": "This form was not sent",
        "kept": sealed or "",
        "path": request.get_full_path(),
        "typed": keeping.in_words(kept) if kept else [],
        "logged_in": logged_in,
        "layout": "admin/base_site.html" if logged_in else "unfold/layouts/unauthenticated.html",
    }
    if "HX-Request" in request.headers:
        return render(request, DIALOG, context)
    page = admin.site.each_context(request) | context
    answer = render(request, "vault/entry/stale.html", page, status=403)
    answer["Cache-Control"] = "no-store"
    return answer


def is_from_us(request: HttpRequest) -> bool:
    """Whether the browser says that one of our own pages sent this."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site != "same-origin":
        return False
    origin = request.headers.get("Origin", "")
    return bool(origin) and urlsplit(origin).netloc == request.get_host()
