"""Notices B (paybill) and C (account): what they say, how they are sealed, how often they come."""

import base64
import hashlib
import re
from typing import Any

import pytest

from tests.sandbox.conftest import Sandbox
from tests.sandbox.ncba_client import ACCOUNT, PHONE, SECRET, TILL, Bank, fields_of, hash_b, hash_c, soap


def pushes(bank: Bank, kind: str) -> list[Any]:
    return [push for push in bank.books()["pushes"] if push["kind"] == kind]


def wait_for_status(bank: Bank, kind: str, status: str) -> Any:
    """The first push of a kind, once it has this status; its answer comes back a moment after the post."""
    for _ in range(200):
        push = pushes(bank, kind)[0]
        if push["status"] == status:
            return push
    raise AssertionError(push)


def test_one_payment_is_told_in_b_and_c_and_the_statement_under_one_reference(bank: Bank) -> None:
    bank.listen()
    paid = bank.pay()
    (b,), (c,) = bank.notices("b"), bank.notices("c")
    assert b["FTRef"] == c["TransID"] == paid["reference"] == bank.lines()[0]["reference"]
    assert re.fullmatch(r"FT\d{5}[0-9A-Z]{5}", b["FTRef"])
    assert b["TransID"] == paid["receipt"]


def test_notice_b_has_every_field(bank: Bank) -> None:
    bank.listen()
    bank.pay()
    (b,) = bank.notices("b")
    assert (b["Hash"], len(b.pop("Hash"))) == (hash_b(b), 88)
    assert re.fullmatch(r"\d{14}", b.pop("TransTime"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", b.pop("created_at"))
    del b["TransID"], b["FTRef"]
    assert b == {
        "TransType": "Pay Bill",
        "TransAmount": "5000.00",
        "BusinessShortCode": "880100",
        "BillRefNumber": f"{TILL} KILIMO",
        "Narrative": "KILIMO",
        "Mobile": PHONE,
        "name": "JANE DOE",
        "Username": "ncba",
        "Password": "pw",
    }


def test_notice_b_as_soap_uses_the_aliases(bank: Bank) -> None:
    bank.listen(push_b_form="xml")
    bank.pay(name="O'Neil & <Sons>")
    (b,) = bank.notices("b")
    assert (b["User"], b["PhoneNr"], b["CustomerName"]) == ("ncba", PHONE, "O'NEIL & <SONS>")
    assert (b["AccountNr"], b["BillRefNumber"]) == (ACCOUNT, f"{TILL} KILIMO")
    assert b["HashVal"] == hash_b(b)
    assert wait_for_status(bank, "b", "delivered")["attempts"][0]["taken"]


def test_by_switch_json_uses_the_aliases_and_soap_the_documented_names(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.switch(ncba__push_b_names="secret_key")
    bank.listen()
    bank.pay()
    assert {"SecretKey", "PhoneNr", "User"} <= bank.notices("b")[0].keys()
    sandbox.switch(ncba__push_b_names="documented")
    bank.listen(push_b_form="xml")
    bank.pay()
    assert {"Hash", "Mobile", "Username"} <= bank.notices("b", 2)[1].keys()


def test_the_phone_may_be_hashed(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.switch(ncba__push_b_mobile="hashed")
    bank.listen()
    bank.pay()
    (b,) = bank.notices("b")
    assert b["Mobile"] == hashlib.sha256(PHONE.encode()).hexdigest()
    assert b["Hash"] == hash_b(b)


@pytest.mark.parametrize(
    ("form", "code", "reference"),
    [
        ("blank", "KILIMO", f"{TILL} KILIMO"),
        ("hash", "KILIMO", f"{TILL}#KILIMO"),
        ("narrative", "KILIMO", TILL),
        ("blank", "", TILL),
    ],
)
def test_the_partners_code_comes_in_many_ways(
    bank: Bank, sandbox: Sandbox, form: str, code: str, reference: str
) -> None:
    sandbox.switch(ncba__push_b_reference=form)
    bank.listen()
    bank.pay(code=code)
    (b,) = bank.notices("b")
    assert (b["BillRefNumber"], b["Narrative"]) == (reference, code)


def test_small_things_of_notice_b_are_switches(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.switch(ncba__push_b_amount="one_place", ncba__push_b_ft_ref="off", ncba__push_b_created_at="off")
    bank.listen()
    bank.pay()
    (b,) = bank.notices("b")
    assert b["TransAmount"] == "5000.0"
    assert not {"FTRef", "created_at"} & b.keys()
    assert b["Hash"] == hash_b(b)


@pytest.mark.parametrize(
    ("choice", "credited"), [("till", TILL), ("account", ACCOUNT), ("paybill", "880100")]
)
def test_what_fills_credit_account_is_a_choice(bank: Bank, choice: str, credited: str) -> None:
    bank.listen(credit_account=choice)
    bank.pay()
    (b,) = bank.notices("b")
    assert b["Hash"] == hash_b(b, credited)


def test_the_fields_of_hash_b_are_a_choice(bank: Bank) -> None:
    bank.listen(hash_fields=["TransID", "FTRef"])
    bank.pay()
    (b,) = bank.notices("b")
    text = hashlib.sha256((SECRET + b["TransID"] + b["FTRef"]).encode()).hexdigest()
    assert base64.b64decode(b["Hash"]).decode() == text


def test_the_hash_of_abc_is_the_published_one(bank: Bank) -> None:
    bank.listen(push_secret="abc", hash_fields=[])
    bank.pay()
    assert bank.notices("b")[0]["Hash"] == (
        "YmE3ODE2YmY4ZjAxY2ZlYTQxNDE0MGRlNWRhZTIyMjNiMDAzNjFhMzk2MTc3YTljYjQxMGZmNjFmMjAwMTVhZA=="
    )


def test_the_hash_may_carry_an_equals_sign_too_many(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.switch(ncba__push_hash="extra_equals")
    bank.listen()
    bank.pay()
    (b,) = bank.notices("b")
    assert (len(b["Hash"]), b["Hash"]) == (89, hash_b(b) + "=")


def test_the_hash_may_be_of_the_raw_digest(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.switch(ncba__push_hash="raw")
    bank.listen()
    bank.pay()
    assert len(base64.b64decode(bank.notices("b")[0]["Hash"])) == 32


def test_hash_and_password_may_be_wrong_once(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.fault("ncba", "push_b", "push_wrong_hash", times=1)
    sandbox.fault("ncba", "push_c", "push_wrong_password", times=1)
    bank.listen()
    bank.pay()
    (b,), (c,) = bank.notices("b"), bank.notices("c")
    assert (b["Password"], b["Hash"] == hash_b(b), len(b["Hash"])) == ("pw", False, 88)
    assert (c["Password"], c["HashVal"] == hash_c(c)) == ("pwx", True)
    bank.pay()
    assert bank.notices("b", 2)[1]["Hash"] == hash_b(bank.notices("b", 2)[1])


def test_notice_c_of_a_credit_has_every_field(bank: Bank) -> None:
    bank.listen()
    bank.pay()
    (c,) = bank.notices("c")
    assert c["HashVal"] == hash_c(c)
    assert len(c["HashVal"]) == 88
    assert re.fullmatch(r"\d{10}", c["TransTime"])
    assert bank.inbox.posts[-1]["raw"].count("NCBAPaymentNotificationRequest") == 2
    kept = (
        "User",
        "Password",
        "TransType",
        "TransAmount",
        "AccountNr",
        "Narrative",
        "CustomerName",
        "Status",
    )
    assert [c[name] for name in kept] == [
        "ncba",
        "pw",
        "876",
        "5000.00",
        ACCOUNT,
        f"{TILL} KILIMO",
        f"JANE DOE {PHONE} MPESA",
        "SUCCESS",
    ]
    assert c["PhoneNr"] == ACCOUNT


def test_a_debit_is_negative_and_names_our_reference(bank: Bank) -> None:
    bank.listen()
    bank.ift("PV20260603A1")
    (c,) = bank.notices("c")
    assert (c["TransAmount"], c["Narrative"]) == ("-50000.00", "FLOAT TOPUP PV20260603A1")
    assert c["TransID"] == bank.lines()[0]["reference"]
    assert not pushes(bank, "b")


def test_by_switch_a_debit_is_silent_about_our_reference(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.switch(ncba__debit_narrative="plain")
    bank.listen()
    bank.ift("PV20260603A1")
    assert bank.notices("c")[0]["Narrative"] == "FLOAT TOPUP"


def test_small_things_of_notice_c_are_switches(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.switch(
        ncba__push_c_phone="phone", ncba__push_c_customer="name", ncba__push_c_ft_cr_narration="on"
    )
    bank.listen()
    bank.pay()
    (c,) = bank.notices("c")
    assert (c["PhoneNr"], c["CustomerName"]) == (PHONE, "JANE DOE")
    assert c["FtCrNarration"] == c["Narrative"]
    assert c["HashVal"] == hash_c(c)


def test_a_transfer_in_is_told_in_c_only(bank: Bank) -> None:
    bank.listen()
    bank.transfer_in("7500")
    (c,) = bank.notices("c")
    assert (c["TransAmount"], c["Narrative"], c["TransType"]) == ("7500.00", "TOP UP KILIMO", "549")
    bank.transfer_in("-35")
    assert bank.notices("c", 2)[1]["TransAmount"] == "-35.00"
    assert (bank.balance(), pushes(bank, "b")) == (507465, [])


@pytest.mark.parametrize(("kind", "form"), [("b", "json"), ("b", "xml"), ("c", "json")])
def test_a_refused_notice_comes_again_after_a_minute(bank: Bank, kind: str, form: str) -> None:
    bank.refusals[kind] = 2
    bank.listen(push_b_form=form)
    bank.pay()
    first = bank.notices(kind)[0]
    for count in (2, 3):
        wait_for_attempts(bank, kind, count - 1)
        bank.pass_time(61)
        assert bank.notices(kind, count)[-1] == first
    attempts = wait_for_status(bank, kind, "delivered")["attempts"]
    assert [attempt["taken"] for attempt in attempts] == [False, False, True]
    assert "FAIL" in attempts[0]["answer"] or '"1"' in attempts[0]["answer"]


def wait_for_attempts(bank: Bank, kind: str, count: int) -> None:
    for _ in range(200):
        if len(pushes(bank, kind)[0]["attempts"]) >= count:
            return
    raise AssertionError(pushes(bank, kind))


def test_the_bank_gives_up_after_its_retries(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.switch(ncba__push_retries=1, ncba__push_retry_seconds=600)
    bank.refusals["c"] = 9
    bank.listen()
    bank.transfer_in()
    wait_for_attempts(bank, "c", 1)
    bank.pass_time(599)
    assert len(pushes(bank, "c")[0]["attempts"]) == 1
    bank.pass_time(2)
    assert len(wait_for_status(bank, "c", "gave up")["attempts"]) == 2


def test_ok_and_more_words_is_ok_for_notice_c(bank: Bank) -> None:
    bank.inbox.reply = lambda post: soap("OK: Duplicate Notification")
    bank.listen()
    bank.transfer_in()
    assert wait_for_status(bank, "c", "delivered")


def test_a_notice_may_be_lost_and_sent_later_by_hand(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.fault("ncba", "push_c", "push_lost", times=1)
    bank.listen()
    bank.transfer_in()
    assert pushes(bank, "c")[0]["status"] == "lost"
    sent = sandbox.control("POST", "ncba/pushes/1/send", {"times": 2})
    assert len(bank.notices("c", 2)) == 2
    assert sent["status"] == "delivered"


def test_a_notice_may_come_twice(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.fault("ncba", "push_b", "push_twice")
    bank.listen()
    bank.pay()
    first, second = bank.notices("b", 2)
    assert first == second


def test_a_notice_may_come_late(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.fault("ncba", "push_b", "push_late", params={"seconds": 7200})
    bank.listen()
    bank.pay()
    bank.notices("c")
    assert pushes(bank, "b")[0]["attempts"] == []
    bank.pass_time(7201)
    assert bank.notices("b")


def test_a_notice_may_come_before_the_answer(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.fault("ncba", "push_c", "push_before_answer")
    bank.listen()
    told = bank.ift().json()
    posts = [post for post in bank.inbox.posts if post["path"] == "/c"]
    assert fields_of(posts[0]["raw"])["TransID"] == told["txnReferenceNo"]


@pytest.mark.parametrize(("how", "right"), [("hex", True), ("stale", False), ("wrong", False)])
def test_a_notice_may_be_sent_with_other_values(bank: Bank, sandbox: Sandbox, how: str, right: bool) -> None:
    bank.listen()
    bank.pay()
    bank.notices("b")
    push = pushes(bank, "b")[0]
    changes = {"TransAmount": "9000.00"}
    sandbox.control("POST", f"ncba/pushes/{push['id']}/send", {"changes": changes, "hash": how})
    forged = bank.notices("b", 2)[1]
    assert forged["TransAmount"] == "9000.00"
    assert (forged["Hash"] == hash_b(forged)) is right


def test_the_books_show_no_secrets(bank: Bank) -> None:
    bank.listen()
    bank.pay()
    assert not {"Password", "Hash", "HashVal"} & pushes(bank, "b")[0]["fields"].keys()
    assert SECRET not in str(bank.books())


def test_without_an_address_nothing_is_pushed(bank: Bank) -> None:
    bank.pay()
    assert bank.books()["pushes"] == []
