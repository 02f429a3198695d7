"""The page of delivery counts how far messages come, and sends again what failed, with a reason."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from common.models import AuditLine
from sms import delivery
from sms.models import SmsNotification, Status
from tests import make
from tests.make import JANE, NOW
from tests.sms import make_sms

pytestmark = pytest.mark.django_db
PAGE = "/admin/sms/smsnotification/delivery/"
AGAIN = "/admin/sms/smsnotification/again/"


@pytest.fixture
def desk() -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("mary", "mary@example.org", "x"))
    return client


def some(owner: object, **counts: int) -> None:
    for status, count in counts.items():
        for number in range(count):
            error = "no such number" if status == "failed" else ""
            make_sms.in_status(owner, Status(status), key=f"{owner}{number}", last_error=error)


def test_the_funnel_counts_each_stage_and_the_doubtful_ones() -> None:
    kilimo = make.partner()
    some(kilimo, pending=1, sent=2, delivered=3, failed=4)
    make_sms.in_status(kilimo, Status.SENT, key="doubt", unconfirmed=True)
    rows = delivery.rows_since(timezone.now() - timedelta(hours=1))
    found = {stage.name: stage.count for stage in delivery.funnel(rows)}
    assert found == {"Queued": 11, "Waiting": 1, "Sent": 6, "Delivered": 3, "Failed": 4}
    assert delivery.funnel(rows)[2].words == "1 of them in doubt"


def test_another_partners_messages_are_left_out(desk: Client) -> None:
    some(make.partner(), failed=2)
    some(make.partner("pwani"), failed=5)
    text = desk.get(f"{PAGE}?partner=kilimo").content.decode()
    assert "<strong>2</strong>" in text
    assert "<strong>5</strong>" not in text


def test_failures_are_told_by_reason(desk: Client) -> None:
    some(make.partner(), failed=2)
    text = desk.get(PAGE).content.decode()
    assert "No such number" in text
    assert "reason=no%20such%20number" in text


def test_an_empty_page_says_what_will_appear(desk: Client) -> None:
    text = desk.get(PAGE).content.decode()
    assert "No message in this time." in text
    assert "No account is set up" in text


def test_looking_at_what_would_go_out_again_sends_nothing(desk: Client) -> None:
    some(make.partner(), failed=2)
    text = desk.get(f"{AGAIN}?reason=no such number").content.decode()
    assert "2 messages, 2 parts, go out again." in text
    assert JANE not in text
    assert SmsNotification.objects.filter(status=Status.FAILED).count() == 2


def test_what_failed_is_sent_again_with_a_reason_in_the_audit(desk: Client) -> None:
    some(make.partner(), failed=2, delivered=1)
    ids = [str(row.pk) for row in SmsNotification.objects.all()]
    desk.post(AGAIN, {"ids": ids, "reason": "the sender ID is registered now"})
    assert SmsNotification.objects.filter(status=Status.PENDING).count() == 2
    assert SmsNotification.objects.filter(status=Status.DELIVERED).count() == 1
    assert AuditLine.objects.filter(reason="the sender ID is registered now").count() == 2


def test_without_a_reason_nothing_is_sent(desk: Client) -> None:
    some(make.partner(), failed=1)
    desk.post(AGAIN, {"ids": [str(SmsNotification.objects.get().pk)], "reason": " "})
    assert SmsNotification.objects.get().status == Status.FAILED


def test_ticked_messages_are_asked_about_before_they_go(desk: Client) -> None:
    some(make.partner(), failed=1, pending=1)
    ticked = {
        "action": "resend_many",
        "_selected_action": [str(row.pk) for row in SmsNotification.objects.all()],
    }
    text = desk.post("/admin/sms/smsnotification/", ticked).content.decode()
    assert "1 message, 1 part, go out again." in text
    assert "1 others are not sent" in text


def test_periods_that_do_not_exist_are_a_day() -> None:
    assert delivery.since("nonsense", at=NOW) == NOW - timedelta(days=1)
