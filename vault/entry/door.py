"""The way in: name and password, then the code; at the first time, setting up the second factor."""

import time
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import get_user_model, login
from django.contrib.auth.models import AbstractBaseUser, User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from common import audit, crypto
from common.network import client_address
from vault.entry import factor, freshness, keeping, throttle, visits
from vault.entry.forms import CodeForm, FirstCodeForm, LoginForm
from vault.entry.gate import KEPT, tell_of_recovery
from vault.entry.marks import opens
from vault.models import Visit

HALF = "entry.half"  # somebody whose password was right; not logged in yet
NEW_SECRET = "entry.new_secret"  # encrypted, until its first code is right
HALF_FOR = 10 * 60.0  # seconds between the password and the code


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """Somebody half way in."""

    user: AbstractBaseUser
    backend: str
    goal: str


@opens
@sensitive_post_parameters("password")
@never_cache
def log_in(request: HttpRequest) -> HttpResponse:
    """Ask for name and password."""
    if request.user.is_authenticated and admin.site.has_permission(request):
        return HttpResponseRedirect(goal_of(request))
    form = LoginForm(request, data=request.POST or None)
    if request.method == "POST" and (answer := _try_password(request, form)):
        return answer
    return _page(request, "admin/login.html", "Log in", form=form, app_path=request.get_full_path())


def _try_password(request: HttpRequest, form: LoginForm) -> HttpResponse | None:
    now, name, address = timezone.now(), request.POST.get("username", "")[:150], client_address(request)
    if wait := throttle.wait(name=name, address=address, at=now):
        form.refusal = _wait_words(wait)
    if not form.is_valid():
        if not form.refusal:
            _note_failure(request, name=name)
        return None
    throttle.succeeded(name=name, address=address, at=now)
    user = form.get_user()
    has_factor = freshness.has_factor(user)
    if not has_factor and not freshness.required():
        return enter(request, user=user, proof=Visit.Proof.PASSWORD, goal=goal_of(request))
    _keep_half(request, user)
    return redirect("entry_code" if has_factor else "entry_first")


def _wait_words(seconds: int) -> str:
    words = f"{seconds} seconds" if seconds < 120 else f"{-(-seconds // 60)} minutes"
    return f"There were too many wrong attempts. Try again in {words}."


def _note_failure(request: HttpRequest, *, name: str) -> None:
    """Count it, and audit it. A name that is nobody's is not written down: it may be a password."""
    now, address = timezone.now(), client_address(request)
    throttle.failed(name=name, address=address, at=now)
    known = User.objects.filter(username=name).first()
    audit.write(
        action="login failed",
        subject=known or User(pk=""),
        actor_name="somebody at the door",
        at=now,
        detail={} if known else {"name": "unknown"},
        remote_address=address,
    )


def _keep_half(request: HttpRequest, user: Any) -> None:
    """Remember a right password, under a new session key, for as long as it takes to type a code."""
    request.session.cycle_key()
    request.session.pop(NEW_SECRET, None)
    request.session[HALF] = {
        "user": user.pk,
        "hash": user.get_session_auth_hash(),
        "backend": user.backend,
        "goal": goal_of(request),
        "at": time.time(),
    }


def half_of(request: HttpRequest) -> Half | None:
    """Return who is half way in; nobody whose password or state has changed since, or who took too long."""
    kept = request.session.get(HALF)
    if not kept or time.time() - kept["at"] > HALF_FOR:
        return None
    user = get_user_model()._default_manager.filter(pk=kept["user"], is_active=True, is_staff=True).first()
    if user is None or not constant_time_compare(user.get_session_auth_hash(), kept["hash"]):
        return None
    return Half(user=user, backend=kept["backend"], goal=kept["goal"])


@opens
@never_cache
def type_code(request: HttpRequest) -> HttpResponse:
    """Ask for the second factor of somebody whose password was right."""
    half = half_of(request)
    if half is None:
        return _start_again(request)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            taken = factor.check(
                user=half.user,
                code=form.cleaned_data["code"],
                at=timezone.now(),
                address=client_address(request),
            )
        except factor.WrongCode as exc:
            form.add_error("code", str(exc))
        else:
            answer = enter(request, user=half.user, proof=taken.proof, goal=half.goal, backend=half.backend)
            tell_of_recovery(request, taken)
            return answer
    return _page(request, "vault/entry/code.html", "Second factor", form=form)


