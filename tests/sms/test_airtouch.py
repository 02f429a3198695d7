"""AirTouch: the password is the MD5 of the key."""

import hashlib
import json
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import responses

from common.gateway import OutcomeUnknown, Rejected
from sms.airtouch import AirTouch
from sms.gateways import Accepted, Account
from tests.sms.gateway_cases import FAULTS, HELLO, SECRETS, refusal

BASE = "https://client.airtouch.example:9012"
URL = f"{BASE}/sms/api/"
MD5 = hashlib.md5(SECRETS[0].encode(), usedforsecurity=False).hexdigest()
SENT = {"message_id": "77", "mobile_number": "254708374149", "status_code": "1000", "status_desc": "SUCCESS"}
FIELDS = {
    "issn": "KILIMO",
    "msisdn": "254708374149",
    "text": "Habari & karibu",
    "username": "kilimo",
    "password": MD5,
    "sms_id": HELLO.reference,
}


def client(**fields: Any) -> AirTouch:
    account = {"base_url": BASE, "api_key": SECRETS[0], "username": "kilimo", "sender_id": "KILIMO"}
    return AirTouch(Account(**account | fields), requests.Session())


@responses.activate
def test_the_request_carries_the_digest_and_never_the_key() -> None:
    responses.get(URL, json=SENT)
    assert client().send(HELLO) == Accepted(message_id="77")
    url = str(responses.calls[0].request.url)
    assert dict(parse_qsl(urlsplit(url).query)) == FIELDS
    assert SECRETS[0] not in url


@responses.activate
def test_an_account_may_post_json_instead() -> None:
    responses.post(URL, json=SENT)
    client(method="post").send(HELLO)
    assert json.loads(responses.calls[0].request.body or b"") == FIELDS


@responses.activate
@pytest.mark.parametrize(("answer", "error"), FAULTS)
def test_a_broken_outside(answer: dict[str, Any], error: type[Exception]) -> None:
    responses.get(URL, **answer)
    assert type(refusal(lambda: client().send(HELLO))) is error


@responses.activate
@pytest.mark.parametrize(
    ("code", "error", "stop"),
    [
        ("1001", Rejected, True),
        ("1003", Rejected, False),
        ("1004", Rejected, True),
        ("1006", Rejected, True),
        ("1011", Rejected, True),
        ("1009", OutcomeUnknown, False),
        ("200", OutcomeUnknown, False),
    ],
)
def test_every_code(code: str, error: type[Exception], stop: bool) -> None:
    responses.get(URL, json=SENT | {"status_code": code, "status_desc": f"{HELLO.phone} NO"})
    raised = refusal(lambda: client().send(HELLO))
    assert (type(raised), raised.code, raised.stop) == (error, code, stop)


@responses.activate
def test_a_success_without_an_id_is_a_success() -> None:
    responses.get(URL, json={"status_code": "1000", "status_desc": "SUCCESS"})
    assert client().send(HELLO) == Accepted()


@responses.activate
@pytest.mark.parametrize("name", ["Balance", "balance", "BALANCE"])
def test_the_balance_in_any_case(name: str) -> None:
    responses.get(f"{BASE}/users/balance-api/", json={name: 1250.5})
    assert client().balance() == Decimal("1250.5")
    query = dict(parse_qsl(urlsplit(str(responses.calls[0].request.url)).query))
    assert query == {"username": "kilimo", "password": MD5}


@responses.activate
def test_a_refused_balance_says_why() -> None:
    responses.get(f"{BASE}/users/balance-api/", json={"status_code": "1011"})
    assert refusal(client().balance).stop


def test_it_cannot_be_asked_for_reports() -> None:
    assert not AirTouch.can_be_asked
    assert isinstance(refusal(lambda: client().report("1")), OutcomeUnknown)
