"""Interface A: the till's token, STK push and its query, QR codes."""

import base64

import pytest

from tests.sandbox.conftest import Sandbox
from tests.sandbox.ncba_client import PHONE, TILL, Bank


def give(sandbox: Sandbox, amount: str = "1000", **more: object) -> None:
    """Put money on the customer's phone."""
    sandbox.control("POST", "daraja/phones", {"phone": PHONE, "balance": amount} | more)


def held(sandbox: Sandbox) -> str:
    return str(sandbox.control("GET", "daraja/books")["phones"][PHONE]["balance"])


def think_long(sandbox: Sandbox, seconds: int = 60) -> None:
    sandbox.control("PUT", "latency", {"ncba.stk": {"p50_ms": seconds * 1000}})


def ask(bank: Bank, transaction_id: str) -> tuple[str, str]:
    told = bank.till("stk-push/query", {"TransactionID": transaction_id}).json()
    return told["status"], told["description"]


def wait_for_end(bank: Bank) -> None:
    """The customer acted; a push tells when the payment is booked."""
    bank.notices("b")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_token_comes_by_get_and_by_post(bank: Bank, method: str) -> None:
    told = bank.fetch_till_token(method).json()
    assert (told["token_type"], told["expires_in"], told["status"]) == ("Bearer", 18000, 200)
    assert told["access_token"].count(".") == 2


@pytest.mark.parametrize(("only", "other"), [("get", "POST"), ("post", "GET")])
def test_by_switch_one_method_is_not_allowed(bank: Bank, sandbox: Sandbox, only: str, other: str) -> None:
    sandbox.switch(ncba__till_token_method=only)
    assert bank.fetch_till_token(other).status_code == 405
    assert bank.fetch_till_token(only.upper()).status_code == 200


def test_a_wrong_secret_is_answered_with_the_status_as_text(bank: Bank) -> None:
    answer = bank.fetch_till_token(secret="wrong")
    assert answer.status_code == 401
    assert answer.json() == {"message": "Invalid API credentials", "status": "401"}


def test_the_token_may_be_answered_500(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.fault("ncba", "till_token", "error_500")
    answer = bank.fetch_till_token()
    assert (answer.status_code, answer.json()) == (500, {"message": "Error", "status": "500"})


def test_the_token_ends_after_five_hours(bank: Bank) -> None:
    bank.pass_time(17990)
    assert bank.ask_stk().status_code == 200
    bank.pass_time(20)
    assert bank.ask_stk().status_code == 401


def test_an_accepted_question_has_an_id(bank: Bank) -> None:
    told = bank.ask_stk().json()
    assert (told["StatusCode"], told["StatusDescription"]) == ("0", "Success")
    assert told["TransactionID"]
    assert told["ReferenceID"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("TelephoneNo", "0712000001"),
        ("Amount", "0"),
        ("Amount", "1.50"),
        ("Amount", 100),
        ("Amount", "250001"),
        ("PayBillNo", "880200"),
        ("AccountNo", "111111#KILIMO"),
        ("Network", "Airtel"),
        ("TransactionType", ""),
    ],
)
def test_a_refused_question_is_http_200_without_an_id(bank: Bank, field: str, value: object) -> None:
    answer = bank.ask_stk(**{field: value})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["TransactionID"], told["StatusCode"]) == (None, "1")
    assert field in told["StatusDescription"]


def test_a_fault_refuses_a_sound_question(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.fault("ncba", "stk_push", "refused", times=1, params={"text": "System busy"})
    assert bank.ask_stk().json()["StatusDescription"] == "System busy"
    assert bank.ask_stk().json()["StatusCode"] == "0"


def test_the_customer_pays_and_the_account_is_credited(bank: Bank, sandbox: Sandbox) -> None:
    give(sandbox, "1000", name="JANE DOE")
    bank.listen()
    transaction_id = bank.ask_stk().json()["TransactionID"]
    wait_for_end(bank)
    assert ask(bank, transaction_id) == ("SUCCESS", "Success")
    assert (bank.balance(), held(sandbox)) == (500100, "900.00")
    assert bank.lines()[0]["narrative"] == f"{TILL} KILIMO"


def test_while_the_pin_is_typed_the_query_says_failed(bank: Bank, sandbox: Sandbox) -> None:
    give(sandbox)
    bank.listen()
    think_long(sandbox)
    transaction_id = bank.ask_stk().json()["TransactionID"]
    assert ask(bank, transaction_id) == ("FAILED", "System internal error.")
    bank.pass_time(61)
    wait_for_end(bank)
    assert ask(bank, transaction_id)[0] == "SUCCESS"


def test_a_paid_question_may_be_called_failed_for_a_while(bank: Bank, sandbox: Sandbox) -> None:
    give(sandbox)
    bank.listen()
    transaction_id = bank.ask_stk().json()["TransactionID"]
    wait_for_end(bank)
    sandbox.fault("ncba", "stk_query", "query_failed", times=1)
    assert [ask(bank, transaction_id)[0] for _ in range(2)] == ["FAILED", "SUCCESS"]


def test_without_the_money_on_the_phone_it_fails(bank: Bank, sandbox: Sandbox) -> None:
    give(sandbox, "99.99")
    think_long(sandbox)
    transaction_id = bank.ask_stk().json()["TransactionID"]
    bank.pass_time(61)
    assert ask_until_ended(bank, transaction_id)[1] == "The balance is insufficient for the transaction."
    assert (bank.balance(), held(sandbox)) == (500000, "99.99")


def ask_until_ended(bank: Bank, transaction_id: str) -> tuple[str, str]:
    """Timers fire just after the clock moved; each question lets them."""
    for _ in range(50):
        if bank.books()["stk"][0]["status"] != "pending":
            break
    return ask(bank, transaction_id)


def test_a_customer_may_cancel(bank: Bank, sandbox: Sandbox) -> None:
    give(sandbox)
    sandbox.fault("ncba", "stk", "stk_failed", match={"phone": PHONE})
    transaction_id = bank.ask_stk().json()["TransactionID"]
    assert ask_until_ended(bank, transaction_id) == ("FAILED", "Request cancelled by user")
    assert held(sandbox) == "1000.00"


def test_an_unknown_question_failed(bank: Bank) -> None:
    assert ask(bank, "nobody") == ("FAILED", "Transaction not found.")


def test_a_qr_code_is_a_picture(bank: Bank) -> None:
    told = bank.till("qr/generate", {"till": f"{TILL}#KILIMO", "amount": 100}).json()
    kind, _, coded = told["Base64QrCode"].partition(",")
    assert (told["StatusCode"], kind) == ("0", "data:image/png;base64")
    assert base64.b64decode(coded).startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize("body", [{"till": "111111"}, {"till": TILL, "amount": "much"}, {}])
def test_a_qr_code_for_nothing_is_status_2(bank: Bank, body: dict[str, str]) -> None:
    assert bank.till("qr/generate", body).json()["StatusCode"] == "2"


def test_a_wrong_path_is_not_found(sandbox: Sandbox) -> None:
    assert sandbox.get("/ncba-till/payments/api/v2/x").status_code == 404
