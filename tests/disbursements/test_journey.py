"""The happy road, and what stands on the books at its end."""

from decimal import Decimal

import pytest

from disbursements import recording
from disbursements.models import Disbursement
from disbursements.statuses import AttemptStatus, Status
from sms.models import SmsNotification
from tests import make
from tests.disbursements.outside import RECEIPT, World
from wallet import balances

pytestmark = pytest.mark.django_db


def test_an_approved_loan_is_paid_recorded_and_told(world: World) -> None:
    row = world.paid()
    assert row.status == Status.PAID
    recording.record(disbursement_id=row.pk, at=make.NOW)
    row.refresh_from_db()
    assert (row.status, row.receipt, row.amount, row.mifos_transaction_id) == (
        Status.COMPLETED,
        RECEIPT,
        Decimal(9500),
        345,
    )
    assert row.attention == ""
    assert row.next_step_at is None


def test_mpesa_is_asked_for_the_net_amount_under_the_attempts_own_id(world: World) -> None:
    row = world.sent()
    attempt = row.attempts.get()
    sent = world.daraja.payouts[0]
    assert (sent.amount, sent.phone) == (Decimal(9500), make.JANE)
    assert sent.originator_conversation_id == str(attempt.pk)
    assert attempt.status == AttemptStatus.ACCEPTED


def test_mifos_is_told_the_gross_amount_with_receipt_and_our_ids(world: World) -> None:
    row = world.paid()
    recording.record(disbursement_id=row.pk, at=make.NOW)
    command = world.mifos.commands[0]
    assert (command.amount, command.receipt, command.payment_type_id) == (Decimal(10000), RECEIPT, 3)
    assert (command.external_id, command.idempotency_key) == (str(row.pk), f"{row.pk}-0")
    assert str(command.on) == "2026-06-03"


def test_the_money_is_held_before_it_is_sent_and_captured_when_it_is_paid(world: World) -> None:
    seen = []
    world.daraja.on_pay = lambda _: seen.append(balances.of_partner(world.partner.pk))
    world.paid()
    during, after = seen[0], balances.of_partner(world.partner.pk)
    assert (during.wallet, during.wallet_held) == (Decimal(975), Decimal(25))
    assert (during.floats[0].available, during.floats[0].held) == (Decimal(90500), Decimal(9500))
    assert (after.wallet, after.wallet_held) == (Decimal(975), Decimal(0))
    assert (after.floats[0].available, after.floats[0].held) == (Decimal(90500), Decimal(0))


def test_client_and_partner_are_told_once(world: World) -> None:
    row = world.paid()
    messages = SmsNotification.objects.order_by("message_type")
    assert [(m.message_type, m.recipient_phone) for m in messages] == [
        ("disbursement_confirmation", make.JANE),
        ("disbursement_success", "254711000001"),
    ]
    assert all(RECEIPT in m.message_content for m in messages)
    assert {m.correlation_id for m in messages} == {row.correlation_id}


def test_the_timeline_tells_the_story(world: World) -> None:
    row = world.paid()
    recording.record(disbursement_id=row.pk, at=make.NOW)
    steps = [event.new for event in row.events.all()]
    assert steps == ["detected", "ready", "sending", "accepted", "paid", "completed"]


def test_a_loan_seen_twice_is_one_disbursement(world: World) -> None:
    world.approve()
    assert world.take().pk == world.take().pk
    assert Disbursement.objects.count() == 1
