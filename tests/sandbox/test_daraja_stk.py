"""STK push: the question on the phone, its callback, the query, and the confirmation with the same receipt."""

from typing import Any

import pytest
from aiohttp import web

from sandbox.daraja.stk_codes import MAGIC_CODES
from tests.sandbox.c2b_client import PAYBILL, PAYER, Paybill, everywhere, items, password
from tests.sandbox.conftest import Inbox, Sandbox


def fault(sandbox: Sandbox, kind: str, **params: Any) -> None:
    sandbox.fault("daraja", "stk", kind, times=1, params=params)


def test_a_push_is_accepted_and_its_callback_tells_the_receipt(paybill: Paybill) -> None:
    accepted = paybill.push().json()
    assert (accepted["ResponseCode"], accepted["CheckoutRequestID"][:6]) == ("0", "ws_CO_")
    (told,) = paybill.callbacks()
    assert (told["ResultCode"], told["CheckoutRequestID"]) == (0, accepted["CheckoutRequestID"])
    named = items(told)
    (payment,) = paybill.payments()
    assert named["MpesaReceiptNumber"] == payment["receipt"]
    assert (named["Amount"], named["Balance"], named["PhoneNumber"]) == (500.0, None, int(PAYER))
    assert isinstance(named["TransactionDate"], int)
    assert "AccountReference" not in named
    assert (paybill.utility_of(), paybill.balance(PAYER)) == (1500, 9500)


def test_numbers_may_be_strings(paybill: Paybill) -> None:
    strings = {"PartyA": PAYER, "PhoneNumber": PAYER, "PartyB": PAYBILL, "Amount": "500"}
    paybill.push(**strings, BusinessShortCode=PAYBILL)
    assert paybill.callbacks()[0]["ResultCode"] == 0


def test_by_switch_strings_time_out(paybill: Paybill, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__stk_strings="time_out")
    paybill.push(PartyA=PAYER)
    assert paybill.callbacks()[0]["ResultCode"] == 1037


@pytest.mark.parametrize(
    "changes",
    [
        {"Password": "wrong"},
        {"Password": password("other")},
        {"Timestamp": "20260602101501"},
    ],
)
def test_the_password_is_checked(paybill: Paybill, changes: dict[str, str]) -> None:
    answer = paybill.push(**changes)
    assert (answer.status_code, answer.json()["errorCode"]) == (500, "500.001.1001")
    assert answer.json()["errorMessage"] == "Wrong credentials"


def test_without_a_passkey_no_push_is_possible(paybill: Paybill) -> None:
    paybill.set_up(passkey="")
    assert paybill.push(Password=password("")).json()["errorMessage"] == "Wrong credentials"


def test_an_unknown_merchant_is_refused_in_stks_own_words(paybill: Paybill) -> None:
    answer = paybill.push(BusinessShortCode="600555")
    assert (answer.status_code, answer.json()["errorMessage"]) == (500, "Merchant does not exist")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"Amount": "10.00"}, "Amount"),
        ({"PhoneNumber": "0708374149"}, "PhoneNumber"),
        ({"TransactionType": "BusinessPayment"}, "TransactionType"),
        ({"AccountReference": "longer than 12"}, "AccountReference"),
        ({"TransactionDesc": "longer than thirteen"}, "TransactionDesc"),
        ({"CallBackURL": "https://pay.example/mpesa"}, "CallBackURL"),
        ({"Timestamp": "20261302101500"}, "Timestamp"),
    ],
)
def test_a_push_is_checked_strictly(paybill: Paybill, changes: dict[str, str], field: str) -> None:
    assert paybill.push(**changes).json()["errorMessage"] == f"Bad Request - Invalid {field}"


def test_by_switch_a_timestamp_must_be_nairobis(paybill: Paybill, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__stk_timestamp="nairobi")
    assert paybill.push().json()["errorMessage"] == "Bad Request - Invalid Timestamp"


