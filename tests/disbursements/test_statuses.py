"""The tables of moves, over all pairs, and the race with real threads."""

import threading
from itertools import product

import pytest
from django.db import transaction

from common.moves import ForbiddenMove, LostRace
from disbursements import paying
from disbursements.models import Attempt, Disbursement, Event
from disbursements.statuses import ATTEMPT_NEXT, NEXT, AttemptStatus, Status
from tests import make
from tests.disbursements.outside import World
from tests.disbursements.outside import world as build

PAIRS = list(product(Status.values, Status.values))


def put_into(row: Disbursement, status: str) -> None:
    receipt = "SG632NMUAB" if status in (Status.PAID, Status.COMPLETED) else ""
    Disbursement.objects.filter(pk=row.pk).update(status=status, receipt=receipt)
    row.refresh_from_db()


@pytest.mark.django_db
def test_every_move_of_the_table_and_no_other_is_possible(world: World) -> None:
    world.approve()
    row = world.take()
    for old, new in PAIRS:
        put_into(row, old)
        allowed = new in NEXT[old]
        before = Event.objects.count()
        try:
            row.move(new, at=make.NOW, receipt="SG632NMUAB")
            moved = True
        except ForbiddenMove:
            moved = False
        assert moved == allowed, (old, new)
        row.refresh_from_db()
        assert row.status == (new if allowed else old)
        assert Event.objects.count() == before + allowed


@pytest.mark.django_db
def test_every_move_of_an_attempt_and_no_other_is_possible(world: World) -> None:
    attempt = world.sent().attempts.get()
    for old, new in product(AttemptStatus.values, AttemptStatus.values):
        Attempt.objects.filter(pk=attempt.pk).update(status=old, receipt="SG632NMUAB")
        attempt.refresh_from_db()
        try:
            attempt.move(new, at=make.NOW)
            moved = True
        except ForbiddenMove:
            moved = False
        assert moved == (new in ATTEMPT_NEXT[old]), (old, new)


@pytest.mark.django_db
def test_a_lost_race_leaves_row_and_history_untouched(world: World) -> None:
    row = world.ready()
    stale = Disbursement.objects.get(pk=row.pk)
    row.move(Status.SENDING, at=make.NOW)
    before = Event.objects.count()
    with pytest.raises(LostRace), transaction.atomic():
        stale.move(Status.HELD, at=make.NOW, hold_cause="by_person")
    row.refresh_from_db()
    assert (row.status, row.hold_cause, Event.objects.count()) == (Status.SENDING, "", before)


def test_every_status_but_the_last_ones_leads_somewhere() -> None:
    ends = {status for status, following in NEXT.items() if not following}
    assert ends == {Status.COMPLETED}
    assert set(NEXT) == set(Status.values)
    assert set(ATTEMPT_NEXT) == set(AttemptStatus.values)


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_once_one_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    world = build(monkeypatch)
    row = world.ready()
    barrier = threading.Barrier(8)

    def pay() -> None:
        from django.db import connection

        barrier.wait()
        try:
            paying.pay(disbursement_id=row.pk, at=make.NOW)
        except LostRace:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=pay) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.daraja.payouts) == 1
    assert Attempt.objects.count() == 1
