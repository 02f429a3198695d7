"""What people do about their own coming in: second factor, recovery codes, sessions, password."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from unfold.forms import AdminOwnPasswordChangeForm

from common import audit
from common.marks import for_partners, harmless
from common.network import client_address
from common.windows import ago, person, write_line
from vault.entry import door, factor, freshness, keeping, visits
from vault.entry.forms import CodeForm, FirstCodeForm
from vault.entry.gate import KEPT
from vault.models import Authenticator, Visit


def page(view: Any) -> Any:
    """Make a view one of everybody's own pages, for staff and partner users alike."""
    return for_partners(never_cache(staff_member_required(view, login_url="admin:login")))


@page
def second_factor(request: HttpRequest) -> HttpResponse:
    """Show the state of one's second factor, and what can be done about it."""
    device = Authenticator.objects.filter(user_id=request.user.pk).first()
    return _page(
        request,
        "vault/entry/second_factor.html",
        "Second factor",
        device=device,
        since=ago(device.created_at) if device else "",
        used=ago(device.used_at) if device and device.used_at else "",
        left=factor.codes_left(person(request)),
        required=freshness.required(),
    )


@page
@harmless
def enrol(request: HttpRequest) -> HttpResponse:
    """Set up an app, or another one in place of the first: then a code of the first one is asked for."""
    user = person(request)
    if freshness.has_factor(user) and not request.session.get(MAY_REPLACE):
        return _ask_for_code(request, user, goal="entry_enrol")
    form = FirstCodeForm(request.POST if "code" in request.POST else None)
    codes = door.try_first_code(request, user, form)
    if codes is None:
        return _page(
            request,
            "vault/entry/enrol.html",
            "Set up your second factor",
            form=form,
            **door.enrolment(request, user),
        )
    request.session.pop(MAY_REPLACE, None)
    freshness.shown(request)
    visits.end_all(user=user, why="second factor changed", at=timezone.now(), but=request.session.session_key)
    return _show_codes(request, codes)


MAY_REPLACE = "entry.may_replace"


def _ask_for_code(request: HttpRequest, user: AbstractBaseUser, *, goal: str) -> HttpResponse:
    form = CodeForm(request.POST if "code" in request.POST else None)
    if request.method == "POST" and form.is_valid():
        try:
            factor.check(
                user=user,
                code=form.cleaned_data["code"],
                at=timezone.now(),
                address=client_address(request),
            )
        except factor.WrongCode as exc:
            form.add_error("code", str(exc))
        else:
            freshness.shown(request)
            request.session[MAY_REPLACE] = True
            return redirect(goal)
    words = "First a code of the app that you have now, or a recovery code."
    return _page(request, "vault/entry/code.html", "Change your second factor", form=form, words=words)


@page
@require_POST
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """Make ten new recovery codes and show them once."""
    user = person(request)
    if not freshness.has_factor(user):
        return redirect("entry_second_factor")
    codes = factor.new_codes(user=user, at=timezone.now(), address=client_address(request))
    return _show_codes(request, codes)


def _show_codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    goal = reverse("entry_second_factor")
    return _page(request, "vault/entry/codes.html", "Your recovery codes", codes=codes, goal=goal)


@page
def sessions(request: HttpRequest) -> HttpResponse:
    """Show where one is logged in; administrators see everybody."""
    now, everybody, me = timezone.now(), request.user.has_perm("auth.change_user"), person(request).pk
    found = visits.open_ones(at=now).select_related("user")
    mine = [_row(visit, request) for visit in found.filter(user_id=me)]
    others = [_row(visit, request) for visit in found.exclude(user_id=me)[:200]] if everybody else []
    return _page(
        request,
        "vault/entry/sessions.html",
        "Sessions",
        mine=mine,
        others=others,
        everybody=everybody,
        idle=settings.SESSION_IDLE_MINUTES,
        hours=settings.SESSION_HOURS,
    )


def _row(visit: Visit, request: HttpRequest) -> dict[str, Any]:
    return {
        "visit": visit,
        "device": visits.device_words(visit.device),
        "since": ago(visit.begun_at),
        "seen": ago(visit.seen_at),
        "here": visit.session_key == request.session.session_key,
    }


@page
@harmless
@require_POST
def end_session(request: HttpRequest, visit_id: UUID) -> HttpResponse:
    """End one login: one's own, or as an administrator anybody's."""
    visit = get_object_or_404(Visit.objects.select_related("user"), pk=visit_id)
    if visit.user_id != request.user.pk and not request.user.has_perm("auth.change_user"):
        raise PermissionDenied
    visits.end(visit, why=f"ended by {person(request).get_username()}", at=timezone.now())
    audit.write(
        action="ended a session",
        subject=visit.user,
        actor=person(request),
        at=timezone.now(),
        detail={"device": visits.device_words(visit.device), "address": visit.address},
        remote_address=client_address(request),
    )
    messages.success(request, f"{visits.device_words(visit.device)} is logged out.")
    return redirect("entry_sessions")


@page
@harmless
@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    """End all of one's own logins but this one."""
    user, now = person(request), timezone.now()
    count = visits.end_all(user=user, why="ended from elsewhere", at=now, but=request.session.session_key)
    write_line(request, user, "ended all other sessions", detail={"count": count})
    messages.success(request, "You are logged in here and nowhere else.")
    return redirect("entry_sessions")


class ChangePassword(PasswordChangeView):
    """Change one's own password; every other login ends with it."""

    form_class = AdminOwnPasswordChangeForm
    template_name = "registration/password_change_form.html"

    def get_success_url(self) -> str:
        return reverse("entry_sessions")

    def get_context_data(self, **options: Any) -> dict[str, Any]:
        return (
            super().get_context_data(**options)
            | admin.site.each_context(self.request)
            | {"title": "Change your password"}
        )

    def form_valid(self, form: Any) -> HttpResponse:
        old_key, now = self.request.session.session_key or "", timezone.now()
        answer = super().form_valid(form)  # makes a new session key; other sessions lose their hash
        visits.renamed(old_key, self.request.session.session_key or "")
        user = person(self.request)
        visits.end_all(user=user, why="password changed", at=now, but=self.request.session.session_key)
        write_line(self.request, user, "changed own password")
        messages.success(self.request, "Your password is changed. You are logged in here and nowhere else.")
        return answer


@page
def carry_on(request: HttpRequest) -> HttpResponse:
    """Show what was being sent when the session ended; it goes on, or is dropped."""
    sealed = request.session.get(KEPT, "")
    kept = keeping.unseal(sealed, user_id=request.user.pk) if sealed else None
    if request.method == "POST" or kept is None:
        request.session.pop(KEPT, None)
        if request.method == "POST":
            messages.info(request, "It was dropped. Nothing was done.")
        return HttpResponseRedirect(reverse("admin:index"))
    del request.session[KEPT]  # the page has it now
    return _page(
        request,
        "vault/entry/carry_on.html",
        "Carry on where you were",
        kept=sealed,
        path=kept.path,
        typed=keeping.in_words(kept),
    )


def _page(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    shown = admin.site.each_context(request) | {"title": title, "layout": "admin/base_site.html"}
    return TemplateResponse(request, template, shown | context)


harmless(carry_on)
