"""What may come of one request: refused, never sent, unknown, or a result that overtakes its acknowledgement."""

from datetime import timedelta
from decimal import Decimal

import pytest

from common.gateway import OutcomeUnknown, Rejected, Retryable
from disbursements import checking, paying, settling
from disbursements.statuses import AttemptStatus, Cause, Status
from mpesa.client import Accepted
from partners import pausing
from partners.models import PauseDial
from sms.models import SmsNotification
from tests import make
from tests.disbursements.outside import World, borrower, post_result, result
from wallet import balances

pytestmark = pytest.mark.django_db


def held_money(world: World) -> tuple[Decimal, Decimal]:
    now = balances.of_partner(world.partner.pk)
    return now.wallet_held, now.floats[0].held


def test_a_lost_answer_is_unknown_and_the_money_stays_set_aside(world: World) -> None:
    world.daraja.plan.append(OutcomeUnknown("M-Pesa did not answer"))
    row = world.sent()
    assert row.status == Status.UNKNOWN
    assert row.attempts.get().status == AttemptStatus.UNKNOWN
    assert held_money(world) == (Decimal(25), Decimal(9500))
    assert row.next_step_at is not None


def test_what_was_never_sent_goes_again_with_the_same_id_and_the_same_hold(world: World) -> None:
    world.daraja.plan.append(Retryable("M-Pesa could not be reached"))
    row = world.sent()
    assert (row.status, row.attempts.get().status) == (Status.READY, AttemptStatus.UNSENT)
    assert held_money(world) == (Decimal(25), Decimal(9500))
    paying.pay(disbursement_id=row.pk, at=make.NOW + timedelta(seconds=5))
    row.refresh_from_db()
    first, second = world.daraja.payouts
    assert first.originator_conversation_id == second.originator_conversation_id
    assert (row.status, row.attempts.get().sends, row.attempts_made) == (Status.ACCEPTED, 2, 1)
    assert held_money(world) == (Decimal(25), Decimal(9500))


def test_a_refusal_releases_the_money_and_says_what_to_do(world: World) -> None:
    world.daraja.plan.append(Rejected("Bad Request - Invalid PartyB", code="400.002.02"))
    row = world.sent()
    assert (row.status, row.attempts.get().status) == (Status.FAILED, AttemptStatus.FAILED)
    assert held_money(world) == (Decimal(0), Decimal(0))
    assert row.attention
    assert SmsNotification.objects.get().message_type == "disbursement_failure"


def test_what_may_not_be_sent_at_all_is_refused_and_nothing_stays_set_aside(world: World) -> None:
    world.daraja.plan.append(ValueError("a forbidden word in the address"))  # type: ignore[arg-type]
    row = world.sent()
    assert (row.status, "forbidden word" in row.reason) == (Status.FAILED, True)
    assert held_money(world) == (Decimal(0), Decimal(0))


def test_refused_credentials_stop_the_shortcode_at_once(world: World) -> None:
    world.daraja.plan.append(Rejected("M-Pesa refuses our key", code="400.008.01", stop=True))
    row = world.sent()
    dial = PauseDial.objects.get()
    assert (dial.scope, dial.target_id, dial.by_platform) == ("shortcode", world.shortcode.pk, True)
    assert (row.status, row.hold_cause) == (Status.HELD, Cause.PAUSED)
    assert held_money(world) == (Decimal(0), Decimal(0))
    other = (
        world.ready(13, phone="0711000002")
        if pausing.active() == []
        else world.approve(13, phone="0711000002")
    )
    assert other
    assert len(world.daraja.payouts) == 1


@pytest.mark.parametrize("code", [2001, 8006, 21])
def test_an_operator_error_in_a_result_stops_the_shortcode(world: World, code: int) -> None:
    row = world.sent()
    post_result(row, result(code))
    row.refresh_from_db()
    assert PauseDial.objects.get().scope == "shortcode"
    assert (row.status, row.hold_cause) == (Status.HELD, Cause.PAUSED)


def test_a_result_may_come_before_its_acknowledgement(world: World) -> None:
    row = world.ready()
    world.daraja.on_pay = lambda _: post_result(row, result())
    paying.pay(disbursement_id=row.pk, at=make.NOW)
    row.refresh_from_db()
    assert (row.status, row.attempts.get().status) == (Status.PAID, AttemptStatus.PAID)
    assert [event.new for event in row.events.all()] == ["detected", "ready", "sending", "paid"]


