"""Each payment that has not come to rest can say what it waits for."""

from datetime import timedelta

import pytest

from c2b import turns, waiting
from c2b.models import C2bTransaction
from c2b.statuses import Status
from tests.c2b.make_c2b import World
from tests.make import NOW

pytestmark = pytest.mark.django_db


def test_what_was_just_stored_says_how_many_go_first(world: World) -> None:
    first = world.received(TransID="SF30AAAAAA", TransTime="20260603080000")
    second = world.received(TransID="SF30BBBBBB", TransTime="20260603090000")
    assert waiting.why(first, at=NOW) == "It is next."
    assert (
        waiting.why(second, at=NOW) == "It waits for its turn: 1 earlier payment of the partner goes first."
    )


def test_what_a_worker_has_says_so(world: World) -> None:
    row = world.received()
    C2bTransaction.objects.update(queued_at=NOW)
    row.refresh_from_db()
    assert waiting.why(row, at=NOW) == "It is in a worker's hands."


def test_a_host_that_rests_is_named_as_the_reason(world: World) -> None:
    row = world.matched(BillRefNumber=f"{world.loan():09d}")
    type(world.host).objects.update(
        retry_at=NOW + timedelta(minutes=5), failure_note="refused the connection"
    )
    assert waiting.why(row, at=NOW) == "Mifos is left alone for a while: refused the connection."


def test_a_second_payment_names_the_first(world: World) -> None:
    loan = world.loan()
    for receipt, hour in (("SF30AAAAAA", "08"), ("SF30BBBBBB", "09")):
        row = world.matched(BillRefNumber=f"{loan:09d}", TransID=receipt, TransTime=f"20260603{hour}0000")
    assert waiting.why(row, at=NOW) == "Payment SF30AAAAAA to the same account goes first; it is matched."
    assert turns.first_before(row, turns.open_parts(row)) is not None


def test_what_a_person_has_to_do_is_said_first(world: World) -> None:
    row = world.matched(BillRefNumber="tithe")
    assert (row.status, waiting.why(row, at=NOW)) == (Status.UNMATCHED, row.attention)


def test_what_has_ended_waits_for_nothing(world: World) -> None:
    row = world.posted(BillRefNumber=f"{world.loan():09d}")
    assert waiting.why(row, at=NOW) == ""
