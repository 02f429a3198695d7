"""The partnerID family, with both spellings of its code and both shapes of its errors."""

import json
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import responses

from common.gateway import OutcomeUnknown, Rejected, Retryable
from sms.gateways import Accepted, Account
from sms.partner_id import PartnerId
from tests.sms.gateway_cases import FAULTS, HELLO, SECRETS, refusal

BASE = "https://quicksms.example/api/services"
SEND = f"{BASE}/sendsms/"
SENT = {
    "responses": [
        {
            "respose-code": 200,
            "response-description": "Success",
            "mobile": 254708374149,
            "messageid": 8290842,
            "clientsmsid": 1234,
            "networkid": "1",
        }
    ]
}
CODES = [
    (1001, Rejected, True),
    (1002, Rejected, False),
    (1003, Rejected, False),
    (1004, Rejected, True),
    (1005, Retryable, False),
    (1006, Rejected, True),
    (1007, Retryable, False),
    (1009, Rejected, False),
    (1010, Rejected, False),
    (1012, Rejected, False),
    (1104, Rejected, False),
    (4090, Retryable, False),
    (4091, Rejected, True),
    (4092, Rejected, True),
    (4093, Rejected, True),
    (1008, OutcomeUnknown, False),
    (1000, OutcomeUnknown, False),
    (7777, OutcomeUnknown, False),
]


def client(**fields: Any) -> PartnerId:
    account = {"base_url": "https://quicksms.example", "api_key": SECRETS[0], "partner_code": "12"}
    return PartnerId(Account(**account | {"sender_id": "KILIMO"} | fields), requests.Session())


def asked() -> dict[str, Any]:
    return dict(json.loads(responses.calls[0].request.body or b""))


@responses.activate
def test_the_request_is_json() -> None:
    responses.post(SEND, json=SENT)
    assert client().send(HELLO) == Accepted(message_id="8290842")
    assert asked() == {
        "apikey": SECRETS[0],
        "partnerID": "12",
        "message": "Habari & karibu",
        "shortcode": "KILIMO",
        "mobile": "254708374149",
    }


@responses.activate
def test_an_account_may_ask_by_get() -> None:
    responses.get(SEND, json=SENT)
    client(method="get").send(HELLO)
    query = dict(parse_qsl(urlsplit(str(responses.calls[0].request.url)).query))
    assert query["message"] == "Habari & karibu"


@responses.activate
@pytest.mark.parametrize("name", ["respose-code", "response-code"])
@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize(("code", "error", "stop"), CODES)
def test_every_code_in_every_spelling(
    name: str, flat: bool, code: int, error: type[Exception], stop: bool
) -> None:
    item = {name: code, "response-description": f"{SECRETS[0]} {HELLO.phone}"}
    responses.post(SEND, json=item if flat else {"responses": [item]})
    raised = refusal(lambda: client().send(HELLO))
    assert (type(raised), raised.code, raised.stop) == (error, str(code), stop)


@responses.activate
@pytest.mark.parametrize("name", ["respose-code", "response-code"])
def test_success_in_both_spellings(name: str) -> None:
    responses.post(SEND, json={"responses": [{name: "200"}]})
    assert client().send(HELLO) == Accepted()


@responses.activate
def test_a_member_that_says_1000_for_success() -> None:
    responses.post(SEND, json={"responses": [{"respose-code": 1000, "messageid": 5}]})
    assert client(success_codes=frozenset({"1000"})).send(HELLO).message_id == "5"


@responses.activate
@pytest.mark.parametrize(("answer", "error"), FAULTS)
def test_a_broken_outside(answer: dict[str, Any], error: type[Exception]) -> None:
    responses.post(SEND, **answer)
    assert type(refusal(lambda: client().send(HELLO))) is error


@responses.activate
@pytest.mark.parametrize("listed", [[], [1], [{}, {}], "x", None])
def test_a_list_that_is_not_one_answer_decides_nothing(listed: Any) -> None:
    responses.post(SEND, json={"responses": listed})
    assert isinstance(refusal(lambda: client().send(HELLO)), OutcomeUnknown)


@responses.activate
def test_the_balance() -> None:
    responses.post(f"{BASE}/getbalance/", json={"response-code": 200, "credit": "545.00", "partner-id": "12"})
    assert client().balance() == Decimal("545.00")
    assert asked() == {"apikey": SECRETS[0], "partnerID": "12"}


@responses.activate
@pytest.mark.parametrize(
    ("words", "fate"),
    [
        ("DeliveredToTerminal", "delivered"),
        ("AbsentSubscriber", "failed"),
        ("DeliveryImpossible", "failed"),
        ("SenderName Blacklisted", "failed"),
        ("Unknown", "failed"),
        ("SentToNetwork", "waiting"),
        ("Scheduled", "waiting"),
    ],
)
def test_a_delivery_report_that_was_asked_for(words: str, fate: str) -> None:
    body = {"response-code": 200, "message-id": 7, "delivery-status": 32, "delivery-description": words}
    responses.post(f"{BASE}/getdlr/", json=body)
    assert client().report("7").fate == fate
    assert asked()["messageID"] == "7"


@responses.activate
@pytest.mark.parametrize("code", [1008, 1009])
def test_no_report_yet(code: int) -> None:
    responses.post(f"{BASE}/getdlr/", json={"respose-code": code, "response-description": "No Report"})
    assert client().report("7").fate == "waiting"


@responses.activate
def test_a_refused_question_is_an_error_and_no_fate() -> None:
    responses.post(f"{BASE}/getdlr/", json={"respose-code": 1006})
    assert refusal(lambda: client().report("7")).stop
