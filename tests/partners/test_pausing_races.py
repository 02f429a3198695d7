"""Many workers see the same trouble at once: one dial is turned, and nobody's transaction breaks."""

import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from common.models import AuditLine
from partners import pausing
from partners.models import PauseDial
from tests import make
from tests.make import NOW

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(count: int, work) -> list:
    barrier, results = threading.Barrier(count), []

    def run(number: int) -> None:
        try:
            barrier.wait(timeout=10)
            results.append(work(number))
        except pausing.CannotPause as exc:
            results.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    return results


def test_many_workers_turn_one_dial():
    shortcode = make.shortcode()

    def work(number: int):
        with transaction.atomic():  # as a worker does, with more to write after it
            found = pausing.pause_by_platform(
                scope="shortcode", target_id=shortcode.pk, reason=f"2001, worker {number}", at=NOW
            )
            PauseDial.objects.count()
            return found

    results = at_once(6, work)
    assert len([dial for dial in results if dial]) == 1
    assert len(results) == 6
    assert PauseDial.objects.count() == AuditLine.objects.count() == 1


def test_two_approvers_lift_a_dial_once():
    people = [User.objects.create(username=name) for name in ("april", "ben")]
    asker = User.objects.create(username="olive")
    dial = pausing.pause_by_platform(scope="everything", target_id=None, reason="2001", at=NOW)
    pausing.ask_to_lift(dial_id=dial.pk, by=asker, at=NOW, reason="mended")
    results = at_once(
        2, lambda number: pausing.lift(dial_id=dial.pk, by=people[number], at=NOW, reason="I looked")
    )
    assert sorted(type(result).__name__ for result in results) == ["CannotPause", "PauseDial"]
    assert AuditLine.objects.filter(action="lifted pause").count() == 1
