"""The ladder of an unknown payment, rung by rung."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from common.gateway import OutcomeUnknown, Rejected, Retryable
from disbursements import asking, deciding
from disbursements.deciding import NotPossible
from disbursements.models import Attempt, Disbursement, SettlementProposal
from disbursements.statuses import AttemptStatus, Status
from mpesa.client import Accepted
from tests import make
from tests.disbursements.outside import World, not_found, post_result
from wallet import balances

pytestmark = pytest.mark.django_db
LATER = make.NOW + timedelta(seconds=60)


@pytest.fixture
def unknown(world: World) -> Disbursement:
    """A payment whose answer was lost, asked about once, and not found."""
    world.daraja.plan.append(OutcomeUnknown("lost"))
    row = world.sent()
    now = timezone.now()  # callbacks are received by the real clock
    Attempt.objects.filter(disbursement=row).update(first_sent_at=now, last_sent_at=now)
    asking.ask(disbursement_id=row.pk, at=now)
    post_result(row, not_found(), kind="status")
    row.refresh_from_db()
    return row


def test_an_accepted_payment_without_a_result_is_asked_about_by_our_own_id(world: World) -> None:
    row = world.sent()
    asking.ask(disbursement_id=row.pk, at=LATER)
    row.refresh_from_db()
    assert world.daraja.questions == [str(row.attempts.get().pk)]
    assert row.status == Status.UNKNOWN
    assert row.next_step_at is not None
    assert row.next_step_at > LATER


def test_the_gaps_between_questions_grow(world: World) -> None:
    row = world.sent()
    at, gaps = LATER, []
    for _ in range(6):
        asking.ask(disbursement_id=row.pk, at=at)
        row.refresh_from_db()
        assert row.next_step_at is not None
        gaps.append((row.next_step_at - at).total_seconds())
        at = row.next_step_at
    assert gaps == sorted(gaps)
    assert gaps[-1] > gaps[0]
    assert len(world.daraja.questions) == 6


def test_not_found_sends_the_same_request_again_with_the_same_id(world: World, unknown: Disbursement) -> None:
    asking.ask(disbursement_id=unknown.pk, at=timezone.now())
    unknown.refresh_from_db()
    first, again = world.daraja.payouts
    assert first == again
    assert (unknown.status, unknown.attempts.count()) == (Status.ACCEPTED, 1)


def test_a_duplicate_answer_to_the_repetition_proves_the_first_one(
    world: World, unknown: Disbursement
) -> None:
    world.daraja.plan.append(Accepted(conversation_id="", originator_conversation_id="", earlier=True))
    asking.ask(disbursement_id=unknown.pk, at=timezone.now())
    unknown.refresh_from_db()
    assert unknown.status == Status.ACCEPTED
    assert "first request had arrived" in unknown.reason


def test_after_the_window_it_is_only_asked(world: World, unknown: Disbursement) -> None:
    asking.ask(disbursement_id=unknown.pk, at=timezone.now() + timedelta(hours=1))
    assert len(world.daraja.payouts) == 1
    assert len(world.daraja.questions) == 2


def test_not_found_alone_never_releases_the_money(world: World, unknown: Disbursement) -> None:
    for _ in range(3):
        post_result(unknown, not_found() | {"n": _}, kind="status")
    unknown.refresh_from_db()
    assert unknown.status == Status.UNKNOWN
    assert balances.of_partner(world.partner.pk).floats[0].held == Decimal(9500)


@pytest.mark.parametrize(
    "answer",
    [OutcomeUnknown("lost"), Retryable("not sent", code="500.003.02"), Rejected("Bad", code="400.002.02")],
)
def test_no_answer_to_a_repetition_makes_it_a_failure(
    world: World, unknown: Disbursement, answer: Exception
) -> None:
    world.daraja.plan.append(answer)  # type: ignore[arg-type]
    asking.ask(disbursement_id=unknown.pk, at=timezone.now())
    unknown.refresh_from_db()
    assert unknown.status == Status.UNKNOWN
    assert unknown.next_step_at is not None


def test_after_a_day_people_are_asked_and_we_go_on_asking(world: World, unknown: Disbursement) -> None:
    tomorrow = timezone.now() + timedelta(hours=25)
    asking.ask(disbursement_id=unknown.pk, at=tomorrow)
    unknown.refresh_from_db()
    assert "more than a day" in unknown.attention
    assert unknown.next_step_at == tomorrow + timedelta(hours=6)


def people() -> tuple[object, object]:
    users = get_user_model().objects
    return users.create_user("amina"), users.create_user("brian")


@pytest.mark.parametrize(("outcome", "status"), [("paid", Status.PAID), ("not_paid", Status.FAILED)])
def test_two_people_can_settle_an_unknown_payment(unknown: Disbursement, outcome: str, status: str) -> None:
    amina, brian = people()
    now = timezone.now()
    proposal = deciding.propose_settlement(
        disbursement_id=unknown.pk,
        outcome=outcome,
        receipt="SG632NMUAB",
        note="In the statement.",
        by=amina,
        at=now,
    )
    deciding.decide_settlement(proposal_id=proposal.pk, agree=True, by=brian, reason="Seen too.", at=now)
    unknown.refresh_from_db()
    assert unknown.status == status
    assert unknown.touched_by_person


def test_nobody_settles_a_payment_alone(unknown: Disbursement) -> None:
    amina, _ = people()
    now = timezone.now()
    proposal = deciding.propose_settlement(
        disbursement_id=unknown.pk, outcome="not_paid", receipt="", note="Not there.", by=amina, at=now
    )
    with pytest.raises(NotPossible, match="Another person"):
        deciding.decide_settlement(proposal_id=proposal.pk, agree=True, by=amina, reason="Sure.", at=now)
    unknown.refresh_from_db()
    assert unknown.status == Status.UNKNOWN
    assert SettlementProposal.objects.get().decided_at is None


def test_only_what_is_unknown_can_be_settled_by_people(world: World) -> None:
    row = world.paid()
    amina, _ = people()
    with pytest.raises(NotPossible):
        deciding.propose_settlement(
            disbursement_id=row.pk, outcome="not_paid", receipt="", note="?", by=amina, at=timezone.now()
        )
    assert row.attempts.get().status == AttemptStatus.PAID
