"""Delivery reports, pulled and pushed: in time, late, never, twice, in the wrong order."""

from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.sandbox.conftest import Inbox, Sandbox

PHONE = "254712000001"


@pytest.fixture
def gateway(sandbox: Sandbox, inbox: Inbox) -> Sandbox:
    account = {
        "api_key": "k1",
        "sender_id": "KILIMO",
        "credits": "100",
        "username": "kilimo",
        "partner_id": "77",
    }
    account["callback_url"] = f"{inbox.url}/callbacks/sms/"
    sandbox.control("POST", "damza/accounts", account)
    return sandbox


def send(sandbox: Sandbox, to: str = PHONE) -> None:
    fields = {"apikey": "k1", "partnerID": "77", "message": "Hello", "shortcode": "KILIMO", "mobile": to}
    assert sandbox.post("/partner-id/api/services/sendsms/", json=fields).json()["responses"]


def status(sandbox: Sandbox) -> Any:
    return sandbox.control("GET", "damza/messages")[-1]["status"]


def test_a_report_is_pushed_in_the_partner_familys_shape(gateway: Sandbox, inbox: Inbox) -> None:
    send(gateway)
    report = inbox.wait()[0]
    assert (report["description"], report["messageid"]) == ("DeliveredToTerminal", 1)
    assert report.keys() == {"description", "messageid", "timeTaken", "timestamp"}


def test_africastalking_pushes_a_form(gateway: Sandbox, inbox: Inbox) -> None:
    form = {"username": "kilimo", "to": "+254799990203", "message": "Hello", "from": "KILIMO"}
    gateway.post("/africastalking/version1/messaging", data=form, headers={"apiKey": "k1"})
    inbox.wait()
    told = {name: value[0] for name, value in parse_qs(inbox.posts[0]["raw"]).items()}
    assert (told["status"], told["failureReason"]) == ("Rejected", "UserInBlacklist")
    assert (told["id"], told["phoneNumber"]) == ("ATXid_00000001", "+254799990203")


@pytest.mark.parametrize(
    ("number", "text"), [("02", "DeliveryImpossible"), ("03", "SenderName Blacklisted"), ("05", "Unknown")]
)
def test_magic_phones_fail_in_each_way(gateway: Sandbox, inbox: Inbox, number: str, text: str) -> None:
    send(gateway, f"2547999902{number}")
    assert inbox.wait()[0]["description"] == text
    assert status(gateway) == text


def test_an_absent_subscriber_is_told_hours_later(gateway: Sandbox, inbox: Inbox) -> None:
    send(gateway, "254799990201")
    assert status(gateway) == "SentToNetwork"
    gateway.control("POST", "clock", {"shift_seconds": 5 * 3600})
    assert inbox.wait()[0]["description"] == "AbsentSubscriber"
    assert status(gateway) == "AbsentSubscriber"


def test_a_report_may_never_come(gateway: Sandbox, inbox: Inbox) -> None:
    send(gateway, "254799990204")
    send(gateway)  # the next one's report shows that the first would have been here
    assert [report["messageid"] for report in inbox.wait()] == [2]


def test_a_report_may_come_twice(gateway: Sandbox, inbox: Inbox) -> None:
    gateway.fault("damza", "send", "report_twice")
    send(gateway)
    first, second = inbox.wait(2)
    assert first["messageid"] == second["messageid"] == 1


def test_an_earlier_state_may_come_after_the_final_one(gateway: Sandbox, inbox: Inbox) -> None:
    send(gateway, "254799990208")
    described = [report["description"] for report in inbox.wait(2)]
    assert described == ["DeliveredToTerminal", "SentToNetwork"]
