"""Search from anywhere: by whatever people have in hand, only what they may see, and never a full phone."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, User
from django.db import DatabaseError
from django.test import Client

from c2b.models import C2bTransaction
from c2b.statuses import Status as C2bStatus
from disbursements.models import Disbursement
from disbursements.statuses import Status
from partners.models import Partner
from tests import make
from tests.make import JANE, NOW

pytestmark = pytest.mark.django_db
SEARCH = "/admin/search/"


@pytest.fixture
def kilimo() -> Partner:
    return make.partner()


def login(role: str | None = None) -> Client:
    user = User.objects.create(username=role or "root", is_staff=True, is_superuser=role is None)
    if role:
        user.groups.set([Group.objects.get(name=role)])
    client = Client()
    client.force_login(user)
    return client


def payout(partner: Partner, request: str = "payout-1", **fields: object) -> Disbursement:
    defaults = {
        "source": "api",
        "status": Status.COMPLETED,
        "client_name": "Anne-Marie Ng'ang'a",
        "phone": JANE,
        "amount": Decimal(9500),
        "gross_amount": Decimal(9500),
        "receipt": f"SG6{request[-4:].upper()}",
        "detected_at": NOW,
        "moved_at": NOW,
    }
    return Disbursement.objects.create(partner=partner, client_request_id=request, **(defaults | fields))


def payment(partner: Partner | None, receipt: str = "TFD4S1AB2C", **fields: object) -> C2bTransaction:
    number = make.shortcode("600100", partner=partner, kind="c2b")
    defaults = {
        "channel": "c2b",
        "status": C2bStatus.UNMATCHED,
        "amount": Decimal(700),
        "paid_at": NOW,
        "heard_at": NOW,
        "moved_at": NOW,
        "customer_name": "PETER",
        "bill_ref": "LN-000777",
        "customer_phone": "254712345678",
    }
    return C2bTransaction.objects.create(
        partner=partner, shortcode=number, mpesa_receipt=receipt, **(defaults | fields)
    )


def titles(client: Client, typed: str) -> list[str]:
    """Return the kinds of which something was found."""
    answer = client.get(SEARCH, {"q": typed})
    assert answer.status_code == 200
    return [group.title for group in answer.context["groups"]]


def words(client: Client, **query: str) -> str:
    return client.get(SEARCH, query).content.decode()


@pytest.mark.parametrize(
    "typed",
    ["0712 345 678", "0712345678", "712345678", "+254 712 345 678", "254712345678", "0712-345-678"],
)
def test_a_phone_typed_six_ways_is_one_phone(kilimo: Partner, typed: str) -> None:
    payment(kilimo)
    payout(kilimo, phone="254712345678")
    assert titles(login(), typed) == ["Disbursements", "Collections"]


@pytest.mark.parametrize(
    "typed", ["SG6UT-1", "sg6ut-1", "payout-1", "anne", "MARIE an", "ng anne", "ng'ang'a"]
)
def test_a_disbursement_is_found_by_receipt_reference_and_name(kilimo: Partner, typed: str) -> None:
    row = payout(kilimo)
    assert f"/admin/disbursements/disbursement/{row.pk}/change/" in words(login(), q=typed)


@pytest.mark.parametrize("typed", ["TFD4S1AB2C", "tfd4s1ab2c", "LN-000777", "000777", "pet"])
def test_a_payment_is_found_by_receipt_what_was_typed_and_name(kilimo: Partner, typed: str) -> None:
    row = payment(kilimo)
    assert f"/admin/c2b/c2btransaction/{row.pk}/change/" in words(login(), q=typed)


@pytest.mark.parametrize("status", [Status.DETECTED, Status.HELD, Status.COMPLETED])
def test_a_name_is_found_wherever_its_row_stands(kilimo: Partner, status: str) -> None:
    payout(kilimo, status=status)
    assert titles(login(), "marie") == ["Disbursements"]


@pytest.mark.parametrize(
    "typed", ["arie", "marie peter", "zz", "%%", "' or 1=1 --", "& | !", "x" * 500, "\0\0\0"]
)
def test_what_fits_nothing_finds_nothing(kilimo: Partner, typed: str) -> None:
    payout(kilimo)
    assert titles(login(), typed) == []


def test_the_page_says_what_can_be_searched_for_when_nothing_was_typed() -> None:
    said = words(login())
    assert "What can be searched for" in said
    assert "Nothing fits" not in said


def test_no_result_shows_a_full_phone(kilimo: Partner) -> None:
    payout(kilimo)
    said = words(login(), q="marie")
    assert "2547••••149" in said
    assert JANE not in said


def test_a_partner_is_found_by_name_and_a_page_by_its_title(kilimo: Partner) -> None:
    assert titles(login(), "kilimo") == ["Partners"]
    assert "Pages" in titles(login("viewer"), "dials")


def test_whoever_has_no_role_finds_nothing(kilimo: Partner) -> None:
    payout(kilimo)
    nobody = User.objects.create(username="nobody", is_staff=True)
    client = Client()
    client.force_login(nobody)
    assert set(titles(client, "marie")) <= {"Pages"}


def test_a_search_needs_a_login(client: Client) -> None:
    assert client.get(SEARCH, {"q": "marie"}).headers["Location"].startswith("/admin/login/")


def test_the_rows_go_through_the_scope_of_their_own_page(
    kilimo: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    from disbursements.admin import DisbursementAdmin

    payout(kilimo)
    monkeypatch.setattr(DisbursementAdmin, "get_queryset", lambda self, request: Disbursement.objects.none())
    assert titles(login(), "marie") == []


def test_the_palette_lists_few_and_leads_to_all(kilimo: Partner) -> None:
    for number in range(6):
        payout(kilimo, f"payout-{number}", detected_at=NOW + timedelta(minutes=number))
    said = words(login(), s="marie", extended="1")
    assert said.count("/admin/disbursements/disbursement/") == 4
    assert "/admin/search/?q=marie" in said
    assert "<html" not in said


def test_one_kind_that_cannot_be_searched_stops_none_of_the_others(
    kilimo: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    from disbursements.admin import DisbursementAdmin

    def fails(*_: object) -> None:
        raise DatabaseError("canceling statement due to statement timeout")

    payment(kilimo)
    monkeypatch.setattr(DisbursementAdmin, "get_search_results", fails)
    said = words(login(), q="peter")
    assert "These could not be searched now." in said
    assert "TFD4S1AB2C" in said


def test_a_search_costs_the_same_queries_however_much_is_there(
    kilimo: Partner, django_assert_max_num_queries
) -> None:
    client = login()
    payout(kilimo)
    words(client, q="marie")
    with django_assert_max_num_queries(80) as few:
        words(client, q="marie")
    for number in range(2, 12):
        payout(kilimo, f"payout-{number}")
    with django_assert_max_num_queries(len(few)):
        words(client, q="marie")
