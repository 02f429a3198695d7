"""Connections to Mifos and loan products over the API."""

from datetime import timedelta
from typing import Any

import pytest
import responses
from django.utils import timezone

from common.models import AuditLine
from mifos.models import LoanProduct, MifosPartner
from tests.make import partner
from tests.make_api import caller, problem
from tests.mifos import make_mifos as make

pytestmark = pytest.mark.django_db
URL = "/api/mifos/partners"
WISH = {"mifos_host_url": make.HOST, "mifos_username": "vault", "mifos_password": make.PASSWORD}


def test_a_partner_connects_its_own_mifos_and_the_password_stays_in() -> None:
    kilimo = partner()
    response = caller(kilimo).post(URL, WISH)
    assert response.status_code == 201
    made = response.json()
    assert (made["partner"], made["mifos_host_url"], made["has_webhook"]) == ("kilimo", make.HOST, False)
    everything = response.content.decode() + caller(kilimo).get(URL).content.decode()
    everything += str(list(AuditLine.objects.values()))
    assert "ssword-never-shown" not in everything
    assert MifosPartner.objects.get().mifos_password == make.PASSWORD
    problem(caller(kilimo).post(URL, WISH), 409, "conflict")


def test_the_platform_says_whose_mifos_it_is() -> None:
    partner()
    problem(caller().post(URL, WISH), 400, "invalid")
    assert caller().post(URL, WISH | {"partner": "kilimo"}).json()["partner"] == "kilimo"
    problem(caller(partner("tunza")).post(URL, WISH | {"partner": "kilimo"}), 400, "invalid")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"mifos_host_url": "ftp://x"}, "mifos_host_url"),
        ({"mifos_host_url": ""}, "mifos_host_url"),
        ({"mifos_password": None}, "mifos_password"),
        ({"timezone": "Africa/Nowhere"}, "timezone"),
        ({"poll_seconds": 0}, "poll_seconds"),
        ({"poll_seconds": 10**30}, "poll_seconds"),
        ({"release": "2.0"}, "release"),
        ({"sms_phone_numbers": ["12"]}, "sms_phone_numbers.0"),
        ({"ca_certificate": "junk"}, "ca_certificate"),
        ({"webhook_hook_id": 1}, "webhook_hook_id"),
    ],
)
def test_a_connection_that_is_not_right_is_refused_by_field(change: dict[str, Any], field: str) -> None:
    found = problem(caller(partner()).post(URL, WISH | change), 400, "invalid")
    assert field in [fault["field"] for fault in found["errors"]]
    assert not MifosPartner.objects.exists()


def test_a_tenant_belongs_to_one_partner() -> None:
    make.connection()
    found = problem(caller(partner("tunza")).post(URL, WISH), 400, "invalid")
    assert "Another partner" in found["errors"][0]["detail"]


def test_a_new_password_is_taken_and_anothers_connection_is_not_seen() -> None:
    row = make.connection()
    url, own = f"{URL}/{row.pk}", caller(row.partner)
    changed = own.patch(url, {"mifos_password": "fresh"}, headers={"If-Match": own.get(url).headers["ETag"]})
    assert changed.status_code == 200
    assert "fresh" not in changed.content.decode()
    row.refresh_from_db()
    assert row.mifos_password == "fresh"
    other = caller(partner("tunza"))
    problem(other.patch(url, {"is_active": False}, headers={"If-Match": "*"}), 404, "not_found")
    for act in ("test-connection", "sync-products", "rotate-webhook-token", "poll"):
        problem(other.post(f"{url}/{act}"), 404, "not_found")
    assert other.get(URL).json()["results"] == []


@responses.activate
def test_the_connection_is_tested_and_said_in_words() -> None:
    row = make.connection()
    found = caller(row.partner).post(f"{URL}/{row.pk}/test-connection").json()
    assert found["ok"] is False
    assert found["findings"][0]["words"]


@responses.activate
def test_products_are_synced_or_it_is_said_why_not() -> None:
    row = make.connection()
    answer = responses.get(f"{make.BASE}/loanproducts", json=make.PRODUCTS)
    client = caller(row.partner)
    found = client.post(f"{URL}/{row.pk}/sync-products").json()
    assert found["seen"] == found["new"] == len(make.PRODUCTS)
    assert AuditLine.objects.get(action="synced products").actor_name.startswith("API key")
    responses.remove(answer)
    responses.get(f"{make.BASE}/loanproducts", status=500, body="<html>")
    problem(client.post(f"{URL}/{row.pk}/sync-products"), 502, "outside_failed")


