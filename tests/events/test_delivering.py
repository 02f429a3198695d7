"""Events reach the partner's server: signed, tried for a day, never two workers at once, nobody waits for another."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from common.models import AuditLine
from partners.events import delivering, operations, tasks
from partners.events.models import PartnerEvent, WebhookDelivery, WebhookEndpoint, WebhookTry
from partners.events.operations import NotPossible
from partners.models import Partner
from sms.models import SmsNotification
from tests import make
from tests.events.make_events import TESTER, Receiver, endpoint, receiving, tell
from tests.make import NOW
from vault import publishing

pytestmark = pytest.mark.django_db


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def owner() -> Partner:
    return make.partner()


def told(owner: Partner, receiver: Receiver, events: int = 1, **fields: Any) -> WebhookEndpoint:
    """An endpoint at the receiver with events that wait for it."""
    found = endpoint(owner, receiver.address, **fields)
    for number in range(events):
        tell(owner, f"p-{number}")
    return found


def the_delivery() -> WebhookDelivery:
    return WebhookDelivery.objects.get()


def test_an_event_arrives_signed_and_as_the_api_shows_it(owner: Partner, receiver: Receiver) -> None:
    one = told(owner, receiver)
    assert delivering.deliver(endpoint_id=one.pk, at=NOW) == 1
    (headers, body), *_ = receiver.got
    event = PartnerEvent.objects.get()
    said = json.loads(body)
    assert headers["webhook-id"] == said["id"] == str(event.pk)
    assert said["type"] == "disbursement.created"
    assert said["timestamp"] == "2026-06-03T07:00:00.000Z"
    assert said["data"]["amount"] == "9500.00"
    assert headers["webhook-signature"].startswith("v1,")


def test_what_was_taken_is_delivered_and_its_try_is_kept(owner: Partner, receiver: Receiver) -> None:
    receiver.status, receiver.answer = 202, b"thanks"
    one = told(owner, receiver)
    delivering.deliver(endpoint_id=one.pk, at=NOW)
    row, first = the_delivery(), WebhookTry.objects.get()
    assert (row.status, row.delivered_at, row.next_step_at) == ("delivered", NOW, None)
    assert (first.status, first.answer, first.error) == (202, "thanks", "")
    assert delivering.deliver(endpoint_id=one.pk, at=NOW) == 0


@pytest.mark.parametrize("status", [301, 400, 404, 429, 500, 503])
def test_anything_but_2xx_is_tried_again_later(owner: Partner, receiver: Receiver, status: int) -> None:
    receiver.status = status
    one = told(owner, receiver)
    delivering.deliver(endpoint_id=one.pk, at=NOW)
    row = the_delivery()
    assert (row.status, row.last_status, row.tries) == ("pending", status, 1)
    assert row.next_step_at is not None
    assert timedelta(seconds=4) <= row.next_step_at - NOW <= timedelta(seconds=6)


def test_the_gaps_grow_and_end_after_a_day(owner: Partner, receiver: Receiver) -> None:
    receiver.status = 500
    one = told(owner, receiver)
    at, gaps = NOW, []
    while the_delivery().status == "pending":
        WebhookEndpoint.objects.update(rest_until=None)
        delivering.deliver(endpoint_id=one.pk, at=at)
        later = the_delivery().next_step_at
        if later:
            gaps.append(later - at)
            at = later
    assert gaps[:9] == sorted(gaps[:9])
    assert 10 <= len(gaps) <= 14
    assert timedelta(hours=23, minutes=58) <= at - NOW <= timedelta(hours=24)
    assert the_delivery().status == "failed"


def test_an_endpoint_that_fails_rests_and_is_then_asked_with_one_request(
    owner: Partner, receiver: Receiver
) -> None:
    receiver.status = 500
    one = told(owner, receiver, events=3)
    assert delivering.deliver(endpoint_id=one.pk, at=NOW) == 3
    assert delivering.deliver(endpoint_id=one.pk, at=NOW + timedelta(seconds=4)) == 0
    assert delivering.deliver(endpoint_id=one.pk, at=NOW + timedelta(seconds=10)) == 1
    receiver.status = 200
    assert delivering.deliver(endpoint_id=one.pk, at=NOW + timedelta(minutes=5)) == 1
    assert delivering.deliver(endpoint_id=one.pk, at=NOW + timedelta(minutes=5)) == 2


def test_it_rests_for_as_long_as_it_asks_but_not_for_ever(owner: Partner, receiver: Receiver) -> None:
    receiver.status, receiver.headers = 429, {"Retry-After": "600"}
    one = told(owner, receiver)
    delivering.deliver(endpoint_id=one.pk, at=NOW)
    assert WebhookEndpoint.objects.get().rest_until == NOW + timedelta(minutes=10)
    receiver.headers = {"Retry-After": "9999999"}
    delivering.deliver(endpoint_id=one.pk, at=NOW + timedelta(minutes=10))
    assert WebhookEndpoint.objects.get().rest_until == NOW + timedelta(minutes=70)


@pytest.mark.django_db(transaction=True)
def test_two_workers_do_not_send_one_delivery_twice(owner: Partner, receiver: Receiver) -> None:
    one = told(owner, receiver, events=8)
    start = threading.Barrier(2)

    def work() -> None:
        start.wait()
        delivering.deliver(endpoint_id=one.pk, at=NOW)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [headers["webhook-id"] for headers, _ in receiver.got]
    assert len(ids) == len(set(ids)) == 8


def test_an_endpoint_is_drained_by_one_worker_at_a_time(owner: Partner, receiver: Receiver) -> None:
    one = told(owner, receiver)
    assert delivering.claim_endpoints(at=NOW) == [one.pk]
    assert delivering.claim_endpoints(at=NOW) == []
    assert delivering.claim_endpoints(at=NOW + delivering.CLAIMED_FOR) == [one.pk]


def test_one_that_rests_keeps_no_other_waiting(owner: Partner, receiver: Receiver) -> None:
    slow = told(owner, receiver)
    other = told(make.partner("mwangaza"), receiver)
    WebhookEndpoint.objects.filter(pk=slow.pk).update(rest_until=NOW + timedelta(minutes=5))
    assert delivering.claim_endpoints(at=NOW) == [other.pk]


def test_the_task_drains_until_nothing_is_due(owner: Partner, receiver: Receiver) -> None:
    one = told(owner, receiver, events=20)
    tasks.drain(str(one.pk))
    assert len(receiver.got) == 20
    assert WebhookEndpoint.objects.get().claimed_until is None


def test_what_a_killed_worker_left_is_sent_again(owner: Partner, receiver: Receiver) -> None:
    one = told(owner, receiver)
    delivering._claim(one, at=NOW, limit=8)  # and it dies
    later = NOW + delivering.LEASE
    delivering.tidy(at=later - timedelta(seconds=1))
    assert delivering.deliver(endpoint_id=one.pk, at=later - timedelta(seconds=1)) == 0
    delivering.tidy(at=later)
    assert delivering.deliver(endpoint_id=one.pk, at=later) == 1


def test_what_waited_a_day_behind_others_is_given_up(owner: Partner, receiver: Receiver) -> None:
    told(owner, receiver)
    assert delivering.tidy(at=NOW + timedelta(hours=23)) == 0
    assert delivering.tidy(at=NOW + timedelta(hours=24)) == 1
    assert the_delivery().status == "failed"


def test_after_days_of_nothing_it_is_switched_off_and_the_partner_told(
    owner: Partner, receiver: Receiver
) -> None:
    receiver.status = 500
    one = told(owner, receiver)
    since = NOW - timedelta(days=3)
    WebhookEndpoint.objects.update(failing_since=since, failures=50)
    delivering.deliver(endpoint_id=one.pk, at=NOW)
    one.refresh_from_db()
    assert not one.is_active
    assert "3 days" in one.disabled_reason
    assert PartnerEvent.objects.filter(type="webhook.disabled", partner=owner).count() == 1
    assert publishing.tell_of_disabled_endpoints(at=NOW) == 1
    assert publishing.tell_of_disabled_endpoints(at=NOW) == 0
    assert "webhooks are switched off" in SmsNotification.objects.get().message_content


def test_an_endpoint_that_is_gone_is_switched_off_at_once(owner: Partner, receiver: Receiver) -> None:
    receiver.status = 410
    one = told(owner, receiver)
    delivering.deliver(endpoint_id=one.pk, at=NOW)
    one.refresh_from_db()
    assert (one.is_active, one.disabled_at) == (False, NOW)


def test_switched_on_again_it_begins_anew(owner: Partner, receiver: Receiver) -> None:
    one = told(owner, receiver)
    WebhookEndpoint.objects.update(is_active=False, disabled_at=NOW, failures=9, rest_until=NOW)
    one.refresh_from_db()
    operations.change_endpoint(endpoint=one, fields={"is_active": True}, by=TESTER, at=NOW)
    one.refresh_from_db()
    assert (one.disabled_at, one.failures, one.rest_until) == (None, 0, None)


def test_a_person_sends_it_again_with_a_fresh_day(owner: Partner, receiver: Receiver) -> None:
    one = told(owner, receiver)
    delivering.deliver(endpoint_id=one.pk, at=NOW)
    later = NOW + timedelta(days=30)
    operations.resend(delivery_id=the_delivery().pk, by=TESTER, at=later)
    delivering.deliver(endpoint_id=one.pk, at=later)
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [str(PartnerEvent.objects.get().pk)] * 2
    assert AuditLine.objects.filter(action="sent again", partner_id=owner.pk).exists()


def test_what_is_on_its_way_is_not_sent_again(owner: Partner, receiver: Receiver) -> None:
    told(owner, receiver)
    with pytest.raises(NotPossible, match="on its way"):
        operations.resend(delivery_id=the_delivery().pk, by=TESTER, at=NOW)


def test_both_secrets_sign_for_a_day_after_a_renewal(owner: Partner, receiver: Receiver) -> None:
    one = told(owner, receiver, events=2)
    old = one.secret
    new = operations.rotate_secret(endpoint_id=one.pk, by=TESTER, at=NOW)
    assert new != old
    delivering.deliver(endpoint_id=one.pk, at=NOW)
    assert {len(headers["webhook-signature"].split()) for headers, _ in receiver.got} == {2}
    WebhookDelivery.objects.update(status="pending", next_step_at=NOW)
    receiver.got.clear()
    delivering.deliver(endpoint_id=one.pk, at=NOW + operations.BOTH_SECRETS_FOR)
    assert {len(headers["webhook-signature"].split()) for headers, _ in receiver.got} == {1}


def test_the_secret_is_not_readable_in_the_database_nor_in_the_audit(owner: Partner) -> None:
    one = endpoint(owner)
    with connection.cursor() as cursor:
        cursor.execute("select secret from webhook_endpoints")
        assert one.secret not in str(cursor.fetchall())
    assert one.secret not in str(list(AuditLine.objects.values()))


def test_a_test_event_goes_to_one_endpoint_whatever_it_asked_for(owner: Partner, receiver: Receiver) -> None:
    one = endpoint(owner, receiver.address, event_types=["wallet.low"])
    other = endpoint(owner, receiver.address + "2")
    operations.ping(endpoint=one, by=TESTER, at=NOW)
    assert the_delivery().endpoint_id == one.pk != other.pk
    delivering.deliver(endpoint_id=one.pk, at=NOW)
    assert json.loads(receiver.got[0][1])["type"] == "webhook.test"


def test_a_removed_endpoint_gets_nothing_more(owner: Partner, receiver: Receiver) -> None:
    one = told(owner, receiver)
    operations.remove_endpoint(endpoint=one, by=TESTER, at=NOW)
    assert delivering.claim_endpoints(at=NOW) == []
    assert the_delivery().status == "failed"
    endpoint(owner, receiver.address)  # the same address may be registered anew
