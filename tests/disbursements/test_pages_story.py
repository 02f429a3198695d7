"""What a row means in words: every status has its sentence, its colour, and its next step."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from common.phone import without_phones
from common.tones import Tone
from disbursements import story
from disbursements.models import Disbursement
from disbursements.statuses import RECHECK, Cause, Status
from disbursements.story import Step
from tests.make import JANE, NOW

TOLD = Step(name="Told", tone=Tone.OFF, words="not yet")
SOON = NOW + timedelta(seconds=40)


def row(status: Status, **fields: Any) -> Disbursement:
    facts: dict[str, Any] = {
        "status": status,
        "client_name": "Jane Doe",
        "phone": JANE,
        "amount": Decimal(9500),
        "gross_amount": Decimal(10000),
        "detected_at": NOW - timedelta(minutes=2),
        "moved_at": NOW - timedelta(minutes=1),
    }
    return Disbursement(**facts | fields)


@pytest.mark.parametrize(
    ("status", "fields", "tone"),
    [
        (Status.DETECTED, {}, Tone.MOVING),
        (Status.READY, {}, Tone.MOVING),
        (Status.SENDING, {}, Tone.MOVING),
        (Status.ACCEPTED, {}, Tone.WAITING),
        (Status.UNKNOWN, {}, Tone.UNKNOWN),
        (Status.PAID, {}, Tone.WAITING),
        (Status.COMPLETED, {}, Tone.SETTLED),
        (Status.CANCELLED, {}, Tone.OFF),
        (Status.HELD, {"next_step_at": SOON}, Tone.WAITING),
        (Status.HELD, {}, Tone.PERSON),
        (Status.FAILED, {"next_step_at": SOON}, Tone.WAITING),
        (Status.FAILED, {}, Tone.PERSON),
        (Status.PAID, {"attention": "Look there."}, Tone.PERSON),
        (Status.COMPLETED, {"attention": "Look there."}, Tone.PERSON),
    ],
)
def test_each_status_has_the_colour_of_what_it_waits_for(
    status: Status, fields: dict[str, Any], tone: Tone
) -> None:
    assert story.tone(row(status, **fields)) == tone


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_headline_a_next_step_and_six_steps(status: Status) -> None:
    one = row(status, receipt="SG632NMUAB", settled_at=NOW, completed_at=NOW, next_step_at=SOON)
    assert story.headline(one, now=NOW).startswith("KES 9,500 ")
    assert JANE not in story.headline(one, now=NOW)
    assert story.next_words(one, now=NOW).endswith(".")
    assert len(story.steps(one, told=TOLD)) == 6


@pytest.mark.parametrize("cause", RECHECK)
def test_every_cause_that_cures_itself_says_how_and_when(cause: Cause) -> None:
    said = story.next_words(row(Status.HELD, hold_cause=cause, next_step_at=SOON), now=NOW)
    assert said.startswith("It goes on")
    assert "Looked at again in 40 s (10:00:40)." in said


@pytest.mark.parametrize("cause", sorted(set(Cause) - set(RECHECK) - {Cause.SECOND_PERSON}))
def test_every_other_cause_says_that_a_person_must_act(cause: Cause) -> None:
    assert story.next_words(row(Status.HELD, hold_cause=cause), now=NOW).startswith("Nothing by itself")


def test_the_second_approval_says_who_is_missing() -> None:
    waiting = row(Status.HELD, hold_cause=Cause.SECOND_PERSON)
    assert "Two people" in story.next_words(waiting, now=NOW)
    waiting.first_approver_id = 1
    assert "another one must" in story.next_words(waiting, now=NOW)


def test_a_direct_payout_never_speaks_of_mifos() -> None:
    one = row(Status.COMPLETED, source="api", receipt="SG632NMUAB", settled_at=NOW, completed_at=NOW)
    assert "Mifos" not in story.headline(one, now=NOW)
    assert [step.words for step in story.steps(one, told=TOLD)][4] == "not needed"


def test_an_unknown_payment_is_called_neither_paid_nor_failed() -> None:
    steps = story.steps(row(Status.UNKNOWN, checked_at=NOW, sent_at=NOW), told=TOLD)
    assert [step.tone for step in steps] == [
        Tone.SETTLED,
        Tone.SETTLED,
        Tone.SETTLED,
        Tone.UNKNOWN,
        Tone.OFF,
        Tone.OFF,
    ]


def test_a_cancelled_one_keeps_what_was_done_and_strikes_the_rest() -> None:
    words = [step.words for step in story.steps(row(Status.CANCELLED), told=TOLD)]
    assert words == ["seen", *["cancelled"] * 5]


def test_a_row_that_a_worker_has_is_on_now() -> None:
    assert story.when(row(Status.READY, queued_at=NOW, next_step_at=SOON), now=NOW) == "now (a worker has it)"
    assert story.when(row(Status.READY, next_step_at=NOW - timedelta(seconds=1)), now=NOW) == "now"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"),
        (0.4, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (125, "2 min 5 s"),
        (900, "15 min"),
        (3600, "1 h"),
        (11400, "3 h 10 min"),
        (400_000, "4 days"),
    ],
)
def test_lengths_of_time_read_as_people_say_them(seconds: float, words: str) -> None:
    assert story.span(timedelta(seconds=seconds)) == words


def test_phones_in_evidence_are_masked_and_other_numbers_are_not() -> None:
    text = f'"{JANE} - Jane Doe", 20260603100009, AG_20260603_1, 254708374149000'
    assert without_phones(text) == '"2547••••149 - Jane Doe", 20260603100009, AG_20260603_1, 254708374149000'
