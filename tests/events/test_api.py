"""Events and webhooks over the API: catching up, endpoints, their secrets, deliveries."""

from collections.abc import Iterator

import pytest
from rest_framework.test import APIClient

from common.ids import new_id
from common.models import AuditLine
from partners.events import delivering, operations
from partners.events.models import WebhookDelivery, WebhookEndpoint
from partners.models import Partner
from tests import make
from tests.events.make_events import TESTER, Receiver, endpoint, receiving, tell
from tests.make import NOW
from tests.make_api import caller, problem

pytestmark = pytest.mark.django_db
EVENTS, ENDPOINTS = "/api/events", "/api/webhook-endpoints"
URL = "https://hooks.example/vault"


@pytest.fixture
def owner() -> Partner:
    return make.partner()


@pytest.fixture
def ours(owner: Partner) -> APIClient:
    return caller(owner)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def references(answer: dict) -> list[str]:
    return [event["data"].get("client_request_id") for event in answer["results"]]


def test_a_partner_catches_up_behind_the_last_event_that_it_has(owner: Partner, ours: APIClient) -> None:
    for number in range(4):
        tell(owner, f"p-{number}")
    first = ours.get(EVENTS, {"page_size": 2}).json()
    assert references(first) == ["p-0", "p-1"]
    later = ours.get(EVENTS, {"after": first["results"][-1]["id"]}).json()
    assert references(later) == ["p-2", "p-3"]
    assert references(ours.get(EVENTS, {"after": later["results"][-1]["id"]}).json()) == []


def test_pages_go_on_where_they_ended(owner: Partner, ours: APIClient) -> None:
    for number in range(5):
        tell(owner, f"p-{number}")
    page, seen = ours.get(EVENTS, {"page_size": 2}).json(), []
    while True:
        seen += references(page)
        if not page["next"]:
            break
        page = ours.get(page["next"]).json()
    assert seen == [f"p-{number}" for number in range(5)]


def test_events_are_found_by_type_and_by_what_they_are_about(owner: Partner, ours: APIClient) -> None:
    one, other = tell(owner, "p-1"), tell(owner, "p-2")
    assert references(ours.get(EVENTS, {"subject": str(other.subject_id)}).json()) == ["p-2"]
    assert len(ours.get(EVENTS, {"type": one.type}).json()["results"]) == 2
    assert ours.get(EVENTS, {"type": "wallet.low"}).json()["results"] == []
    problem(ours.get(EVENTS, {"type": "nonsense"}), 400, "invalid_filter")


def test_an_event_reads_as_in_a_webhook(owner: Partner, ours: APIClient) -> None:
    event = tell(owner)
    shown = ours.get(f"{EVENTS}/{event.pk}").json()
    assert shown["data"] == {"object": "disbursement", "client_request_id": "p-1", "amount": "9500.00"}
    assert shown["timestamp"] == "2026-06-03T07:00:00.000Z"


def test_nobody_sees_another_partners_events(owner: Partner) -> None:
    theirs = tell(make.partner("mwangaza"))
    ours = caller(owner)
    assert ours.get(EVENTS).json()["results"] == []
    problem(ours.get(f"{EVENTS}/{theirs.pk}"), 404, "not_found")
    problem(ours.get(EVENTS, {"after": str(theirs.pk)}), 400, "invalid_filter")
    problem(ours.get(EVENTS, {"after": str(new_id())}), 400, "invalid_filter")


def test_a_new_endpoint_shows_its_secret_once(ours: APIClient) -> None:
    made = ours.post(ENDPOINTS, {"url": URL, "event_types": ["disbursement.paid"]})
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    assert made.json()["secret"] == WebhookEndpoint.objects.get().secret
    assert "secret" not in ours.get(made.headers["Location"]).json()
    assert AuditLine.objects.filter(action="created", actor_name__startswith="API key").exists()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "hooks.example"},
        {"url": "ftp://hooks.example/"},
        {"url": "https://user:pass@hooks.example/"},
        {"url": URL, "event_types": ["nonsense"]},
        {"url": URL, "secret": "whsec_mine"},
    ],
)
def test_a_wrong_endpoint_is_refused_by_field(ours: APIClient, body: dict) -> None:
    problem(ours.post(ENDPOINTS, body), 400, "invalid")


