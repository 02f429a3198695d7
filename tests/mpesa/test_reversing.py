"""A reversal leaves us to the letter, and its result is read for what it proves."""

import json
from decimal import Decimal
from typing import Any

import pytest
import responses

from common.money import BadAmount
from mpesa.envelope import parse
from mpesa.reversing import Ending, Reversed, reversed_result
from tests.mpesa.make_mpesa import HOST, client

URLS = {
    "result_url": "https://vault.example/callbacks/reversal/00aa/result",
    "timeout_url": "https://vault.example/callbacks/reversal/00aa/timeout",
}


def read(code: Any, **more: Any) -> Reversed:
    found = parse(json.dumps({"Result": {"ResultType": 0, "ResultCode": code, "ResultDesc": "so"} | more}))
    assert found is not None
    return reversed_result(found)


@responses.activate
def test_the_body_has_daraja_s_own_spelling() -> None:
    responses.get(f"{HOST}/oauth/v1/generate", json={"access_token": "token", "expires_in": "3599"})
    accepted = {"ResponseCode": "0", "ConversationID": "AG_1", "OriginatorConversationID": "71840-1"}
    responses.post(f"{HOST}/mpesa/reversal/v1/request", json=accepted)
    client().reverse(payment="PDU91HIVIT", amount=Decimal("200.00"), **URLS)
    body = json.loads(responses.calls[-1].request.body or "")
    assert body.pop("SecurityCredential")
    assert body.pop("Initiator")
    assert body.pop("ReceiverParty")
    assert body == {
        "CommandID": "TransactionReversal",
        "TransactionID": "PDU91HIVIT",
        "Amount": "200",
        "RecieverIdentifierType": "11",
        "ResultURL": URLS["result_url"],
        "QueueTimeOutURL": URLS["timeout_url"],
        "Remarks": "Payment given back",
    }


def test_cents_are_never_rounded() -> None:
    with pytest.raises(BadAmount):
        client().reverse(payment="PDU91HIVIT", amount=Decimal("200.50"), **URLS)


def test_a_success_names_the_reversal_s_own_receipt_and_the_payment() -> None:
    said = {"ResultParameter": [
        {"Key": "DebitAccountBalance", "Value": "Utility Account|KES|7722179.62|7722179.62|0.00|0.00"},
        {"Key": "Amount", "Value": 1.00},
        {"Key": "TransCompletedTime", "Value": 20211114132711},
        {"Key": "OriginalTransactionID", "Value": "PKE0000001A"},
    ]}  # fmt: skip
    found = read(0, TransactionID="PKE5BXB0Q5", ResultParameters=said)
    assert (found.ending, found.receipt, found.original) == (Ending.GIVEN_BACK, "PKE5BXB0Q5", "PKE0000001A")
    assert found.amount == 1


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        ("R000001", Ending.GIVEN_BACK),
        ("R000002", Ending.NOT_GIVEN_BACK),
        *((code, Ending.NOT_GIVEN_BACK) for code in (1, "11", 21, 2001, "2006", 2028, 8006)),
        *((code, Ending.UNKNOWN) for code in (17, 26, "999", "")),
    ],
)
def test_only_a_listed_code_proves_anything(code: Any, ending: Ending) -> None:
    assert read(code).ending == ending


def test_what_has_not_ended_proves_nothing() -> None:
    assert read(0, ResultType=1).ending == Ending.UNKNOWN
