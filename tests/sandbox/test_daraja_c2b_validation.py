"""C2B: what is asked before the money is taken, and what each answer, or none, leads to."""

import socket
from typing import Any

import pytest
from aiohttp import web

from tests.sandbox.c2b_client import PAYER, Paybill
from tests.sandbox.conftest import Inbox, Sandbox


def test_validation_asks_first_and_its_id_comes_back(paybill: Paybill) -> None:
    paybill.validated()
    paybill.validation_says(
        web.json_response({"ResultCode": "0", "ResultDesc": "Accepted", "ThirdPartyTransID": "ours-1"})
    )
    made = paybill.comes_in()
    (asked,), (told,) = paybill.validations(), paybill.confirmations()
    assert (asked["TransID"], asked["OrgAccountBalance"], asked["ThirdPartyTransID"]) == (
        made["receipt"],
        "",
        "",
    )
    assert (told["ThirdPartyTransID"], told["OrgAccountBalance"]) == ("ours-1", "1500.00")
    assert (made["status"], made["validation"]) == ("completed", "0")


@pytest.mark.parametrize(
    "code", ["C2B00011", "C2B00012", "C2B00013", "C2B00014", "C2B00015", "C2B00016", 1, "7"]
)
def test_any_other_code_cancels_and_the_money_goes_back(paybill: Paybill, inbox: Inbox, code: Any) -> None:
    paybill.validated()
    paybill.validation_says(web.json_response({"ResultCode": code, "ResultDesc": "Rejected"}))
    made = paybill.comes_in()
    assert (made["status"], made["reason"]) == ("cancelled", str(code))
    assert (paybill.utility_of(), paybill.balance(PAYER)) == (1000, 10_000)
    assert [post["path"] for post in inbox.posts] == ["/c2b/validation"]


def test_the_code_chooses_the_sms_to_the_payer(paybill: Paybill, sandbox: Sandbox) -> None:
    paybill.validated()
    paybill.validation_says(web.json_response({"ResultCode": "C2B00012", "ResultDesc": "Rejected"}))
    paybill.comes_in()
    (phone,) = sandbox.get("/page.json", params={"phone": PAYER}).json()["phones"]
    assert phone["messages"][0]["text"].endswith("for account 000000017. Invalid Account Number")


@pytest.mark.parametrize(
    ("answer", "validation"),
    [
        (web.json_response({"ResultCode": 0}), "0"),
        (web.Response(status=503, text="down"), "unreadable"),
        (web.Response(text="<html></html>"), "unreadable"),
        (web.json_response({"ResultDesc": "Accepted"}), "unreadable"),
        (web.json_response([0]), "unreadable"),
    ],
)
def test_only_a_readable_answer_counts(paybill: Paybill, answer: web.Response, validation: str) -> None:
    paybill.validated(ResponseType="Cancelled")
    paybill.validation_says(answer)
    made = paybill.comes_in()
    assert (made["validation"], made["status"]) == (
        validation,
        "completed" if validation == "0" else "cancelled",
    )


@pytest.mark.parametrize(("default", "status"), [("Completed", "completed"), ("Cancelled", "cancelled")])
def test_a_slow_validation_leaves_it_to_the_registered_default(
    paybill: Paybill, sandbox: Sandbox, default: str, status: str
) -> None:
    sandbox.switch(daraja__c2b_validation_seconds=0.1)
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes connections and never answers
        address = f"http://127.0.0.1:{mute.getsockname()[1]}/c2b/validation"
        paybill.validated(ResponseType=default, ValidationURL=address)
        made = paybill.comes_in()
    assert (made["validation"], made["status"]) == ("no answer", status)
    assert len(paybill.confirmations(int(status == "completed"))) == int(status == "completed")


def test_a_validation_that_cannot_be_reached_counts_as_no_answer(paybill: Paybill) -> None:
    paybill.validated(ValidationURL="http://127.0.0.1:9/c2b/validation")
    made = paybill.comes_in()
    assert (made["validation"], made["status"]) == ("no answer", "completed")


def test_validation_waits_eight_seconds(paybill: Paybill, sandbox: Sandbox) -> None:
    assert sandbox.world.switches.get("daraja.c2b_validation_seconds") == 8


def test_a_validation_that_is_never_asked_leaves_it_to_the_default(
    paybill: Paybill, sandbox: Sandbox
) -> None:
    paybill.validated(ResponseType="Cancelled")
    sandbox.fault("daraja", "c2b_validation", "validation_lost", times=1)
    assert paybill.comes_in()["status"] == "cancelled"
    assert paybill.comes_in()["status"] == "completed"
