"""Pull: the payments of the last 48 hours, page by page; and status queries by a customer's receipt."""

import json
from typing import Any

import pytest

from tests.sandbox.c2b_client import HASH, PAYBILL, PAYER, Paybill
from tests.sandbox.conftest import Sandbox
from tests.sandbox.daraja_client import values


def rows(paybill: Paybill, **changes: Any) -> list[dict[str, Any]]:
    (made,) = paybill.pull(**changes).json()["Response"]
    return list(made)


def test_a_shortcode_is_registered_once(paybill: Paybill) -> None:
    first, second = paybill.register_pull().json(), paybill.register_pull().json()
    assert (first["ResponseStatus"], second["ResponseStatus"]) == ("1000", "1001")
    assert first["ResponseDescription"] == "Shortcode Registered Successfully"


def test_in_production_the_key_has_a_space(paybill: Paybill, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__pull_status_key="Response Status")
    answer = paybill.register_pull().json()
    assert (answer["Response Status"], "ResponseStatus" in answer) == ("1000", False)


def test_a_shortcode_that_is_not_registered_is_invalid(paybill: Paybill) -> None:
    for answer in (paybill.pull(), paybill.pull(ShortCode="600555")):
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "400.001")


def test_an_invalid_token_has_pulls_own_code(paybill: Paybill) -> None:
    paybill.token = "old"
    assert paybill.pull().json()["errorCode"] == "401.001"


def test_a_row_has_small_keys_in_a_nested_list(paybill: Paybill) -> None:
    paybill.register_pull()
    made = paybill.comes_in()
    answer = paybill.pull().json()
    assert (answer["ResponseCode"], answer["ResponseMessage"]) == ("1000", "Success")
    ((row,),) = answer["Response"]
    assert row.pop("trxDate")[-1] == "Z"
    assert row == {
        "transactionId": made["receipt"],
        "msisdn": 708374149,
        "sender": "JOHN DOE KAMAU",
        "transactiontype": "c2b-pay-bill-debit",
        "billreference": "000000017",
        "amount": "500.00",
        "organizationname": "Kilimo SACCO",
    }


def test_lost_confirmations_are_found_and_cancelled_payments_are_not(
    paybill: Paybill, sandbox: Sandbox
) -> None:
    paybill.register_pull()
    paybill.register()
    sandbox.fault("daraja", "c2b_confirmation", "confirmation_lost")
    lost = paybill.comes_in()["receipt"]
    paybill.set_up(state="restricted")
    paybill.comes_in()
    assert [row["transactionId"] for row in rows(paybill)] == [lost]


def test_the_offset_counts_rows(paybill: Paybill, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__pull_page=3)
    paybill.register_pull()
    receipts = [paybill.comes_in(amount=str(amount))["receipt"] for amount in range(1, 6)]
    pages = [[row["transactionId"] for row in rows(paybill, OffSetValue=offset)] for offset in (0, "3")]
    assert pages == [receipts[:3], receipts[3:]]
    assert paybill.pull(OffSetValue="5").json()["Response"] == "[[]]"


def test_a_page_has_a_thousand_rows(paybill: Paybill, sandbox: Sandbox) -> None:
    assert sandbox.world.switches.get("daraja.pull_page") == 1000


def test_what_is_older_than_two_days_is_gone(paybill: Paybill, sandbox: Sandbox) -> None:
    paybill.register_pull()
    paybill.comes_in()
    sandbox.control("POST", "clock", {"shift_seconds": 47 * 3600})
    paybill.token = paybill.fetch_token().json()["access_token"]
    assert len(rows(paybill)) == 1
    sandbox.control("POST", "clock", {"shift_seconds": 2 * 3600})
    paybill.token = paybill.fetch_token().json()["access_token"]
    assert paybill.pull().json()["ResponseCode"] == "1001"


