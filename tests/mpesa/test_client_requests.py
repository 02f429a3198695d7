"""What leaves us, to the letter."""

import base64
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import responses

from common.gateway import Rejected
from common.money import BadAmount
from mpesa import bodies
from mpesa.client import Accepted, Client
from tests.mpesa.make_mpesa import ADDRESSES, HOST, OUR_ID, client, credentials, opened, payout, sample

ADDRESSES_OUT = {"QueueTimeOutURL": ADDRESSES["timeout_url"], "ResultURL": ADDRESSES["result_url"]}


def ask_by_id(who: Client) -> Accepted:
    return who.ask_status(originator_conversation_id=OUR_ID, **ADDRESSES)


def ask_by_receipt(who: Client) -> Accepted:
    return who.ask_status(receipt="SG632NMUAB", **ADDRESSES)


def transfer(who: Client) -> Accepted:
    return who.pay_to_bulk(to_shortcode="600000", amount=Decimal(239), reference="FP-0001", **ADDRESSES)


STATUS = {
    "Initiator": "testapi",
    "CommandID": "TransactionStatusQuery",
    "PartyA": "600992",
    "IdentifierType": "4",
    "Remarks": "Status",
    "Occasion": "Status",
} | ADDRESSES_OUT
GOLDEN: dict[str, tuple[Callable[[Client], Accepted], str, dict[str, Any]]] = {
    "payout": (
        lambda who: who.pay(payout(occasion="Kilimo")),
        "/mpesa/b2c/v3/paymentrequest",
        {
            "OriginatorConversationID": OUR_ID,
            "InitiatorName": "testapi",
            "CommandID": "BusinessPayment",
            "Amount": 9500,
            "PartyA": "600992",
            "PartyB": "254708374149",
            "Remarks": "Loan 17",
            "Occassion": "Kilimo",
        }
        | ADDRESSES_OUT,
    ),
    "status by our id": (
        ask_by_id,
        "/mpesa/transactionstatus/v1/query",
        STATUS | {"OriginalConversationID": OUR_ID},
    ),
    "status by receipt": (
        ask_by_receipt,
        "/mpesa/transactionstatus/v1/query",
        STATUS | {"TransactionID": "SG632NMUAB"},
    ),
    "balance": (
        lambda who: who.ask_balance(**ADDRESSES),
        "/mpesa/accountbalance/v1/query",
        {
            "Initiator": "testapi",
            "CommandID": "AccountBalance",
            "PartyA": "600992",
            "IdentifierType": "4",
            "Remarks": "Balance",
        }
        | ADDRESSES_OUT,
    ),
    "transfer": (
        transfer,
        "/mpesa/b2b/v1/paymentrequest",
        {
            "Initiator": "testapi",
            "CommandID": "BusinessPayToBulk",
            "SenderIdentifierType": "4",
            "RecieverIdentifierType": "4",
            "Amount": 239,
            "PartyA": "600992",
            "PartyB": "600000",
            "AccountReference": "FP-0001",
            "Remarks": "Float",
        }
        | ADDRESSES_OUT,
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_each_request_leaves_exactly_as_daraja_wants_it(daraja: responses.RequestsMock, name: str) -> None:
    ask, path, expected = GOLDEN[name]
    daraja.post(HOST + path, body=sample("payout_answer"))
    accepted = ask(client())
    sent = daraja.calls[-1].request
    body = json.loads(sent.body)
    assert opened(body.pop("SecurityCredential")) == "Safe#999"
    assert body == expected
    assert sent.headers["Content-Type"] == "application/json"
    assert sent.headers["Authorization"] == "Bearer first"
    assert accepted.conversation_id == "AG_20240706_20106e9209f64bebd05b"


def test_the_token_is_asked_for_with_key_and_secret(daraja: responses.RequestsMock) -> None:
    daraja.post(HOST + bodies.BALANCE_PATH, body=sample("payout_answer"))
    client(consumer_key="kéy").ask_balance(**ADDRESSES)
    asked = daraja.calls[0].request
    assert asked.url == f"{HOST}/oauth/v1/generate?grant_type=client_credentials"
    assert base64.b64decode(asked.headers["Authorization"].removeprefix("Basic ")).decode() == "kéy:s3cret"


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("Loan 17", "Loan 17"),
        ("Näïrobi: loan #17 & fee (1/2)", "Nairobi loan 17 fee 1 2"),
        ("x" * 200, "x" * 100),
        ("y" * 99 + " z", "y" * 99),
        ("", "Payment"),
        ("!", "Payment"),
        ("贷款", "Payment"),
        ("line\nbreak\ttab", "line break tab"),
    ],
)
def test_remarks_keep_only_what_mpesa_takes(typed: str, sent: str) -> None:
    assert bodies.payout_body(payout(remarks=typed), credentials(), "c")["Remarks"] == sent


def test_an_empty_occasion_is_left_out() -> None:
    assert "Occassion" not in bodies.payout_body(payout(occasion="  "), credentials(), "c")


def test_a_reference_is_cut_to_what_a_paybill_takes() -> None:
    body = bodies.transfer_body(
        credentials(), "c", to_shortcode="600000", amount=Decimal(10), reference="FP-" + "1" * 20, **ADDRESSES
    )
    assert body["AccountReference"] == "FP-1111111111"


@pytest.mark.parametrize("word", ["mpesa", "M-PESA", "Safaricom", "exe", "EXEC", "cmd", "sql", "query"])
@pytest.mark.parametrize("which", ["result_url", "timeout_url"])
def test_a_forbidden_word_in_our_address_is_refused_before_anything_is_sent(
    daraja: responses.RequestsMock, word: str, which: str
) -> None:
    with pytest.raises(ValueError, match="Daraja refuses"):
        client().pay(payout(**{which: f"https://pay.{word}.example/callbacks"}))
    assert not daraja.calls


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="https"):
        bodies.check_callback_url("/callbacks/b2c/00aa/result")


def test_cents_are_refused_before_anything_is_sent(daraja: responses.RequestsMock) -> None:
    with pytest.raises(BadAmount):
        client().pay(payout(amount=Decimal("9500.50")))
    assert not daraja.calls


@pytest.mark.parametrize("asked", [{}, {"originator_conversation_id": OUR_ID, "receipt": "SG632NMUAB"}])
def test_a_status_is_asked_for_by_one_thing(daraja: responses.RequestsMock, asked: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="by our own id or by the receipt"):
        client().ask_status(**asked, **ADDRESSES)
    assert not daraja.calls


@pytest.mark.parametrize("broken", [{"certificate": "no PEM"}, {"initiator_password": ""}])
def test_an_unusable_credential_stops_the_shortcode_and_sends_nothing(
    daraja: responses.RequestsMock, broken: dict[str, str]
) -> None:
    with pytest.raises(Rejected) as refusal:
        client(**broken).pay(payout())
    assert refusal.value.stop
    assert not daraja.calls


def test_no_secret_and_no_phone_shows_when_a_value_is_printed() -> None:
    shown = repr(credentials()) + repr(payout())
    for secret in ("s3cret", "Safe#999", "BEGIN", "'key'", "254708374149", "00aa"):
        assert secret not in shown
