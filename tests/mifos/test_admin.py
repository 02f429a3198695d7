"""The back-office pages of connections and products."""

from typing import Any

import pytest
import responses
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from common.models import AuditLine
from mifos.models import LoanProduct, MifosPartner
from tests import make as shared
from tests.mifos import make_mifos as make

FORM = {
    "is_active": "on",
    "mifos_host_url": make.HOST,
    "api_endpoint": "/fineract-provider/api/v1",
    "mifos_tenant_id": "default",
    "release": "1.14",
    "mifos_username": "vault",
    "new_password": "",
    "ca_certificate": "",
    "poll_seconds": "15",
    "timezone": "Africa/Nairobi",
    "use_business_date": "on",
    "payment_type": "M-Pesa",
    "payout_amount": "net",
    "list_order_by": "id",
    "sms_notifications_enabled": "on",
    "sms_phone_numbers": "[]",
    "initial-sms_phone_numbers": "[]",  # as the page sends it for a field with a computed default
}
CHANGELIST = "admin:mifos_mifospartner_changelist"


@pytest.fixture
def browser(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("amina", password="x"))
    return client


def save(browser: Client, row: MifosPartner, **changes: str) -> Any:
    url = reverse("admin:mifos_mifospartner_change", args=[row.pk])
    return browser.post(url, FORM | {"partner": str(row.partner_id)} | changes)


def act(browser: Client, action: str, *rows: MifosPartner) -> str:
    body = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return browser.post(reverse(CHANGELIST), body, follow=True).content.decode()


def test_the_password_goes_in_and_never_comes_out(browser: Client) -> None:
    row = make.connection()
    page = browser.get(reverse("admin:mifos_mifospartner_change", args=[row.pk]))
    assert page.status_code == 200
    assert make.PASSWORD not in page.content.decode()
    assert 'type="password"' in page.content.decode()
    assert make.PASSWORD not in browser.get(reverse(CHANGELIST)).content.decode()


@pytest.mark.parametrize(("written", "kept"), [("", make.PASSWORD), (" new one ", " new one ")])
def test_an_empty_password_keeps_the_present_one(browser: Client, written: str, kept: str) -> None:
    row = make.connection()
    assert save(browser, row, new_password=written, poll_seconds="30").status_code == 302
    row.refresh_from_db()
    assert (row.mifos_password, row.poll_seconds) == (kept, 30)


