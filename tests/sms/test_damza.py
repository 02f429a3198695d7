"""The "Ultimate SMS" script, as Damza runs it."""

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import responses

from common.gateway import OutcomeUnknown, Rejected, Retryable
from sms.damza import UltimateSms
from sms.gateways import Accepted, Account, Message
from tests.sms.gateway_cases import FAULTS, HELLO, SECRETS, refusal

URL = "https://sms.damza.example/sms/api"


def client(**fields: Any) -> UltimateSms:
    account = {"base_url": "https://sms.damza.example", "api_key": SECRETS[0], "sender_id": "KILIMO"}
    return UltimateSms(Account(**account | fields), requests.Session())


def asked() -> dict[str, str]:
    return dict(parse_qsl(urlsplit(str(responses.calls[0].request.url)).query))


@responses.activate
def test_the_request_is_the_scripts_query() -> None:
    responses.get(URL, json={"code": "ok", "message": "Successfully Send"})
    assert client().send(HELLO) == Accepted()
    assert asked() == {
        "action": "send-sms",
        "api_key": SECRETS[0],
        "to": "254708374149",
        "from": "KILIMO",
        "sms": "Habari & karibu",
        "response": "json",
    }


@responses.activate
def test_an_account_may_ask_by_form_so_that_the_key_is_not_in_the_url() -> None:
    responses.post(URL, json={"code": "ok"})
    client(method="post").send(HELLO)
    request = responses.calls[0].request
    assert request.url == URL
    assert dict(parse_qsl(str(request.body)))["sms"] == "Habari & karibu"


@responses.activate
@pytest.mark.parametrize(
    ("phone_format", "to"), [("254", "254708374149"), ("+254", "+254708374149"), ("0", "0708374149")]
)
def test_the_phone_is_written_as_the_account_wants_it(phone_format: str, to: str) -> None:
    responses.get(URL, json={"code": "ok"})
    client(phone_format=phone_format).send(HELLO)
    assert asked()["to"] == to


@responses.activate
def test_a_text_beyond_gsm7_says_so() -> None:
    responses.get(URL, json={"code": "ok"})
    client().send(Message(phone=HELLO.phone, text="مرحبا", reference="r", unicode=True))
    assert (asked()["unicode"], asked()["sms"]) == ("1", "مرحبا")


@responses.activate
def test_an_id_is_kept_where_there_is_one() -> None:
    body = {"code": "200", "message": "Successfully Sent", "balance": "10", "message_id": 149039}
    responses.get(URL, json=body)
    assert client().send(HELLO).message_id == "149039"


@responses.activate
@pytest.mark.parametrize(("answer", "error"), FAULTS)
def test_a_broken_outside(answer: dict[str, Any], error: type[Exception]) -> None:
    responses.get(URL, **answer)
    assert type(refusal(lambda: client().send(HELLO))) is error


@responses.activate
@pytest.mark.parametrize(
    ("code", "error", "stop"),
    [
        ("100", Rejected, False),
        ("101", Rejected, False),
        ("102", Rejected, True),
        ("103", Rejected, False),
        ("104", Rejected, False),
        ("105", Rejected, True),
        ("106", Rejected, True),
        ("107", Rejected, False),
        ("108", Retryable, False),
        ("109", Rejected, False),
        ("110", Rejected, False),
        ("111", OutcomeUnknown, False),
        ("999", OutcomeUnknown, False),
        ("1000", OutcomeUnknown, False),
        ("", OutcomeUnknown, False),
    ],
)
def test_every_code_with_http_200(code: str, error: type[Exception], stop: bool) -> None:
    said = f"key {SECRETS[0]} of {HELLO.phone} is not welcome"
    responses.get(URL, json={"code": code, "message": said})
    raised = refusal(lambda: client().send(HELLO))
    assert (type(raised), raised.code, raised.stop) == (error, code, stop)


@responses.activate
def test_the_success_codes_of_an_account_replace_the_usual_ones() -> None:
    responses.get(URL, json={"code": 1000})
    assert client(success_codes=frozenset({"1000"})).send(HELLO) == Accepted()
    responses.replace("GET", URL, json={"code": "ok"})
    assert isinstance(refusal(lambda: client(success_codes=frozenset({"1000"})).send(HELLO)), OutcomeUnknown)


@responses.activate
def test_the_balance() -> None:
    responses.get(URL, json={"balance": "545.00"})
    assert client().balance() == Decimal("545.00")
    assert asked() == {"action": "check-balance", "api_key": SECRETS[0], "response": "json"}


@responses.activate
def test_a_refused_balance_says_why() -> None:
    responses.get(URL, json={"code": "102", "message": "Authentication failed"})
    assert refusal(client().balance).stop


@responses.activate
def test_a_balance_that_is_no_number_is_unknown() -> None:
    responses.get(URL, json={"balance": "plenty"})
    assert isinstance(refusal(client().balance), OutcomeUnknown)


@responses.activate
@pytest.mark.parametrize(
    ("words", "fate"),
    [
        ("DELIVRD", "delivered"),
        ("DeliveredToTerminal", "delivered"),
        ("UNDELIV", "failed"),
        ("SentToNetwork", "waiting"),
        ("", "waiting"),
    ],
)
def test_a_delivery_report_that_was_asked_for(words: str, fate: str) -> None:
    responses.get(URL, json={"code": "200", "message_id": 7, "status": words})
    assert client(username="kilimo").report("7").fate == fate
    assert asked() == {
        "action": "check-getdlr",
        "api_key": SECRETS[0],
        "messageid": "7",
        "username": "kilimo",
        "response": "json",
    }
