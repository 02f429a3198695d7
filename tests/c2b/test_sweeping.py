"""Every payment that has something left to do is found, by turns between partners, and statuses move by their table."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from c2b import posting, sweeping, tasks
from c2b.models import C2bEvent, C2bTransaction, Posting
from c2b.statuses import NEXT, Status
from common.moves import ForbiddenMove, LostRace
from mifos.models import MifosPartner
from partners.models import Partner, Shortcode
from tests import make
from tests.c2b.make_c2b import World, notice
from tests.make import NOW
from tests.sandbox.conftest import Sandbox

pytestmark = pytest.mark.django_db


def payment(number: int = 1, *, shortcode: Shortcode | None = None, **fields: Any) -> C2bTransaction:
    code = shortcode or Shortcode.objects.filter(number="600100").first()
    code = code or make.shortcode("600100", kind=Shortcode.Kind.C2B, partner=make.partner())
    facts = {
        "partner_id": code.partner_id,
        "shortcode": code,
        "channel": "c2b",
        "mpesa_receipt": f"SF3{code.number}{number:06d}",
        "amount": 500,
        "paid_at": NOW + timedelta(seconds=number),
        "heard_at": NOW,
        "moved_at": NOW,
        "next_step_at": NOW,
    }
    return C2bTransaction.objects.create(**facts | fields)


@pytest.mark.parametrize("old", Status.values)
@pytest.mark.parametrize("new", Status.values)
def test_a_status_moves_only_along_its_table(db: None, old: str, new: str) -> None:
    row = payment(status=old, booked_amount=500 if old == "posted" else 0)
    changes = {"booked_amount": 500} if new == "posted" else {}
    if new in NEXT[old]:
        row.move(new, at=NOW, note="so", **changes)
        assert C2bTransaction.objects.get().status == new
        assert [(one.old, one.new, one.note) for one in C2bEvent.objects.all()] == [(old, new, "so")]
    else:
        with pytest.raises(ForbiddenMove):
            row.move(new, at=NOW, **changes)
        assert C2bTransaction.objects.get().status == old
        assert not C2bEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_move_from_a_status_that_is_past_changes_nothing() -> None:
    row = payment()
    C2bTransaction.objects.update(status=Status.UNMATCHED)
    with pytest.raises(LostRace):
        row.move(Status.MATCHED, at=NOW)
    assert C2bTransaction.objects.get().status == Status.UNMATCHED
    assert not C2bEvent.objects.exists()


@pytest.mark.parametrize(
    ("status", "step"),
    [
        ("received", "match"),
        ("unmatched", "match"),
        ("matched", "post"),
        ("posting", "post"),
        ("unknown", "post"),
        ("failed", "post"),
    ],
)
def test_each_status_has_its_next_step(db: None, status: str, step: str) -> None:
    row = payment(status=status)
    assert sweeping.claim(at=NOW) == [(row.pk, step)]
    assert sweeping.claim(at=NOW + timedelta(seconds=1)) == []
    assert sweeping.claim(at=NOW + sweeping.LEASE + timedelta(seconds=1)) == [(row.pk, step)]


@pytest.mark.parametrize("status", ["posted", "reversed"])
def test_what_has_ended_is_left_alone(db: None, status: str) -> None:
    payment(status=status, booked_amount=500 if status == "posted" else 0)
    assert sweeping.claim(at=NOW) == []


def test_a_partner_with_many_payments_takes_no_more_than_its_turns(db: None) -> None:
    many = [payment(number) for number in range(30)]
    other = make.shortcode("600200", kind=Shortcode.Kind.C2B, partner=make.partner("tujenge"))
    late = payment(99, shortcode=other, next_step_at=NOW)
    claimed = {row_id for row_id, _ in sweeping.claim(at=NOW, most=4)}
    assert late.pk in claimed
    assert len(claimed - {row.pk for row in many}) == 1


def test_the_payments_of_a_resting_host_take_no_turns_at_all(db: None) -> None:
    row = payment(status=Status.MATCHED)
    rests = NOW + timedelta(minutes=5)
    MifosPartner.objects.create(
        partner=row.partner,
        mifos_host_url="https://a.example",
        mifos_username="u",
        mifos_password="p",
        retry_at=rests,
    )
    assert sweeping.claim(at=NOW) == []
    row.refresh_from_db()
    assert row.next_step_at == rests


def test_the_sweep_brings_a_payment_all_the_way(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from common import nudge

    monkeypatch.setattr(nudge, "send", lambda task, row_id: task(str(row_id)))
    loan = world.loan()
    row = world.received(BillRefNumber=f"{loan:09d}")
    tasks.sweep()
    row.refresh_from_db()
    assert row.status == Status.POSTED, row.reason


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_book_once(sandbox: Sandbox) -> None:
    from tests.c2b.make_c2b import make_world

    world = make_world(sandbox)
    loan = world.loan()
    row = world.matched(BillRefNumber=f"{loan:09d}")
    together(8, lambda: posting.post(transaction_id=row.pk, at=NOW))
    for minute in range(1, 5):
        world.go_on(row, at=NOW + timedelta(minutes=10 * minute))
    assert (row.status, row.booked_amount) == (Status.POSTED, 500)
    assert len([one for one in world.books()["loans"][0]["transactions"] if one["type"] == "repayment"]) == 1


@pytest.mark.django_db(transaction=True)
def test_a_notice_that_comes_many_times_at_once_is_one_row(sandbox: Sandbox) -> None:
    from tests.c2b.make_c2b import make_world

    world = make_world(sandbox)
    together(8, lambda: world.post(notice()))
    assert C2bTransaction.objects.get().notices == 8


@pytest.mark.django_db(transaction=True)
def test_two_payments_to_one_account_are_never_on_their_way_together(sandbox: Sandbox) -> None:
    from tests.c2b.make_c2b import make_world

    world = make_world(sandbox)
    loan = world.loan(principal=600)
    world.rule(excess="suspense")
    rows = [
        world.matched(BillRefNumber=f"{loan:09d}", TransID=f"SF30AAAA{n}", TransTime=f"2026060309000{n}")
        for n in range(3)
    ]
    for _ in range(4):
        together(3, *[lambda row=row: posting.post(transaction_id=row.pk, at=NOW) for row in rows])
    for row in rows:
        world.go_on(row, at=NOW + timedelta(minutes=10))
    book = world.books()["loans"][0]
    assert (book["outstanding"], book["overpaid"]) == ("0.00", "0.00")
    assert sorted(row.booked_amount for row in rows) == [0, 100, 500]


def together(times: int, *works: Any) -> None:
    """Run work in real threads at the same moment; a worker that is too late may lose its race."""
    barrier = threading.Barrier(max(times, len(works)))
    failures: list[BaseException] = []

    def run(work: Any) -> None:
        try:
            barrier.wait()
            work()
        except LostRace:
            pass
        except BaseException as exc:  # noqa: BLE001 - told to the test
            failures.append(exc)
        finally:
            connection.close()

    chosen = works if len(works) > 1 else works * times
    threads = [threading.Thread(target=run, args=(work,)) for work in chosen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def test_partners_and_postings_stay_consistent(world: World) -> None:
    row = world.posted(BillRefNumber=f"{world.loan():09d}")
    assert Partner.objects.count() == 1
    assert (
        sum(one.amount for one in Posting.objects.filter(transaction=row, booked_at__isnull=False))
        == row.amount
    )
