"""Everything that can go wrong with a confirmation, and that the payment still counts once."""

from typing import Any

import pytest
from aiohttp import web

from tests.sandbox.c2b_client import PAYBILL, PAYER, Paybill, everywhere
from tests.sandbox.conftest import Inbox, Sandbox


def fault(sandbox: Sandbox, kind: str, operation: str = "c2b_confirmation", **params: Any) -> None:
    sandbox.fault("daraja", operation, kind, times=1, params=params)


def paths(inbox: Inbox) -> list[str]:
    return [post["path"] for post in inbox.posts]


def test_a_lost_confirmation_leaves_the_money_in_utility(paybill: Paybill, sandbox: Sandbox) -> None:
    paybill.register()
    fault(sandbox, "confirmation_lost")
    lost, told = paybill.comes_in()["receipt"], paybill.comes_in()["receipt"]
    assert [body["TransID"] for body in paybill.confirmations()] == [told]
    payments = {one["receipt"]: one for one in paybill.payments()}
    assert (payments[lost]["status"], payments[lost]["confirmations_sent"]) == ("completed", 0)
    assert paybill.utility_of() == 2000


def test_a_confirmation_may_come_twice(paybill: Paybill, sandbox: Sandbox) -> None:
    paybill.register()
    fault(sandbox, "confirmation_twice")
    paybill.comes_in()
    first, second = paybill.confirmations(2)
    assert first == second
    assert paybill.utility_of() == 1500


def test_a_late_confirmation_bears_the_time_of_the_payment(
    paybill: Paybill, sandbox: Sandbox, inbox: Inbox
) -> None:
    paybill.register()
    fault(sandbox, "confirmation_late", seconds=7200)
    paybill.comes_in()
    assert inbox.posts == []
    sandbox.control("POST", "clock", {"shift_seconds": 7201})
    (told,) = paybill.confirmations()
    at = paybill.payments()[0]["completed_at"]
    assert told["TransTime"][-4:] == at[14:16] + at[17:19]


def test_a_confirmation_may_come_while_validation_is_still_at_work(
    paybill: Paybill, sandbox: Sandbox, inbox: Inbox
) -> None:
    paybill.validated()
    paybill.validation_says(web.json_response({"ResultCode": "C2B00012"}))
    fault(sandbox, "confirmation_early", "c2b_validation")
    made = paybill.comes_in()
    assert sorted(paths(inbox)) == ["/c2b/confirmation", "/c2b/validation"]
    assert (made["status"], made["validation"]) == ("completed", "too late: C2B00012")


def test_confirmations_may_come_out_of_order(paybill: Paybill, sandbox: Sandbox) -> None:
    paybill.register()
    fault(sandbox, "confirmation_out_of_order")
    first, second = paybill.comes_in()["receipt"], paybill.comes_in()["receipt"]
    assert [body["TransID"] for body in paybill.confirmations(2)] == [second, first]


def test_one_that_was_held_back_comes_without_a_successor(paybill: Paybill, sandbox: Sandbox) -> None:
    paybill.register()
    fault(sandbox, "confirmation_out_of_order", seconds=30)
    made = paybill.comes_in()
    sandbox.control("POST", "clock", {"shift_seconds": 31})
    assert [body["TransID"] for body in paybill.confirmations()] == [made["receipt"]]


@pytest.mark.parametrize(("body", "raw"), [("empty", ""), ("html", "<html>"), ("broken", '{"Result"')])
def test_garbage_may_come_before_the_confirmation(
    paybill: Paybill, sandbox: Sandbox, inbox: Inbox, body: str, raw: str
) -> None:
    paybill.register()
    fault(sandbox, "confirmation_garbage", body=body)
    made = paybill.comes_in()
    assert paybill.confirmations(2)[1]["TransID"] == made["receipt"]
    assert inbox.posts[0]["raw"].startswith(raw)
    assert inbox.posts[0]["body"] is None


def test_a_forged_confirmation_has_the_same_receipt_and_another_amount(
    paybill: Paybill, sandbox: Sandbox
) -> None:
    paybill.register()
    fault(sandbox, "confirmation_forged", TransAmount="9000.00")
    paybill.comes_in()
    forged, true = paybill.confirmations(2)
    assert (forged["TransID"], forged["TransAmount"]) == (true["TransID"], "9000.00")
    assert true["TransAmount"] == "500.00"
    assert paybill.payments()[0]["confirmations_sent"] == 1


