"""Results in every order: first, again, after the end, contradicting, garbage, with a wrong token."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.test import Client as Web

from common import tokens
from common.gateway import OutcomeUnknown, Retryable
from common.ids import new_id
from common.models import InboundMessage
from disbursements import checking, deciding, tasks
from disbursements.deciding import NotPossible
from disbursements.statuses import AttemptStatus, Cause, Status
from sms.models import SmsNotification
from tests import make
from tests.disbursements.outside import RECEIPT, World, not_found, post, post_result, result, status
from wallet import balances

pytestmark = pytest.mark.django_db


def test_the_same_result_again_changes_nothing(world: World) -> None:
    row = world.sent()
    assert [post_result(row, result()) for _ in range(3)] == [200, 200, 200]
    row.refresh_from_db()
    assert row.events.filter(new="paid").count() == 1
    assert SmsNotification.objects.count() == 2
    assert InboundMessage.objects.get().copies == 3


def test_the_same_news_in_other_words_changes_nothing(world: World) -> None:
    row = world.paid()
    events = row.events.count()
    post_result(row, result(ResultDesc="The service request is processed successfully"))
    post_result(row, status(), kind="status")
    row.refresh_from_db()
    assert (row.events.count(), row.attention) == (events, "")


@pytest.mark.parametrize("later", [result(2040), result(receipt="SG999ZZZZZ")])
def test_a_contradiction_after_the_payment_raises_attention_and_changes_nothing(
    world: World, later: dict[str, object]
) -> None:
    row = world.paid()
    post_result(row, later)
    row.refresh_from_db()
    assert (row.status, row.receipt) == (Status.PAID, RECEIPT)
    assert "statement" in row.attention
    assert balances.of_partner(world.partner.pk).wallet == Decimal(975)


@pytest.mark.parametrize("code", [4, 8])
def test_a_limit_of_today_is_tried_again_as_a_new_attempt(world: World, code: int) -> None:
    row = world.sent()
    post_result(row, result(code))
    row.refresh_from_db()
    assert (row.status, row.next_step_at is not None) == (Status.FAILED, True)
    tasks.try_again(str(row.pk))  # as the sweep does when its time has come
    row.refresh_from_db()
    assert (row.status, row.live_attempt) == (Status.DETECTED, None)


@pytest.mark.parametrize("code", [4, 1, 2001, 2040])
def test_a_payment_reported_after_a_failure_stops_every_new_attempt(world: World, code: int) -> None:
    row = world.sent()
    post_result(row, result(code))
    post_result(row, result())
    row.refresh_from_db()
    assert (row.status, row.hold_cause, row.next_step_at) == (Status.HELD, Cause.CONTRADICTION, None)
    assert RECEIPT in row.attention
    amina = get_user_model().objects.create_user("amina")
    with pytest.raises(NotPossible):
        deciding.release(disbursement_id=row.pk, by=amina, reason="Surely not.", at=make.NOW)
    checking.check(disbursement_id=row.pk, at=make.NOW)
    row.refresh_from_db()
    assert row.status == Status.HELD


@pytest.mark.parametrize("amount", [950, 95000, "9500.50"])
def test_a_forged_amount_is_never_believed(world: World, amount: object) -> None:
    row = world.sent()
    post_result(row, result(amount=amount))
    row.refresh_from_db()
    assert row.status == Status.ACCEPTED
    assert "does not fit" in row.attention


@pytest.mark.parametrize(
    ("code", "status_", "cause"),
    [
        (2040, Status.FAILED, ""),
        ("SFC_IC0003", Status.FAILED, ""),
        (8, Status.FAILED, ""),
        (1, Status.HELD, Cause.MPESA_FLOAT),
        (17, Status.UNKNOWN, ""),
        (26, Status.UNKNOWN, ""),
        (15, Status.UNKNOWN, ""),
        (4242, Status.UNKNOWN, ""),
    ],
)
def test_each_class_of_result_has_its_place(world: World, code: object, status_: str, cause: str) -> None:
    row = world.sent()
    post_result(row, result(code))
    row.refresh_from_db()
    assert (row.status, row.hold_cause) == (status_, cause)
    held = balances.of_partner(world.partner.pk).floats[0].held
    assert held == (Decimal(9500) if status_ == Status.UNKNOWN else Decimal(0))


@pytest.mark.parametrize(
    ("shown", "status_"),
    [
        ("25470****149 - JANE", Status.PAID),
        ("254711000009 - JANE", Status.ACCEPTED),
        ("JANE DOE", Status.PAID),
    ],
)
def test_a_masked_recipient_may_be_ours_and_another_number_is_not(
    world: World, shown: str, status_: str
) -> None:
    row = world.sent()
    body = result()
    body["Result"]["ResultParameters"]["ResultParameter"][2]["Value"] = shown
    post_result(row, body)
    row.refresh_from_db()
    assert row.status == status_


def test_a_queue_timeout_is_doubt_and_its_credential_is_not_kept(world: World) -> None:
    row = world.sent()
    body = {"OriginatorConversationID": "x", "SecurityCredential": "very secret", "Amount": "9500"}
    assert post_result(row, body, what="timeout") == 200
    row.refresh_from_db()
    assert row.status == Status.UNKNOWN
    assert "very secret" not in InboundMessage.objects.get().body


def test_success_after_a_queue_timeout_is_success(world: World) -> None:
    row = world.sent()
    post_result(row, "", what="timeout")
    post_result(row, result())
    row.refresh_from_db()
    assert row.status == Status.PAID


@pytest.mark.parametrize(
    "body", ["", "<html>oops</html>", "[]", "null", '{"Result": 5}', "\x00\xff", "[" * 10000]
)
def test_garbage_is_stored_and_answered_and_moves_nothing(world: World, body: str) -> None:
    row = world.sent()
    assert post_result(row, body) == 200
    row.refresh_from_db()
    assert row.status == Status.ACCEPTED
    assert InboundMessage.objects.filter(applied_at__isnull=False).count() == 1


def test_a_result_for_a_request_that_we_took_for_never_sent_still_counts(world: World) -> None:
    world.daraja.plan.append(Retryable("spike", code="500.003.02"))
    row = world.sent()
    post_result(row, result())
    row.refresh_from_db()
    assert (row.status, row.attempts.get().status) == (Status.PAID, AttemptStatus.PAID)


def test_a_status_answer_settles_what_was_unknown(world: World) -> None:
    world.daraja.plan.append(OutcomeUnknown("lost"))
    row = world.sent()
    post_result(row, status(), kind="status")
    row.refresh_from_db()
    assert (row.status, row.receipt, row.mpesa_cost) == (Status.PAID, RECEIPT, Decimal(11))


@pytest.mark.parametrize("word", ["Declined", "Cancelled", "Expired"])
def test_a_declined_payment_is_proved_not_paid(world: World, word: str) -> None:
    world.daraja.plan.append(OutcomeUnknown("lost"))
    row = world.sent()
    post_result(row, status(word), kind="status")
    row.refresh_from_db()
    assert row.status == Status.FAILED
    assert balances.of_partner(world.partner.pk).floats[0].available == Decimal(100_000)


@pytest.mark.parametrize(
    "body", [not_found(), status("Authorized"), status("Initiated"), status(code=25), status("?")]
)
def test_other_status_answers_decide_nothing(world: World, body: dict[str, object]) -> None:
    world.daraja.plan.append(OutcomeUnknown("lost"))
    row = world.sent()
    post_result(row, body, kind="status")
    row.refresh_from_db()
    assert row.status == Status.UNKNOWN
    assert balances.of_partner(world.partner.pk).floats[0].held == Decimal(9500)


def test_a_completed_status_without_a_receipt_decides_nothing(world: World) -> None:
    world.daraja.plan.append(OutcomeUnknown("lost"))
    row = world.sent()
    post_result(row, status(receipt=""), kind="status")
    row.refresh_from_db()
    assert row.status == Status.UNKNOWN


@pytest.mark.parametrize("token", ["0" * 76, "nonsense", "ab"])
def test_a_wrong_token_is_nobodys(world: World, token: str) -> None:
    answer = Web().post(f"/callbacks/b2c/{token}/result", data="{}", content_type="application/json")
    assert answer.status_code == 404
    assert InboundMessage.objects.count() == 0


def test_a_token_for_questions_does_not_open_results(world: World) -> None:
    row = world.sent()
    token = tokens.make("status", row.attempts.get().pk)
    answer = Web().post(f"/callbacks/b2c/{token}/result", data="{}", content_type="application/json")
    assert answer.status_code == 404


def test_a_good_token_for_no_attempt_is_acknowledged_and_changes_nothing(world: World) -> None:
    assert post("b2c", new_id(), result()) == 200
    assert InboundMessage.objects.get().outcome == "for no attempt of ours"


def test_a_huge_body_is_refused_before_it_is_read(world: World) -> None:
    row = world.sent()
    assert post_result(row, "x" * 70_000) == 413
    assert InboundMessage.objects.count() == 0


def test_results_are_only_posted(world: World) -> None:
    path = f"/callbacks/b2c/{tokens.make('b2c', world.sent().attempts.get().pk)}/result"
    assert Web().get(path).status_code == 405


def test_the_shortcodes_balance_is_learned_from_results(world: World) -> None:
    world.paid()
    world.shortcode.refresh_from_db()
    assert world.shortcode.utility_balance == Decimal("8959269.60")


def test_a_figure_that_comes_late_is_as_old_as_the_payment_that_it_speaks_of(world: World) -> None:
    world.paid()
    world.shortcode.refresh_from_db()
    assert world.shortcode.balance_at == datetime(2026, 6, 3, 7, 0, 9, tzinfo=UTC)


def test_phones_and_names_stay_out_of_the_evidence(world: World) -> None:
    row = world.paid()
    shown = str([event.evidence for event in row.events.all()])
    assert make.JANE not in shown
    assert "JANE" not in shown
