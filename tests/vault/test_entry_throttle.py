"""Guessing gets slower; a person at their own desk is not locked out by a stranger; no Redis is needed."""

from datetime import timedelta

import pytest

from tests.make import NOW
from tests.vault.make_entry import PASSWORD, browser, give_password, person, with_app
from vault.entry import throttle
from vault.models import Attempts, Visit

pytestmark = pytest.mark.django_db
HERE, THERE = "196.201.214.10", "203.0.113.9"


def fail(times: int, *, name: str = "ann", address: str = THERE) -> None:
    for _ in range(times):
        throttle.failed(name=name, address=address, at=NOW)


def wait(name: str = "ann", address: str = THERE, *, later: float = 0) -> int:
    return throttle.wait(name=name, address=address, at=NOW + timedelta(seconds=later))


def test_the_first_slips_are_free_and_then_each_costs_twice_as_much():
    waits = []
    for _ in range(9):
        fail(1)
        waits.append(wait())
    assert waits == [0, 0, 0, 0, 2, 4, 8, 16, 32]


def test_no_wait_is_longer_than_a_quarter_of_an_hour_for_a_name():
    fail(19)
    assert wait() == 15 * 60
    assert wait(later=15 * 60) == 0


def test_a_name_is_counted_wherever_it_is_tried_and_however_it_is_written():
    fail(6, name="Ann ")
    assert wait("ann", HERE) == 4
    assert wait("bob", HERE) == 0


def test_an_address_is_counted_whatever_names_it_tries():
    for number in range(22):
        fail(1, name=f"name{number}")
    assert wait("somebody else") == 8
    assert wait("somebody else", HERE) == 0


def test_a_stranger_does_not_lock_a_person_out_of_their_own_desk():
    ann = person()
    Visit.objects.create(
        user=ann, session_key="k", proof="code", address=HERE, begun_at=NOW, seen_at=NOW, ended_at=NOW
    )
    fail(15)
    assert wait("ann", THERE) > 600
    assert wait("ann", HERE) == 0


def test_failures_are_forgotten_after_a_day_and_after_a_success():
    fail(8)
    assert wait(later=86_401) == 0
    throttle.succeeded(name="ann", address=THERE, at=NOW)
    assert wait() == 0


def test_what_was_typed_is_not_in_the_table():
    fail(1, name="my-secret-password")
    assert "secret" not in str(list(Attempts.objects.values()))


def test_at_the_door_even_the_right_password_has_to_wait_and_the_words_are_the_same_for_all():
    with_app(person())
    answers = []
    for name in ("ann", "nobody"):
        client = browser()
        for _ in range(5):
            give_password(client, name, "wrong")
        answers.append(give_password(client, name, PASSWORD))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert all("There were too many wrong attempts. Try again in" in one.content.decode() for one in answers)


def test_the_door_opens_while_redis_is_down(settings):
    cache = settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": cache}
    with_app(person())
    assert give_password(browser()).headers["Location"] == "/admin/login/code/"
