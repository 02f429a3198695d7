"""Customers' payments over the API: lists, the story of each, allocation, and questions on phones."""

from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from c2b import desk
from c2b.models import C2bTransaction, Collector, Decision, Posting, StkPush
from common.models import AuditLine
from tests import make
from tests.c2b.make_c2b import World
from tests.c2b.test_desk import lost, who
from tests.make import NOW
from tests.make_api import caller, problem

pytestmark = pytest.mark.django_db
LIST, PROMPTS = "/api/c2b/transactions", "/api/c2b/prompts"


@pytest.fixture
def ours(world: World) -> APIClient:
    return caller(world.partner)


def allocate(ours: APIClient, row: C2bTransaction, loan: int, amount: str = "500", key: str = "k1") -> Any:
    shares = [{"kind": "loan", "account_id": loan, "amount": amount}]
    body = {"shares": shares, "reason": "he rang us"}
    return ours.post(f"{LIST}/{row.pk}/allocate", body, headers={"Idempotency-Key": key})


def prompt(ours: APIClient, loan: int, key: str = "p1", **changes: Any) -> Any:
    body = {"phone": "0708374149", "amount": "500", "account_kind": "loan", "account_id": loan} | changes
    return ours.post(PROMPTS, body, headers={"Idempotency-Key": key})


@pytest.mark.parametrize(
    ("question", "count"),
    [
        ({}, 1),
        ({"status": "unmatched,failed"}, 1),
        ({"status": "posted"}, 0),
        ({"receipt": "sf30abcdef"}, 1),
        ({"bill_ref": "tithe"}, 1),
        ({"amount_min": "500", "amount_max": "500"}, 1),
        ({"amount_max": "499.99"}, 0),
        ({"needs_person": "true"}, 1),
        ({"paid_from": "2026-06-03", "paid_until": "2026-06-04"}, 1),
        ({"shortcode": "600100"}, 1),
        ({"phone": "0708374149"}, 0),
    ],
)
def test_payments_are_listed_and_filtered(
    world: World, ours: APIClient, question: dict[str, str], count: int
) -> None:
    lost(world)
    assert len(ours.get(LIST, question).json()["results"]) == count


def test_nobody_sees_or_allocates_another_partners(world: World) -> None:
    row = lost(world)
    theirs = caller(make.partner("mwangaza"))
    assert theirs.get(LIST).json()["results"] == []
    problem(theirs.get(f"{LIST}/{row.pk}"), 404, "not_found")
    problem(allocate(theirs, row, 1), 404, "not_found")


def test_money_in_suspense_is_booked_where_a_key_says_once(world: World, ours: APIClient) -> None:
    row, loan = lost(world), world.loan()
    first, again = allocate(ours, row, loan), allocate(ours, row, loan)
    assert (first.status_code, first.json()["status"]) == (202, "matched")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert Posting.objects.get().amount == Decimal(500)
    assert AuditLine.objects.filter(action="allocate", actor_name__startswith="API key").exists()


def test_a_key_that_collects_is_needed(world: World) -> None:
    problem(allocate(caller(world.partner, "read", "disburse"), lost(world), 1), 403, "scope_missing")


@pytest.mark.parametrize("amount", ["499", "501", "0", "-1", "1.001"])
def test_what_does_not_add_up_is_refused(world: World, ours: APIClient, amount: str) -> None:
    answer = allocate(ours, lost(world), world.loan(), amount)
    assert answer.status_code in (400, 409)
    assert not Posting.objects.exists()


def test_an_account_that_mifos_does_not_know_is_refused(world: World, ours: APIClient) -> None:
    problem(allocate(ours, lost(world), 999), 409, "conflict")


def test_much_money_waits_for_an_approver_on_the_page(world: World, ours: APIClient) -> None:
    world.rule(second_person_above=Decimal(100))
    row, loan = lost(world), world.loan()
    answer = allocate(ours, row, loan)
    assert answer.json()["status"] == "unmatched"
    assert answer.json()["waits_for_approval"]["asked_by"].startswith("API key")
    problem(allocate(ours, row, loan, key="k2"), 409, "conflict")  # no key agrees to it
    desk.agree(transaction_id=row.pk, by=who("eve"), reason="I saw the slip", at=NOW)
    row.refresh_from_db()
    assert row.status == "matched"


def test_a_wish_that_was_kept_is_not_kept_twice(world: World, ours: APIClient) -> None:
    """As after a crash between the commit and the answer."""
    row, loan = lost(world), world.loan()
    allocate(ours, row, loan)
    wish = Decision.objects.get().request_id
    assert desk.allocate(transaction_id=row.pk, shares=[], by=who("x"), reason="", at=NOW, request_id=wish)
    assert Decision.objects.count() == 1


def test_a_payment_tells_its_story(world: World, ours: APIClient) -> None:
    row = lost(world)
    shown = ours.get(f"{LIST}/{row.pk}").json()
    assert [line["new"] for line in shown["timeline"]][-1] == "unmatched"
    assert (shown["postings"], shown["waits_for_approval"]) == ([], None)


def test_without_a_passkey_nobody_is_asked(world: World, ours: APIClient) -> None:
    problem(prompt(ours, world.loan()), 422, "refused")
    assert not StkPush.objects.exists()


def test_a_phone_is_asked_once(world: World, ours: APIClient, settings: Any) -> None:
    settings.MPESA_BASE_URL = f"{world.sandbox.url}/daraja"
    Collector.objects.update_or_create(shortcode=world.shortcode, defaults={"passkey": "secret"})
    loan = world.loan()
    first, again = prompt(ours, loan), prompt(ours, loan)
    other_key = prompt(ours, loan, key="p2", client_request_id=first.json()["client_request_id"])
    assert first.status_code == 202
    assert first.json()["id"] == again.json()["id"] == other_key.json()["id"]
    assert ours.get(first.headers["Location"]).json()["account_no"]
    assert StkPush.objects.count() == 1


def test_an_id_that_was_used_for_another_question_is_refused(
    world: World, ours: APIClient, settings: Any
) -> None:
    settings.MPESA_BASE_URL = f"{world.sandbox.url}/daraja"
    Collector.objects.update_or_create(shortcode=world.shortcode, defaults={"passkey": "secret"})
    loan = world.loan()
    prompt(ours, loan, client_request_id="q-1")
    problem(prompt(ours, loan, key="p2", client_request_id="q-1", amount="501"), 409, "conflict")
