"""A paid loan is written back to Mifos, whatever Mifos answers, and never forgotten."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from common.gateway import GatewayError, OutcomeUnknown, Rejected, Retryable
from disbursements import recording
from disbursements.models import Disbursement
from disbursements.statuses import Status
from mifos.shapes import DisburseAnswer
from tests import make
from tests.disbursements.outside import World

pytestmark = pytest.mark.django_db
WRONG_STATE = "error.msg.loan.disbursal.account.is.not.approve.not.disbursed.state"


def record(row: Disbursement, times: int = 1) -> Disbursement:
    for n in range(times):
        recording.record(disbursement_id=row.pk, at=make.NOW + timedelta(minutes=n))
    row.refresh_from_db()
    return row


@pytest.mark.parametrize(
    "lost",
    [
        OutcomeUnknown("lost"),
        OutcomeUnknown("still working", code="http.425"),
        OutcomeUnknown("page", code="html"),
    ],
)
def test_booked_but_the_answer_lost_is_found_and_not_booked_again(world: World, lost: GatewayError) -> None:
    row = world.paid()
    world.mifos.books_before_refusing = True
    world.mifos.refusals.append(lost)
    assert record(row).status == Status.PAID
    assert record(row).status == Status.COMPLETED
    assert len(world.mifos.commands) == 1


@pytest.mark.parametrize(
    ("refusal", "keys"),
    [
        (OutcomeUnknown("lost"), ["0", "0"]),
        (Retryable("locked by COB", code="error.msg.loan.locked"), ["0", "0"]),
        (Retryable("job", code="error.msg.sheduler.job.currently.running"), ["0", "0"]),
        (Retryable("conflict", code="error.msg.platform.service.lock.conflict"), ["0", "1"]),
        (Rejected("future", code="error.msg.loan.disbursal.cannot.be.a.future.date"), ["0", "1"]),
        (Rejected("no authority to: DISBURSE_LOAN", code="error.msg.not.authorized"), ["0", "1"]),
        (OutcomeUnknown("wrong state", code=WRONG_STATE), ["0", "1"]),
        (Rejected("401", code="http.401", stop=True), ["0", "0"]),
    ],
)
def test_the_key_is_kept_after_doubt_and_renewed_after_a_stored_refusal(
    world: World, refusal: GatewayError, keys: list[str]
) -> None:
    row = world.paid()
    world.mifos.refusals.append(refusal)
    assert record(row).status == Status.PAID
    assert record(row).status == Status.COMPLETED
    assert [command.idempotency_key for command in world.mifos.commands] == [f"{row.pk}-{n}" for n in keys]
    assert {command.external_id for command in world.mifos.commands} == {str(row.pk)}


def test_two_hundred_with_a_checker_is_no_disbursal(world: World) -> None:
    row = world.paid()
    world.mifos.answer = DisburseAnswer(
        done=False, pending_checker=True, from_cache=False, loan_id=12, transaction_id=None
    )
    record(row)
    assert row.status == Status.PAID
    assert "checker" in row.attention
    assert row.next_step_at is not None


@pytest.mark.parametrize(
    "code", ["error.msg.not.authorized", "error.msg.loan.application.disbursement.date.on.holiday"]
)
def test_what_a_person_must_mend_is_said_and_tried_again(world: World, code: str) -> None:
    row = world.paid()
    world.mifos.refusals.append(Rejected("User has no authority to: DISBURSE_LOAN", code=code))
    record(row)
    assert "DISBURSE_LOAN" in row.attention
    assert row.next_step_at == make.NOW + recording.PERSON_GAP
    assert record(row).attention == ""


def test_a_loan_disbursed_there_by_somebody_else_is_for_a_person(world: World) -> None:
    row = world.paid()
    world.mifos.refusals.append(OutcomeUnknown("wrong state", code=WRONG_STATE))
    world.mifos.loans[12] = replace(
        world.mifos.loans[12], status_text="Active", waiting_for_disbursal=False, active=True
    )
    record(row, times=2)
    assert row.status == Status.PAID
    assert "without our transaction" in row.attention
    assert len(world.mifos.commands) == 1
    assert row.next_step_at is not None


def test_what_another_worker_books_between_two_questions_raises_no_alarm(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = world.paid()
    world.mifos.refusals.append(OutcomeUnknown("lost"))
    record(row)
    ask = world.mifos.loan

    def booked_meanwhile(loan_id: int, **options: Any) -> Any:
        world.mifos.disburse(replace(world.mifos.commands[0]))
        return ask(loan_id, **options)

    monkeypatch.setattr(world.mifos, "loan", booked_meanwhile)
    record(row)
    assert (row.status, row.attention) == (Status.COMPLETED, "")


def test_a_host_that_is_down_for_days_is_asked_again_for_ever(world: World) -> None:
    row = world.paid()
    for n in range(12):
        world.mifos.refusals.append(OutcomeUnknown("down"))
        recording.record(disbursement_id=row.pk, at=make.NOW + timedelta(hours=n))
        row.refresh_from_db()
        assert row.next_step_at is not None
    assert row.status == Status.PAID
    assert "The client has the money" in row.attention


@pytest.mark.parametrize(
    ("approved", "expected"), [(date(2026, 6, 2), date(2026, 6, 3)), (date(2026, 6, 3), date(2026, 6, 3))]
)
def test_the_day_is_the_payments_own(world: World, approved: date, expected: date) -> None:
    world.approve(approved_on=approved)
    row = world.paid()
    record(row)
    assert world.mifos.commands[0].on == expected


def test_recording_twice_at_once_books_once(world: World) -> None:
    row = world.paid()
    record(row, times=3)
    assert len(world.mifos.commands) == 1
