"""Operators' windows: secrets stay in, phones are masked, actions do what they say."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from common.gateway import OutcomeUnknown
from common.models import AuditLine
from sms.models import SmsGateway, SmsNotification, SmsTemplate, Status
from tests import make
from tests.make import JANE, NOW
from tests.sms import make_sms
from tests.sms.fakes import FakeGateway

pytestmark = pytest.mark.django_db


@pytest.fixture
def pages() -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("mary", "mary@example.org", "x"))
    return client


def page(pages: Client, path: str) -> str:
    answer = pages.get(f"/admin/sms/{path}")
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def act(pages: Client, path: str, reason: str = "because") -> Any:
    return pages.post(f"/admin/sms/{path}", {"reason": reason, "_form_submitted": "True"})


def test_messages_are_listed_with_masked_phones(pages: Client) -> None:
    make_sms.queued(make.partner())
    shown = page(pages, "smsnotification/")
    assert "2547••••149" in shown
    assert JANE not in shown


def test_a_message_explains_itself(pages: Client) -> None:
    row = make_sms.in_status(make.partner(), Status.SENT, unconfirmed=True)
    shown = page(pages, f"smsnotification/{row.pk}/change/")
    assert "may have gone out" in shown
    assert JANE not in shown


def test_a_one_time_code_is_not_shown(pages: Client) -> None:
    row = make_sms.queued(make.partner(), message_type="one_time_code")
    shown = page(pages, f"smsnotification/{row.pk}/change/")
    assert "482913" not in shown
    assert "its text is not shown" in shown


@pytest.mark.parametrize("typed", [JANE, "0708 374 149", "+254708374149", "disbursement:1:paid"])
def test_a_message_is_found_by_phone_or_event(pages: Client, typed: str) -> None:
    make_sms.queued(make.partner())
    answer = pages.get("/admin/sms/smsnotification/", {"q": typed})
    assert "2547••••149" in answer.content.decode()


def test_a_failed_message_is_sent_again_with_a_reason(pages: Client) -> None:
    row = make_sms.in_status(make.partner(), Status.FAILED)
    act(pages, f"smsnotification/{row.pk}/resend/", "the number was off the net")
    assert SmsNotification.objects.get().status == Status.PENDING
    line = AuditLine.objects.get()
    assert (line.actor_name, line.reason) == ("mary", "the number was off the net")


def test_a_delivered_message_is_not_sent_again(pages: Client) -> None:
    row = make_sms.in_status(make.partner(), Status.DELIVERED)
    act(pages, f"smsnotification/{row.pk}/resend/")
    assert SmsNotification.objects.get().status == Status.DELIVERED


def test_an_accounts_secrets_are_never_shown(pages: Client) -> None:
    row = make_sms.gateway(make.partner(), password="hidden-password", username="hidden-user")
    shown = page(pages, f"smsgateway/{row.pk}/change/")
    assert not any(secret in shown for secret in ("secret-key", "hidden-password", "hidden-user"))
    assert "/callbacks/sms/" in shown
    page(pages, "smsgateway/")
    page(pages, "smsgateway/add/")


def gateway_form(**fields: Any) -> dict[str, Any]:
    form = {
        "name": "Kilimo",
        "kind": "ultimate_sms",
        "is_primary": "on",
        "is_active": "on",
        "dlr_mode": "none",
    }
    return form | {"rate_per_second": "5", "success_codes": "[]", "sender_id": "KILIMO"} | fields


def test_an_account_keeps_its_key_when_the_box_stays_empty(pages: Client) -> None:
    row = make_sms.gateway()
    pages.post(f"/admin/sms/smsgateway/{row.pk}/change/", gateway_form(sender_id="NEWNAME"))
    row.refresh_from_db()
    assert (row.sender_id, row.api_key) == ("NEWNAME", "secret-key")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"base_url": "http://sms.damzaltd.com"}, "the key travels readable"),
        ({"kind": "airtouch", "dlr_mode": "pull"}, "cannot be asked"),
        ({"success_codes": '{"ok": 1}'}, "A list of codes"),
        ({"rate_per_second": "0"}, "greater than or equal"),
    ],
)
def test_a_wrong_account_is_refused_in_words(pages: Client, fields: dict[str, str], why: str) -> None:
    answer = pages.post("/admin/sms/smsgateway/add/", gateway_form(**fields))
    assert why in answer.content.decode()
    assert not SmsGateway.objects.exists()


def test_a_balance_is_asked_for_and_said(pages: Client, provider: FakeGateway) -> None:
    row = make_sms.gateway(name="Kilimo")
    provider.credit = Decimal("545.00")
    answer = pages.get(f"/admin/sms/smsgateway/{row.pk}/check_balance/", follow=True)
    assert "Kilimo has 545.00 left." in answer.content.decode()
    provider.credit = OutcomeUnknown("the provider did not answer")
    answer = pages.get(f"/admin/sms/smsgateway/{row.pk}/check_balance/", follow=True)
    assert "could not be had: the provider did not answer" in answer.content.decode()


def test_a_stopped_account_says_why_and_is_started_again(pages: Client) -> None:
    row = make_sms.gateway(stopped_at=NOW, stopped_reason="no credit left (105)")
    assert "no credit left (105)" in page(pages, f"smsgateway/{row.pk}/change/")
    act(pages, f"smsgateway/{row.pk}/start_again/", "topped up")
    row.refresh_from_db()
    assert row.usable
    assert AuditLine.objects.get().reason == "topped up"


def test_a_new_address_for_reports_leaves_the_old_one_good(pages: Client) -> None:
    row = make_sms.gateway()
    act(pages, f"smsgateway/{row.pk}/renew_address/")
    row.refresh_from_db()
    assert row.callback_version == 1


def test_a_text_is_shown_with_values_and_its_size(pages: Client) -> None:
    row = SmsTemplate.objects.create(
        message_type="payment_receipt", language="en", text="Asante {client}, {amount}"
    )
    shown = page(pages, f"smstemplate/{row.pk}/change/")
    assert "Asante Jane Wanjiku, KES 9,500" in shown
    assert "1 part, GSM-7, 30 units" in shown
    page(pages, "smstemplate/")
    page(pages, "smstemplate/add/")


def test_a_text_with_an_unknown_variable_is_refused(pages: Client) -> None:
    form = {"message_type": "payment_receipt", "language": "en", "text": "You owe {debt}"}
    answer = pages.post("/admin/sms/smstemplate/add/", form)
    assert "Unknown: {debt}" in answer.content.decode()
    assert not SmsTemplate.objects.exists()