@opens
@never_cache
def first_time(request: HttpRequest) -> HttpResponse:
    """Set up the second factor of somebody whose password was right and who has none yet."""
    half = half_of(request)
    if half is None:
        return _start_again(request)
    if freshness.has_factor(half.user):
        return redirect("entry_code")
    form = FirstCodeForm(request.POST or None)
    codes = try_first_code(request, half.user, form)
    if codes is None:
        told = enrolment(request, half.user)
        return _page(request, "vault/entry/enrol.html", "Set up your second factor", form=form, **told)
    goal = enter(
        request, user=half.user, proof=Visit.Proof.CODE, goal=half.goal, backend=half.backend
    ).headers["Location"]
    return _page(request, "vault/entry/codes.html", "Your recovery codes", codes=codes, goal=goal)


def try_first_code(request: HttpRequest, user: AbstractBaseUser, form: FirstCodeForm) -> list[str] | None:
    """Confirm a new app by its first code and return the recovery codes; None while it is not right."""
    sealed = request.session.get(NEW_SECRET, "")
    if request.method != "POST" or not sealed or not form.is_valid():
        return None
    try:
        codes = factor.confirm(
            user=user,
            secret=crypto.decrypt(sealed),
            code=form.cleaned_data["code"],
            at=timezone.now(),
            address=client_address(request),
        )
    except factor.WrongCode as exc:
        form.add_error("code", str(exc))
        return None
    del request.session[NEW_SECRET]
    return codes


def enrolment(request: HttpRequest, user: AbstractBaseUser) -> dict[str, Any]:
    """Return what the page of enrolment shows: the same secret until it is confirmed."""
    sealed = request.session.get(NEW_SECRET)
    secret = crypto.decrypt(sealed) if sealed else factor.new_secret()
    if not sealed:
        request.session[NEW_SECRET] = crypto.encrypt(secret)
    return {"picture": factor.picture(user=user, secret=secret), "secret": factor.spaced(secret)}


def enter(
    request: HttpRequest, *, user: AbstractBaseUser, proof: str, goal: str, backend: str | None = None
) -> HttpResponseRedirect:
    """Let somebody in: a new session key, a visit, a line in the audit; and lead them where they were going."""
    now, old_key = timezone.now(), request.session.session_key
    request.session.pop(HALF, None)
    login(request, user, backend=backend)  # type: ignore[arg-type]
    freshness.begin(request, with_factor=proof != Visit.Proof.PASSWORD)
    if not request.session.session_key:
        request.session.create()
    elif request.session.session_key == old_key:  # Django keeps the key of somebody who is logged in already
        request.session.cycle_key()
        visits.replaced(old_key, at=now)
    visits.begin(request, user=user, proof=proof, at=now)
    audit.write(
        action="logged in",
        subject=user,
        actor=user,
        at=now,
        detail={"by": str(proof)},
        remote_address=client_address(request),
    )
    sealed = request.session.get(KEPT, "")
    if sealed and keeping.unseal(sealed, user_id=user.pk):
        return HttpResponseRedirect(reverse("entry_carry_on"))
    request.session.pop(KEPT, None)
    return HttpResponseRedirect(goal)


def goal_of(request: HttpRequest) -> str:
    """Return where somebody was going, if that is a page of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if ours and not wanted.startswith(reverse("admin:login")) else reverse("admin:index")


@opens
@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """End the session, at once."""
    if request.user.is_authenticated:
        now = timezone.now()
        visits.ended_itself(request, why="logged out", at=now)
        audit.write(action="logged out", subject=request.user, actor=request.user, at=now)
    return admin.site.logout(request)


def _start_again(request: HttpRequest) -> HttpResponse:
    if request.session.pop(HALF, None):
        messages.warning(request, "That took too long, or your account has changed. Please begin again.")
    return redirect("admin:login")


def _page(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    shown = admin.site.each_context(request) | {
        "title": title,
        "layout": "unfold/layouts/unauthenticated.html",
    }
    return TemplateResponse(request, template, shown | context)