def test_by_switch_an_untaken_confirmation_comes_again(
    paybill: Paybill, sandbox: Sandbox, inbox: Inbox
) -> None:
    sandbox.switch(daraja__c2b_redelivery="on")
    paybill.register()
    inbox.reply = lambda post: web.Response(status=503)
    paybill.comes_in()
    paybill.confirmations()
    inbox.reply = lambda post: web.json_response({"ResultCode": 0})
    for _ in range(100):  # the sandbox may still be reading our first answer
        if paybill.payments()[0]["confirmed"]:
            break
        sandbox.control("POST", "clock", {"shift_seconds": 61})
    assert paybill.payments()[0]["confirmations_sent"] == 2


def test_a_confirmation_that_nobody_took_is_not_sent_again(paybill: Paybill, inbox: Inbox) -> None:
    paybill.register()
    inbox.reply = lambda post: web.Response(status=503)
    made = paybill.comes_in()
    paybill.confirmations()
    assert made["status"] == "completed"
    assert paybill.payments()[0]["confirmed"] == 0


def test_a_confirmation_can_be_sent_again_by_hand_days_later(paybill: Paybill, sandbox: Sandbox) -> None:
    paybill.register()
    receipt = paybill.comes_in()["receipt"]
    (first,) = paybill.confirmations()
    sandbox.control("POST", "clock", {"shift_seconds": 3 * 86_400})
    path = f"daraja/payments/{receipt}/confirmation"
    sandbox.control("POST", path, {"times": 2})
    sandbox.control("POST", path, {"changes": {"BusinessShortCode": "999999"}})
    _, second, third, altered = paybill.confirmations(4)
    assert first == second == third
    assert altered == first | {"BusinessShortCode": "999999"}


def test_validation_may_ask_twice(paybill: Paybill, sandbox: Sandbox) -> None:
    paybill.validated()
    fault(sandbox, "validation_twice", "c2b_validation")
    paybill.comes_in()
    first, second = paybill.validations(2)
    assert first == second
    assert paybill.utility_of() == 1500


def test_a_rule_for_calls_is_not_used_up_by_confirmations(paybill: Paybill, sandbox: Sandbox) -> None:
    paybill.register()
    sandbox.fault("daraja", "*", "spike_arrest", times=1)
    paybill.comes_in()
    assert paybill.confirmations()
    (rule,) = sandbox.control("GET", "faults")
    assert rule["played"] == 0


def test_a_rule_may_speak_of_one_account(paybill: Paybill, sandbox: Sandbox) -> None:
    paybill.register()
    sandbox.fault("daraja", "c2b_confirmation", "confirmation_lost", match={"bill_ref": "7"})
    paybill.comes_in(bill_ref="7")
    paybill.comes_in(bill_ref="8")
    assert [body["BillRefNumber"] for body in paybill.confirmations()] == ["8"]


@pytest.mark.parametrize("magic", [{"phone": "254799990302"}, {"amount": "249702"}])
def test_magic_phones_and_amounts_play_faults_at_will(paybill: Paybill, magic: dict[str, str]) -> None:
    paybill.register()
    paybill.comes_in(**magic)
    assert len(paybill.confirmations(2)) == 2


def test_without_magic_they_are_ordinary(paybill: Paybill, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__magic="off")
    paybill.register()
    paybill.comes_in(phone="254799990301")
    assert paybill.confirmations()


def test_whatever_happens_no_shilling_is_lost(paybill: Paybill, sandbox: Sandbox) -> None:
    before = everywhere(paybill.books())
    paybill.set_up(c2b_tariff="mgao")
    paybill.validated()
    refused = web.json_response({"ResultCode": "C2B00013"})
    paybill.validation_says(refused, web.json_response({"ResultCode": 0}))
    for number in range(12):
        paybill.comes_in(phone=f"2547999903{number:02}", amount="1700")
    books = paybill.books()
    states = {one["status"] for one in books["payments"]}
    assert states == {"completed", "cancelled"}
    assert everywhere(books) == before
    completed = [one for one in books["payments"] if one["status"] == "completed"]
    assert paybill.utility_of() == 1000 + 1700 * len(completed)


def test_a_payment_is_pending_until_validation_has_spoken(paybill: Paybill, sandbox: Sandbox) -> None:
    before = everywhere(paybill.books())
    body = {"shortcode": PAYBILL, "phone": PAYER, "amount": "500", "wait": False}
    made = sandbox.control("POST", "daraja/pay", body)
    assert made["status"] == "pending"
    assert everywhere(paybill.books()) == before
