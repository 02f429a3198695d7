"""A partner's money over the API: balances, statement, top-ups, and float with its confirmation."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from common.models import AuditLine
from partners.models import ApiKey
from tests import make
from tests.make_api import caller, problem
from tests.wallet import make_bank
from tests.wallet.make_float import Scene
from tests.wallet.make_wallet import funded
from wallet.bank_models import TopUp
from wallet.models import WalletTransaction
from wallet.purchases import FloatPurchase, PurchaseStatus

pytestmark = pytest.mark.django_db
FLOAT = "/api/wallet/float-purchases"


def post(client: APIClient, url: str, body: dict[str, Any] | None = None, key: str = "k-1") -> Any:
    return client.post(url, body or {}, headers={"Idempotency-Key": key})


def test_the_balances_are_those_of_the_ledger() -> None:
    books = funded()
    books.hold()
    found = caller(books.partner, "read").get("/api/wallet/balance").json()
    assert found["wallet"] | {"low_balance_threshold": None} == {
        "available": "955.00",
        "held": "45.00",
        "low_balance_threshold": None,
        "last_topup_at": None,
        "last_topup_amount": None,
    }
    assert found["floats"] == [{"shortcode": "600992", "available": "90500.00", "held": "9500.00"}]
    assert (found["partner"], found["currency"]) == ("kilimo", "KES")


def test_the_platform_says_whose_balance_and_a_partner_sees_its_own_only() -> None:
    kilimo, tunza = make.partner(), make.partner("tunza")
    url = "/api/wallet/balance"
    problem(caller().get(url), 400, "invalid")
    problem(caller().get(url, {"partner": "nobody"}), 400, "invalid")
    problem(caller(kilimo).get(url, {"partner": tunza.code}), 400, "invalid")
    assert caller().get(url, {"partner": "tunza"}).json()["wallet"]["available"] == "0.00"


def test_the_statement_is_ones_own_the_newest_first() -> None:
    kilimo, tunza = funded(), funded("tunza", shortcode=make.shortcode("600993"))
    for _ in range(3):
        kilimo.hold()
    tunza.hold()
    found = caller(kilimo.partner).get("/api/wallet/transactions?page_size=2").json()
    assert [(row["partner"], row["transaction_type"], row["amount"]) for row in found["results"]] == [
        ("kilimo", "hold", "-45.00")
    ] * 2
    rest = caller(kilimo.partner).get(found["next"]).json()
    assert [row["transaction_type"] for row in rest["results"]] == ["hold", "opening"]
    assert len(caller().get("/api/wallet/transactions").json()["results"]) == 6
    of_one = caller().get("/api/wallet/transactions?partner=tunza").json()["results"]
    assert {row["partner"] for row in of_one} == {"tunza"}
    assert caller().get("/api/wallet/transactions?partner=nobody").json()["results"] == []
    theirs = WalletTransaction.objects.filter(wallet__partner=tunza.partner).first()
    assert theirs
    problem(caller(kilimo.partner).get(f"/api/wallet/transactions/{theirs.pk}"), 404, "not_found")
    assert caller(tunza.partner).get(f"/api/wallet/transactions/{theirs.pk}").json()["id"] == str(theirs.pk)


def test_the_statement_is_filtered() -> None:
    books = funded()
    books.hold()
    client = caller(books.partner)

    def count(**wanted: Any) -> int:
        return len(client.get("/api/wallet/transactions", wanted).json()["results"])

    assert count(transaction_type="opening") == 1
    assert count(amount_min="0") == 1
    assert count(amount_max="-1") == 1
    assert count(created_from=make.NOW.isoformat()) == 2
    assert count(created_until=make.NOW.isoformat()) == 0
    assert count(reference=f"wallet:{books.partner.pk}") == 0  # ids of the tests are younger than their times
    problem(client.get("/api/wallet/transactions", {"amount_min": 5, "amount_max": 1}), 400, "invalid_filter")
    problem(client.get("/api/wallet/transactions", {"transaction_type": "gift"}), 400, "invalid_filter")
    same = {"created_from": "2026-06-03", "created_until": "2026-06-03"}
    problem(client.get("/api/wallet/transactions", same), 400, "invalid_filter")


def test_a_phone_is_asked_for_money_and_the_wish_can_be_followed() -> None:
    make_bank.account()
    client = caller(make.partner(), "read", "wallet")
    response = post(client, "/api/wallet/topups", {"amount": "5000", "phone": "+254 711 000 001"})
    assert response.status_code == 202
    found = client.get(response.headers["Location"]).json()
    assert (found["status"], found["amount"], found["phone"]) == ("asked", "5000.00", "254711000001")
    assert len(found["timeline"]) == 1
    assert AuditLine.objects.get(action="asked for a top-up").actor_name.startswith("API key pv_live_")
    assert [row["id"] for row in client.get("/api/wallet/topups?phone=0711000001").json()["results"]] == [
        found["id"]
    ]
    assert client.get("/api/wallet/topups?status=credited").json()["results"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": "10.50", "phone": "0711000001"}, "amount"),
        ({"amount": "0", "phone": "0711000001"}, "amount"),
        ({"amount": -5, "phone": "0711000001"}, "amount"),
        ({"amount": True, "phone": "0711000001"}, "amount"),
        ({"amount": "ten", "phone": "0711000001"}, "amount"),
        ({"amount": "NaN", "phone": "0711000001"}, "amount"),
        ({"phone": "0711000001"}, "amount"),
        ({"amount": "10", "phone": "020 1234567"}, "phone"),
        ({"amount": "10", "phone": "+1 202 555 0100"}, "phone"),
        ({"amount": "10", "phone": None}, "phone"),
        ({"amount": "10", "phone": "0711000001", "partner": "tunza"}, "partner"),
        ({"amount": "10", "phone": "0711000001", "status": "credited"}, "status"),
    ],
)
def test_a_topup_that_is_not_right_is_refused_by_field(body: dict[str, Any], field: str) -> None:
    make_bank.account()
    found = problem(post(caller(make.partner()), "/api/wallet/topups", body), 400, "invalid")
    assert field in [fault["field"] for fault in found["errors"]]
    assert not TopUp.objects.exists()


def test_without_a_till_nobody_can_be_asked() -> None:
    body = {"amount": "10", "phone": "0711000001"}
    found = problem(post(caller(make.partner()), "/api/wallet/topups", body), 422, "refused")
    assert "till" in found["detail"]


def _purchase(client: APIClient, amount: str = "50000", key: str = "k-1", **more: Any) -> Any:
    return post(client, FLOAT, {"amount": amount, "reason": "Month's end"} | more, key)


def test_float_is_bought_with_the_code_that_the_partner_got(scene: Scene) -> None:
    client = caller(scene.books.partner, "read", "wallet")
    asked = _purchase(client)
    assert (asked.status_code, asked.json()["status"], asked.json()["confirm"]) == (202, "asked", "code")
    url, row = asked.headers["Location"], FloatPurchase.objects.get()
    code = scene.code(row)
    assert code not in asked.content.decode()
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    assert (
        "4 tries left"
        in problem(post(client, f"{url}/confirm", {"code": wrong}, "c-1"), 422, "refused")["detail"]
    )
    problem(post(client, f"{url}/confirm", {"code": wrong}, "c-1"), 422, "refused")
    assert FloatPurchase.objects.get().wrong_codes == 1  # the same wish was not tried twice
    good = post(client, f"{url}/confirm", {"code": code}, "c-2")
    assert (good.status_code, good.json()["status"]) == (200, "confirmed")
    found = client.get(url).json()
    assert [line["new"] for line in found["timeline"]][-1] == "confirmed"
    row.refresh_from_db()
    assert row.asked_by_key == row.confirmed_by_key == ApiKey.objects.get(scopes=["read", "wallet"]).pk
    lines = AuditLine.objects.filter(object_id=str(row.pk)).values_list("actor_name", flat=True)
    assert all(name.startswith("API key pv_live_") for name in lines)


def test_a_confirmation_whose_answer_was_lost_is_found_again(scene: Scene) -> None:
    client = caller(scene.books.partner)
    url = _purchase(client).headers["Location"]
    code = {"code": scene.code(FloatPurchase.objects.get())}
    assert post(client, f"{url}/confirm", code, "c-1").status_code == 200
    assert post(client, f"{url}/confirm", code, "c-2").json()["status"] == "confirmed"


def test_a_code_is_asked_for_where_one_is_needed(scene: Scene) -> None:
    client = caller(scene.books.partner)
    url = _purchase(client).headers["Location"]
    for body in ({}, {"code": "12"}, {"code": 123456.5}, {"pin": "123456"}):
        problem(post(client, f"{url}/confirm", body, "c-1"), 400, "invalid")
    problem(client.post(f"{url}/confirm", {"code": "123456"}), 400, "idempotency_key_missing")
    assert client.post(f"{url}/send-code").status_code == 200
    assert FloatPurchase.objects.get().codes_sent == 2


def test_a_second_key_confirms_and_never_the_first_or_a_younger_one(scene: Scene, settings: Any) -> None:
    settings.FLOAT_PURCHASE_CONFIRM = "second_person"
    first, second = caller(scene.books.partner), caller(scene.books.partner)
    ApiKey.objects.update(created_at=make.NOW - timedelta(days=1))
    asked = _purchase(first)
    younger = caller(scene.books.partner)
    url = f"{asked.headers['Location']}/confirm"
    assert "another key" in problem(post(first, url, key="c-1"), 409, "conflict")["detail"]
    assert "older" in problem(post(younger, url, key="c-2"), 409, "conflict")["detail"]
    assert FloatPurchase.objects.get().status == PurchaseStatus.ASKED
    assert post(second, url, key="c-3").json()["status"] == "confirmed"


def test_a_purchase_is_called_off_and_then_moves_no_more(scene: Scene) -> None:
    client = caller(scene.books.partner)
    url = _purchase(client).headers["Location"]
    assert client.post(f"{url}/cancel", {"reason": "Too much"}).json()["status"] == "cancelled"
    problem(client.post(f"{url}/cancel"), 409, "conflict")
    problem(client.post(f"{url}/send-code"), 409, "conflict")
    problem(post(client, f"{url}/confirm", {"code": "123456"}, "c-9"), 409, "conflict")
    assert "Too much" in client.get(url).json()["timeline"][-1]["note"]


def test_what_the_wallet_does_not_have_is_refused_with_what_is_missing(scene: Scene) -> None:
    found = problem(_purchase(caller(scene.books.partner), "900000"), 422, "refused")
    assert "KES 700,000 is missing" in found["detail"]
    assert not FloatPurchase.objects.exists()


def test_another_partners_purchase_cannot_be_touched(scene: Scene) -> None:
    url = _purchase(caller(scene.books.partner)).headers["Location"]
    other = caller(make.partner("tunza"))
    problem(other.get(url), 404, "not_found")
    for act in ("confirm", "send-code", "cancel"):
        problem(post(other, f"{url}/{act}", {}, f"x-{act}"), 404, "not_found")
    assert other.get(FLOAT).json()["results"] == []
    assert FloatPurchase.objects.get().status == PurchaseStatus.ASKED


def test_reading_does_not_move_money(scene: Scene) -> None:
    reader = caller(scene.books.partner, "read")
    problem(_purchase(reader), 403, "scope_missing")
    problem(post(reader, "/api/wallet/topups", {"amount": "10", "phone": "0711000001"}), 403, "scope_missing")
    assert not FloatPurchase.objects.exists()


def test_purchases_are_filtered(scene: Scene) -> None:
    client = caller(scene.books.partner)
    _purchase(client)
    today = timezone.localdate()
    for query, count in [
        ({"status": "asked"}, 1),
        ({"status": "bought"}, 0),
        ({"shortcode": scene.books.shortcode.number}, 1),
        ({"amount_min": "50000"}, 1),
        ({"amount_max": "49999.99"}, 0),
        ({"asked_from": today.isoformat()}, 1),
        ({"asked_from": (today + timedelta(days=1)).isoformat()}, 0),
    ]:
        assert len(client.get(FLOAT, query).json()["results"]) == count, query
    assert Decimal(client.get(FLOAT).json()["results"][0]["amount"]) == 50_000
