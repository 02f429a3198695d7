"""Disbursements over the API: lists, the story of each, payouts, and what a key may decide."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from common.models import AuditLine
from disbursements import deciding
from disbursements.models import Disbursement
from disbursements.statuses import Cause
from partners.models import Partner
from tests import make
from tests.events.make_events import moved, payout
from tests.make import NOW
from tests.make_api import caller, problem

pytestmark = pytest.mark.django_db
LIST = "/api/loans/disbursements"
WANTED = {"phone": "0708 374 149", "amount": "9500"}


@pytest.fixture
def owner() -> Partner:
    return make.partner()


@pytest.fixture
def ours(owner: Partner) -> APIClient:
    return caller(owner)


def ask(client: APIClient, key: str = "k1", **changes: Any) -> Any:
    return client.post(LIST, WANTED | changes, headers={"Idempotency-Key": key})


def held(row: Disbursement, cause: str, **changes: Any) -> Disbursement:
    row.move("held", at=NOW, note="for a reason", hold_cause=cause, **changes)
    return row


def act(client: APIClient, row: Disbursement, name: str, key: str = "a1") -> Any:
    headers = {"Idempotency-Key": key}
    return client.post(f"{LIST}/{row.pk}/{name}", {"reason": "because"}, headers=headers)


def test_a_payout_is_taken_once_and_found_at_its_address(owner: Partner, ours: APIClient) -> None:
    answer = ask(ours, client_request_id="refund-17")
    row = Disbursement.objects.get()
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"{LIST}/{row.pk}"
    assert (row.partner, row.phone, row.amount) == (owner, make.JANE, Decimal(9500))
    assert ours.get(answer.headers["Location"]).json()["client_request_id"] == "refund-17"


def test_the_same_key_gives_the_same_answer(ours: APIClient) -> None:
    first, again = ask(ours), ask(ours)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert Disbursement.objects.count() == 1


def test_the_key_for_another_payment_is_refused(ours: APIClient) -> None:
    ask(ours)
    problem(ask(ours, amount="9600"), 422, "idempotency_key_reused")
    assert Disbursement.objects.count() == 1


def test_an_own_id_is_one_payment_whatever_the_key(ours: APIClient) -> None:
    first = ask(ours, "k1", client_request_id="refund-17")
    assert ask(ours, "k2", client_request_id="refund-17").json()["id"] == first.json()["id"]
    problem(ask(ours, "k3", client_request_id="refund-17", amount="1"), 409, "conflict")
    assert Disbursement.objects.count() == 1


def test_without_a_key_nothing_is_paid(ours: APIClient) -> None:
    problem(ours.post(LIST, WANTED), 400, "idempotency_key_missing")
    assert not Disbursement.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("phone", "12"),
        ("phone", "0208374149"),
        ("amount", "0"),
        ("amount", "-5"),
        ("amount", "10.50"),
        ("amount", "250001"),
        ("amount", "NaN"),
        ("amount", True),
        ("client_request_id", ""),
        ("status", "paid"),
    ],
)
def test_a_wrong_payout_is_refused_by_field(ours: APIClient, field: str, value: Any) -> None:
    found = problem(ask(ours, **{field: value}), 400, "invalid")
    assert found["errors"][0]["field"] == field
    assert not Disbursement.objects.exists()


def test_a_key_that_may_only_read_pays_nothing(owner: Partner) -> None:
    reader = caller(owner, "read")
    problem(ask(reader), 403, "scope_missing")
    assert not Disbursement.objects.exists()


def test_the_detail_tells_the_story(owner: Partner, ours: APIClient) -> None:
    row = moved(payout(owner), "ready", "sending", "paid")
    shown = ours.get(f"{LIST}/{row.pk}").json()
    assert [line["new"] for line in shown["timeline"]] == ["detected", "ready", "sending", "paid"]
    assert "KES 9,500 paid" in shown["story"]
    assert shown["next"]
    assert shown["receipt"] == "SGH7XK2LMN"
    assert shown["attempts"] == []


@pytest.mark.parametrize(
    ("question", "count"),
    [
        ({"status": "detected"}, 1),
        ({"status": "detected,paid"}, 2),
        ({"status": "paid,failed"}, 1),
        ({"receipt": "sgh7xk2lmn"}, 1),
        ({"phone": "0708374149"}, 2),
        ({"phone": "0708374148"}, 0),
        ({"amount_min": "9500", "amount_max": "9500"}, 2),
        ({"amount_min": "9501"}, 0),
        ({"client_request_id": "p-1"}, 1),
        ({"loan_id": "7"}, 0),
        ({"source": "api"}, 2),
        ({"needs_person": "true"}, 0),
        ({"detected_from": NOW.isoformat()}, 2),
        ({"detected_from": (NOW + timedelta(seconds=1)).isoformat()}, 0),
        ({"detected_until": NOW.isoformat()}, 0),
    ],
)
def test_lists_are_filtered(owner: Partner, ours: APIClient, question: dict[str, Any], count: int) -> None:
    payout(owner, "p-1")
    moved(payout(owner, "p-2"), "ready", "sending", "paid")
    assert len(ours.get(LIST, question).json()["results"]) == count


def test_pages_walk_through_all_of_them_the_newest_first(owner: Partner, ours: APIClient) -> None:
    made = [payout(owner, f"p-{number}").client_request_id for number in range(5)]
    page, seen = ours.get(LIST, {"page_size": 2}).json(), []
    while True:
        seen += [row["client_request_id"] for row in page["results"]]
        if not page["next"]:
            break
        page = ours.get(page["next"]).json()
    assert seen == made[::-1]


def test_nobody_sees_or_moves_another_partners(owner: Partner, ours: APIClient) -> None:
    theirs = payout(make.partner("mwangaza"))
    assert ours.get(LIST).json()["results"] == []
    problem(ours.get(f"{LIST}/{theirs.pk}"), 404, "not_found")
    for name in ("hold", "release", "retry", "cancel"):
        problem(act(ours, theirs, name), 404, "not_found")
    theirs.refresh_from_db()
    assert theirs.status == "detected"


def test_a_key_holds_and_releases_what_it_held(owner: Partner, ours: APIClient) -> None:
    row = payout(owner)
    assert act(ours, row, "hold").json()["status"] == "held"
    assert act(ours, row, "release").json()["status"] == "detected"
    assert AuditLine.objects.filter(action="release", actor_name__startswith="API key").exists()


def test_what_a_person_held_a_person_releases(owner: Partner, ours: APIClient) -> None:
    row = payout(owner)
    deciding.hold(disbursement_id=row.pk, by=User.objects.create(username="anna"), reason="odd", at=NOW)
    told = problem(act(ours, row, "release"), 409, "conflict")
    assert "a person must release it, on its page" in told["detail"]


@pytest.mark.parametrize(
    "cause", [Cause.DAY_LIMIT, Cause.BLOCKED, Cause.SIMILAR, Cause.OUTSIDE_HOURS, Cause.AMOUNT_CHANGED]
)
def test_a_key_waives_nothing(owner: Partner, ours: APIClient, cause: str) -> None:
    row = held(payout(owner), cause)
    problem(act(ours, row, "release"), 409, "conflict")
    row.refresh_from_db()
    assert (row.status, row.waived) == ("held", [])


@pytest.mark.parametrize("cause", [Cause.SECOND_PERSON, Cause.CONTRADICTION])
def test_a_key_stands_in_for_neither_of_two_people(owner: Partner, ours: APIClient, cause: str) -> None:
    told = problem(act(ours, held(payout(owner), cause), "release"), 409, "conflict")
    assert "approval of two people" in told["detail"]


def test_a_cured_cause_is_checked_again(owner: Partner, ours: APIClient) -> None:
    assert act(ours, held(payout(owner), Cause.PHONE), "release").json()["status"] == "detected"


def test_what_failed_is_tried_again_once_for_each_key(owner: Partner, ours: APIClient) -> None:
    row = moved(payout(owner), "ready", "sending", "failed")
    first, again = act(ours, row, "retry"), act(ours, row, "retry")
    assert first.json()["status"] == "detected"
    assert again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("status", ["sending", "accepted", "unknown", "paid", "completed"])
def test_what_mpesa_has_cannot_be_stopped(owner: Partner, ours: APIClient, status: str) -> None:
    steps = ["ready", "sending", "accepted", "unknown", "paid", "completed"]
    row = moved(payout(owner), *steps[: steps.index(status) + 1])
    for name in ("hold", "release", "retry", "cancel"):
        problem(act(ours, row, name, key=name), 409, "conflict")
    row.refresh_from_db()
    assert row.status == status


def test_a_cancelled_payment_is_given_up(owner: Partner, ours: APIClient) -> None:
    row = payout(owner)
    assert act(ours, row, "cancel").json()["status"] == "cancelled"
    problem(act(ours, row, "cancel"), 409, "conflict")


def test_a_reason_is_needed(owner: Partner, ours: APIClient) -> None:
    row = payout(owner)
    problem(ours.post(f"{LIST}/{row.pk}/hold", {"reason": " "}), 400, "invalid")
    problem(ours.post(f"{LIST}/{row.pk}/hold", {}), 400, "invalid")


def test_a_list_costs_the_same_however_long(
    owner: Partner, ours: APIClient, django_assert_max_num_queries
) -> None:
    for number in range(30):
        payout(owner, f"p-{number}")
    with django_assert_max_num_queries(4):
        assert len(ours.get(LIST).json()["results"]) == 30
