"""Alarms to the platform's own people belong to no partner, and one-time codes are not kept."""

from datetime import timedelta
from typing import Any

import pytest

from common.gateway import OutcomeUnknown, Rejected, Retryable
from common.moves import ForbiddenMove
from sms import operations
from sms.gateways import Accepted
from sms.models import SmsNotification, Status
from tests import make
from tests.make import NOW
from tests.sms import make_sms
from tests.sms.fakes import FakeGateway

pytestmark = pytest.mark.django_db
PHONES = ["254722000001", "254722000002"]


@pytest.fixture(autouse=True)
def phones(settings: Any) -> None:
    settings.OPERATOR_PHONES = PHONES


def alarm(**fields: Any) -> list[SmsNotification]:
    given = {"event_key": "operators:x", "reason": "The ledger does not add up", "partner_id": None}
    return operations.enqueue_to_operators(**(given | {"at": NOW} | fields))  # type: ignore[arg-type]


def test_an_alarm_goes_to_every_operator_once_and_belongs_to_no_partner() -> None:
    platform = make_sms.gateway(None)
    make_sms.gateway(make.partner())
    assert [row.recipient_phone for row in alarm()] == PHONES
    assert alarm() == []
    rows = SmsNotification.objects.all()
    assert {(row.partner_id, row.gateway_id) for row in rows} == {(None, platform.pk)}
    assert rows[0].message_content == "Payment Vault alarm, platform: The ledger does not add up"


def test_an_alarm_about_a_partner_names_it_and_is_still_ours() -> None:
    make_sms.gateway(None)
    kilimo = make.partner()
    first, _ = alarm(partner_id=kilimo.pk)
    assert (first.partner_id, f"alarm, {kilimo.name}" in first.message_content) == (None, True)


def test_without_an_account_of_the_platform_an_alarm_goes_by_any() -> None:
    account = make_sms.gateway(make.partner())
    assert {row.gateway_id for row in alarm()} == {account.pk}


def test_alarms_are_sent_beside_partners_messages(provider: FakeGateway) -> None:
    account = make_sms.gateway(None)
    kilimo = make.partner()
    for number in range(5):
        make_sms.queued(kilimo, key=str(number))
    alarm()
    assert operations.send_due(gateway_id=account.pk, at=NOW, limit=2) == 2
    assert SmsNotification.objects.filter(partner__isnull=True, status=Status.SENT).count() == 1
    assert operations.send_due(gateway_id=account.pk, at=NOW) == 5
    assert not SmsNotification.objects.exclude(status=Status.SENT).exists()


@pytest.mark.parametrize(
    ("answer", "readable"),
    [
        (Accepted(message_id="7"), False),
        (OutcomeUnknown("lost"), False),
        (Rejected("no such number"), False),
        (Retryable("busy"), True),
    ],
)
def test_a_code_is_kept_only_until_it_has_left(provider: FakeGateway, answer: Any, readable: bool) -> None:
    account = make_sms.gateway(make.partner())
    row = make_sms.queued(
        account.partner, message_type="one_time_code", expires_at=NOW + timedelta(minutes=5)
    )
    code = make_sms.SAMPLE["code"]
    provider.usual = answer
    operations.send_due(gateway_id=account.pk, at=NOW)
    assert code in provider.sent[0].text
    row.refresh_from_db()
    assert (code in row.message_content) is readable


def test_other_messages_keep_their_digits(provider: FakeGateway) -> None:
    account = make_sms.gateway(make.partner())
    row = make_sms.queued(account.partner)
    operations.send_due(gateway_id=account.pk, at=NOW)
    assert SmsNotification.objects.get().message_content == row.message_content


def test_a_code_that_has_left_is_not_sent_again(provider: FakeGateway) -> None:
    account = make_sms.gateway(make.partner())
    row = make_sms.queued(account.partner, message_type="one_time_code")
    provider.usual = Rejected("no such number")
    operations.send_due(gateway_id=account.pk, at=NOW)
    with pytest.raises(ForbiddenMove, match="new one"):
        operations.resend(notification_id=row.pk, at=NOW)
