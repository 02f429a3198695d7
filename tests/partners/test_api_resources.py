"""Partners, shortcodes and tariffs over the API, by the platform's own keys."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from common.models import AuditLine
from partners.models import Partner, Shortcode, TariffBand
from tests import make
from tests.make_api import caller, problem
from tests.partners.make_partners import certificate

pytestmark = pytest.mark.django_db
SECRETS = {"consumer_key": "ck-1", "consumer_secret": "cs-2", "initiator_password": "ip-3"}


def test_a_partner_is_made_and_its_phones_brought_into_form() -> None:
    wish = {"code": "kilimo", "name": "Kilimo", "phones": ["0711 000 001", "+254722000002"], "language": "sw"}
    response = caller().post("/api/partners", wish)
    made = response.json()
    assert response.status_code == 201
    assert made["phones"] == ["254711000001", "254722000002"]
    assert caller().get(response.headers["Location"]).headers["ETag"] == response.headers["ETag"]
    line = AuditLine.objects.get(object_id=made["id"])
    assert (line.action, line.actor_name[:19]) == ("created", "API key pv_live_" + line.actor_name[16:19])


@pytest.mark.parametrize(
    "phone", ["0711000001", "+254 711 000001", "254711000001", "711000001", "(0711) 000-001", "0711.000.001"]
)
def test_a_phone_may_be_typed_six_ways(phone: str) -> None:
    made = caller().post("/api/partners", {"code": "kilimo", "name": "K", "phones": [phone]}).json()
    assert made["phones"] == ["254711000001"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"code": "Kilimo"}, "code"),
        ({"code": ""}, "code"),
        ({"name": "x" * 151}, "name"),
        ({"phones": ["12"]}, "phones.0"),
        ({"phones": "0711000001"}, "phones"),
        ({"language": "fr"}, "language"),
        ({"approval_limit": "-1"}, "approval_limit"),
        ({"approval_limit": "1.234"}, "approval_limit"),
        ({"approval_limit": 1e20}, "approval_limit"),
        ({"is_active": "perhaps"}, "is_active"),
        ({"id": "x"}, "id"),
        ({"wallet": 1}, "wallet"),
    ],
)
def test_a_partner_that_is_not_right_is_refused_by_field(change: dict[str, Any], field: str) -> None:
    found = problem(caller().post("/api/partners", {"code": "kilimo", "name": "K"} | change), 400, "invalid")
    assert field in [fault["field"] for fault in found["errors"]]
    assert not Partner.objects.exists()


def test_a_code_is_taken_once() -> None:
    make.partner()
    problem(caller().post("/api/partners", {"code": "kilimo", "name": "K"}), 409, "conflict")


def test_a_partner_is_switched_off_and_the_audit_says_by_which_key() -> None:
    kilimo, client = make.partner(), caller()
    client.patch(f"/api/partners/{kilimo.pk}", {"is_active": False}, headers={"If-Match": "*"})
    assert not Partner.objects.get().is_active
    line = AuditLine.objects.get(object_type="partners", action="changed")
    assert line.detail == {"is_active": {"old": True, "new": False}}
    assert line.actor_name.startswith("API key pv_live_")


def test_a_shortcodes_credentials_go_in_and_never_come_out() -> None:
    make.partner()
    wish = {
        "number": "600100",
        "kind": "b2c",
        "partner": "kilimo",
        "initiator": "api",
        "certificate": certificate(),
    }
    response = caller().post("/api/shortcodes", wish | SECRETS)
    assert response.status_code == 201
    made = response.json()
    assert (made["partner"], made["missing"]) == ("kilimo", [])
    everything = response.content + caller().get(f"/api/shortcodes/{made['id']}").content
    everything += str(list(AuditLine.objects.values())).encode()
    assert not any(secret.encode() in everything for secret in SECRETS.values())
    row = Shortcode.objects.get()
    assert {name: getattr(row, name) for name in SECRETS} == SECRETS


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"number": "12"}, "number"),
        ({"kind": "b2b"}, "kind"),
        ({"partner": "nobody"}, "partner"),
        ({"certificate": "junk"}, "certificate"),
        ({"rate_per_second": "0"}, "rate_per_second"),
        ({"response_type": "Maybe"}, "response_type"),
    ],
)
def test_a_shortcode_that_is_not_right_is_refused_by_field(change: dict[str, Any], field: str) -> None:
    found = problem(
        caller().post("/api/shortcodes", {"number": "600100", "kind": "c2b"} | change), 400, "invalid"
    )
    assert field in [fault["field"] for fault in found["errors"]]


def test_a_secret_can_be_changed_alone() -> None:
    row, client = make.shortcode(), caller()
    url = f"/api/shortcodes/{row.pk}"
    client.patch(url, {"consumer_secret": "new"}, headers={"If-Match": client.get(url).headers["ETag"]})
    row.refresh_from_db()
    assert (row.consumer_secret, row.consumer_key) == ("new", "key")
    problem(client.patch(url, {"number": "1"}, headers={"If-Match": "*"}), 400, "invalid")
    problem(client.post("/api/shortcodes", {"number": row.number, "kind": "b2c"}), 409, "conflict")


def test_a_tariff_holds_from_today_and_is_set_once() -> None:
    make.partner()
    bands = [{"up_to": "1000.00", "fee": "10.00"}, {"up_to": "250000.00", "fee": "45.00"}]
    wish = {"partner": "kilimo", "kind": "payout", "bands": bands}
    assert caller().post("/api/tariffs", wish).json()["changed"] is True
    assert caller().post("/api/tariffs", wish).json()["changed"] is False
    listed = caller().get("/api/tariffs", {"partner": "kilimo"}).json()["results"]
    assert [band["fee"] for band in listed] == ["45.00", "10.00"]
    assert TariffBand.objects.filter(partner__code="kilimo", valid_from=timezone.localdate()).count() == 2


@pytest.mark.parametrize(
    "change",
    [
        {"bands": []},
        {"bands": [{"up_to": "10", "fee": "1"}, {"up_to": "5", "fee": "1"}]},
        {"bands": [{"up_to": "10", "fee": "-1"}]},
        {"bands": [{"up_to": "10"}]},
        {"bands": [[10, 1]]},
        {"kind": "gift"},
        {"partner": "nobody"},
        {"valid_from": str(timezone.localdate() - timedelta(days=1))},
    ],
)
def test_a_tariff_that_is_not_right_is_refused(change: dict[str, Any]) -> None:
    wish = {"kind": "payout", "bands": [{"up_to": "10", "fee": "1"}]} | change
    problem(caller().post("/api/tariffs", wish), 400, "invalid")
    assert not TariffBand.objects.filter(kind="payout").exists()
