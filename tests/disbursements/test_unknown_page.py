"""The page of the unknown: since when, which rung comes next, ask now, and two people with a proof."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from common.gateway import OutcomeUnknown
from common.models import AuditLine
from disbursements.models import Attempt, Disbursement, SettlementProposal
from disbursements.statuses import Status
from tests.disbursements.outside import World
from tests.make import JANE, NOW

pytestmark = pytest.mark.django_db
UNKNOWN = "/admin/unknown/"
SEES, OPERATES, APPROVES = "view_disbursement", "operate_disbursement", "approve_disbursement"


@pytest.fixture(autouse=True)
def _later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW + timedelta(minutes=2))


def login(name: str, *rights: str) -> Client:
    user = get_user_model().objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client()
    client.force_login(user)
    return client


def unknown(world: World, loan_id: int = 12) -> Disbursement:
    world.daraja.plan.append(OutcomeUnknown("the answer was lost"))
    row = world.sent(loan_id)
    assert row.status == Status.UNKNOWN
    return row


def said(client: Client) -> str:
    return client.get(UNKNOWN).content.decode()


def press(client: Client, row: Disbursement, act: str, **more: str) -> str:
    answer = client.post(UNKNOWN, {"act": act, "row": str(row.pk), **more}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_with_nothing_unknown_the_page_says_so(world: World) -> None:
    assert "We know of every payment." in said(login("mary", SEES))


def test_an_unknown_payment_is_shown_with_its_ladder_and_next_step(world: World) -> None:
    unknown(world)
    text = said(login("mary", SEES))
    assert "We do not know of 1 payment" in text
    assert "KES 9,500 for Jane Doe" in text
    assert "M-Pesa is asked by our own id" in text
    assert "Two people decide" in text
    assert JANE not in text


def test_one_that_mpesa_does_not_know_goes_again_as_itself(world: World) -> None:
    row = unknown(world)
    Attempt.objects.filter(disbursement=row).update(not_found=1, asks=1, first_sent_at=NOW)
    assert "the same request goes again with the same id" in said(login("mary", SEES))


def test_after_a_day_the_page_sends_people_to_the_statement(world: World) -> None:
    row = unknown(world)
    Attempt.objects.filter(disbursement=row).update(first_sent_at=NOW - timedelta(days=2))
    assert "Look it up in M-Pesa&#x27;s statement" in said(login("mary", SEES))


def test_whoever_only_looks_is_offered_nothing(world: World) -> None:
    row = unknown(world)
    mary = login("mary", SEES)
    assert 'name="act"' not in said(mary)
    assert mary.post(UNKNOWN, {"act": "ask", "row": str(row.pk)}).status_code == 403


def test_asking_now_brings_the_question_forward_and_is_written_down(world: World) -> None:
    row = unknown(world)
    assert "M-Pesa is asked within seconds." in press(login("olivia", OPERATES, SEES), row, "ask")
    row.refresh_from_db()
    assert row.next_step_at == NOW + timedelta(minutes=2)
    assert AuditLine.objects.get().action == "ask now"


def test_looking_asks_nobody(world: World) -> None:
    row = unknown(world)
    due = row.next_step_at
    login("olivia", OPERATES, SEES).get(UNKNOWN, {"act": "ask", "row": str(row.pk)})
    row.refresh_from_db()
    assert row.next_step_at == due


def test_two_people_settle_it_and_nobody_alone(world: World) -> None:
    row = unknown(world)
    olivia, adam = login("olivia", OPERATES, SEES, APPROVES), login("adam", APPROVES, SEES)
    press(olivia, row, "propose", outcome="not_paid", reason="Not in the statement of 3 June")
    assert 'value="agree"' not in said(olivia)
    assert "Not in the statement of 3 June" in said(adam)
    assert "Settled by two people." in press(adam, row, "agree", reason="I looked too")
    row.refresh_from_db()
    assert row.status == Status.FAILED


@pytest.mark.parametrize(
    "more",
    [
        {"outcome": "paid", "receipt": "", "reason": "I saw it"},
        {"outcome": "not_paid", "reason": " "},
        {"outcome": "perhaps", "reason": "x"},
    ],
)
def test_a_proposal_without_proof_is_refused_in_words(world: World, more: dict[str, str]) -> None:
    row = unknown(world)
    press(login("olivia", OPERATES, SEES), row, "propose", **more)
    assert not SettlementProposal.objects.exists()


def test_a_late_press_is_answered_in_words(world: World) -> None:
    row = unknown(world)
    Disbursement.objects.filter(pk=row.pk).update(status=Status.CANCELLED)
    assert "does not fit any more" in press(login("olivia", OPERATES, SEES), row, "ask")


@pytest.mark.parametrize("row_id", ["", "nonsense", "00000000-0000-0000-0000-000000000000"])
def test_a_row_that_is_not_there_is_no_page(world: World, row_id: str) -> None:
    olivia = login("olivia", OPERATES, SEES)
    assert olivia.post(UNKNOWN, {"act": "ask", "row": row_id}).status_code == 404


def test_the_page_costs_the_same_queries_however_many_are_unknown(
    world: World, django_assert_max_num_queries
) -> None:
    mary = login("mary", SEES)
    unknown(world)
    said(mary)
    with django_assert_max_num_queries(40) as few:
        said(mary)
    for loan_id in range(20, 26):
        unknown(world, loan_id)
    with django_assert_max_num_queries(len(few)):
        said(mary)
