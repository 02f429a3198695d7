"""The list and the page of a disbursement: found, explained, masked, and cheap."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from common.gateway import OutcomeUnknown
from common.models import AuditLine
from disbursements import checking, recording
from disbursements.models import Disbursement
from disbursements.pages import gather
from disbursements.statuses import Status
from tests.disbursements.outside import RECEIPT, World, post_result, result
from tests.make import JANE, NOW

pytestmark = pytest.mark.django_db

LIST = "/admin/disbursements/disbursement/"
SEES, OPERATES, APPROVES = "view_disbursement", "operate_disbursement", "approve_disbursement"
REVEALS = "reveal_phone"


def login(name: str, *rights: str) -> Client:
    """Log somebody in who has these rights on disbursements and no other."""
    user = get_user_model().objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def pages() -> Client:
    return login("mary", SEES, OPERATES, REVEALS)


def phone_of(row: Disbursement) -> str:
    return reverse("reveal_phone", args=["disbursements.disbursement", row.pk, "phone"])


def page_of(row: Disbursement) -> str:
    return f"{LIST}{row.pk}/change/"


def shown(pages: Client, path: str, **query: str) -> str:
    answer = pages.get(path, query)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def listed(pages: Client, **query: str) -> list[str]:
    """Return the loan ids that the list shows for a search or a filter."""
    answer = pages.get(LIST, query)
    assert answer.status_code == 200, answer.status_code
    return [str(row.mifos_loan_id) for row in answer.context["cl"].result_list]


def completed(world: World, loan_id: int = 12) -> Disbursement:
    row = world.paid(loan_id)
    recording.record(disbursement_id=row.pk, at=NOW + timedelta(seconds=10))
    row.refresh_from_db()
    assert row.status == Status.COMPLETED
    return row


def test_the_headline_tells_the_whole_story(world: World, pages: Client) -> None:
    said = shown(pages, page_of(completed(world)))
    assert f"KES 9,500 paid to JANE DOE (2547••••149), receipt {RECEIPT}" in said
    assert "Mifos updated" in said
    assert "Nothing more." in said


def test_the_page_shows_money_fees_holds_and_messages(world: World, pages: Client) -> None:
    said = shown(pages, page_of(completed(world)))
    for words in (
        "KES 10,000",
        "− KES 500",
        "KES 9,500 of the float, KES 25 of the wallet",
        "Loan paid (client)",
    ):
        assert words in said, words


def test_no_full_phone_is_on_any_page(world: World, pages: Client) -> None:
    row = completed(world)
    for path in (LIST, page_of(row)):
        said = shown(pages, path)
        assert JANE not in said
        assert "2547••••149" in said


def test_a_phone_is_revealed_by_post_only_and_noted(world: World, pages: Client) -> None:
    row = completed(world)
    assert pages.get(phone_of(row)).status_code == 405
    assert not AuditLine.objects.exists()
    assert pages.post(phone_of(row)).json() == {"phone": JANE}
    line = AuditLine.objects.get()
    assert (line.actor_name, line.action, line.object_id) == ("mary", "revealed phone", str(row.pk))
    assert JANE not in str(line.detail)


def test_whoever_sees_the_row_but_lacks_the_right_is_told_no_phone(world: World) -> None:
    row = completed(world)
    assert login("eve", SEES, OPERATES).post(phone_of(row)).status_code == 403
    assert not AuditLine.objects.exists()


@pytest.mark.parametrize("place", [("disbursements.disbursement", "receipt"), ("auth.user", "password")])
def test_nothing_but_a_phone_is_revealed(world: World, pages: Client, place: tuple[str, str]) -> None:
    row = completed(world)
    assert pages.post(reverse("reveal_phone", args=[place[0], row.pk, place[1]])).status_code == 404


def test_whoever_may_not_see_disbursements_is_told_no_phone(world: World) -> None:
    row = completed(world)
    assert login("eve", REVEALS).post(phone_of(row)).status_code == 403
    assert not AuditLine.objects.exists()


@pytest.mark.parametrize(
    "typed",
    [
        RECEIPT,
        RECEIPT.lower(),
        JANE,
        "0708 374 149",
        "+254708374149",
        "12",
        "000000012",
        "jane",
        "Doe Jane",
        "id",
        "attempt",
        "AG_20260603_1",
    ],
)
def test_a_disbursement_is_found_by_whatever_people_have_in_hand(
    world: World, pages: Client, typed: str
) -> None:
    row = world.paid()
    world.approve(99, phone="0711 000 099", client_name="Somebody Else")
    world.take(99)
    ids = {"id": str(row.pk), "attempt": str(row.attempts.get().pk)}
    assert listed(pages, q=ids.get(typed, typed)) == ["12"]


@pytest.mark.parametrize(
    "typed",
    ["nobody", "07", "%", "' or 1=1 --", "9" * 30, "\u0661\u0662", "00000000-0000-0000-0000-000000000000"],
)
def test_a_search_that_fits_nothing_finds_nothing(world: World, pages: Client, typed: str) -> None:
    world.paid()
    assert listed(pages, q=typed) == []


def test_each_saved_question_finds_its_rows(
    world: World, pages: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW + timedelta(minutes=1))
    world.ready(1)
    world.daraja.plan.extend([OutcomeUnknown("the answer was lost")])
    world.sent(2)
    post_result(world.sent(3), result(2040))
    post_result(world.sent(4), result(receipt="SG632NMUA4"))
    world.approve(5, phone="")
    checking.check(disbursement_id=world.take(5).pk, at=NOW)
    found = {
        name: sorted(listed(pages, view=name))
        for name in (
            "on-the-way",
            "unknown",
            "failed-today",
            "not-in-mifos",
            "needs-a-person",
            "held-for-funds",
            "paid-today",
        )
    }
    assert found == {
        "on-the-way": ["1", "2"],
        "unknown": ["2"],
        "failed-today": ["3"],
        "not-in-mifos": ["4"],
        "needs-a-person": ["3", "5"],
        "held-for-funds": [],
        "paid-today": ["4"],
    }


def test_what_waits_for_money_is_found_under_its_question(world: World, pages: Client) -> None:
    row = world.sent(1, net="200000", principal="200000")
    assert row.hold_cause == "float_funds"
    assert listed(pages, view="held-for-funds") == ["1"]
    assert "It goes on once there is float" in shown(pages, page_of(row))


@pytest.mark.parametrize(
    "query",
    [
        {"view": "nonsense"},
        {"p": "10000"},
        {"status__exact": "nonsense"},
        {"o": "99"},
        {"partner__id__exact": "x"},
    ],
)
def test_a_list_that_makes_no_sense_is_no_error(world: World, pages: Client, query: dict[str, str]) -> None:
    world.ready()
    assert pages.get(LIST, query).status_code in (200, 302)


def test_the_number_of_queries_does_not_grow_with_the_rows(
    world: World, pages: Client, django_assert_max_num_queries: Any
) -> None:
    for loan_id in range(1, 4):
        world.approve(loan_id)
        world.take(loan_id)
    shown(pages, LIST)  # what is read once is read
    with django_assert_max_num_queries(16) as few:
        shown(pages, LIST)
    for loan_id in range(4, 24):
        world.approve(loan_id)
        world.take(loan_id)
    with django_assert_max_num_queries(len(few)):
        shown(pages, LIST)


def test_a_long_list_is_estimated_and_not_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from common import paging

    for loan_id in range(1, 6):
        world.approve(loan_id)
        world.take(loan_id)
    monkeypatch.setattr(paging, "COUNTED", 3)
    monkeypatch.setattr(paging, "estimated_rows", lambda table: 1_000_000)
    rows = Disbursement.objects.order_by("-detected_at")
    whole = paging.EstimatingPaginator(rows, 2)
    assert (whole.count, whole.num_pages) == (1_000_000, 2)
    assert paging.EstimatingPaginator(rows.filter(status="detected"), 50).count == 3
    assert paging.EstimatingPaginator(rows.filter(status="paid"), 50).count == 0


def test_a_direct_payout_has_no_mifos_to_wait_for(world: World, pages: Client) -> None:
    from decimal import Decimal

    from disbursements import intake

    row, _new = intake.ask_payout(
        partner_id=world.partner.pk,
        client_request_id="r-1",
        phone=JANE,
        amount=Decimal(700),
        client_name="",
        at=NOW,
    )
    said = shown(pages, page_of(row))
    assert "not needed" in said
    assert "r-1" in said
    assert listed(pages, q="r-1") == ["None"]


def test_a_name_from_outside_is_never_markup(world: World, pages: Client) -> None:
    world.approve(12, client_name="<script>alert(1)</script>")
    row = world.take(12)
    for path in (LIST, page_of(row)):
        assert "<script>alert(1)" not in shown(pages, path)


@pytest.mark.parametrize("path", ["add/", "{}/delete/"])
def test_nothing_is_added_or_deleted_through_the_window(world: World, pages: Client, path: str) -> None:
    row = world.ready()
    assert pages.get(LIST + path.format(row.pk)).status_code == 403


def test_the_window_takes_no_form(world: World, pages: Client) -> None:
    row = world.ready()
    assert pages.post(page_of(row), {"status": "paid"}).status_code == 403
    row.refresh_from_db()
    assert row.status == Status.READY


def test_a_remark_said_again_is_counted_and_never_hidden(world: World) -> None:
    row = world.paid()
    for minute in range(1, 5):
        row.remark("Mifos did not take it yet.", at=NOW + timedelta(minutes=minute), who="mifos")
    row.remark("Something else.", at=NOW + timedelta(minutes=5))
    *_, tries, other = gather(row, now=NOW)["lines"]
    assert (tries.words, tries.times, tries.at) == (
        "Mifos did not take it yet.",
        4,
        NOW + timedelta(minutes=4),
    )
    assert (other.words, other.times) == ("Something else.", 1)


def test_what_asks_for_a_person_is_said_once(world: World) -> None:
    world.approve(12, phone="")
    row = world.take(12)
    checking.check(disbursement_id=row.pk, at=NOW)
    row.refresh_from_db()
    assert [line.words for line in gather(row, now=NOW)["lines"]] == [
        "Seen approved in Mifos.",
        row.attention,
    ]