def test_the_dates_are_nairobis(paybill: Paybill) -> None:
    paybill.register_pull()
    paybill.comes_in()
    (row,) = rows(paybill)
    local = row["trxDate"].rstrip("Z").replace("T", " ")
    assert len(rows(paybill, StartDate=local, EndDate=local)) == 1
    assert paybill.pull(EndDate="2020-01-02 00:00:00").json()["Response"] == "[[]]"


@pytest.mark.parametrize("changes", [{"StartDate": "04.08.2020"}, {"EndDate": "2019-01-01 00:00:00"}])
def test_dates_that_make_no_sense_are_refused(paybill: Paybill, changes: dict[str, str]) -> None:
    paybill.register_pull()
    answer = paybill.pull(**changes)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "400.002.02")


@pytest.mark.parametrize(
    ("how", "status", "response"), [("text", 200, "[[]]"), ("list", 200, [[]]), ("error", 500, None)]
)
def test_nothing_is_said_in_three_ways(
    paybill: Paybill, sandbox: Sandbox, how: str, status: int, response: Any
) -> None:
    sandbox.switch(daraja__pull_none=how)
    paybill.register_pull()
    answer = paybill.pull()
    assert (answer.status_code, answer.json().get("Response")) == (status, response)


def test_the_list_may_come_as_text(paybill: Paybill, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__pull_shape="text")
    paybill.register_pull()
    made = paybill.comes_in()
    ((row,),) = json.loads(paybill.pull().json()["Response"])
    assert row["transactionId"] == made["receipt"]


@pytest.mark.parametrize(("form", "told"), [("full", int(PAYER)), ("form", HASH)])
def test_the_number_has_other_forms(paybill: Paybill, sandbox: Sandbox, form: str, told: object) -> None:
    sandbox.switch(daraja__pull_msisdn=form, daraja__msisdn_form="sha256")
    paybill.register_pull()
    paybill.comes_in()
    assert rows(paybill)[0]["msisdn"] == told


def test_by_switch_the_date_is_really_utc(paybill: Paybill, sandbox: Sandbox) -> None:
    paybill.register_pull()
    at = paybill.comes_in()["completed_at"]
    sandbox.switch(daraja__pull_trxdate="utc")
    assert rows(paybill)[0]["trxDate"] == at[:19] + "Z"


def test_get_with_a_body_works_as_the_portal_says(paybill: Paybill, sandbox: Sandbox) -> None:
    paybill.register_pull()
    paybill.comes_in()
    asked = {"ShortCode": PAYBILL, "StartDate": "2020-01-01 0:00:00", "EndDate": "2099-01-01 0:00:00"}
    headers = {"Authorization": f"Bearer {paybill.token}"}
    path, body = "/daraja/pulltransactions/v1/query", asked | {"OffSetValue": 0}
    assert sandbox.get(path, json=body, headers=headers).json()["ResponseCode"] == "1000"
    sandbox.switch(daraja__pull_method="post")
    assert sandbox.get(path, json=body, headers=headers).json()["errorCode"] == "405.001"


def test_pull_may_know_nothing_for_a_while(paybill: Paybill, sandbox: Sandbox) -> None:
    paybill.register_pull()
    paybill.comes_in()
    sandbox.fault("daraja", "pull", "pull_empty", times=1)
    assert paybill.pull().json()["ResponseCode"] == "1001"
    assert len(rows(paybill)) == 1


def test_status_by_a_customers_receipt(paybill: Paybill) -> None:
    receipt = paybill.comes_in()["receipt"]
    paybill.ask(TransactionID=receipt, PartyA=PAYBILL)
    told = values(paybill.results(1, "status")[0])
    assert (told["ReceiptNo"], told["TransactionStatus"], told["Amount"]) == (receipt, "Completed", "500")
    assert told["DebitPartyName"] == f"{PAYER} - JOHN DOE KAMAU"
    assert told["CreditPartyName"] == f"{PAYBILL} - Kilimo SACCO"
