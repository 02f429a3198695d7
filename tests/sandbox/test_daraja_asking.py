"""Transaction status, account balance and the B2B top-up."""

from typing import Any

import pytest
import requests

from tests.sandbox.conftest import Sandbox
from tests.sandbox.daraja_client import PHONE, Daraja, values


def test_status_by_our_own_id_tells_all_about_the_payout(daraja: Daraja) -> None:
    daraja.pay(OriginatorConversationID="ours")
    paid = daraja.results()[0]
    result = daraja.status_of("ours")
    told = values(result)
    assert result["ResultCode"] == 0
    assert result["TransactionID"].endswith("0000000")
    assert result["ReferenceData"]["ReferenceItem"] == {"Key": "Occasion"}
    assert (told["TransactionStatus"], told["Amount"]) == ("Completed", "1500")
    assert told["OriginatorConversationID"] == "ours"
    assert told["ReceiptNo"] == paid["TransactionID"]
    assert told["DebitPartyCharges"] == "Fee For B2C Payment|KES|5.00"
    assert told["CreditPartyName"].startswith(f"{PHONE} - ")
    assert told["TransactionReason"] is None
    assert len(told["FinalisedTime"]) == 14


def test_status_by_receipt(daraja: Daraja) -> None:
    daraja.pay()
    receipt = daraja.results()[0]["TransactionID"]
    daraja.ask(TransactionID=receipt)
    assert values(daraja.results(1, "status")[0])["ReceiptNo"] == receipt


def test_a_refused_payout_is_declined_with_its_reason(daraja: Daraja) -> None:
    daraja.pay(OriginatorConversationID="ours", Amount="9")
    daraja.results()
    told = values(daraja.status_of("ours"))
    assert told["TransactionStatus"] == "Declined"
    assert "less than the minimum" in told["TransactionReason"]
    assert told["DebitPartyCharges"] == ""


def test_an_unknown_id_is_answered_2032(daraja: Daraja) -> None:
    result = daraja.status_of("never-seen")
    assert result["ResultCode"] == 2032
    assert result["ResultDesc"] == "The transaction receipt number does not exist."
    assert "ResultParameters" not in result


def test_what_is_said_of_an_unknown_id_is_a_switch(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__status_not_found="SFC_IC0003", daraja__status_not_found_text="None such.")
    result = daraja.status_of("never-seen")
    assert (result["ResultCode"], result["ResultDesc"]) == ("SFC_IC0003", "None such.")


def test_a_payout_may_be_hidden_from_the_question(daraja: Daraja, sandbox: Sandbox) -> None:
    daraja.pay(OriginatorConversationID="ours")
    daraja.results()
    sandbox.fault("daraja", "status", "status_not_found", times=1)
    assert daraja.status_of("ours")["ResultCode"] == 2032
    daraja.ask("second", OriginalConversationID="ours")
    assert daraja.results(1, "second")[0]["ResultCode"] == 0


def test_a_status_may_be_dictated(daraja: Daraja, sandbox: Sandbox) -> None:
    daraja.pay(OriginatorConversationID="ours")
    daraja.results()
    sandbox.fault("daraja", "status", "status_value", params={"value": "Pending Authorized"})
    assert values(daraja.status_of("ours"))["TransactionStatus"] == "Pending Authorized"


def test_another_shortcodes_payout_is_not_found(daraja: Daraja, sandbox: Sandbox) -> None:
    daraja.pay(OriginatorConversationID="ours")
    daraja.results()
    same_app = {"number": "600777", "consumer_key": "key", "consumer_secret": "secret"}
    sandbox.control("POST", "daraja/shortcodes", same_app | {"initiator_password": "Safe#1"})
    daraja.ask(OriginalConversationID="ours", PartyA="600777")
    assert daraja.results(1, "status")[0]["ResultCode"] == 2032


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 25),
        ({"OriginalConversationID": "x", "IdentifierType": "9"}, 25),
        ({"OriginalConversationID": "x", "Initiator": "nobody"}, 2001),
        ({"OriginalConversationID": "x", "SecurityCredential": "c2VjcmV0"}, 2001),
    ],
)
def test_a_bad_question_is_answered_with_a_code(daraja: Daraja, changes: dict[str, str], code: int) -> None:
    daraja.ask(**changes)
    assert daraja.results(1, "status")[0]["ResultCode"] == code


def test_a_question_needs_its_fields_by_their_exact_names(daraja: Daraja) -> None:
    answer = daraja.ask(CommandID="", OriginalConversationID="x")
    assert answer.json()["errorMessage"] == "Bad Request - Invalid CommandID"


