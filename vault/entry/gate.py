"""The gate before every operators' page: sessions that are over, codes that are asked for again, whose rows.

It stands in front of all pages under /admin/, so that a new page is guarded from its first day: a POST needs a
fresh second factor unless the page is marked harmless (`common/marks.py`).
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from common.network import client_address
from vault.entry import factor, freshness, keeping, marks, partners, visits
from vault.entry.forms import StepUpForm
from vault.entry.keeping import Kept

HOUSE = "/admin/"
KEPT = "entry.kept"  # in the session of somebody who has to log in again
KEPT_WORDS = "What you typed is kept, and nothing was done yet. Log in, and you can carry on with it."
LOST_WORDS = (
    "You were logged out before this was sent, so nothing was done. Log in, then go back in your browser and send "
    "it again."
)


class Gate:
    """Middleware; after sessions, messages and authentication."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(HOUSE):
            return self.get_response(request)
        _end_what_is_over(request)
        response = self.get_response(request)
        if getattr(request, "kept_from_htmx", False):
            response = _as_page(request, response)
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        if not request.path.startswith(HOUSE) or marks.is_open(view):
            return None
        if not request.user.is_authenticated:
            return _to_the_door(request)
        kept = _kept_of(request)
        if request.method == "POST" and keeping.FIELD in request.POST and kept is None:
            return _too_old(request)
        return self._step_up(request, view, kept) or partners.refuse(request, view, kwargs)

    def _step_up(self, request: HttpRequest, view: Any, kept: Kept | None) -> HttpResponse | None:
        sealed, code = request.POST.get(keeping.FIELD), request.POST.get(keeping.CODE)
        if kept is not None:
            keeping.put_back(request, kept)
            request.kept_from_htmx = kept.by_htmx and "HX-Request" not in request.headers  # type: ignore[attr-defined]
        if request.method != "POST" or freshness.is_fresh(request) or marks.is_harmless(request, view):
            return None
        if not freshness.required() and not freshness.has_factor(request.user):
            return None
        words = ""
        if code is not None:
            words = _try(request, code)
            if not words:
                return None
        return ask(request, sealed or keeping.seal(request, user_id=request.user.pk or 0), words)


def _end_what_is_over(request: HttpRequest) -> None:
    """End a session that is too old, or never showed a second factor though it must; or note that it lives."""
    request.was = None  # type: ignore[attr-defined]
    if not request.user.is_authenticated:
        key = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
        request.was = visits.whose(key) if key and request.method == "POST" else None  # type: ignore[attr-defined]
        return
    why = freshness.over(request)
    if not why and freshness.required() and not freshness.was_shown(request):
        why = "A second factor is needed now."
    if not why:
        if freshness.see(request):
            visits.seen(request, at=timezone.now())
        return
    request.was = request.user.pk  # type: ignore[attr-defined]
    visits.ended_itself(request, why=why, at=timezone.now())
    logout(request)
    messages.info(request, f"{why} Please log in again.")


def _to_the_door(request: HttpRequest) -> HttpResponse | None:
    """Send somebody who is not logged in to the door; what they were sending is kept where we know whose it is."""
    by_htmx = "HX-Request" in request.headers
    here = request.headers.get("HX-Current-URL", "") if by_htmx else request.get_full_path()
    if request.method != "POST":
        if by_htmx:
            return HttpResponse(headers={"HX-Redirect": _login(_path_of(here))})
        return None  # the page itself sends them
    was = getattr(request, "was", None)
    sealed = keeping.seal(request, user_id=was) if was is not None else None
    if sealed:
        request.session[KEPT] = sealed
    messages.warning(request, KEPT_WORDS if sealed else LOST_WORDS)
    address = _login(_path_of(here))
    if by_htmx:
        return render(request, "vault/entry/ended_in_dialog.html", {"login": address, "kept": bool(sealed)})
    return HttpResponseRedirect(address)


def _login(page: str) -> str:
    return f"{reverse('admin:login')}?{urlencode({'next': page})}"


def _path_of(address: str) -> str:
    """Return the path of an address of our own; the start page for anything else."""
    parts = urlsplit(address)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return path if path.startswith(HOUSE) else HOUSE


def _kept_of(request: HttpRequest) -> Kept | None:
    sealed = request.POST.get(keeping.FIELD) if request.method == "POST" else None
    return keeping.unseal(sealed, user_id=request.user.pk, path=request.get_full_path()) if sealed else None


def _too_old(request: HttpRequest) -> HttpResponse:
    messages.error(
        request, "What was kept is too old or was somebody else's. Nothing was done; please do it anew."
    )
    page = _path_of(request.headers.get("HX-Current-URL", "")) if "HX-Request" in request.headers else HOUSE
    if "HX-Request" in request.headers:
        return HttpResponse(headers={"HX-Redirect": page})
    return HttpResponseRedirect(page)


def _try(request: HttpRequest, code: str) -> str:
    """Take the code; return what is wrong with it, in words, or nothing."""
    if not request.user.is_authenticated:
        return "You are not logged in any more."
    try:
        taken = factor.check(user=request.user, code=code, at=timezone.now(), address=client_address(request))
    except factor.WrongCode as exc:
        return str(exc)
    freshness.shown(request)
    tell_of_recovery(request, taken)
    return ""


def tell_of_recovery(request: HttpRequest, taken: factor.Taken) -> None:
    """Remind a person that a recovery code was used up."""
    if taken.proof == "recovery":
        left = f"{taken.left} are left" if taken.left != 1 else "one is left"
        messages.warning(
            request,
            f"That was a recovery code; {left}. Make new ones, or set up your phone, on “Second factor”.",
        )


def ask(request: HttpRequest, sealed: str | None, words: str) -> HttpResponse:
    """Ask for the code, and carry what was sent along."""
    if sealed is None:
        words = "What you sent is too large to be kept. Type the code here, then send it again."
    form = StepUpForm({keeping.CODE: ""} if words else None)
    if words:
        form.full_clean()
        form.errors[keeping.CODE] = form.error_class([words])
    context = {
        "kept": sealed or "",
        "form": form,
        "title": "Please confirm that it is you",
        "minutes": settings.STEP_UP_MINUTES,
    }
    if "HX-Request" in request.headers:
        return render(request, "vault/entry/step_up_in_dialog.html", context)
    answer = render(request, "vault/entry/step_up.html", admin.site.each_context(request) | context)
    answer["Cache-Control"] = "no-store"
    return answer


def _as_page(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Turn the answer for a dialog into one for a page, where the dialog was closed by a login meanwhile."""
    if response.status_code >= 300:
        return response
    goal = response.headers.get("HX-Redirect")
    if goal is None:
        messages.error(request, "It was not accepted. Open it again and look at what it says.")
    return HttpResponseRedirect(goal or HOUSE)
