"""The SMS gateways: each in its own words, one store of messages behind them."""

import hashlib
from typing import Any

import pytest
import requests

from sandbox.damza.segments import size
from tests.sandbox.conftest import Sandbox

PHONE = "254712000001"
ACCOUNT = {"api_key": "k1", "sender_id": "KILIMO", "credits": "100", "username": "kilimo", "partner_id": "77"}
MD5 = hashlib.md5(b"k1").hexdigest()


@pytest.fixture
def gateway(sandbox: Sandbox) -> Sandbox:
    sandbox.control("POST", "damza/accounts", ACCOUNT)
    return sandbox


def ultimate(sandbox: Sandbox, method: str = "GET", **changes: Any) -> requests.Response:
    fields = {
        "action": "send-sms",
        "api_key": "k1",
        "to": PHONE,
        "from": "KILIMO",
        "sms": "Hello",
        "response": "json",
    }
    fields |= changes
    given = {name: value for name, value in fields.items() if value is not None}
    return sandbox.request(method, "/damza/sms/api", **{"params" if method == "GET" else "data": given})


def airtouch(sandbox: Sandbox, **changes: str) -> requests.Response:
    fields = {"issn": "KILIMO", "msisdn": PHONE, "text": "Hello", "username": "kilimo", "password": MD5}
    return sandbox.get("/airtouch/sms/api/", params=fields | changes)


def partner(sandbox: Sandbox, **changes: Any) -> requests.Response:
    fields = {"apikey": "k1", "partnerID": "77", "message": "Hello", "shortcode": "KILIMO", "mobile": PHONE}
    return sandbox.post("/partner-id/api/services/sendsms/", json=fields | changes)


def africastalking(sandbox: Sandbox, key: str = "k1", **changes: str) -> requests.Response:
    form = {"username": "kilimo", "to": f"+{PHONE}", "message": "Hello", "from": "KILIMO"}
    headers = {"apiKey": key}
    return sandbox.post("/africastalking/version1/messaging", data=form | changes, headers=headers)


SENDERS = {
    "ultimate_sms": ultimate,
    "airtouch": airtouch,
    "partner_id": partner,
    "africastalking": africastalking,
}


def messages(sandbox: Sandbox, to: str = PHONE) -> Any:
    return sandbox.control("GET", f"damza/messages?to={to}")


def credits_left(sandbox: Sandbox) -> str:
    return sandbox.control("GET", "books")["damza"]["accounts"]["k1"]["credits"]


@pytest.mark.parametrize("name", SENDERS)
def test_each_gateway_keeps_the_message_and_takes_one_credit(gateway: Sandbox, name: str) -> None:
    assert SENDERS[name](gateway).ok
    (message,) = messages(gateway)
    assert (message["gateway"], message["from"], message["to"]) == (name, "KILIMO", PHONE)
    assert (message["text"], message["segments"], message["encoding"]) == ("Hello", 1, "GSM-7")
    assert credits_left(gateway) == "99.00"


@pytest.mark.parametrize("name", SENDERS)
def test_a_lost_answer_has_still_sent_the_message(gateway: Sandbox, name: str) -> None:
    gateway.fault("damza", "send", "lost", match={"gateway": name})
    with pytest.raises(requests.ConnectionError):
        SENDERS[name](gateway)
    assert len(messages(gateway)) == 1


@pytest.mark.parametrize("name", SENDERS)
def test_plain_text_and_html_may_come_instead(gateway: Sandbox, name: str) -> None:
    for kind in ("plain_text", "html_200"):
        gateway.fault("damza", "send", kind, times=1)
        with pytest.raises(requests.JSONDecodeError):
            SENDERS[name](gateway).json()


def test_without_credits_nothing_is_sent(gateway: Sandbox) -> None:
    gateway.control("POST", "damza/accounts", {"api_key": "k1", "credits": "0"})
    assert ultimate(gateway).json()["code"] == "105"
    assert airtouch(gateway).json()["status_code"] == "1004"
    assert partner(gateway).json()["respose-code"] == 1004
    recipients = africastalking(gateway).json()["SMSMessageData"]["Recipients"]
    assert recipients[0]["statusCode"] == 405
    assert messages(gateway) == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_damza_answers_ok_without_an_id(gateway: Sandbox, method: str) -> None:
    assert ultimate(gateway, method).json() == {"code": "ok", "message": "Successfully Send"}