def test_an_answer_to_a_question_may_be_lost(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.fault("daraja", "status", "result_lost", times=1)
    daraja.ask("first", OriginalConversationID="x")
    daraja.ask("second", OriginalConversationID="x")
    daraja.results(1, "second")
    assert not [post for post in daraja.inbox.posts if "first" in post["path"]]
    assert daraja.books()["queries"] == 2


def ask_balance(daraja: Daraja, **changes: Any) -> requests.Response:
    body = {
        "Initiator": "testapi",
        "SecurityCredential": daraja.credential,
        "CommandID": "AccountBalance",
        "PartyA": "600992",
        "IdentifierType": "4",
        "Remarks": "ok",
    }
    return daraja.post("accountbalance/v1/query", body | daraja.urls("balance") | changes)


def test_the_balance_is_one_long_string(daraja: Daraja) -> None:
    daraja.pay()
    daraja.results()
    ask_balance(daraja)
    result = daraja.results(1, "balance")[0]
    assert (result["ResultType"], result["ResultCode"]) == ("0", "0")
    assert values(result)["AccountBalance"] == (
        "Working Account|KES|500000.00|500000.00|0.00|0.00&Float Account|KES|0.00|0.00|0.00|0.00"
        "&Utility Account|KES|998500.00|998500.00|0.00|0.00"
        "&Charges Paid Account|KES|-5.00|-5.00|0.00|0.00"
        "&Organization Settlement Account|KES|0.00|0.00|0.00|0.00"
    )


def test_the_balance_needs_the_role(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.control("POST", "daraja/shortcodes", {"number": "600992", "roles": ["b2c"]})
    ask_balance(daraja)
    assert daraja.results(1, "balance")[0]["ResultCode"] == 21


def top_up(daraja: Daraja, **changes: Any) -> requests.Response:
    body = {
        "Initiator": "testapi",
        "SecurityCredential": daraja.credential,
        "CommandID": "BusinessPayToBulk",
        "SenderIdentifierType": "4",
        "RecieverIdentifierType": "4",
        "Amount": "2000",
        "PartyA": "600992",
        "PartyB": "600992",
        "AccountReference": "353353",
        "Remarks": "OK",
    }
    body |= daraja.urls("b2b") | changes
    return daraja.post("b2b/v1/paymentrequest", {key: value for key, value in body.items() if value})


def test_a_top_up_moves_working_to_utility(daraja: Daraja) -> None:
    top_up(daraja)
    result = daraja.results(1, "b2b")[0]
    assert (result["ResultType"], result["ResultCode"]) == ("0", "0")
    assert isinstance(result["ReferenceData"]["ReferenceItem"], list)
    told = values(result)
    assert told["Amount"] == "2000.00"
    assert told["DebitPartyAffectedAccountBalance"] == "Working Account|KES|498000.00|498000.00|0.00|0.00"
    assert told["DebitAccountBalance"].startswith("{Amount={CurrencyCode=KES, MinimumAmount=49800000,")
    shortcode = daraja.books()["shortcodes"]["600992"]
    assert (shortcode["working"], shortcode["utility"]) == ("498000.00", "1002000.00")


def test_a_top_up_has_no_protection_against_doubles(daraja: Daraja) -> None:
    top_up(daraja)
    top_up(daraja)
    daraja.results(2, "b2b")
    assert len(daraja.books()["transfers"]) == 2


def test_the_correct_spelling_is_refused(daraja: Daraja) -> None:
    answer = top_up(daraja, RecieverIdentifierType=None, ReceiverIdentifierType="4")
    assert answer.json()["errorMessage"] == "Bad Request - Invalid RecieverIdentifierType"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Amount": "500001"}, 1),
        ({"PartyB": "600555"}, "SFC_IC0003"),
        ({"CommandID": "BusinessEatMoney"}, 29),
        ({"CommandID": "BusinessTransferFromMMFToUtility"}, 2028),
        ({"Initiator": "nobody"}, 2001),
    ],
)
def test_a_refused_top_up_carries_a_single_parameter(
    daraja: Daraja, changes: dict[str, str], code: object
) -> None:
    top_up(daraja, **changes)
    result = daraja.results(1, "b2b")[0]
    assert result["ResultCode"] == code
    assert isinstance(result["ResultParameters"]["ResultParameter"], dict)
    assert result["ReferenceData"]["ReferenceItem"][-1] == {"Key": "Occassion"}
    assert daraja.books()["transfers"] == []


def test_by_switch_money_may_move_inside_the_shortcode(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__mmf_transfer="on")
    top_up(daraja, CommandID="BusinessTransferFromUtilityToMMF")
    daraja.results(1, "b2b")
    assert daraja.utility() == 998_000
