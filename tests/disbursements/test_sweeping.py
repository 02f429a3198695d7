"""No row is forgotten, and no partner waits for another."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from disbursements import sweeping, watching
from disbursements.models import Disbursement
from disbursements.statuses import NEXT, Status
from partners.models import PauseDial
from tests import make
from tests.disbursements.outside import World

pytestmark = pytest.mark.django_db


def many(world: World, partner: Any, count: int, *, start: int) -> None:
    Disbursement.objects.bulk_create(
        Disbursement(
            partner=partner,
            source="api",
            client_request_id=f"{partner.code}-{start + n}",
            amount=100,
            gross_amount=100,
            detected_at=make.NOW,
            moved_at=make.NOW,
            next_step_at=make.NOW + timedelta(milliseconds=n),
        )
        for n in range(count)
    )


def test_each_status_with_something_left_to_do_has_a_step() -> None:
    ended = {Status.COMPLETED, Status.CANCELLED}
    assert {*sweeping.TO_PAY, *sweeping.TO_RECORD} == set(NEXT) - ended


def test_a_partner_with_thousands_takes_no_more_than_its_turns(world: World) -> None:
    other = make.partner("pwani")
    many(world, world.partner, 1000, start=0)
    many(world, other, 3, start=0)
    at = make.NOW + timedelta(seconds=5)
    claimed = [one.id for one in sweeping.claim(sweeping.TO_PAY, at=at, most=10)]
    assert len(claimed) == 10
    assert Disbursement.objects.filter(pk__in=claimed, partner=other).count() == 3


def test_a_few_rows_go_each_for_itself() -> None:
    due = [sweeping.Due(UUID(int=n % 2), UUID(int=n), "check") for n in range(15)]
    assert sorted(ids for _, ids in sweeping.handfuls(due)) == [[one.id] for one in due]


def test_many_rows_share_messages_but_never_with_another_partner_or_step() -> None:
    due = [sweeping.Due(UUID(int=n % 3), UUID(int=n), ("check", "pay")[n % 2]) for n in range(100)]
    alike = {one.id: (one.partner_id, one.step) for one in due}
    found = sweeping.handfuls(due)
    assert sorted(row_id for _, ids in found for row_id in ids) == sorted(alike)
    assert {len(ids) for _, ids in found} <= {1, 2, 3, sweeping.HANDFUL}
    assert all({alike[row_id] for row_id in ids} == {(alike[ids[0]][0], step)} for step, ids in found)


def test_no_more_is_handed_out_than_the_workers_have_in_hand(world: World) -> None:
    many(world, world.partner, 30, start=0)
    at = make.NOW + timedelta(seconds=5)
    assert len(sweeping.claim(sweeping.TO_PAY, at=at, most=10)) == 10
    assert sweeping.claim(sweeping.TO_PAY, at=at, most=10) == []
    Disbursement.objects.filter(queued_at__isnull=False).first().due(at + timedelta(hours=1))  # type: ignore[union-attr]
    assert len(sweeping.claim(sweeping.TO_PAY, at=at, most=10)) == 1


def test_what_is_paid_does_not_wait_behind_what_is_to_be_checked(world: World) -> None:
    many(world, world.partner, 150, start=0)
    last = Disbursement.objects.order_by("-next_step_at")[0]
    Disbursement.objects.filter(pk=last.pk).update(status="paid", receipt="SG12345678")
    claimed = sweeping.claim_all(at=make.NOW + timedelta(seconds=5))
    assert claimed[0] == (world.partner.pk, last.pk, "record")
    assert len(claimed) == 1 + sweeping.IN_HAND


def test_what_a_killed_worker_had_in_hand_is_due_again_after_the_lease(world: World) -> None:
    many(world, world.partner, 1, start=0)
    at = make.NOW + timedelta(seconds=1)
    assert len(sweeping.claim(sweeping.TO_PAY, at=at)) == 1
    assert sweeping.claim(sweeping.TO_PAY, at=at + timedelta(seconds=20)) == []
    assert len(sweeping.claim(sweeping.TO_PAY, at=at + sweeping.LEASE)) == 1


def test_paid_loans_that_only_wait_their_turn_pause_nobody(world: World) -> None:
    settled = make.NOW - timedelta(hours=1)
    many(world, world.partner, 60, start=0)
    for n, row in enumerate(Disbursement.objects.all()):
        Disbursement.objects.filter(pk=row.pk).update(status="paid", receipt=f"SG{n:08}", settled_at=settled)
    watching.pause_unrecorded_partners(at=make.NOW)
    assert not PauseDial.objects.exists()
    Disbursement.objects.update(record_tries=3)
    watching.pause_unrecorded_partners(at=make.NOW)
    assert PauseDial.objects.get().target_id == world.partner.pk


def test_a_shortcode_that_accepts_and_says_nothing_is_paused(world: World, settings: Any) -> None:
    settings.SHORTCODE_SILENT_AFTER = 2
    for loan_id in (12, 13):
        world.sent(loan_id)
    watching.pause_silent_shortcodes(at=make.NOW + timedelta(minutes=4))
    assert not PauseDial.objects.exists()
    watching.pause_silent_shortcodes(at=make.NOW + timedelta(minutes=6))
    assert PauseDial.objects.get().target_id == world.shortcode.pk


def test_a_row_that_moved_meanwhile_is_not_touched_by_a_late_hand(world: World) -> None:
    row = world.ready()
    late = Disbursement.objects.get(pk=row.pk)
    row.move(Status.SENDING, at=make.NOW)
    late.due(make.NOW + timedelta(days=1))
    row.refresh_from_db()
    assert row.next_step_at is None