def test_an_invalid_token_is_a_404(paybill: Paybill) -> None:
    paybill.token = "old"
    answer = paybill.push()
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "404.001.03")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Amount": 10_001}, 1),
        ({"Amount": 250_001}, 3),
        ({"PartyB": 600992}, 2028),
        ({"PartyB": 600555}, "SFC_IC0003"),
        ({"TransactionType": "CustomerBuyGoodsOnline"}, 2028),
    ],
)
def test_a_failure_has_no_metadata_and_moves_nothing(
    paybill: Paybill, changes: dict[str, Any], code: object
) -> None:
    paybill.push(**changes)
    (told,) = paybill.callbacks()
    assert (told["ResultCode"], "CallbackMetadata" in told) == (code, False)
    assert paybill.payments() == []
    assert paybill.balance(PAYER) == 10_000


def test_a_phone_that_cannot_be_reached_times_out(paybill: Paybill, sandbox: Sandbox) -> None:
    sandbox.control("POST", "daraja/phones", {"phone": PAYER, "active": False})
    paybill.push()
    assert paybill.callbacks()[0]["ResultCode"] == 1037


def test_a_till_is_paid_through_its_head_office(paybill: Paybill) -> None:
    till = {"number": "600333", "organisation": "till", "head_office": PAYBILL}
    paybill.set_up(**till)
    paybill.push(TransactionType="CustomerBuyGoodsOnline", PartyB=600333)
    assert paybill.callbacks()[0]["ResultCode"] == 0
    assert paybill.utility_of("600333") == 500


@pytest.mark.parametrize(("number", "code"), sorted(MAGIC_CODES.items()))
def test_magic_phones_give_each_code(paybill: Paybill, number: int, code: str) -> None:
    phone = f"2547999904{number:02}"
    paybill.push(PartyA=int(phone), PhoneNumber=int(phone))
    (told,) = paybill.callbacks()
    assert (str(told["ResultCode"]), paybill.payments()) == (code, [])


def test_magic_amounts_do_the_same(paybill: Paybill) -> None:
    paybill.push(Amount=249_832)
    (told,) = paybill.callbacks()
    assert (told["ResultCode"], told["ResultDesc"]) == (1032, "Request Cancelled by user.")


def test_one_payment_two_notices_one_receipt(paybill: Paybill) -> None:
    paybill.register()
    paybill.push()
    (told,), (confirmed,) = paybill.callbacks(), paybill.confirmations()
    assert items(told)["MpesaReceiptNumber"] == confirmed["TransID"]
    assert confirmed["BillRefNumber"] == "000000017"
    assert paybill.utility_of() == 1500


def test_by_switch_the_second_notice_does_not_come(paybill: Paybill, sandbox: Sandbox, inbox: Inbox) -> None:
    sandbox.switch(daraja__stk_c2b_pair="off")
    paybill.register()
    paybill.push()
    paybill.callbacks()
    assert [post["path"] for post in inbox.posts] == ["/stk/result"]


def test_validation_may_refuse_an_stk_payment(paybill: Paybill) -> None:
    paybill.validated()
    paybill.validation_says(web.json_response({"ResultCode": "C2B00012"}))
    paybill.push()
    assert paybill.callbacks()[0]["ResultCode"] == 2028
    assert paybill.payments()[0]["status"] == "cancelled"
    assert paybill.balance(PAYER) == 10_000


def test_the_query_says_the_code_as_text(paybill: Paybill) -> None:
    checkout = paybill.push().json()["CheckoutRequestID"]
    paybill.callbacks()
    answer = paybill.ask_stk(checkout).json()
    assert (answer["ResponseCode"], answer["ResultCode"]) == ("0", "0")
    assert answer["CheckoutRequestID"] == checkout


def test_while_the_customer_thinks_the_query_is_a_500(paybill: Paybill, sandbox: Sandbox) -> None:
    fault(sandbox, "silent")
    answer = paybill.ask_stk(paybill.push().json()["CheckoutRequestID"])
    assert (answer.status_code, answer.json()["errorCode"]) == (500, "500.001.1001")
    assert answer.json()["errorMessage"] == "The transaction is being processed"


def test_an_unknown_question_cannot_be_asked_about(paybill: Paybill) -> None:
    assert paybill.ask_stk("ws_CO_1").json()["errorMessage"] == "Bad Request - Invalid CheckoutRequestID"
    assert paybill.ask_stk("ws_CO_1", Password="x").json()["errorMessage"] == "Wrong credentials"


