"""The operators' pages of events, endpoints and deliveries."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from common.models import AuditLine
from partners.events.models import PartnerEvent, WebhookDelivery, WebhookEndpoint
from tests import make
from tests.events.make_events import endpoint, tell

pytestmark = pytest.mark.django_db


def web(role: str) -> Client:
    user = get_user_model().objects.create(username=role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def page(name: str, row: Any = None) -> str:
    return reverse(f"admin:events_{name}", args=[row.pk] if row else None)


def press(client: Client, name: str, row: Any) -> Any:
    """Press a button of a page, with a reason in its dialog."""
    address = reverse(f"admin:events_{name}", args=[row.pk])
    return client.post(
        address, {"reason": "because", "_form_submitted": "True"}, headers={"HX-Request": "true"}
    )


def told() -> tuple[WebhookEndpoint, WebhookDelivery]:
    owner = make.partner()
    one = endpoint(owner)
    tell(owner)
    return one, WebhookDelivery.objects.get()


@pytest.mark.parametrize("role", ["viewer", "operator", "approver", "administrator"])
def test_everybody_who_works_here_sees_what_partners_are_told(role: str) -> None:
    one, row = told()
    client = web(role)
    for address in (
        page("partnerevent_changelist"),
        page("partnerevent_change", PartnerEvent.objects.get()),
        page("webhookendpoint_changelist"),
        page("webhookendpoint_change", one),
        page("webhookdelivery_changelist"),
        page("webhookdelivery_change", row),
    ):
        shown = client.get(address)
        assert shown.status_code == 200, address
        assert one.secret not in shown.content.decode()


def test_a_new_endpoint_shows_its_secret_once() -> None:
    owner, client = make.partner(), web("administrator")
    form = {"partner": owner.pk, "url": "https://hooks.example/", "description": "", "is_active": "on"}
    made = client.post(
        page("webhookendpoint_add"), form | {"event_types": ["disbursement.paid"]}, follow=True
    )
    one = WebhookEndpoint.objects.get()
    assert one.event_types == ["disbursement.paid"]
    assert one.secret.replace("+", "&#x2B;") in made.content.decode() or one.secret in made.content.decode()
    assert one.secret not in client.get(page("webhookendpoint_change", one)).content.decode()
    assert one.secret not in str(list(AuditLine.objects.values()))


def test_an_administrator_renews_a_secret() -> None:
    one, _row = told()
    client = web("administrator")
    press(client, "webhookendpoint_rotate", one)
    found = WebhookEndpoint.objects.get()
    assert found.secret != one.secret == found.old_secret
    assert AuditLine.objects.filter(action="secret renewed", reason="because").exists()


def test_an_operator_sends_again_and_sets_nothing_up() -> None:
    one, row = told()
    WebhookDelivery.objects.update(status="failed", next_step_at=None)
    client = web("operator")
    press(client, "webhookdelivery_resend", row)
    row.refresh_from_db()
    assert row.status == "pending"
    press(client, "webhookendpoint_rotate", one)
    assert WebhookEndpoint.objects.get().secret == one.secret


def test_a_viewer_sends_nothing() -> None:
    _one, row = told()
    WebhookDelivery.objects.update(status="failed", next_step_at=None)
    press(web("viewer"), "webhookdelivery_resend", row)
    assert WebhookDelivery.objects.get().status == "failed"


def test_a_removed_endpoint_leaves_the_list() -> None:
    one, _row = told()
    client = web("administrator")
    press(client, "webhookendpoint_remove", one)
    assert WebhookEndpoint.objects.get().deleted_at is not None
    assert one.url not in client.get(page("webhookendpoint_changelist")).content.decode()


def test_the_lists_cost_the_same_however_long(django_assert_max_num_queries: Any) -> None:
    owner = make.partner()
    endpoint(owner)
    client = web("viewer")
    for number in range(20):
        tell(owner, f"p-{number}")
    client.get(page("partnerevent_changelist"))
    with django_assert_max_num_queries(16):
        client.get(page("partnerevent_changelist"))
    with django_assert_max_num_queries(16):
        client.get(page("webhookdelivery_changelist"))
