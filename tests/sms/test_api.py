"""Messages and texts over the API."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from partners.models import Partner
from sms import operations, wording
from sms.models import SmsNotification, SmsTemplate, Status
from tests import make
from tests.make import NOW
from tests.make_api import caller, problem

pytestmark = pytest.mark.django_db
MESSAGES, TEMPLATES = "/api/sms/notifications", "/api/sms/templates"
TEXT = "{client}: {amount} received. {receipt} {partner}"


@pytest.fixture
def owner() -> Partner:
    return make.partner()


@pytest.fixture
def ours(owner: Partner) -> APIClient:
    return caller(owner)


def message(owner: Partner, event: str = "e1", **changes: Any) -> SmsNotification:
    row = operations.enqueue(
        event_key=event,
        message_type="payment_receipt",
        partner_id=owner.pk,
        phone=make.JANE,
        context=dict(wording.SAMPLE),
        at=NOW,
    )
    assert row is not None
    SmsNotification.objects.filter(pk=row.pk).update(**changes)
    return row


def own(ours: APIClient, **changes: Any) -> Any:
    return ours.post(TEMPLATES, {"message_type": "payment_receipt", "language": "en", "text": TEXT} | changes)


def test_messages_are_listed_and_filtered(owner: Partner, ours: APIClient) -> None:
    row = message(owner)
    message(make.partner("mwangaza"), "e2")
    (shown,) = ours.get(MESSAGES, {"phone": "0708374149", "status": "pending,failed"}).json()["results"]
    assert shown["id"] == str(row.pk)
    assert ours.get(MESSAGES, {"status": "sent"}).json()["results"] == []


def test_a_message_shows_its_text_and_history(owner: Partner, ours: APIClient) -> None:
    shown = ours.get(f"{MESSAGES}/{message(owner).pk}").json()
    assert "KES 9,500" in shown["message_content"]
    assert shown["timeline"] == []


def test_a_one_time_code_is_not_shown(owner: Partner, ours: APIClient) -> None:
    row = message(owner, message_type="one_time_code", message_content="482913 is your code")
    assert "482913" not in str(ours.get(f"{MESSAGES}/{row.pk}").json())


def test_what_failed_is_sent_again(owner: Partner, ours: APIClient) -> None:
    row = message(owner, status=Status.FAILED, next_step_at=None)
    again = ours.post(f"{MESSAGES}/{row.pk}/resend")
    assert (again.status_code, again.json()["status"]) == (202, "pending")
    problem(ours.post(f"{MESSAGES}/{row.pk}/resend"), 409, "conflict")


def test_nobody_sends_anothers_messages(ours: APIClient) -> None:
    row = message(make.partner("mwangaza"), status=Status.FAILED, next_step_at=None)
    problem(ours.post(f"{MESSAGES}/{row.pk}/resend"), 404, "not_found")


def test_an_own_text_is_measured_and_holds(owner: Partner, ours: APIClient) -> None:
    made = own(ours)
    assert made.status_code == 201
    assert made.json()["preview"] == "Jane Wanjiku: KES 9,500 received. SGH7XK2LMN Kilimo SACCO"
    assert (made.json()["segments"], made.json()["encoding"]) == (1, "gsm7")
    assert message(owner).message_content.startswith("Jane Wanjiku: KES 9,500 received.")


@pytest.mark.parametrize("text", ["{nonsense}", "{amount", "", "{loan} is no part of a receipt"])
def test_a_text_that_could_not_be_filled_in_is_refused(ours: APIClient, text: str) -> None:
    assert problem(own(ours, text=text), 400, "invalid")["errors"][0]["field"] == "text"
    assert not SmsTemplate.objects.exists()


def test_the_same_text_twice_is_refused(ours: APIClient) -> None:
    own(ours)
    problem(own(ours), 409, "conflict")


def test_a_text_is_changed_by_who_has_read_it_and_taken_back(ours: APIClient) -> None:
    address = own(ours).headers["Location"]
    tag = ours.get(address).headers["ETag"]
    changed = ours.patch(address, {"text": "{amount}. {partner}"}, headers={"If-Match": tag})
    assert changed.json()["text"] == "{amount}. {partner}"
    problem(ours.patch(address, {"text": TEXT}, headers={"If-Match": tag}), 412, "precondition_failed")
    assert ours.delete(address).status_code == 204
    assert not SmsTemplate.objects.exists()


def test_a_partner_reads_the_general_text_and_cannot_change_it(ours: APIClient) -> None:
    address = own(caller()).headers["Location"]
    tag = ours.get(address).headers["ETag"]
    problem(ours.patch(address, {"text": TEXT}, headers={"If-Match": tag}), 404, "not_found")
    problem(ours.delete(address), 404, "not_found")


def test_a_text_is_tried_without_being_kept(ours: APIClient) -> None:
    tried = ours.post(f"{TEMPLATES}/preview", {"message_type": "payment_receipt", "text": TEXT + " 😀"})
    assert (tried.json()["encoding"], tried.json()["segments"]) == ("ucs2", 1)
    assert not SmsTemplate.objects.exists()
