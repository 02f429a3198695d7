"""The outbox: one message per event and phone, written with the event or not at all."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from sms import operations, routes
from sms.models import SmsNotification, SmsTemplate, Status
from sms.wording import VARIABLES, BadWording, MessageType
from tests import make
from tests.make import JANE, NOW
from tests.sms import make_sms

pytestmark = pytest.mark.django_db
ALERT = {"balance": "KES 900", "threshold": "KES 5,000"}


def paid(owner: Any, **fields: Any) -> SmsNotification | None:
    wanted: dict[str, Any] = {
        "event_key": "disbursement:1:paid",
        "message_type": MessageType.DISBURSEMENT_CONFIRMATION,
        "partner_id": owner.pk,
        "phone": JANE,
        "context": make_sms.PAID,
        "at": NOW,
    }
    return operations.enqueue(**wanted | fields)


def alert(owner: Any, key: str, **fields: Any) -> int:
    wanted: dict[str, Any] = {"message_type": "balance_alert", "context": ALERT, "at": NOW}
    return operations.enqueue_to_partner(event_key=key, partner_id=owner.pk, **wanted | fields)


def test_a_message_waits_with_its_text_and_account() -> None:
    owner = make.partner()
    account = make_sms.gateway(owner)
    row = paid(owner)
    assert row is not None
    row.refresh_from_db()
    assert row.message_content == (
        "Dear Jane Wanjiku, KES 9,500 for loan 000000123 has been sent to your M-Pesa. "
        "Receipt SGH7XK2LMN. Kilimo SACCO"
    )
    assert (row.status, row.next_step_at, row.gateway_id) == (Status.PENDING, NOW, account.pk)
    assert (row.encoding, row.segments, row.recipient_phone) == ("gsm7", 1, JANE)
    assert row.correlation_id


def test_the_same_event_and_phone_is_queued_once() -> None:
    owner = make.partner()
    first = paid(owner)
    assert first is not None
    assert paid(owner, context=make_sms.PAID | {"amount": "KES 1"}) is None
    assert paid(owner, phone="0708 374 149") is None
    assert SmsNotification.objects.get().message_content == first.message_content


def test_another_phone_of_the_same_event_is_another_message() -> None:
    owner = make.partner()
    assert paid(owner)
    assert paid(owner, phone="254711000001")


def test_queueing_costs_one_query_once_the_partner_is_known(django_assert_num_queries: Any) -> None:
    owner = make.partner()
    paid(owner)
    with django_assert_num_queries(1):
        paid(owner, event_key="disbursement:2:paid")


def test_a_message_goes_with_the_event_that_is_undone() -> None:
    owner = make.partner()
    with transaction.atomic():
        paid(owner)
        transaction.set_rollback(True)
    assert not SmsNotification.objects.exists()


@pytest.mark.parametrize("phone", ["", "0202222222", "hello", "2547\x00", "25470837414"])
def test_a_phone_that_cannot_be_reached_fails_in_words_and_breaks_nothing(phone: str) -> None:
    row = paid(make.partner(), phone=phone)
    assert row is not None
    row.refresh_from_db()
    assert (row.status, row.next_step_at) == (Status.FAILED, None)
    assert row.last_error


@pytest.mark.parametrize("message_type", MessageType.values)
def test_a_missing_value_is_refused_loudly_for_every_type(message_type: str) -> None:
    owner = make.partner()
    for name in VARIABLES[message_type] - {"partner"}:
        context = make_sms.context(message_type)
        del context[name]
        with pytest.raises(BadWording, match=name):
            paid(owner, message_type=message_type, context=context)
    assert not SmsNotification.objects.exists()


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(BadWording, match="birthday_wishes"):
        paid(make.partner(), message_type="birthday_wishes")


def test_the_language_is_the_given_one_or_the_partners() -> None:
    swahili = make.partner("pwani", language="sw")
    default, given = paid(swahili), paid(swahili, event_key="2", language="en")
    assert default is not None
    assert default.message_content.startswith("Ndugu Jane")
    assert given is not None
    assert given.message_content.startswith("Dear Jane")


def test_a_partners_text_goes_before_the_platforms_and_that_before_the_built_in() -> None:
    kilimo, other = make.partner(), make.partner("pwani")
    texts = {None: "Paid {amount}", kilimo: "{client} got {amount}"}
    for owner, text in texts.items():
        SmsTemplate.objects.create(
            message_type="disbursement_confirmation", language="en", partner=owner, text=text
        )
    rows = [paid(kilimo, event_key="1"), paid(other, event_key="2")]
    assert [row.message_content for row in rows if row] == ["Jane Wanjiku got KES 9,500", "Paid KES 9,500"]


def test_typographic_characters_do_not_double_the_price() -> None:
    row = paid(make.partner(), context=make_sms.PAID | {"client": "José O’Brien – “Joe”"})
    assert row is not None
    assert row.encoding == "gsm7"
    assert 'José O\'Brien - "Joe"' in row.message_content


def test_a_partner_message_goes_to_each_of_its_phones() -> None:
    owner = make.partner(phones=["254711000001", "254711000002", "254711000001"])
    assert alert(owner, "low:1") == 2
    assert alert(owner, "low:1") == 0


def test_a_partner_without_phones_is_told_nothing() -> None:
    assert alert(make.partner(phones=[]), "low:1") == 0


def test_an_alert_is_not_repeated_within_the_quiet_time() -> None:
    owner, quiet = make.partner(), timedelta(hours=6)
    assert alert(owner, "low:1", quiet=quiet) == 1
    assert alert(owner, "low:2", quiet=quiet, at=NOW + timedelta(hours=5)) == 0
    assert alert(make.partner("pwani"), "low:3", quiet=quiet) == 1
    assert alert(owner, "low:4", quiet=quiet, at=NOW + timedelta(hours=7)) == 1


def test_a_missing_value_is_refused_even_in_the_quiet_time() -> None:
    owner = make.partner()
    alert(owner, "low:1")
    with pytest.raises(BadWording, match="threshold"):
        alert(owner, "low:2", quiet=timedelta(hours=6), context={"balance": "KES 900"})


def test_without_an_account_of_its_own_a_partner_uses_the_platforms() -> None:
    shared = make_sms.gateway(name="Platform")
    owner = make.partner()
    assert routes.gateway_of(owner.pk) == shared.pk
    own = make_sms.gateway(owner)
    make_sms.gateway(owner, name="Helps out", is_primary=False)
    assert routes.gateway_of(owner.pk) == own.pk