def test_an_address_inside_is_refused_in_production(ours: APIClient, settings) -> None:
    settings.ALLOW_PRIVATE_HOSTS = False
    for url in (
        "http://hooks.example/",
        "https://169.254.169.254/latest",
        "https://localhost/",
        "https://[::1]/",
    ):
        assert problem(ours.post(ENDPOINTS, {"url": url}), 400, "invalid")["errors"][0]["field"] == "url"


def test_the_same_address_twice_is_refused(owner: Partner, ours: APIClient) -> None:
    endpoint(owner, URL)
    assert ours.post(ENDPOINTS, {"url": URL}).status_code in (400, 409)


def test_a_partner_has_so_many_endpoints_and_no_more(owner: Partner, ours: APIClient) -> None:
    for number in range(operations.MOST_ENDPOINTS):
        endpoint(owner, f"{URL}/{number}")
    problem(ours.post(ENDPOINTS, {"url": URL}), 409, "conflict")


def test_an_endpoint_is_changed_by_who_has_read_it(owner: Partner, ours: APIClient) -> None:
    one = endpoint(owner)
    address = f"{ENDPOINTS}/{one.pk}"
    problem(ours.patch(address, {"is_active": False}), 428, "precondition_required")
    tag = ours.get(address).headers["ETag"]
    assert ours.patch(address, {"is_active": False}, headers={"If-Match": tag}).json()["is_active"] is False
    problem(ours.patch(address, {"is_active": True}, headers={"If-Match": tag}), 412, "precondition_failed")


def test_a_removed_endpoint_is_gone(owner: Partner, ours: APIClient) -> None:
    one = endpoint(owner)
    assert ours.delete(f"{ENDPOINTS}/{one.pk}").status_code == 204
    problem(ours.get(f"{ENDPOINTS}/{one.pk}"), 404, "not_found")
    assert ours.get(ENDPOINTS).json()["results"] == []


def test_a_secret_is_renewed_and_shown_once(owner: Partner, ours: APIClient) -> None:
    one = endpoint(owner)
    said = ours.post(f"{ENDPOINTS}/{one.pk}/rotate-secret").json()
    found = WebhookEndpoint.objects.get()
    assert (said["secret"], found.old_secret) == (found.secret, one.secret)


def test_a_test_event_is_sent_and_its_delivery_shows_the_answer(
    owner: Partner, ours: APIClient, receiver: Receiver
) -> None:
    receiver.status, receiver.answer = 400, b"no such thing"
    one = endpoint(owner, receiver.address)
    assert ours.post(f"{ENDPOINTS}/{one.pk}/test").json()["type"] == "webhook.test"
    row = WebhookDelivery.objects.get()
    delivering.deliver(endpoint_id=one.pk, at=row.created_at)
    (shown,) = ours.get("/api/webhook-deliveries", {"endpoint": str(one.pk)}).json()["results"]
    assert (shown["status"], shown["last_status"]) == ("pending", 400)
    assert shown["attempts"][0]["answer"] == "no such thing"


def test_a_delivery_is_sent_again(owner: Partner, ours: APIClient, receiver: Receiver) -> None:
    one = endpoint(owner, receiver.address)
    tell(owner)
    row = WebhookDelivery.objects.get()
    address = f"/api/webhook-deliveries/{row.pk}/resend"
    problem(ours.post(address), 409, "conflict")
    delivering.deliver(endpoint_id=one.pk, at=NOW)
    assert ours.post(address).json()["status"] == "pending"


def test_webhooks_need_the_scope_to_manage(owner: Partner) -> None:
    one = endpoint(owner)
    reader = caller(owner, "read", "disburse", "collect", "wallet")
    assert reader.get(EVENTS).status_code == 200
    for address in (ENDPOINTS, f"{ENDPOINTS}/{one.pk}", "/api/webhook-deliveries"):
        problem(reader.get(address), 403, "scope_missing")


def test_the_platform_says_for_whom(owner: Partner) -> None:
    problem(caller().post(ENDPOINTS, {"url": URL}), 400, "invalid")
    made = caller().post(ENDPOINTS, {"url": URL, "partner": "kilimo"})
    assert made.json()["partner"] == "kilimo"
    operations.remove_endpoint(endpoint=WebhookEndpoint.objects.get(), by=TESTER, at=NOW)
