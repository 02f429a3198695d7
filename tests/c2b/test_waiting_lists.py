"""The list, the page and the API say what a payment waits for; a list of many asks no more than one of few."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Web
from django.urls import reverse
from django.utils import timezone

from c2b import waiting
from c2b.models import C2bTransaction
from c2b.statuses import Status
from tests.c2b.make_c2b import World
from tests.c2b.test_desk import lost, who
from tests.make import NOW
from tests.make_api import caller

pytestmark = pytest.mark.django_db
LIST = reverse("admin:c2b_c2btransaction_changelist")


@pytest.fixture
def web() -> Web:
    made = Web()
    made.force_login(who("vera", "view"))
    return made


def pay(world: World, number: int, *, loan: int, stored_only: bool = False) -> C2bTransaction:
    told = {
        "TransID": f"SF30AAA{number:03d}",
        "TransTime": f"20260603{8 + number // 60:02d}{number % 60:02d}00",
    }
    take = world.received if stored_only else world.matched
    return take(BillRefNumber=f"{loan:09d}", **told)


def each(*rows: C2bTransaction) -> list[str]:
    for row in rows:
        row.refresh_from_db()
    said = waiting.why_each(list(rows), at=NOW)
    return [said.get(row.pk, "") for row in rows]


def test_of_several_to_one_account_each_names_the_first(world: World) -> None:
    loan = world.loan()
    rows = [pay(world, number, loan=loan) for number in (1, 2, 3)]
    words = "Payment SF30AAA001 to the same account goes first; it is matched."
    assert each(*rows) == [waiting.why(rows[0], at=NOW), words, words]
    assert words == waiting.why(rows[1], at=NOW)


def test_what_is_at_mifos_goes_before_what_is_earlier(world: World) -> None:
    loan = world.loan()
    first, second = pay(world, 1, loan=loan), pay(world, 2, loan=loan)
    C2bTransaction.objects.filter(pk=second.pk).update(status=Status.UNKNOWN, reason="Mifos is asked.")
    assert each(first, second) == [
        "Payment SF30AAA002 to the same account goes first; it is unknown.",
        "Mifos is asked.",
    ]


def test_an_earlier_one_that_nobody_has_matched_goes_first_in_a_list_too(world: World) -> None:
    loan = world.loan()
    later, earlier = pay(world, 2, loan=loan), pay(world, 1, loan=loan, stored_only=True)
    assert each(later)[0] == "Payment SF30AAA001 to the same account goes first; it is received."
    assert each(later)[0] == waiting.why(later, at=NOW)
    assert each(earlier) == ["It is next."]


def test_those_that_were_only_stored_stand_in_line(world: World) -> None:
    rows = [pay(world, number, loan=1, stored_only=True) for number in (1, 2)]
    assert each(*rows) == [
        "It is next.",
        "It waits for its turn: earlier payments of the partner go first.",
    ]


def test_a_host_that_rests_a_person_and_an_end_are_said_in_a_list_too(world: World) -> None:
    loan = world.loan()
    done = world.posted(TransID="SF30DONE01", BillRefNumber=f"{loan:09d}")
    suspense = lost(world)
    moving = pay(world, 1, loan=loan)
    retry = NOW + timedelta(minutes=5)
    type(world.host).objects.update(retry_at=retry, failure_note="refused the connection")
    assert each(done, suspense, moving) == [waiting.why(row, at=NOW) for row in (done, suspense, moving)]
    assert each(done, moving) == ["", "Mifos is left alone for a while: refused the connection."]


def test_what_is_on_its_way_to_mifos_says_so(world: World) -> None:
    row = pay(world, 1, loan=world.loan())
    C2bTransaction.objects.filter(pk=row.pk).update(status=Status.POSTING, reason="")
    assert each(row) == ["Its booking is on its way to Mifos."] == [waiting.why(row, at=NOW)]


def test_the_list_says_what_happens_next(world: World, web: Web) -> None:
    loan = world.loan()
    pay(world, 1, loan=loan)
    pay(world, 2, loan=loan)
    lost(world)
    text = web.get(LIST).content.decode()
    assert "What happens next" in text
    assert "Payment SF30AAA001 to the same account goes first; it is matched." in text
    assert '<span class="pv-toned pv-person">' in text


def test_the_queries_of_the_list_do_not_grow_with_its_rows(
    world: World, web: Web, django_assert_max_num_queries: Any
) -> None:
    client = world.client()
    loans = [world.loan(client_id=client) for _ in range(2)]
    for number in range(4):
        pay(world, number, loan=loans[number % 2], stored_only=number > 1)
    web.get(LIST)  # what is read once is read
    with django_assert_max_num_queries(20) as few:
        web.get(LIST)
        count = len(few)
    for number in range(4, 24):
        pay(world, number, loan=loans[number % 2], stored_only=number > 13)
    with django_assert_max_num_queries(count):
        web.get(LIST)


def test_the_page_and_the_api_say_what_happens_next(world: World, web: Web) -> None:
    loan = world.loan()
    pay(world, 1, loan=loan)
    row = pay(world, 2, loan=loan)
    words = "Payment SF30AAA001 to the same account goes first; it is matched."
    page = web.get(reverse("admin:c2b_c2btransaction_change", args=[row.pk])).content.decode()
    assert f'<span class="pv-quiet">What happens next:</span> {words}' in page
    assert caller(world.partner).get(f"/api/c2b/transactions/{row.pk}").json()["next"] == words


def test_the_api_says_nothing_of_what_has_ended(world: World) -> None:
    row = world.posted(at=timezone.now(), BillRefNumber=f"{world.loan():09d}")
    assert caller(world.partner).get(f"/api/c2b/transactions/{row.pk}").json()["next"] == ""