def test_damza_may_answer_200_with_an_id(gateway: Sandbox) -> None:
    gateway.switch(damza__message_id="on", damza__success_code="200")
    body = ultimate(gateway).json()
    assert (body["code"], body["message_id"], body["balance"]) == ("200", 1, "99")


def test_without_response_json_the_answer_is_not_called_json(gateway: Sandbox) -> None:
    answer = ultimate(gateway, response=None)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.json()["code"] == "ok"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sms": None}, "100"),
        ({"api_key": None}, "100"),
        ({"action": "send"}, "101"),
        ({"api_key": "other"}, "102"),
        ({"to": "0202345678"}, "103"),
        ({"from": "kilimo"}, "106"),
        ({"unicode": "2"}, "107"),
        ({"schedule": "soon"}, "109"),
        ({"mms": "1"}, "110"),
    ],
)
def test_damza_refuses_with_a_code_and_http_200(gateway: Sandbox, changes: dict[str, Any], code: str) -> None:
    answer = ultimate(gateway, **changes)
    assert (answer.status_code, answer.json()["code"]) == (200, code)
    assert credits_left(gateway) == "100.00"


@pytest.mark.parametrize("number", range(12))
def test_a_magic_phone_brings_each_code(gateway: Sandbox, number: int) -> None:
    assert ultimate(gateway, to=f"2547999901{number:02}").json()["code"] == f"1{number:02}"


@pytest.mark.parametrize("code", ["108", "111"])
def test_a_fault_brings_a_code(gateway: Sandbox, code: str) -> None:
    gateway.fault("damza", "send", "code", params={"code": code})
    assert ultimate(gateway).json()["code"] == code


def test_damza_balance_as_json_and_as_text(gateway: Sandbox) -> None:
    query = {"action": "check-balance", "api_key": "k1"}
    assert gateway.get("/damza/sms/api", params=query | {"response": "json"}).json() == {"balance": "100.00"}
    assert gateway.get("/damza/sms/api", params=query).text == "100"


def test_damza_delivery_report_by_pull(gateway: Sandbox) -> None:
    ultimate(gateway)
    query = {"action": "check-getdlr", "api_key": "k1", "messageid": "1", "response": "json"}
    assert gateway.get("/damza/sms/api", params=query).json()["status"] == "DeliveredToTerminal"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "1000"),
        ({"issn": "WRONG"}, "1001"),
        ({"msisdn": "12"}, "1003"),
        ({"password": "k1"}, "1006"),
        ({"username": "nobody"}, "1011"),
    ],
)
def test_airtouch_speaks_in_status_codes(gateway: Sandbox, changes: dict[str, str], code: str) -> None:
    assert airtouch(gateway, **changes).json()["status_code"] == code


def test_airtouch_takes_json_too(gateway: Sandbox) -> None:
    fields = {
        "issn": "KILIMO",
        "msisdn": PHONE,
        "text": "Hi",
        "username": "kilimo",
        "password": MD5,
        "sms_id": "9",
    }
    assert gateway.post("/airtouch/sms/api/", json=fields).json()["status_desc"] == "SUCCESS"
    assert messages(gateway)[0]["reference"] == "9"


@pytest.mark.parametrize("key", ["Balance", "balance"])
def test_airtouch_balance_key_varies(gateway: Sandbox, key: str) -> None:
    gateway.switch(damza__airtouch_balance_key=key)
    query = {"username": "kilimo", "password": MD5}
    assert gateway.get("/airtouch/users/balance-api/", params=query).json() == {key: 100.0}