def test_a_duplicate_answer_means_that_the_first_request_arrived(world: World) -> None:
    world.daraja.plan.append(Accepted(conversation_id="", originator_conversation_id="", earlier=True))
    row = world.sent()
    assert row.status == Status.ACCEPTED
    assert "had it already" in row.reason


def test_a_killed_worker_leaves_a_row_that_is_asked_about(world: World) -> None:
    row = world.ready()
    shortcode = world.shortcode
    paying.claim(row, shortcode, at=make.NOW)
    paying.recover(disbursement_id=row.pk, at=make.NOW + paying.LEASE)
    row.refresh_from_db()
    assert (row.status, row.attempts.get().status) == (Status.UNKNOWN, AttemptStatus.UNKNOWN)
    assert world.daraja.payouts == []
    assert held_money(world) == (Decimal(25), Decimal(9500))


def test_without_money_it_is_held_and_nothing_is_sent(world: World) -> None:
    row = world.ready(principal="200000", net="200000")
    paying.pay(disbursement_id=row.pk, at=make.NOW)
    row.refresh_from_db()
    assert (row.status, row.hold_cause) == (Status.HELD, Cause.FLOAT_FUNDS)
    assert "KES 200,000 is needed" in row.reason
    assert world.daraja.payouts == []
    assert row.attempts.count() == 0


def test_a_dial_turned_on_after_the_check_still_stops_the_payment(world: World) -> None:
    row = world.ready()
    pausing.pause_by_platform(scope="partner", target_id=world.partner.pk, reason="trouble", at=make.NOW)
    paying.pay(disbursement_id=row.pk, at=make.NOW)
    row.refresh_from_db()
    assert (row.status, row.hold_cause) == (Status.HELD, Cause.PAUSED)
    assert world.daraja.payouts == []


def test_checks_that_grew_old_are_made_anew(world: World) -> None:
    row = world.ready()
    paying.pay(disbursement_id=row.pk, at=make.NOW + timedelta(hours=1))
    row.refresh_from_db()
    assert row.status == Status.DETECTED
    assert world.daraja.payouts == []


def test_a_never_sent_request_is_given_up_when_its_row_is_held(world: World) -> None:
    world.daraja.plan.append(Retryable("M-Pesa could not be reached"))
    row = world.sent()
    pausing.pause_by_platform(scope="partner", target_id=world.partner.pk, reason="trouble", at=make.NOW)
    paying.pay(disbursement_id=row.pk, at=make.NOW + timedelta(seconds=5))
    assert row.attempts.get().status == AttemptStatus.FAILED
    assert held_money(world) == (Decimal(0), Decimal(0))


@pytest.mark.parametrize(
    ("ours", "theirs", "differ"),
    [
        ("Jane Doe", "JANE M DOE", False),
        ("Jane Doe", "JOHN KAMAU", True),
        ("Jane Doe", "", False),
        ("", "JOHN", False),
        ("Jane Doe", "JANE ****", False),
    ],
)
def test_names_are_compared_by_their_words(ours: str, theirs: str, differ: bool) -> None:
    assert settling.names_differ(ours, theirs) is differ


def test_an_unsent_request_does_not_outlive_its_checks(world: World) -> None:
    world.daraja.plan.append(Retryable("M-Pesa could not be reached"))
    row = world.sent()
    world.mifos.clients[12] = borrower(12, "0722 000 111")  # the office corrected the number meanwhile
    later = make.NOW + timedelta(hours=1)
    paying.pay(disbursement_id=row.pk, at=later)
    assert held_money(world) == (Decimal(0), Decimal(0))
    assert checking.check(disbursement_id=row.pk, at=later)
    paying.pay(disbursement_id=row.pk, at=later)
    assert [payout.phone for payout in world.daraja.payouts] == ["254708374149", "254722000111"]
    assert (
        world.daraja.payouts[0].originator_conversation_id
        != world.daraja.payouts[1].originator_conversation_id
    )
    assert held_money(world) == (Decimal(25), Decimal(9500))
