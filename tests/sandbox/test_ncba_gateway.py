"""The Open Banking gateway: who is let in, balances, statements, charges, the status query."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from tests.sandbox.conftest import Sandbox
from tests.sandbox.ncba_client import ACCOUNT, AGENT, TILL, Bank

KENYA = {"country": "Kenya", "accountNo": ACCOUNT}


def details(bank: Bank, **headers: Any) -> requests.Response:
    return bank.call("AccountDetails/accountdetails", KENYA, **headers)


def statement(bank: Bank, first: str = "", last: str = "") -> Any:
    today = datetime.now(UTC).astimezone(ZoneInfo("Africa/Nairobi")).strftime("%d%m%Y")
    days = {"fromDate": first or today, "toDate": last or today}
    return bank.call("AccountStatement/accountstatement", KENYA | days).json()


def status(bank: Bank, reference: str) -> requests.Response:
    body = {"country": "KE", "transactionId": reference}
    return bank.call("TransactionStatusQuery/transactionstatusquery", body)


def test_the_token_and_its_type(bank: Bank) -> None:
    told = bank.fetch_token().json()
    assert (told["tokenType"], len(told["accessToken"])) == ("Bearer", 120)


@pytest.mark.parametrize("key", ["accessToken", "tokenID", "access_token", "token"])
def test_the_token_has_many_names_and_two_places(bank: Bank, sandbox: Sandbox, key: str) -> None:
    sandbox.switch(ncba__token_key=key)
    assert key in bank.fetch_token().json()
    sandbox.switch(ncba__token_place="data")
    assert key in bank.fetch_token().json()["data"]


@pytest.mark.parametrize("changes", [{"password": "wrong"}, {"userID": "nobody"}])
def test_wrong_credentials_are_401(bank: Bank, changes: dict[str, str]) -> None:
    assert bank.fetch_token(**changes).status_code == 401


def test_the_token_ends_after_a_quarter_of_an_hour(bank: Bank) -> None:
    bank.pass_time(890)
    assert details(bank).status_code == 200
    bank.pass_time(20)
    assert details(bank).status_code == 401
    bank.token = bank.fetch_token().json()["accessToken"]
    assert details(bank).status_code == 200


@pytest.mark.parametrize("key", [None, "wrong"])
def test_without_a_good_subscription_key_it_is_401_json(bank: Bank, key: str | None) -> None:
    answer = details(bank, **{"Ocp-Apim-Subscription-Key": key})
    assert answer.status_code == 401
    assert "subscription key" in answer.json()["message"]
    headers = AGENT | {"Ocp-Apim-Subscription-Key": key or ""}
    assert bank.fetch_token(headers).status_code == 401


@pytest.mark.parametrize("agent", ["python-requests/2.34.2", "curl/8.5.0", ""])
def test_a_librarys_own_name_meets_the_security_notice(bank: Bank, agent: str) -> None:
    for answer in (details(bank, **{"User-Agent": agent}), bank.fetch_token(AGENT | {"User-Agent": agent})):
        assert answer.status_code == 403
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "Security Notice" in answer.text


def test_by_switch_any_name_will_do(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.switch(ncba__user_agent="any")
    assert details(bank, **{"User-Agent": "curl/8.5.0"}).status_code == 200


def test_an_address_that_is_not_listed_meets_the_security_notice(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.control("POST", "ncba/users", {"user": "vault", "ips": ["10.1.2.3"]})
    assert (details(bank).status_code, bank.fetch_token().status_code) == (403, 403)
    assert bank.ift().status_code == 403
    assert bank.lines() == []
    sandbox.control("POST", "ncba/users", {"user": "vault", "ips": ["127.0.0.1"]})
    assert details(bank).status_code == 200


def test_faults_block_or_reject_now_and_then(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.fault("ncba", "details", "unauthorized", times=1)
    assert [details(bank).status_code for _ in range(2)] == [401, 200]
    sandbox.fault("ncba", "details", "security_notice", times=1)
    assert "Security Notice" in details(bank).text
    sandbox.fault("ncba", "token", "unauthorized", times=1)
    assert bank.fetch_token().status_code == 401


def test_field_names_may_be_written_in_any_case(bank: Bank) -> None:
    body = {"Country": "KENYA", "ACCOUNTNO": ACCOUNT}
    told = bank.call("AccountDetails/accountdetails", body).json()
    assert told["availableBalance"] == "500000.00"


def test_missing_fields_and_wrong_paths(bank: Bank) -> None:
    answer = bank.call("AccountDetails/accountdetails", {"country": "Kenya"})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["accountNo"])
    assert bank.call("AccountDetails/accountdetails", []).status_code == 400
    assert bank.call("MpesaB2WValidation/validate-account", {}).status_code == 404


def test_account_details_at_top_level_and_under_data(bank: Bank, sandbox: Sandbox) -> None:
    expected = {
        "accountNo": ACCOUNT,
        "accountName": "VAULT LTD",
        "currency": "KES",
        "availableBalance": "500000.00",
        "currentBalance": "500000.00",
    }
    assert details(bank).json() == expected
    sandbox.switch(ncba__details_shape="data")
    assert details(bank).json() == {"data": expected}


def test_another_customers_account_is_unknown(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.control("POST", "ncba/users", {"user": "vault", "accounts": ["777"]})
    assert details(bank).json()["resultCode"] == "014"
    assert bank.ift().json()["resultCode"] == "014"


def test_the_statement_tells_debits_and_credits(bank: Bank) -> None:
    paid = bank.pay()
    bank.ift("PV1")
    credit, debit = statement(bank)
    assert (credit["CreditDebitFlag"], credit["CreditAmount"], credit["DebitAmount"]) == (
        "C",
        "5000.00",
        "0.00",
    )
    assert credit["InstrumentReferenceNumber"] == paid["reference"]
    assert (credit["Narrative"], credit["RunningBalance"]) == (f"{TILL} KILIMO", "505000.00")
    assert (debit["CreditDebitFlag"], debit["DebitAmount"]) == ("D", "50000.00")
    assert (debit["Narrative"], debit["RunningBalance"]) == ("FLOAT TOPUP PV1", "455000.00")
    assert len(debit["ValueDate"]) == 8
    assert len(debit) == 13


def test_the_statement_ends_at_its_days(bank: Bank) -> None:
    bank.transfer_in()
    tomorrow = (datetime.now(UTC).astimezone(ZoneInfo("Africa/Nairobi")) + timedelta(days=1)).strftime(
        "%d%m%Y"
    )
    assert len(statement(bank)) == 1
    assert statement(bank, tomorrow, tomorrow) == []
    wrong = bank.call("AccountStatement/accountstatement", KENYA | {"fromDate": "2026-06-03", "toDate": "x"})
    assert wrong.status_code == 400


def test_the_statements_shape_is_a_switch(bank: Bank, sandbox: Sandbox) -> None:
    bank.transfer_in()
    (row,) = statement(bank)
    sandbox.switch(ncba__statement_shape="data")
    assert statement(bank) == {"data": [row]}
    sandbox.switch(ncba__statement_shape="single")
    assert statement(bank) == row
    bank.transfer_in()
    assert len(statement(bank)) == 2


def test_the_mini_statement_has_the_newest_lines_first(bank: Bank) -> None:
    for amount in range(1, 13):
        bank.transfer_in(str(amount))
    rows = bank.call("AccountMiniStatement/accountministatement", KENYA).json()
    assert [row["CreditAmount"] for row in rows] == [f"{amount}.00" for amount in range(12, 2, -1)]


def test_a_charge_is_told_and_booked_as_its_own_line(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.switch(ncba__charge=75)
    body = {"country": "Kenya", "debitAccount": ACCOUNT, "chargeCurrency": "KES", "serviceType": "PESALINK"}
    told = bank.call("ChargeInquiry/chargeinquiry", body | {"transactionAmount": "1000"}).json()
    assert (told["resultCode"], told["chargeAmount"]) == ("000", "75.00")
    bank.ift()
    debit, charge = bank.lines()
    assert (debit["amount"], charge["amount"]) == ("-50000.00", "-75.00")
    assert debit["reference"] != charge["reference"]


def test_the_status_query_is_broken_as_in_production(bank: Bank) -> None:
    bank.ift("PV1")
    assert status(bank, "PV1").status_code == 500


def test_by_switch_the_status_query_works_in_both_shapes(bank: Bank, sandbox: Sandbox) -> None:
    reference = bank.ift("PV1").json()["txnReferenceNo"]
    sandbox.switch(ncba__status_query="transaction")
    told = status(bank, "PV1").json()["Transaction"]
    assert (told["CBSReference"], told["Status"], told["Amount"]) == (reference, "PASSED", "50000.00")
    assert re.fullmatch(r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d\d:\d\d [AP]M", told["Date"])
    assert status(bank, "PV2").json()["Transaction"] is None
    sandbox.switch(ncba__status_query="flat")
    assert status(bank, "PV1").json()["CoreReference"] == reference
    assert status(bank, "PV2").json()["ErrorCode"] == "404"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("accounts", {"name": "no number"}),
        ("accounts", {"account": "1", "push_b_form": "csv"}),
        ("accounts", {"account": "1", "till": TILL}),
        ("accounts", {"account": "1", "hash_fields": ["Colour"]}),
        ("users", {"user": "new"}),
        ("users", {"user": "vault", "ips": "10.0.0.1"}),
        ("till-users", {"user": "x"}),
        ("pay", {"till": "000", "phone": "254712000001", "amount": "1"}),
        ("pay", {"till": TILL, "phone": "0712000001", "amount": "1"}),
        ("pay", {"till": TILL, "phone": "254712000001", "amount": "-1"}),
        ("transfer-in", {"account": ACCOUNT, "amount": "0"}),
        ("transfer-in", {"account": "999", "amount": "5"}),
        ("pushes/9/send", {}),
        ("references", {"after": -1}),
    ],
)
def test_a_wrong_control_request_says_what_is_expected(bank: Bank, path: str, body: Any) -> None:
    before = bank.books()
    answer = bank.sandbox.post(f"/control/ncba/{path}", json=body)
    assert (answer.status_code, bool(answer.json()["error"])) == (400, True)
    assert bank.books() == before


def test_references_go_on_above_the_known_ones(bank: Bank, sandbox: Sandbox) -> None:
    known = bank.pay()["reference"]
    sandbox.control("POST", "reset", {"seed": 1})
    sandbox.control("POST", "ncba/accounts", {"account": ACCOUNT, "till": TILL})
    assert bank.pay()["reference"] == known
    sandbox.control("POST", "reset", {"seed": 1})
    sandbox.control("POST", "ncba/accounts", {"account": ACCOUNT, "till": TILL})
    sandbox.control("POST", "ncba/references", {"after": 1})
    assert bank.pay()["reference"] != known
