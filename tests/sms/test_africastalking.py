"""Africa's Talking: a form, a key in the header, HTTP 201 whatever the code."""

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
import responses

from common.gateway import OutcomeUnknown, Rejected
from sms.africastalking import AfricasTalking
from sms.gateways import Accepted, Account
from tests.sms.gateway_cases import FAULTS, HELLO, SECRETS, refusal

BASE = "https://api.africastalking.example"
URL = f"{BASE}/version1/messaging"
RECIPIENT = {
    "statusCode": 101,
    "number": "+254708374149",
    "cost": "KES 0.8000",
    "status": "Success",
    "messageId": "ATXid_1",
}


def client(**fields: Any) -> AfricasTalking:
    account = {"base_url": BASE, "api_key": SECRETS[0], "username": "kilimo", "sender_id": "KILIMO"}
    return AfricasTalking(Account(**account | fields), requests.Session())


def answer(*recipients: Any, message: str = "Sent to 1/1") -> dict[str, Any]:
    return {"SMSMessageData": {"Message": message, "Recipients": list(recipients)}}


@responses.activate
def test_the_request_is_a_form_with_the_key_in_the_header() -> None:
    responses.post(URL, json=answer(RECIPIENT), status=201)
    assert client().send(HELLO) == Accepted(message_id="ATXid_1", cost=Decimal("0.8000"))
    request = responses.calls[0].request
    assert dict(parse_qsl(str(request.body))) == {
        "username": "kilimo",
        "to": "+254708374149",
        "message": "Habari & karibu",
        "from": "KILIMO",
    }
    assert request.headers["apiKey"] == SECRETS[0]
    assert request.headers["Accept"] == "application/json"


@responses.activate
def test_without_a_sender_id_the_shared_one_is_used() -> None:
    responses.post(URL, json=answer(RECIPIENT))
    client(sender_id="").send(HELLO)
    assert "from" not in dict(parse_qsl(str(responses.calls[0].request.body)))


@responses.activate
@pytest.mark.parametrize(
    ("code", "error", "stop"),
    [
        (401, OutcomeUnknown, False),
        (402, Rejected, True),
        (403, Rejected, False),
        (404, Rejected, False),
        (405, Rejected, True),
        (406, Rejected, False),
        (407, Rejected, False),
        (500, OutcomeUnknown, False),
        (501, OutcomeUnknown, False),
        (502, Rejected, False),
        (999, OutcomeUnknown, False),
    ],
)
def test_every_code(code: int, error: type[Exception], stop: bool) -> None:
    refused = RECIPIENT | {"statusCode": code, "status": f"No {HELLO.phone}", "messageId": "None"}
    responses.post(URL, json=answer(refused), status=201)
    raised = refusal(lambda: client().send(HELLO))
    assert (type(raised), raised.code, raised.stop) == (error, str(code), stop)


@responses.activate
@pytest.mark.parametrize("code", [100, 101, 102])
def test_processed_sent_and_queued_are_accepted(code: int) -> None:
    responses.post(URL, json=answer(RECIPIENT | {"statusCode": code}), status=201)
    assert client().send(HELLO).message_id == "ATXid_1"


@responses.activate
@pytest.mark.parametrize(
    ("message", "error", "stop"),
    [
        ("InvalidSenderId", Rejected, True),
        ("InsufficientBalance", Rejected, True),
        ("InvalidPhoneNumber", Rejected, False),
        ("Something else", OutcomeUnknown, False),
    ],
)
def test_nobody_in_the_answer(message: str, error: type[Exception], stop: bool) -> None:
    responses.post(URL, json=answer(message=message), status=201)
    raised = refusal(lambda: client().send(HELLO))
    assert (type(raised), raised.stop) == (error, stop)


@responses.activate
def test_two_recipients_for_one_message_decide_nothing() -> None:
    responses.post(URL, json=answer(RECIPIENT, RECIPIENT), status=201)
    assert isinstance(refusal(lambda: client().send(HELLO)), OutcomeUnknown)


@responses.activate
@pytest.mark.parametrize(("broken", "error"), FAULTS)
def test_a_broken_outside(broken: dict[str, Any], error: type[Exception]) -> None:
    responses.post(URL, **broken)
    assert type(refusal(lambda: client().send(HELLO))) is error


@responses.activate
def test_the_balance() -> None:
    responses.get(f"{BASE}/version1/user", json={"UserData": {"balance": "KES 1,785.50"}})
    assert client().balance() == Decimal("1785.50")


@responses.activate
@pytest.mark.parametrize("body", [{}, {"UserData": None}, {"UserData": {"balance": None}}])
def test_no_balance_in_the_answer_is_unknown(body: dict[str, Any]) -> None:
    responses.get(f"{BASE}/version1/user", json=body)
    assert isinstance(refusal(client().balance), OutcomeUnknown)
