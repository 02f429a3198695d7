"""A month's end in small: many payments at once while Mifos is in trouble. The bench plays ten thousand."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest

from c2b import matching, posting, sweeping
from c2b.models import C2bTransaction
from c2b.statuses import Status
from common import nudge
from tests.c2b.make_c2b import World, make_world, notice
from tests.c2b.test_sweeping import together
from tests.make import NOW
from tests.sandbox.conftest import Sandbox

SENDERS, EACH = 8, 25
STEPS = {"match": matching.match, "post": posting.post}


@pytest.mark.django_db(transaction=True)
def test_a_rush_is_stored_whole_and_neither_asks_mifos_nor_wakes_a_worker_each_time(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, woken = make_world(sandbox), list[str]()
    monkeypatch.setattr(nudge, "wake", lambda task: woken.append(task.name))
    world.fault("*", "error_500", times=1)

    def send(sender: int) -> None:
        for number in range(EACH):
            answer = world.post(notice(TransID=f"SF3{sender}RUSH{number:02d}"))
            assert (answer.status_code, answer.json()["ResultCode"]) == (200, 0)

    together(SENDERS, *[lambda sender=sender: send(sender) for sender in range(SENDERS)])
    assert C2bTransaction.objects.filter(status=Status.RECEIVED, notices=1).count() == SENDERS * EACH
    assert len(woken) < SENDERS * EACH
    assert [rule["played"] for rule in sandbox.control("GET", "faults")] == [0]


@pytest.mark.django_db
def test_after_a_rush_each_account_is_booked_in_its_order_whatever_mifos_answers(world: World) -> None:
    client = world.client()
    loans = [world.loan(client_id=client) for _ in range(3)]
    for number in (7, 2, 11, 0, 5, 9, 1, 10, 3, 8, 6, 4):
        typed, time = f"{loans[number % 3]:09d}", f"2026060309{number:02d}00"
        world.received(BillRefNumber=typed, TransID=f"SF30RUSH{number:02d}", TransTime=time)
    C2bTransaction.objects.update(next_step_at=NOW)
    for operation, kind in (("search", "error_500"), ("repayment", "lost"), ("repayment", "booked_error")):
        world.fault(operation, kind, times=2)
    for minute in range(60):
        at = NOW + timedelta(minutes=minute)
        for row_id, step in sweeping.claim(at=at):
            STEPS[step](transaction_id=row_id, at=at)
    assert set(C2bTransaction.objects.values_list("status", flat=True)) == {Status.POSTED}
    assert receipts_by_loan(world) == {
        loan: [f"SF30RUSH{number:02d}" for number in range(place, 12, 3)] for place, loan in enumerate(loans)
    }


def receipts_by_loan(world: World) -> dict[int, list[str]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for loan in world.books()["loans"]:
        found[loan["id"]] = [one["receipt"] for one in loan["transactions"] if one["type"] == "repayment"]
    return dict(found)
