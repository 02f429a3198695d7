"""Who is logged in, from which device and address; a session that is ended here is gone at once."""

import re
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.sessions.backends.db import SessionStore
from django.db.models import QuerySet
from django.http import HttpRequest

from common.network import client_address
from vault.models import Visit

_SAID = ("user", "proof", "address", "device", "begun_at", "seen_at", "ended_at", "ended_why")  # by a login


def begin(request: HttpRequest, *, user: AbstractBaseUser, proof: str, at: datetime) -> Visit:
    """Write down a login; the session has its final key by now.

    One row per session, also when a browser sends the same login twice at the same moment: the later one stands.
    """
    row = Visit(
        user_id=user.pk,
        session_key=request.session.session_key or "",
        proof=proof,
        address=client_address(request),
        device=request.headers.get("User-Agent", "")[:300],
        begun_at=at,
        seen_at=at,
    )
    Visit.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["session_key"], update_fields=_SAID
    )
    return Visit.objects.get(session_key=row.session_key)


def seen(request: HttpRequest, *, at: datetime) -> None:
    Visit.objects.filter(session_key=request.session.session_key).update(
        seen_at=at, address=client_address(request)
    )


def ended_itself(request: HttpRequest, *, why: str, at: datetime) -> None:
    """Note why the present login is over."""
    Visit.objects.filter(session_key=request.session.session_key).update(ended_at=at, ended_why=why)


def replaced(session_key: str, *, at: datetime) -> None:
    """Note that a login is over because the same browser logged in anew."""
    Visit.objects.filter(session_key=session_key, ended_at__isnull=True).update(
        ended_at=at, ended_why="logged in anew"
    )


def renamed(old_key: str, new_key: str) -> None:
    """Follow a session whose key was changed."""
    Visit.objects.filter(session_key=old_key).update(session_key=new_key)


def whose(session_key: str) -> int | None:
    """Return the person to whom a session belonged that is over now."""
    return Visit.objects.filter(session_key=session_key).values_list("user_id", flat=True).first()


def open_ones(*, at: datetime) -> "QuerySet[Visit]":
    """Return the logins that are still good."""
    return Visit.objects.filter(
        ended_at__isnull=True,
        begun_at__gt=at - timedelta(hours=settings.SESSION_HOURS),
        seen_at__gt=at - timedelta(minutes=settings.SESSION_IDLE_MINUTES),
    ).order_by("-seen_at")


def end(visit: Visit, *, why: str, at: datetime) -> None:
    """End a login at once: its next request finds no session."""
    SessionStore(session_key=visit.session_key).delete()
    Visit.objects.filter(pk=visit.pk, ended_at__isnull=True).update(ended_at=at, ended_why=why)


def end_all(*, user: AbstractBaseUser, why: str, at: datetime, but: str | None = None) -> int:
    """End all logins of a person but one, and return how many."""
    found = Visit.objects.filter(user_id=user.pk, ended_at__isnull=True).exclude(session_key=but or "")
    for visit in found:
        end(visit, why=why, at=at)
    return len(found)


_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "a Mac"),
    ("Linux", "Linux"),
)


def device_words(agent: str) -> str:
    """Say what a browser calls itself, in words: “Firefox on Windows”."""
    browser = next((name for sign, name in _BROWSERS if re.search(rf"\b{sign}", agent)), "")
    system = next((name for sign, name in _SYSTEMS if sign in agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or (agent[:60] if agent else "Unknown device")