def test_a_phone_is_asked_one_thing_at_a_time(paybill: Paybill, sandbox: Sandbox) -> None:
    sandbox.control("PUT", "latency", {"daraja.stk_customer": {"p50_ms": 60_000}})
    paybill.push()
    answer = paybill.push()
    assert (answer.status_code, answer.json()["errorCode"]) == (500, "500.001.1001")
    assert "Unable to lock subscriber" in answer.json()["errorMessage"]
    sandbox.control("POST", "clock", {"shift_seconds": 120})
    assert paybill.callbacks()[0]["ResultCode"] == 0


def test_by_switch_the_same_amount_within_two_minutes_is_limited(paybill: Paybill, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__stk_rule_limit="on")
    paybill.push()
    paybill.callbacks()
    paybill.push()
    assert paybill.callbacks(2)[1]["ResultCode"] == 17


def test_a_push_has_no_protection_against_doubles(paybill: Paybill) -> None:
    paybill.push()
    paybill.callbacks()
    paybill.push()
    paybill.callbacks(2)
    assert paybill.utility_of() == 2000


def test_a_lost_callback_leaves_the_money_paid(paybill: Paybill, sandbox: Sandbox, inbox: Inbox) -> None:
    paybill.register()
    fault(sandbox, "result_lost")
    checkout = paybill.push().json()["CheckoutRequestID"]
    paybill.confirmations()
    assert paybill.ask_stk(checkout).json()["ResultCode"] == "0"
    assert [post["path"] for post in inbox.posts] == ["/c2b/confirmation"]


@pytest.mark.parametrize(
    ("kind", "params", "codes"),
    [
        ("result_twice", {}, [0, 0]),
        ("result_contradicting", {}, [0, 1032]),
        ("result_contradicting", {"untrue_first": True}, [1032, 0]),
        ("result_code", {"code": "1037", "paid": True}, [1037]),
        ("result_code", {"code": "1032"}, [1032]),
    ],
)
def test_callbacks_may_be_untrue_or_double(
    paybill: Paybill, sandbox: Sandbox, kind: str, params: dict[str, Any], codes: list[int]
) -> None:
    before = everywhere(paybill.books())
    fault(sandbox, kind, **params)
    paybill.push()
    assert [told["ResultCode"] for told in paybill.callbacks(len(codes))] == codes
    paid = not (kind == "result_code" and "paid" not in params)
    assert paybill.utility_of() == 1000 + 500 * paid
    assert everywhere(paybill.books()) == before


def test_a_forged_callback_comes_before_the_true_one(paybill: Paybill, sandbox: Sandbox) -> None:
    fault(sandbox, "result_forged", Amount=9000.0, MpesaReceiptNumber="AAAAAAAAAA")
    paybill.push()
    forged, true = paybill.callbacks(2)
    assert (items(forged)["Amount"], items(forged)["MpesaReceiptNumber"]) == (9000.0, "AAAAAAAAAA")
    assert items(true)["MpesaReceiptNumber"] == paybill.payments()[0]["receipt"]


def test_a_callback_may_come_before_the_answer(paybill: Paybill, sandbox: Sandbox, inbox: Inbox) -> None:
    fault(sandbox, "result_before_answer")
    checkout = paybill.push().json()["CheckoutRequestID"]
    assert [post["body"]["Body"]["stkCallback"]["CheckoutRequestID"] for post in inbox.posts] == [checkout]


def test_a_late_callback_comes_late(paybill: Paybill, sandbox: Sandbox, inbox: Inbox) -> None:
    fault(sandbox, "result_late", seconds=600)
    paybill.push()
    sandbox.control("POST", "clock", {"shift_seconds": 601})
    assert paybill.callbacks()


def test_garbage_may_come_first(paybill: Paybill, sandbox: Sandbox, inbox: Inbox) -> None:
    fault(sandbox, "result_garbage", body="broken")
    paybill.push()
    inbox.wait(2)
    assert inbox.posts[0]["body"] is None
    assert inbox.posts[1]["body"]["Body"]["stkCallback"]["ResultCode"] == 0


def test_a_callback_can_be_sent_again_by_hand(paybill: Paybill, sandbox: Sandbox) -> None:
    checkout = paybill.push().json()["CheckoutRequestID"]
    paybill.callbacks()
    sandbox.control("POST", f"daraja/stk/{checkout}/callback", {"times": 2})
    first, second, third = paybill.callbacks(3)
    assert first == second == third
