"""Accounts at SMS providers over the API, by the platform's own keys."""

from typing import Any

import pytest

from common.models import AuditLine
from sms.models import SmsGateway
from tests import make
from tests.make_api import caller, problem

pytestmark = pytest.mark.django_db
URL = "/api/sms/gateways"
SECRETS = {"api_key": "ak-secret-1", "username": "us-secret-2", "password": "pw-secret-3"}


def test_an_account_is_set_up_and_its_credentials_stay_in() -> None:
    make.partner()
    response = caller().post(URL, {"name": "Kilimo", "partner": "kilimo", "sender_id": "KILIMO"} | SECRETS)
    assert response.status_code == 201
    made = response.json()
    assert (made["partner"], made["kind"], made["usable"]) == ("kilimo", "ultimate_sms", True)
    everything = response.content + caller().get(URL).content + str(list(AuditLine.objects.values())).encode()
    assert b"secret" not in everything
    row = SmsGateway.objects.get()
    assert {name: getattr(row, name) for name in SECRETS} == SECRETS


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"kind": "pigeon"}, "kind"),
        ({"base_url": "http://plain.example"}, "base_url"),
        ({"base_url": "not an address"}, "base_url"),
        ({"success_codes": "ok"}, "success_codes"),
        ({"second": "not-an-id"}, "second"),
        ({"second": "0190f1a2-b3c4-7d5e-8f9a-0b1c2d3e4f50"}, "second"),
        ({"rate_per_second": "0"}, "rate_per_second"),
        ({"kind": "airtouch", "dlr_mode": "pull"}, "dlr_mode"),
        ({"partner": "nobody"}, "partner"),
        ({"stopped_at": None}, "stopped_at"),
    ],
)
def test_an_account_that_is_not_right_is_refused_by_field(change: dict[str, Any], field: str) -> None:
    found = problem(caller().post(URL, {"name": "Damza"} | change), 400, "invalid")
    assert field in [fault["field"] for fault in found["errors"]]
    assert not SmsGateway.objects.exists()


def test_one_account_carries_an_owners_messages() -> None:
    client = caller()
    first = client.post(URL, {"name": "One"}).json()
    problem(client.post(URL, {"name": "Two"}), 409, "conflict")
    second = client.post(URL, {"name": "Two", "is_primary": False}).json()
    url = f"{URL}/{second['id']}"
    problem(client.patch(url, {"is_primary": True}, headers={"If-Match": "*"}), 409, "conflict")
    client.patch(f"{URL}/{first['id']}", {"is_active": False}, headers={"If-Match": "*"})
    assert client.patch(url, {"is_primary": True}, headers={"If-Match": "*"}).json()["is_primary"] is True


def test_a_stopped_account_is_started_again() -> None:
    row = SmsGateway.objects.create(name="One", stopped_at=make.NOW, stopped_reason="no credit")
    assert caller().get(f"{URL}/{row.pk}").json()["attention"].startswith("Stopped")
    assert caller().post(f"{URL}/{row.pk}/restart").json()["usable"] is True
    assert AuditLine.objects.get(action="started again").actor_name.startswith("API key")


def test_the_address_for_reports_is_told_once() -> None:
    row = SmsGateway.objects.create(name="One")
    address = caller().post(f"{URL}/{row.pk}/rotate-report-address").json()["report_address"]
    token = address.rstrip("/").split("/")[-1]
    assert len(token) == 76
    assert token not in caller().get(f"{URL}/{row.pk}").content.decode()


def test_no_partner_sees_accounts() -> None:
    problem(caller(make.partner()).get(URL), 403, "platform_only")