def test_a_save_leaves_what_workers_wrote_meanwhile(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    row = make.connection()
    real = MifosPartner.save

    def save_late(self: MifosPartner, *args: Any, **kwargs: Any) -> None:
        MifosPartner.objects.filter(pk=self.pk).update(webhook_token_version=9, last_poll_note="polled")
        real(self, *args, **kwargs)

    monkeypatch.setattr(MifosPartner, "save", save_late)
    save(browser, row, poll_seconds="30")
    row.refresh_from_db()
    assert (row.poll_seconds, row.webhook_token_version, row.last_poll_note) == (30, 9, "polled")


def test_a_change_is_audited_without_the_secret(browser: Client) -> None:
    row = make.connection()
    save(browser, row, new_password="fresh-secret", poll_seconds="30")
    line = AuditLine.objects.get()
    assert (line.actor_name, line.action) == ("amina", "mifos.changed")
    assert line.detail == {"fields": ["mifos_password", "poll_seconds"]}
    assert line.partner_id == row.partner_id


def test_a_new_connection_needs_a_password(browser: Client) -> None:
    url, partner = reverse("admin:mifos_mifospartner_add"), shared.partner()
    page = browser.post(url, FORM | {"partner": str(partner.pk)})
    assert "A new connection needs a password." in page.content.decode()
    assert browser.post(url, FORM | {"partner": str(partner.pk), "new_password": "secret"}).status_code == 302
    assert MifosPartner.objects.get().mifos_password == "secret"


def test_a_connection_stays_with_its_partner(browser: Client) -> None:
    row, other = make.connection(), shared.partner("umoja")
    save(browser, row, partner=str(other.pk))
    owner = row.partner_id
    row.refresh_from_db()
    assert row.partner_id == owner


def test_a_wrong_address_is_said_at_its_field(browser: Client) -> None:
    page = save(browser, make.connection(), mifos_host_url="https://h.example/path")
    assert "Only the host belongs here" in page.content.decode()


@responses.activate
def test_the_connection_test_shows_its_findings(browser: Client) -> None:
    responses.post(f"{make.BASE}/authentication", status=401, body=make.boot(401))
    page = act(browser, "test_connection", make.connection())
    assert "Kilimo SACCO, log in: Mifos does not accept the user name or password." in page


@responses.activate
def test_products_are_synced_from_the_list(browser: Client) -> None:
    responses.get(f"{make.BASE}/loanproducts", json=make.PRODUCTS)
    assert "2 products read, 2 new, 0 no longer there." in act(browser, "sync_products", make.connection())


@responses.activate
def test_one_host_that_is_down_does_not_hide_the_other(browser: Client) -> None:
    other = "https://umoja.example"
    responses.get(f"{make.BASE}/loanproducts", status=500, body=make.boot(500))
    responses.get(f"{other}/fineract-provider/api/v1/loanproducts", json=make.PRODUCTS)
    rows = make.connection(), make.connection("umoja", mifos_host_url=other)
    page = act(browser, "sync_products", *rows)
    assert "HTTP 500" in page
    assert "2 products read" in page


@responses.activate
def test_a_new_token_is_told_to_mifos_and_audited(browser: Client) -> None:
    responses.get(f"{make.BASE}/hooks", json=[])
    responses.post(f"{make.BASE}/hooks", json={"resourceId": 4})
    row = make.connection()
    page = act(browser, "rotate_webhook_token", row)
    row.refresh_from_db()
    assert "The token is new, hook 4 uses it" in page
    assert (row.webhook_token_version, row.webhook_hook_id) == (1, 4)
    assert row.webhook_url not in page
    assert AuditLine.objects.get().action == "mifos.webhook_token_rotated"


def test_a_viewer_has_no_actions(db: None) -> None:
    from django.contrib.auth.models import Permission

    viewer = User.objects.create_user("viewer", password="x", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_mifospartner"))
    client, row = Client(), make.connection()
    client.force_login(viewer)
    act(client, "rotate_webhook_token", row)
    row.refresh_from_db()
    assert row.webhook_token_version == 0


def product_page(browser: Client, product: LoanProduct, **form: str) -> Any:
    return browser.post(reverse("admin:mifos_loanproduct_change", args=[product.pk]), form)


def test_rules_are_checked_in_words(browser: Client) -> None:
    product = make.product(make.connection())
    page = product_page(browser, product, disbursement_rules='{"max_per_day": 1}').content.decode()
    assert "max_per_day: there is no such rule." in page
    product.refresh_from_db()
    assert product.disbursement_rules == {}


def test_switch_and_rules_are_saved_with_before_and_after(browser: Client) -> None:
    product = make.product(make.connection())
    rules = '{"max_per_client_per_day": 1}'
    page = product_page(browser, product, disbursement_rules=rules, is_auto_disbursement_enabled="on")
    assert page.status_code == 302
    product.refresh_from_db()
    assert (product.is_auto_disbursement_enabled, product.rules.max_per_client_per_day) == (True, 1)
    line = AuditLine.objects.get()
    assert line.detail["is_auto_disbursement_enabled"] == {"before": False, "after": True}
    assert line.detail["disbursement_rules"] == {"before": {}, "after": {"max_per_client_per_day": 1}}


def test_limits_and_products_come_from_mifos_only(browser: Client) -> None:
    product = make.product(make.connection())
    product_page(browser, product, disbursement_rules="{}", max_disbursement_amount="1", product_name="Mine")
    product.refresh_from_db()
    assert (product.max_disbursement_amount, product.product_name) == (None, "Personal")
    assert browser.get(reverse("admin:mifos_loanproduct_add")).status_code == 403
