"""Reversal of a customer's payment, Hakikisha, and the statement of the organisation portal."""

import csv
import io
from decimal import Decimal
from typing import Any

import pytest

from sandbox.daraja.statement import COLUMNS
from tests.sandbox.c2b_client import PAYBILL, PAYER, Paybill, everywhere
from tests.sandbox.conftest import Sandbox
from tests.sandbox.daraja_client import PHONE, values


def test_a_reversal_gives_the_money_back(paybill: Paybill) -> None:
    before = everywhere(paybill.books())
    receipt = paybill.comes_in()["receipt"]
    assert paybill.reverse(receipt).json()["ResponseCode"] == "0"
    (result,) = paybill.results(1, "reversal")
    told = values(result)
    assert (result["ResultCode"], told["OriginalTransactionID"]) == (0, receipt)
    assert told["DebitAccountBalance"] == "Utility Account|KES|1000.00|1000.00|0.00|0.00"
    assert (told["Amount"], told["Charge"], type(told["TransCompletedTime"])) == (500.0, 0.0, int)
    (payment,) = paybill.payments()
    assert payment["reversed_by"] == result["TransactionID"] != receipt
    assert (paybill.utility_of(), paybill.balance(PAYER)) == (1000, 10_000)
    assert everywhere(paybill.books()) == before


def test_the_correct_spelling_is_refused(paybill: Paybill) -> None:
    answer = paybill.reverse("AAAAAAAAAA", RecieverIdentifierType=None, ReceiverIdentifierType="11")
    assert answer.json()["errorMessage"] == "Bad Request - Invalid RecieverIdentifierType"


def test_a_payment_is_reversed_once(paybill: Paybill) -> None:
    receipt = paybill.comes_in()["receipt"]
    paybill.reverse(receipt)
    paybill.results(1, "reversal")
    paybill.reverse(receipt)
    assert paybill.results(2, "reversal")[1]["ResultCode"] == "R000001"
    assert paybill.balance(PAYER) == 10_000


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"TransactionID": "AAAAAAAAAA"}, "R000002"),
        ({"Amount": "501"}, "R000002"),
        ({"Initiator": "nobody"}, 2001),
        ({"SecurityCredential": "c2VjcmV0"}, 2001),
    ],
)
def test_a_refused_reversal_moves_nothing(paybill: Paybill, changes: dict[str, str], code: object) -> None:
    paybill.reverse(paybill.comes_in()["receipt"], **changes)
    assert paybill.results(1, "reversal")[0]["ResultCode"] == code
    assert paybill.utility_of() == 1500


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"roles": ["status"]}, 21),
        ({"utility": "499.99"}, 1),
        ({"state": "invalid"}, 11),
        ({"state": "restricted"}, 2006),
    ],
)
def test_the_organisation_must_be_able_to_reverse(
    paybill: Paybill, changes: dict[str, Any], code: int
) -> None:
    receipt = paybill.comes_in()["receipt"]
    paybill.set_up(**changes)
    paybill.reverse(receipt)
    assert paybill.results(1, "reversal")[0]["ResultCode"] == code
    assert paybill.books()["reversals"] == []


def test_a_payout_cannot_be_reversed(paybill: Paybill) -> None:
    paybill.pay()
    receipt = paybill.results()[0]["TransactionID"]
    paybill.reverse(receipt)
    assert paybill.results(1, "reversal")[0]["ResultCode"] == "R000002"


def hakikisha(paybill: Paybill, msisdn: str = PAYER, **changes: Any) -> Any:
    header = {"requestID": "0e6a", "timestamp": "1748933384"}
    body = {"header": header, "body": {"msisdn": msisdn, "shortcode": PAYBILL}}
    return paybill.ask_for("mpesa/b2c/hakikisha/v1/hakikisha", body, **changes)


def test_hakikisha_tells_the_first_name_and_masks_the_others(paybill: Paybill) -> None:
    assert hakikisha(paybill).json() == {
        "header": {"requestID": "0e6a", "timestamp": "1748933384", "status": "200", "message": "Success"},
        "body": {"firstName": "john", "middleName": "D******", "lastName": "K******"},
    }


def test_hakikisha_does_not_know_everybody(paybill: Paybill, sandbox: Sandbox) -> None:
    sandbox.control("POST", "daraja/phones", {"phone": PAYER, "registered": False})
    said = hakikisha(paybill).json()
    assert (said["header"]["status"], said["body"]["message"]) == ("400", "The customer does not exist.")


def test_hakikisha_needs_its_product_a_token_and_its_fields(paybill: Paybill, sandbox: Sandbox) -> None:
    assert hakikisha(paybill, body={"msisdn": PAYER}).json()["errorMessage"] == "Bad Request - Invalid body"
    sandbox.switch(daraja__hakikisha="off")
    assert hakikisha(paybill).json()["errorCode"] == "401.003.01"
    paybill.token = "old"
    assert hakikisha(paybill).json()["errorCode"] == "401.001"


def statement(paybill: Paybill, **query: str) -> list[dict[str, str]]:
    text = paybill.sandbox.get("/control/daraja/statement.csv", params={"shortcode": PAYBILL} | query).text
    return list(csv.DictReader(io.StringIO(text)))


