"""Float moved from a paybill by M-Pesa itself, which knows no id of ours: one order, and then its result."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client as Web

from common import tokens
from common.gateway import OutcomeUnknown, Rejected
from tests import make
from tests.wallet.make_float import Scene
from wallet import buying
from wallet.models import Transfer
from wallet.purchases import FloatPurchase

BOUGHT = (150_000, 0, 50_000, 0)
GONE = (150_000, 50_000, 0, 0)


@pytest.fixture(autouse=True)
def paybill(settings: Any, scene: Scene) -> None:
    settings.NCBA_FLOAT_ROUTE, settings.FLOAT_TOPUP_SHORTCODE = "daraja_topup", "600100"
    make.shortcode("600100", kind="c2b")


def result(code: Any = "0", *, amount: str = "50000.00", receipt: str = "SG632NMUAB") -> dict[str, Any]:
    """A result as on the portal (B2CAccountTopUp), with codes as text and references as a list."""
    parameters: Any = [
        {
            "Key": "DebitAccountBalance",
            "Value": "{Amount={CurrencyCode=KES, MinimumAmount=618683, BasicAmount=6186.83}}",
        },
        {"Key": "Amount", "Value": amount},
        {
            "Key": "DebitPartyAffectedAccountBalance",
            "Value": "Working Account|KES|346568.83|6186.83|340382.00|0.00",
        },
        {"Key": "TransCompletedTime", "Value": "20260603100107"},
        {"Key": "DebitPartyCharges", "Value": ""},
        {"Key": "ReceiverPartyPublicName", "Value": "600992 - Kilimo"},
        {"Key": "Currency", "Value": "KES"},
    ]
    if str(code) != "0":
        parameters = {"Key": "BOCompletedTime", "Value": 20260603100107}
    return {
        "Result": {
            "ResultType": "0",
            "ResultCode": code,
            "ResultDesc": "The service request is processed successfully" if str(code) == "0" else "refused",
            "OriginatorConversationID": "theirs",
            "ConversationID": "AG_20260603_B2B",
            "TransactionID": receipt,
            "ResultParameters": {"ResultParameter": parameters},
            "ReferenceData": {
                "ReferenceItem": [{"Key": "BillReferenceNumber", "Value": ""}, {"Key": "Occassion"}]
            },
        }
    }


def post(row: FloatPurchase, body: Any, *, what: str = "result", token: str = "") -> int:
    token = token or tokens.make("b2b", row.pk)
    text = body if isinstance(body, str) else json.dumps(body)
    return Web().post(f"/callbacks/b2b/{token}/{what}", text, content_type="application/json").status_code


def test_the_order_names_both_shortcodes_and_an_address_of_its_own(scene: Scene) -> None:
    row = scene.buy()
    (order,) = scene.mpesa.moved
    assert (order["to_shortcode"], order["amount"]) == ("600992", Decimal(50_000))
    assert order["result_url"].endswith(f"/callbacks/b2b/{tokens.make('b2b', row.pk)}/result")
    assert (row.status, scene.books.money(), scene.bank.orders) == ("accepted", GONE, [])


def test_its_result_proves_it(scene: Scene) -> None:
    row = scene.buy()
    assert [post(row, result()) for _ in range(2)] == [200, 200]
    assert (scene.seen(row).status, scene.seen(row).receipt) == ("bought", "SG632NMUAB")
    assert scene.books.money() == BOUGHT
    assert Transfer.objects.get(type="float_funding").to_account.kind == "working"


@pytest.mark.parametrize("code", [1, 21, 2001, "SFC_IC0003"])
def test_a_refusal_gives_the_money_back(scene: Scene, code: Any) -> None:
    row = scene.buy()
    post(row, result(code))
    assert (scene.seen(row).status, scene.books.money()) == ("failed", (200_000, 0, 0, 0))


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"Result": {"ResultCode": 17, "ResultDesc": "?"}}, "timeout"),
        (result("999-strange"), "result"),
        ("<html>", "result"),
        (result(receipt=""), "result"),
    ],
)
def test_what_is_unclear_proves_nothing(scene: Scene, body: Any, what: str) -> None:
    row = scene.buy()
    post(row, body, what=what)
    assert scene.seen(row).status in ("accepted", "unknown")
    assert scene.books.money() == GONE


def test_another_amount_is_a_matter_for_a_person(scene: Scene) -> None:
    row = scene.buy()
    post(row, result(amount="49999.00"))
    assert "KES 49,999" in scene.seen(row).attention
    assert scene.books.money() == GONE


def test_after_a_lost_answer_it_is_never_sent_again(scene: Scene) -> None:
    scene.mpesa.plan.append(OutcomeUnknown("reset"))
    row = scene.buy()
    for _ in range(3):
        buying.buy(purchase_id=row.pk, at=make.NOW + buying.LEASE)
    assert (scene.seen(row).status, len(scene.mpesa.moved)) == ("unknown", 1)
    post(row, result())
    assert scene.books.money() == BOUGHT


def test_a_result_that_contradicts_the_end_changes_nothing(scene: Scene) -> None:
    row = scene.buy()
    post(row, result(1))
    post(row, result())
    assert "proof that it was bought" in scene.seen(row).attention
    assert scene.books.money() == (200_000, 0, 0, 0)


def test_a_wrong_token_and_an_unknown_purchase_change_nothing(scene: Scene) -> None:
    row = scene.buy()
    assert post(row, result(), token="0" * 76) == 404
    assert post(row, result(), token=tokens.make("status", row.pk)) == 404
    assert post(row, result(), token=tokens.make("b2b", scene.books.partner.pk)) == 200
    assert scene.books.money() == GONE


def test_without_a_paybill_nothing_is_ordered(scene: Scene, settings: Any) -> None:
    settings.FLOAT_TOPUP_SHORTCODE = ""
    assert scene.buy().status == "failed"


def test_an_immediate_refusal_gives_the_money_back(scene: Scene) -> None:
    scene.mpesa.plan.append(Rejected("Bad Request", code="400.002.02"))
    assert scene.buy().status == "failed"
    assert scene.books.money() == (200_000, 0, 0, 0)