@pytest.mark.parametrize("key", ["respose-code", "response-code"])
def test_partner_family_misspells_its_key(gateway: Sandbox, key: str) -> None:
    gateway.switch(damza__response_key=key)
    (item,) = partner(gateway, clientsmsid=12).json()["responses"]
    assert (item[key], item["mobile"], item["messageid"], item["clientsmsid"]) == (200, int(PHONE), 1, "12")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"shortcode": "WRONG"}, 1001),
        ({"mobile": "12"}, 1003),
        ({"apikey": "other"}, 1006),
        ({"partnerID": ""}, 4091),
        ({"apikey": ""}, 4092),
        ({"partnerID": "78"}, 4093),
        ({"mobile": "254799990108"}, 1005),
    ],
)
def test_partner_family_errors_are_flat_or_listed(
    gateway: Sandbox, changes: dict[str, Any], code: int
) -> None:
    assert partner(gateway, **changes).json()["respose-code"] == code
    gateway.switch(damza__partner_errors="list")
    assert partner(gateway, **changes).json()["responses"][0]["respose-code"] == code


def test_partner_family_sends_lists(gateway: Sandbox) -> None:
    one = {"partnerID": "77", "apikey": "k1", "mobile": PHONE, "message": "A", "shortcode": "KILIMO"}
    body = {"count": 2, "smslist": [one | {"clientsmsid": 1}, one | {"mobile": "12", "clientsmsid": 2}]}
    answers = gateway.post("/partner-id/api/services/sendbulk/", json=body).json()["responses"]
    assert [answer["respose-code"] for answer in answers] == [200, 1003]
    assert len(messages(gateway)) == 1


def test_partner_family_report_and_balance(gateway: Sandbox) -> None:
    partner(gateway)
    query = {"apikey": "k1", "partnerID": "77", "messageID": "1"}
    report = gateway.post("/partner-id/api/services/getdlr/", json=query).json()
    assert (report["delivery-status"], report["delivery-description"]) == (32, "DeliveredToTerminal")
    unknown = gateway.post("/partner-id/api/services/getdlr/", json=query | {"messageID": "9"}).json()
    assert unknown["respose-code"] == 1008
    balance = gateway.get("/partner-id/api/services/getbalance/", params=query).json()
    assert balance == {"response-code": 200, "credit": "99.00", "partner-id": "77"}


def test_africastalking_answers_per_recipient(gateway: Sandbox) -> None:
    answer = africastalking(gateway, to=f"+{PHONE},+25412")
    good, bad = answer.json()["SMSMessageData"]["Recipients"]
    assert answer.status_code == 201
    assert (good["statusCode"], good["number"], good["messageId"]) == (101, f"+{PHONE}", "ATXid_00000001")
    assert (bad["statusCode"], bad["status"]) == (403, "InvalidPhoneNumber")


def test_africastalking_refuses_a_wrong_key(gateway: Sandbox) -> None:
    assert africastalking(gateway, key="other").status_code == 401


@pytest.mark.parametrize(("billing", "left"), [("segments", "97"), ("ceil160", "98")])
def test_credits_fall_by_segments_or_by_the_simple_count(gateway: Sandbox, billing: str, left: str) -> None:
    gateway.switch(damza__billing=billing)
    ultimate(gateway, sms="x" * 307)
    assert messages(gateway)[0]["segments"] == 3
    assert credits_left(gateway) == f"{left}.00"


@pytest.mark.parametrize(
    ("text", "encoding", "segments"),
    [
        ("x" * 160, "GSM-7", 1),
        ("x" * 161, "GSM-7", 2),
        ("x" * 306, "GSM-7", 2),
        ("x" * 307, "GSM-7", 3),
        ("€" * 80, "GSM-7", 1),
        ("€" * 81, "GSM-7", 2),
        ("x" * 152 + "€" + "x" * 152, "GSM-7", 3),
        ("’" * 70, "UCS-2", 1),
        ("’" * 71, "UCS-2", 2),
        ("😀" * 35, "UCS-2", 1),
        ("😀" * 67, "UCS-2", 3),
    ],
)
def test_segments_are_counted_right(text: str, encoding: str, segments: int) -> None:
    counted = size(text)
    assert (counted.encoding, counted.segments) == (encoding, segments)