@responses.activate
def test_a_rotated_token_is_told_once_also_where_mifos_cannot_be_told() -> None:
    row = make.connection()
    found = caller(row.partner).post(f"{URL}/{row.pk}/rotate-webhook-token").json()
    assert found["registered"] is False
    assert found["words"]
    assert "/callbacks/mifos/" in found["webhook_address"]
    token = found["webhook_address"].split("/")[-2]
    assert token not in caller(row.partner).get(f"{URL}/{row.pk}").content.decode()
    assert token not in str(list(AuditLine.objects.values()))
    row.refresh_from_db()
    assert row.webhook_token_version == 1


def test_a_poll_is_brought_forward_unless_the_host_rests() -> None:
    row = make.connection()
    later = timezone.now() + timedelta(hours=1)
    url, client = f"{URL}/{row.pk}/poll", caller(row.partner)
    MifosPartner.objects.update(next_step_at=later)
    assert client.post(url).status_code == 202
    assert MifosPartner.objects.get().next_step_at <= timezone.now()
    MifosPartner.objects.update(next_step_at=later, retry_at=later - timedelta(minutes=30))
    assert "left alone" in client.post(url).json()["words"]
    assert MifosPartner.objects.get().next_step_at == later - timedelta(minutes=30)
    MifosPartner.objects.update(is_active=False)
    problem(client.post(url), 409, "conflict")


def test_a_products_switch_and_rules_are_changed_and_audited() -> None:
    row = make.connection()
    product, client = make.product(row), caller(row.partner)
    url = f"/api/mifos/products/{product.pk}"
    rules = {"allowed_from": "08:00", "max_amount_per_client_per_day": 50000.5, "allowed_days": ["mon"]}
    wish = {"is_auto_disbursement_enabled": True, "disbursement_rules": rules}
    found = client.patch(url, wish, headers={"If-Match": client.get(url).headers["ETag"]})
    assert found.status_code == 200, found.content
    product.refresh_from_db()
    assert product.is_auto_disbursement_enabled
    assert product.rules.max_amount_per_client_per_day is not None
    line = AuditLine.objects.get(object_type="loan_products")
    assert (line.partner_id, line.detail["is_auto_disbursement_enabled"]) == (
        row.partner_id,
        {"old": False, "new": True},
    )


@pytest.mark.parametrize(
    "change",
    [
        {"disbursement_rules": {"no_such_rule": 1}},
        {"disbursement_rules": {"allowed_from": "25:00"}},
        {"disbursement_rules": []},
        {"disbursement_rules": None},
        {"disbursement_rules": {"max_per_client_per_day": 1.5}},
        {"is_auto_disbursement_enabled": "maybe"},
        {"min_disbursement_amount": "1"},
        {"product_name": "Other"},
    ],
)
def test_what_a_product_cannot_have_is_refused(change: dict[str, Any]) -> None:
    product = make.product(make.connection())
    response = caller().patch(f"/api/mifos/products/{product.pk}", change, headers={"If-Match": "*"})
    problem(response, 400, "invalid")
    assert LoanProduct.objects.get().disbursement_rules == {}


def test_products_are_ones_own_and_filtered() -> None:
    kilimo, tunza = make.connection(), make.connection("tunza", mifos_tenant_id="tunza")
    make.product(kilimo, 1)
    theirs = make.product(tunza, 2, is_auto_disbursement_enabled=True)
    own = caller(kilimo.partner)
    assert [row["mifos_product_id"] for row in own.get("/api/mifos/products").json()["results"]] == [1]
    problem(own.get(f"/api/mifos/products/{theirs.pk}"), 404, "not_found")
    for query, ids in [
        ({"partner": "tunza"}, [2]),
        ({"is_auto_disbursement_enabled": "false"}, [1]),
        ({"mifos_product_id": 2}, [2]),
    ]:
        found = caller().get("/api/mifos/products", query).json()["results"]
        assert [row["mifos_product_id"] for row in found] == ids