def test_the_statement_has_the_portals_columns_newest_first(paybill: Paybill) -> None:
    first, second = paybill.comes_in()["receipt"], paybill.comes_in(amount="70")["receipt"]
    newest, oldest = statement(paybill)
    assert tuple(newest) == COLUMNS
    assert (newest["Receipt No."], oldest["Receipt No."]) == (second, first)
    assert (newest["Paid In"], newest["Withdrawn"], newest["Balance"]) == ("70.00", "", "1570.00")
    assert newest["Details"] == f"Pay Bill from {PAYER} - JOHN DOE KAMAU Acc. 000000017"
    assert (newest["Transaction Status"], newest["Balance Confirmed"]) == ("Completed", "true")
    assert (newest["Reason Type"], newest["A/C No."]) == ("Pay Bill Online", "000000017")
    assert newest["Other Party Info"] == f"{PAYER} - JOHN DOE KAMAU"


def test_payouts_and_reversals_are_withdrawn(paybill: Paybill) -> None:
    paybill.set_up(kind="both")
    paid_in = paybill.comes_in()["receipt"]
    paybill.reverse(paid_in)
    paybill.results(1, "reversal")
    paybill.pay(PartyA=PAYBILL, Amount="200")
    receipt = paybill.results()[0]["TransactionID"]
    payout, reversal, payment = statement(paybill)
    assert (payout["Receipt No."], payout["Withdrawn"], payout["Balance"]) == (receipt, "-200.00", "800.00")
    assert payout["Reason Type"] == "Business Payment to Customer via API"
    assert payout["Other Party Info"].startswith(f"{PHONE} - ")
    assert (reversal["Withdrawn"], reversal["Linked Transaction ID"]) == ("-500.00", paid_in)
    assert payment["Receipt No."] == paid_in
    (charge,) = statement(paybill, account="charges_paid")
    assert (charge["Withdrawn"], charge["Linked Transaction ID"]) == ("-5.00", receipt)


def test_each_line_carries_the_balance_after_it(paybill: Paybill) -> None:
    paybill.set_up(kind="both")
    for amount in ("100", "250.50", "3"):
        paybill.comes_in(amount=amount)
    balance = Decimal(1000)
    for line in reversed(statement(paybill)):
        balance += Decimal(line["Paid In"] or 0) + Decimal(line["Withdrawn"] or 0)
        assert Decimal(line["Balance"]) == balance
    assert balance == paybill.utility_of()


def test_settlement_moves_what_was_collected_to_working_less_charges(
    paybill: Paybill, sandbox: Sandbox
) -> None:
    paybill.set_up(c2b_tariff="business")
    paybill.comes_in(amount="1000")
    settled = sandbox.control("POST", "daraja/settle", {"shortcode": PAYBILL})
    settled.pop("receipt")
    assert settled == {"utility": "1000.00", "working": "990.00", "charges_paid": "0.00", "collected": "0.00"}
    assert [line["Paid In"] for line in statement(paybill, account="working")] == ["", "1000.00"]
    again = sandbox.post("/control/daraja/settle", json={"shortcode": PAYBILL})
    assert again.status_code == 400


def test_a_statement_is_of_days_or_moments_in_nairobi(paybill: Paybill, sandbox: Sandbox) -> None:
    paybill.comes_in()
    (line,) = statement(paybill)
    day, at = line["Completion Time"].split()
    iso = "-".join(reversed(day.split("-")))
    assert len(statement(paybill, **{"from": iso, "to": iso})) == 1
    assert len(statement(paybill, **{"from": f"{iso} {at}", "to": f"{iso} {at}"})) == 1
    assert statement(paybill, to="2020-01-01") == []
    assert statement(paybill, **{"from": "2099-01-01"}) == []


@pytest.mark.parametrize("query", [{"shortcode": "1"}, {"account": "float"}, {"from": "yesterday"}])
def test_a_wrong_question_about_a_statement_is_explained(paybill: Paybill, query: dict[str, str]) -> None:
    answer = paybill.sandbox.get("/control/daraja/statement.csv", params={"shortcode": PAYBILL} | query)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


def test_the_statement_has_other_spellings(paybill: Paybill, sandbox: Sandbox) -> None:
    names = ("statement_dates", "statement_phones", "statement_heading", "statement_commas")
    for name, value in zip(names, ("iso", "masked", "on", "on"), strict=True):
        sandbox.control("PUT", "switches", {f"daraja.{name}": value})
    day = paybill.comes_in(amount="1500")["completed_at"][:4]
    text = sandbox.get("/control/daraja/statement.csv", params={"shortcode": PAYBILL}).text
    lines = list(csv.reader(io.StringIO(text)))
    assert lines[:3] == [
        ["Organization Name", "Kilimo SACCO"],
        ["Short Code", PAYBILL],
        ["Account", "Utility Account"],
    ]
    assert tuple(lines[4]) == COLUMNS
    assert lines[5][1].startswith(day)
    assert (lines[5][5], lines[5][7]) == ("1,500.00", "2,500.00")
    assert lines[5][10] == "25470****149 - JOHN DOE KAMAU"
    assert PAYER not in text
