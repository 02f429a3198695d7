"""From the outbox to the provider: where each answer takes a message."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from common.changes import By
from common.gateway import OutcomeUnknown, Rejected, Retryable
from common.models import AuditLine
from common.moves import ForbiddenMove
from sms import operations, outbox, routes, sending
from sms.gateways import Accepted, Message
from sms.models import SmsGateway, SmsNotification, Status
from sms.outbox import Settled
from tests import make
from tests.make import JANE, NOW
from tests.sms import make_sms
from tests.sms.fakes import FakeGateway

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> SmsGateway:
    return make_sms.gateway(make.partner())


def send(account: SmsGateway, at: Any = NOW, **options: Any) -> int:
    return operations.send_due(gateway_id=account.pk, at=at, **options)


def only() -> SmsNotification:
    return SmsNotification.objects.get()


def history(row: SmsNotification) -> list[tuple[str, str]]:
    return [(event.old, event.new) for event in row.events.all()]


def test_an_accepted_message_is_sent_with_the_providers_id(
    account: SmsGateway, provider: FakeGateway
) -> None:
    row = make_sms.queued(account.partner)
    provider.usual = Accepted(message_id="77", cost=Decimal("0.8"))
    assert send(account) == 1
    sent = only()
    assert (sent.status, sent.damza_reference, sent.cost) == (Status.SENT, "77", Decimal("0.8"))
    assert (sent.sent_at, sent.next_step_at, sent.unconfirmed, sent.last_error) == (NOW, None, False, "")
    assert history(sent) == [("pending", "sending"), ("sending", "sent")]
    assert provider.sent == [Message(phone=JANE, text=row.message_content, reference=row.pk.hex)]


def test_what_is_sent_is_not_due_again(account: SmsGateway, provider: FakeGateway) -> None:
    make_sms.queued(account.partner)
    assert send(account) == 1
    assert send(account, at=NOW + timedelta(days=1)) == 0
    assert len(provider.sent) == 1


def test_it_is_asked_about_later_where_the_provider_can_be_asked(provider: FakeGateway) -> None:
    account = make_sms.gateway(make.partner(), dlr_mode="pull")
    make_sms.queued(account.partner)
    provider.usual = Accepted(message_id="77")
    send(account)
    assert only().next_step_at == NOW + sending.FIRST_QUESTION


def test_no_transaction_is_open_while_the_provider_is_asked(
    account: SmsGateway, provider: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_sms.queued(account.partner)
    depths: list[int] = []
    outside = len(connection.savepoint_ids)
    real = sending._ask_all
    monkeypatch.setattr(
        sending, "_ask_all", lambda *a: depths.append(len(connection.savepoint_ids)) or real(*a)
    )
    send(account)
    assert depths == [outside]
    assert only().status == Status.SENT


def test_it_says_sending_before_a_byte_leaves(account: SmsGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    make_sms.queued(account.partner)
    seen: list[str] = []
    monkeypatch.setattr(
        sending, "_ask_all", lambda _a, rows, _at: seen.append(only().status) or [Accepted()] * len(rows)
    )
    send(account)
    assert seen == [Status.SENDING]


@pytest.mark.parametrize("tries", range(1, sending.MOST_TRIES))
def test_what_was_never_sent_is_tried_again_with_growing_gaps(
    account: SmsGateway, provider: FakeGateway, tries: int
) -> None:
    make_sms.queued(account.partner)
    SmsNotification.objects.update(tries=tries - 1)
    provider.usual = Retryable("could not be reached")
    send(account)
    row = only()
    assert (row.status, row.tries, row.last_error) == (Status.PENDING, tries, "could not be reached")
    assert row.next_step_at == NOW + sending.GAPS[tries - 1]
    assert list(sending.GAPS) == sorted(sending.GAPS)


def test_a_provider_that_asks_for_five_minutes_gets_them(provider: FakeGateway) -> None:
    account = make_sms.gateway(make.partner(), kind="partner_id")
    make_sms.queued(account.partner)
    provider.usual = Retryable("internal error", code="4090")
    send(account)
    assert only().next_step_at == NOW + timedelta(minutes=5)


def test_after_the_last_try_it_has_failed(account: SmsGateway, provider: FakeGateway) -> None:
    make_sms.queued(account.partner)
    provider.usual = Retryable("could not be reached")
    at = NOW
    for _ in range(sending.MOST_TRIES):
        send(account, at=at)
        at += timedelta(hours=2)
    row = only()
    assert (row.status, row.next_step_at, len(provider.sent)) == (Status.FAILED, None, sending.MOST_TRIES)
    assert row.last_error == "could not be reached"


def test_a_refused_message_has_failed_at_once(account: SmsGateway, provider: FakeGateway) -> None:
    make_sms.queued(account.partner)
    provider.usual = Rejected("the provider does not reach this number", code="103")
    send(account)
    row = only()
    assert (row.status, row.last_error) == (Status.FAILED, "the provider does not reach this number (103)")
    assert not SmsGateway.objects.get().stopped_at


@pytest.mark.parametrize("error", [OutcomeUnknown("did not answer"), KeyError("odd answer")])
def test_a_message_in_doubt_is_not_sent_again(
    account: SmsGateway, provider: FakeGateway, error: Exception
) -> None:
    make_sms.queued(account.partner)
    provider.usual = error
    send(account)
    row = only()
    assert (row.status, row.unconfirmed, row.next_step_at) == (Status.SENT, True, None)
    assert row.last_error.startswith("Unconfirmed: ")
    assert send(account, at=NOW + timedelta(days=3)) == 0
    assert len(provider.sent) == 1


def test_a_refused_account_stops_and_keeps_its_messages(account: SmsGateway, provider: FakeGateway) -> None:
    for number in range(20):
        make_sms.queued(account.partner, key=str(number))
    provider.usual = Rejected("the account has no credit left", code="105", stop=True)
    assert send(account) == sending.IN_FLIGHT
    account.refresh_from_db()
    assert (account.stopped_at, account.stopped_reason) == (NOW, "the account has no credit left (105)")
    assert "Mend it" in account.attention
    assert AuditLine.objects.get().action == "sms account stopped"
    assert SmsNotification.objects.filter(status=Status.PENDING, tries=0, next_step_at=NOW).count() == 20
    assert send(account, at=NOW + timedelta(hours=1)) == 0


def test_a_mended_account_sends_what_waited(account: SmsGateway, provider: FakeGateway) -> None:
    make_sms.queued(account.partner)
    sending.stop(account, reason="no credit", at=NOW)
    assert operations.restart(gateway_id=account.pk, at=NOW)
    assert not operations.restart(gateway_id=account.pk, at=NOW)
    assert send(account, at=NOW + timedelta(hours=1)) == 1
    assert only().status == Status.SENT


def second_of(account: SmsGateway) -> SmsGateway:
    account.second = make_sms.gateway(account.partner, name="Helps out", is_primary=False)
    account.save()
    return account.second


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (Rejected("not this network", code="104"), 0),
        (Rejected("no credit", stop=True), 0),
        (Retryable("not reached"), sending.MOST_TRIES - 1),
    ],
)
def test_the_second_account_takes_what_the_first_did_not_send(
    account: SmsGateway, provider: FakeGateway, error: Exception, tries: int
) -> None:
    helper = second_of(account)
    make_sms.queued(account.partner)
    SmsNotification.objects.update(tries=tries)
    provider.answers = iter([error])
    send(account)
    row = only()
    assert (row.status, row.gateway_id, row.tries, row.next_step_at) == (Status.PENDING, helper.pk, 0, NOW)
    assert send(helper) == 1
    assert only().status == Status.SENT
    assert [event.note for event in row.events.all()][2] == "to Helps out"


def test_the_second_account_is_not_used_in_doubt(account: SmsGateway, provider: FakeGateway) -> None:
    helper = second_of(account)
    make_sms.queued(account.partner)
    provider.usual = OutcomeUnknown("did not answer")
    send(account)
    assert send(helper, at=NOW + timedelta(days=1)) == 0
    assert only().unconfirmed


def test_there_is_no_third_account(account: SmsGateway, provider: FakeGateway) -> None:
    helper = second_of(account)
    helper.second = account
    helper.save()
    make_sms.queued(account.partner)
    provider.usual = Rejected("not this network")
    send(account)
    send(helper)
    assert (only().status, len(provider.sent)) == (Status.FAILED, 2)


def test_a_code_that_came_too_late_is_not_sent(account: SmsGateway, provider: FakeGateway) -> None:
    second_of(account)
    make_sms.queued(account.partner, message_type="one_time_code", expires_at=NOW + timedelta(minutes=5))
    send(account, at=NOW + timedelta(minutes=5))
    assert (only().status, provider.sent) == (Status.FAILED, [])


def test_an_account_keeps_its_pace(provider: FakeGateway) -> None:
    account = make_sms.gateway(make.partner(), rate_per_second=5)
    for number in range(30):
        make_sms.queued(account.partner, key=str(number))
    tenths = [send(account, at=NOW + timedelta(seconds=tenth / 10)) for tenth in range(31)]
    assert tenths[0] == 5
    assert sum(tenths[1:11]) == 5
    assert sum(tenths) == 5 + 15


def test_a_pace_below_one_a_second_still_sends(provider: FakeGateway) -> None:
    account = make_sms.gateway(make.partner(), rate_per_second=Decimal("0.5"))
    for number in range(3):
        make_sms.queued(account.partner, key=str(number))
    assert [send(account, at=NOW + timedelta(seconds=second)) for second in range(5)] == [1, 0, 1, 0, 1]


def test_partners_on_one_account_take_turns(provider: FakeGateway) -> None:
    shared = make_sms.gateway(name="Platform")
    large, small = make.partner("large"), make.partner("small")
    for number in range(50):
        make_sms.queued(large, key=f"large:{number}")
    late = NOW + timedelta(seconds=1)
    make_sms.queued(small, key="small:0", phone="254711000009", at=late)
    send(shared, at=late, limit=2)
    assert "254711000009" in provider.phones


def test_a_long_queue_goes_in_order(account: SmsGateway, provider: FakeGateway) -> None:
    phones = [f"2547110000{number:02}" for number in range(20)]
    for number, phone in enumerate(phones):
        at = NOW - timedelta(seconds=60 - number)
        make_sms.queued(account.partner, key=str(number), phone=phone, at=at)
    assert send(account) == 20
    assert [set(provider.phones[start : start + 8]) for start in (0, 8, 16)] == [
        set(phones[start : start + 8]) for start in (0, 8, 16)
    ]


def test_another_accounts_messages_stay(account: SmsGateway, provider: FakeGateway) -> None:
    other = make_sms.gateway(make.partner("pwani"))
    make_sms.queued(other.partner)
    assert send(account) == 0


@pytest.mark.parametrize("fields", [{"is_active": False}, {"stopped_at": NOW}])
def test_an_account_that_is_off_or_stopped_sends_nothing(provider: FakeGateway, fields: Any) -> None:
    account = make_sms.gateway(make.partner())
    make_sms.queued(account.partner)
    SmsGateway.objects.update(**fields)
    assert send(account) == 0
    assert only().status == Status.PENDING


def test_the_answer_of_an_older_claim_changes_nothing(account: SmsGateway, provider: FakeGateway) -> None:
    make_sms.queued(account.partner)
    _, (claimed,) = outbox.claim(gateway_id=account.pk, at=NOW, limit=1) or (account, [])
    SmsNotification.objects.update(moved_at=NOW + timedelta(minutes=5))  # claimed anew by somebody else
    late = Settled(id=claimed.pk, claimed_at=claimed.moved_at, new=Status.SENT, gateway_id=account.pk)
    assert outbox.settle([late], at=NOW) == set()
    assert history(only()) == [("pending", "sending")]


def test_settling_keeps_to_the_table(account: SmsGateway) -> None:
    wrong = Settled(id=account.pk, claimed_at=NOW, new=Status.SENDING, gateway_id=account.pk)
    with pytest.raises(ForbiddenMove):
        outbox.settle([wrong], at=NOW)


def test_a_batch_costs_few_queries(
    account: SmsGateway, provider: FakeGateway, django_assert_max_num_queries: Any
) -> None:
    for number in range(8):
        make_sms.queued(account.partner, key=str(number))
    with django_assert_max_num_queries(10):  # of these, four are savepoints of the test's own transaction
        assert send(account, limit=8) == 8


def test_resending_takes_the_accounts_of_today(account: SmsGateway, provider: FakeGateway) -> None:
    make_sms.in_status(account.partner, Status.FAILED)
    account.is_active = False
    account.save()
    today = make_sms.gateway(account.partner, name="New")
    routes.forget()
    row = operations.resend(notification_id=only().pk, at=NOW, by=By(name="mary"))
    assert (row.status, row.gateway_id) == (Status.PENDING, today.pk)
    assert send(today) == 1
