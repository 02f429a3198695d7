"""What a session remembers of its login, and whether the second factor was shown lately enough."""

import time

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest

from vault.models import Authenticator

BEGUN, SEEN, FACTOR_AT = "entry.begun", "entry.seen", "entry.factor_at"
SEEN_EVERY = 60.0  # seconds: a busy session is not written at each request


def required() -> bool:
    """Whether nobody comes in without a second factor (`TWO_FACTOR`)."""
    return str(settings.TWO_FACTOR) != "optional"


def begin(request: HttpRequest, *, with_factor: bool) -> None:
    """Start the clocks of a session that was just logged in."""
    now = time.time()
    request.session[BEGUN] = request.session[SEEN] = now
    if with_factor:
        request.session[FACTOR_AT] = now


def shown(request: HttpRequest) -> None:
    """Note that the second factor was shown just now."""
    request.session[FACTOR_AT] = time.time()


def was_shown(request: HttpRequest) -> bool:
    """Whether this session ever showed a second factor."""
    return FACTOR_AT in request.session


def is_fresh(request: HttpRequest) -> bool:
    """Whether the second factor was shown within `STEP_UP_MINUTES`."""
    shown_at = float(request.session.get(FACTOR_AT, 0.0))
    return bool(0 <= time.time() - shown_at <= settings.STEP_UP_MINUTES * 60)


def has_factor(user: AbstractBaseUser | AnonymousUser) -> bool:
    return bool(user.pk) and bool(Authenticator.objects.filter(user_id=user.pk).exists())


def over(request: HttpRequest) -> str:
    """Say why a session has lasted long enough; empty while it has not."""
    now = time.time()
    if now - float(request.session.get(BEGUN, now)) > settings.SESSION_HOURS * 3600:
        return f"A login lasts {settings.SESSION_HOURS} hours at most."
    if now - float(request.session.get(SEEN, now)) > settings.SESSION_IDLE_MINUTES * 60:
        return f"Nobody did anything for {settings.SESSION_IDLE_MINUTES} minutes."
    return ""


def see(request: HttpRequest) -> bool:
    """Note that somebody is there; whether that was worth writing down."""
    now = time.time()
    request.session.setdefault(BEGUN, now)
    if now - float(request.session.get(SEEN, 0.0)) < SEEN_EVERY or not _is_a_person(request):
        return False
    request.session[SEEN] = now
    return True


def _is_a_person(request: HttpRequest) -> bool:
    """A page that renews itself is nobody: it must not keep a forgotten desk open."""
    asked_by_script = request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate"
    return request.method == "POST" or not asked_by_script
