"""A login is one row, also when a browser sends it twice at once, or again while it is logged in."""

import threading
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError, connection
from django.http import HttpRequest
from django.test import RequestFactory

from tests.make import NOW
from tests.vault.make_entry import FIREFOX, person
from vault.entry import door, visits
from vault.models import Visit

ONCE = {"proof": "password", "at": NOW}


def asking(session: SessionStore, user: Any = None) -> HttpRequest:
    request = RequestFactory(headers={"user-agent": FIREFOX}).post("/admin/login/")
    request.session, request.user = session, user or AnonymousUser()
    return request


def at_once(count: int, work: Any) -> list[Any]:
    """Let threads begin together; return what each gave or raised."""
    barrier, results = threading.Barrier(count), []

    def run() -> None:
        try:
            barrier.wait(timeout=10)
            results.append(work())
        except DatabaseError as exc:
            results.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    return results


@pytest.mark.django_db(transaction=True)
def test_one_session_told_of_by_several_requests_at_once_is_one_login():
    ann, session = person(), SessionStore()
    session.create()
    found = at_once(6, lambda: visits.begin(asking(session), user=ann, **ONCE).pk)
    assert found == [Visit.objects.get().pk] * 6


@pytest.mark.django_db(transaction=True)
def test_one_browser_that_logs_in_twice_at_once_comes_in_both_times():
    person()
    session = SessionStore()
    session.create()

    def work() -> int:
        request = asking(SessionStore(session_key=session.session_key))
        user = User.objects.get()
        return door.enter(
            request,
            user=user,
            proof="password",
            goal="/admin/",
            backend="django.contrib.auth.backends.ModelBackend",
        ).status_code

    assert at_once(4, work) == [302] * 4
    assert len(set(Visit.objects.values_list("session_key", flat=True))) == 4


@pytest.mark.django_db
def test_who_logs_in_again_in_the_same_session_gets_another_key_and_the_first_login_is_over():
    ann, session = person(), SessionStore()
    session.create()
    request = asking(session)
    for _ in range(2):
        door.enter(
            request,
            user=ann,
            proof="password",
            goal="/admin/",
            backend="django.contrib.auth.backends.ModelBackend",
        )
    first, second = Visit.objects.order_by("begun_at")
    assert (first.ended_why, second.ended_why) == ("logged in anew", "")
    assert (second.session_key, second.ended_at) == (request.session.session_key, None)
    assert first.session_key != second.session_key
    assert not SessionStore().exists(first.session_key)
