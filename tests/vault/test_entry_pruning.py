"""What expired is removed; an open session, a login of lately and a failure that counts stay."""

from datetime import datetime, timedelta

import pytest
from django.contrib.sessions.models import Session

from tests.make import NOW
from tests.vault.make_entry import person
from vault.entry import throttle
from vault.entry.pruning import VISITS_KEPT, Pruned, prune
from vault.models import Attempts, Visit
from vault.tasks import prune_entrance

pytestmark = pytest.mark.django_db
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
LONG_AGO = NOW - VISITS_KEPT - DAY


def session(key: str, expires: datetime) -> None:
    Session.objects.create(session_key=key, session_data="", expire_date=expires)


def visit(key: str, *, seen: datetime, ended: datetime | None = None) -> None:
    ann = person(f"of-{key}")
    Visit.objects.create(
        user=ann, session_key=key, proof="code", begun_at=LONG_AGO, seen_at=seen, ended_at=ended
    )


def left() -> set[str]:
    return set(Visit.objects.values_list("session_key", flat=True))


def test_only_a_session_that_expired_goes():
    session("over", NOW - SECOND)
    session("open", NOW + SECOND)
    assert prune(at=NOW) == Pruned(sessions=1, visits=0, attempts=0)
    assert Session.objects.get().session_key == "open"


def test_a_login_goes_ninety_days_after_its_end():
    visit("just within", seen=LONG_AGO, ended=NOW - VISITS_KEPT + SECOND)
    visit("just beyond", seen=LONG_AGO, ended=NOW - VISITS_KEPT - SECOND)
    assert prune(at=NOW).visits == 1
    assert left() == {"just within"}


def test_a_login_that_nobody_ended_counts_from_when_it_was_last_seen():
    visit("left open long ago", seen=LONG_AGO)
    visit("seen lately", seen=NOW - DAY)
    assert prune(at=NOW).visits == 1
    assert left() == {"seen lately"}


def test_the_desk_of_somebody_who_came_in_lately_stays_known():
    assert VISITS_KEPT > throttle.KNOWN_FOR


def test_a_failure_goes_when_it_slows_nobody_down_any_more():
    throttle.failed(name="ann", address="203.0.113.9", at=NOW - throttle.FORGOTTEN_AFTER - SECOND)
    throttle.failed(name="bob", address="203.0.113.8", at=NOW - throttle.FORGOTTEN_AFTER + SECOND)
    assert prune(at=NOW).attempts == 2  # of the name and of the address
    assert Attempts.objects.count() == 2


def test_the_pause_of_a_name_is_the_same_before_and_after():
    for _ in range(9):
        throttle.failed(name="ann", address=None, at=NOW)
    before = throttle.wait(name="ann", address=None, at=NOW)
    prune(at=NOW)
    assert throttle.wait(name="ann", address=None, at=NOW) == before > 0


def test_the_task_prunes():
    session("over", NOW - timedelta(days=3650))
    prune_entrance()
    assert not Session.objects.exists()
