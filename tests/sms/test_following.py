"""What became of messages: pushed reports, reports that we ask for, and workers that died."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from common import tokens
from common.gateway import OutcomeUnknown, Rejected
from common.models import InboundMessage
from sms import accounts, following, outbox, sending
from sms.gateways import Report
from sms.models import SmsGateway, SmsNotification, Status
from tests import make
from tests.make import NOW
from tests.sms import make_sms
from tests.sms.fakes import FakeGateway

pytestmark = pytest.mark.django_db
DELIVERED = {"description": "DeliveredToTerminal", "messageid": 77, "timeTaken": 4, "timestamp": "2026-06-03"}
ABSENT = DELIVERED | {"description": "AbsentSubscriber"}
ON_ITS_WAY = DELIVERED | {"description": "SentToNetwork"}


@pytest.fixture
def account() -> SmsGateway:
    return make_sms.gateway(make.partner(), kind="partner_id", dlr_mode="push")


@pytest.fixture
def sent(account: SmsGateway) -> SmsNotification:
    return make_sms.in_status(
        account.partner, Status.SENT, gateway=account, damza_reference="77", sent_at=NOW, next_step_at=None
    )


def path(account: SmsGateway) -> str:
    return accounts.report_address(account).removeprefix("http://127.0.0.1:8000")


def push(account: SmsGateway, body: Any, at: Any = None) -> None:
    answer = Client().post(path(account), body, content_type="application/json")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    InboundMessage.objects.filter(applied_at__isnull=True).update(next_step_at=NOW)
    following.apply_reports(at=at or NOW)


def outcome() -> str:
    return InboundMessage.objects.latest("received_at").outcome


def test_a_pushed_report_settles_the_message(account: SmsGateway, sent: SmsNotification) -> None:
    push(account, DELIVERED)
    sent.refresh_from_db()
    assert (sent.status, sent.delivered_at) == (Status.DELIVERED, NOW)
    assert sent.events.get().note == "DeliveredToTerminal"
    assert (outcome(), InboundMessage.objects.get().applied_at) == ("delivered", NOW)


def test_an_undelivered_message_has_failed_with_the_providers_words(
    account: SmsGateway, sent: SmsNotification
) -> None:
    push(account, ABSENT)
    sent.refresh_from_db()
    assert (sent.status, sent.last_error) == (Status.FAILED, "Not delivered: AbsentSubscriber")


def test_the_same_report_again_is_one_row_and_one_move(account: SmsGateway, sent: SmsNotification) -> None:
    push(account, DELIVERED)
    push(account, DELIVERED)
    assert sent.events.count() == 1
    assert InboundMessage.objects.get().copies == 2


@pytest.mark.parametrize("later", [ABSENT, ON_ITS_WAY])
def test_a_final_state_never_goes_back(account: SmsGateway, sent: SmsNotification, later: Any) -> None:
    push(account, DELIVERED)
    push(account, later)
    sent.refresh_from_db()
    assert (sent.status, sent.events.count()) == (Status.DELIVERED, 1)


def test_failed_stays_failed_and_the_contradiction_is_written_down(
    account: SmsGateway, sent: SmsNotification
) -> None:
    push(account, ABSENT)
    push(account, DELIVERED)
    sent.refresh_from_db()
    assert sent.status == Status.FAILED
    assert outcome() == "reported delivered (DeliveredToTerminal), but it is failed, which stays"


def test_a_state_on_the_way_is_only_noted(account: SmsGateway, sent: SmsNotification) -> None:
    push(account, ON_ITS_WAY)
    sent.refresh_from_db()
    assert (sent.status, outcome()) == (Status.SENT, "not final: SentToNetwork")


def test_a_report_settles_a_doubt(account: SmsGateway, sent: SmsNotification) -> None:
    SmsNotification.objects.update(unconfirmed=True)
    push(account, DELIVERED)
    sent.refresh_from_db()
    assert (sent.status, sent.unconfirmed) == (Status.DELIVERED, False)


def test_a_report_for_another_partners_message_is_ignored(account: SmsGateway, sent: SmsNotification) -> None:
    other = make_sms.gateway(make.partner("pwani"), kind="partner_id")
    for step in range(following.STRANGER_TRIES + 1):
        push(other, DELIVERED, at=NOW + timedelta(hours=step))
    sent.refresh_from_db()
    assert (sent.status, outcome()) == (Status.SENT, "no message of this account has that id; ignored")
    assert InboundMessage.objects.get(subject_id=other.pk).applied_at


def test_a_report_before_our_own_note_of_the_id_is_applied_later(account: SmsGateway) -> None:
    row = make_sms.in_status(account.partner, Status.SENDING, gateway=account)
    push(account, DELIVERED)
    assert not InboundMessage.objects.get().applied_at
    SmsNotification.objects.update(status=Status.SENT, damza_reference="77")
    following.apply_reports(at=NOW + timedelta(minutes=1))
    row.refresh_from_db()
    assert row.status == Status.DELIVERED


@pytest.mark.parametrize(
    "body", ["", "hello", "[]", "{}", '{"messageid": 77}', '{"description": "x"}', "\x00{"]
)
def test_rubbish_is_stored_answered_and_ignored(
    account: SmsGateway, sent: SmsNotification, body: str
) -> None:
    push(account, body)
    sent.refresh_from_db()
    assert (sent.status, outcome()) == (Status.SENT, "not a delivery report; ignored")


@pytest.mark.parametrize(
    ("status", "reason", "ends"),
    [
        ("Success", "", Status.DELIVERED),
        ("Failed", "DeliveryFailure", Status.FAILED),
        ("Rejected", "UserInBlacklist", Status.FAILED),
        ("Sent", "", Status.SENT),
        ("Submitted", "", Status.SENT),
        ("Buffered", "", Status.SENT),
    ],
)
def test_africas_talking_pushes_a_form(status: str, reason: str, ends: str) -> None:
    account = make_sms.gateway(make.partner(), kind="africastalking", dlr_mode="push")
    row = make_sms.in_status(account.partner, Status.SENT, gateway=account, damza_reference="ATXid_1")
    form = {"id": "ATXid_1", "status": status, "phoneNumber": "+254708374149", "networkCode": "63902"}
    form |= {"failureReason": reason} if reason else {}
    body = urlencode(form)
    answer = Client().post(path(account), body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    InboundMessage.objects.update(next_step_at=NOW)
    following.apply_reports(at=NOW)
    row.refresh_from_db()
    assert row.status == ends
    assert reason in row.last_error


@pytest.mark.parametrize("token", ["x", "0" * 76, "é"])
def test_a_wrong_token_is_not_found_and_nothing_is_stored(account: SmsGateway, token: str) -> None:
    answer = Client().post(f"/callbacks/sms/{token}/", DELIVERED, content_type="application/json")
    assert (answer.status_code, answer.content) == (404, b"")
    assert not InboundMessage.objects.exists()


def test_a_token_made_for_something_else_is_wrong(account: SmsGateway) -> None:
    token = tokens.make("mifos", account.pk)
    assert Client().post(f"/callbacks/sms/{token}/").status_code == 404


def test_the_token_before_the_present_one_is_still_good(account: SmsGateway) -> None:
    first = path(account)
    codes = []
    for version in (0, 1, 2):
        SmsGateway.objects.update(callback_version=version)
        codes.append(Client().post(first, "{}", content_type="application/json").status_code)
    assert codes == [200, 200, 404]


def test_a_huge_body_is_refused_unread(account: SmsGateway) -> None:
    answer = Client().post(path(account), "x" * (64 * 1024 + 1), content_type="text/plain")
    assert answer.status_code == 413
    assert not InboundMessage.objects.exists()


def asked_for(account: SmsGateway, **fields: Any) -> SmsNotification:
    defaults = {"gateway": account, "damza_reference": "77", "sent_at": NOW, "next_step_at": NOW}
    return make_sms.in_status(account.partner, Status.SENT, **defaults | fields)


@pytest.mark.parametrize(("fate", "ends"), [("delivered", Status.DELIVERED), ("failed", Status.FAILED)])
def test_a_report_that_we_ask_for(account: SmsGateway, provider: FakeGateway, fate: Any, ends: str) -> None:
    row = asked_for(account)
    provider.reports["77"] = Report(message_id="77", fate=fate, words="so it is")
    assert following.accounts_to_ask(at=NOW) == [account.pk]
    assert following.ask_reports(gateway_id=account.pk, at=NOW) == 1
    row.refresh_from_db()
    assert (row.status, provider.asked) == (ends, ["77"])
    assert following.accounts_to_ask(at=NOW + timedelta(days=1)) == []


@pytest.mark.parametrize("answer", [None, OutcomeUnknown("lost"), Rejected("no", stop=True)])
def test_no_answer_is_no_failure_and_is_asked_again_later(
    account: SmsGateway, provider: FakeGateway, answer: Any
) -> None:
    row = asked_for(account, sent_at=NOW - timedelta(hours=1))
    if answer:
        provider.reports["77"] = answer
    following.ask_reports(gateway_id=account.pk, at=NOW)
    row.refresh_from_db()
    assert (row.status, row.next_step_at) == (Status.SENT, NOW + timedelta(hours=1))


def test_after_some_days_there_is_no_more_asking(account: SmsGateway, provider: FakeGateway) -> None:
    row = asked_for(account, sent_at=NOW - timedelta(days=4))
    following.ask_reports(gateway_id=account.pk, at=NOW)
    row.refresh_from_db()
    assert (row.status, row.next_step_at) == (Status.SENT, None)


def test_a_message_of_a_killed_worker_is_in_doubt_and_is_not_sent_again(
    account: SmsGateway, provider: FakeGateway
) -> None:
    make_sms.queued(account.partner)
    outbox.claim(gateway_id=account.pk, at=NOW, limit=1)  # and here the worker is killed
    assert following.doubt_overdue(at=NOW + outbox.LEASE - timedelta(seconds=1)) == 0
    assert following.doubt_overdue(at=NOW + outbox.LEASE) == 1
    row = SmsNotification.objects.get()
    assert (row.status, row.unconfirmed, row.last_error) == (Status.SENT, True, following.DIED)
    assert sending.send_due(gateway_id=account.pk, at=NOW + timedelta(days=1)) == 0
    assert provider.sent == []


def test_a_message_that_was_not_yet_claimed_is_sent_by_the_next_worker(
    account: SmsGateway, provider: FakeGateway
) -> None:
    for number in range(12):
        make_sms.queued(account.partner, key=str(number))
    outbox.claim(gateway_id=account.pk, at=NOW, limit=sending.IN_FLIGHT)  # and here the worker is killed
    assert sending.send_due(gateway_id=account.pk, at=NOW) == 12 - sending.IN_FLIGHT
