"""C2B: the addresses of a paybill, confirmation, and that the money is in exactly one place."""

from decimal import Decimal
from typing import Any

import pytest

from sandbox.daraja.tariff import MGAO
from tests.sandbox.c2b_client import HASH, PAYBILL, PAYER, Paybill, everywhere
from tests.sandbox.conftest import Inbox, Sandbox


def test_the_answer_to_a_registration_misspells_its_id(paybill: Paybill) -> None:
    answer = paybill.register().json()
    assert answer.pop("OriginatorCoversationID")
    assert answer == {"ResponseCode": "0", "ResponseDescription": "Success"}


def test_version_1_says_success_in_small_letters(paybill: Paybill) -> None:
    assert paybill.register("v1").json()["ResponseDescription"] == "success"


def test_the_oldest_answer_had_no_response_code(paybill: Paybill, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__c2b_register_answer="old")
    answer = paybill.register().json()
    assert (answer["ConversationID"], "ResponseCode" in answer) == ("", False)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ResponseType": "Canceled"}, "ResponseType"),
        ({"ResponseType": "completed"}, "ResponseType"),
        ({"ShortCode": "12"}, "ShortCode"),
        ({"ShortCode": "600555"}, "ShortCode"),
        ({"ValidationURL": None}, "ValidationURL"),
        ({"ConfirmationURL": "https://pay.example/MPESA/confirm"}, "ConfirmationURL"),
        ({"ValidationURL": "https://pay.example/query"}, "ValidationURL"),
        ({"ValidationURL": "https://pay.example/execute"}, "ValidationURL"),
        ({"ConfirmationURL": "https://safaricom.example/confirm"}, "ConfirmationURL"),
    ],
)
def test_a_registration_is_checked_strictly(paybill: Paybill, changes: dict[str, Any], field: str) -> None:
    answer = paybill.register(**changes)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "400.002.02")
    assert answer.json()["errorMessage"] == f"Bad Request - Invalid {field}"
    assert paybill.books()["registrations"] == {}


def test_addresses_are_registered_once_until_they_are_deleted_on_the_portal(
    paybill: Paybill, sandbox: Sandbox
) -> None:
    paybill.register()
    again = paybill.register(ResponseType="Cancelled")
    assert (again.status_code, again.json()["errorCode"]) == (500, "500.003.1001")
    assert again.json()["errorMessage"] == "Urls are already registered."
    sandbox.control("DELETE", f"daraja/urls/{PAYBILL}")
    assert paybill.register(ResponseType="Cancelled").status_code == 200


def test_on_safaricoms_sandbox_addresses_may_be_overwritten(paybill: Paybill, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__c2b_overwrite="on")
    paybill.register()
    paybill.register("v1", ResponseType="Cancelled")
    registered = paybill.books()["registrations"][PAYBILL]
    assert (registered["version"], registered["response_type"]) == ("v1", "Cancelled")


def test_the_version_must_fit_the_product_of_the_app(paybill: Paybill, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__c2b_product="v2")
    assert paybill.register("v1").json()["errorCode"] == "401.003.01"
    assert paybill.register("v2").status_code == 200


def test_a_payout_only_shortcode_takes_no_registration(paybill: Paybill) -> None:
    paybill.set_up(kind="b2c")
    assert paybill.register().json()["errorCode"] == "401.003.01"


@pytest.mark.parametrize("kind", ["duplicate_notification", "soap_fault"])
def test_a_registration_may_be_refused_in_other_words(paybill: Paybill, sandbox: Sandbox, kind: str) -> None:
    sandbox.fault("daraja", "c2b_register", kind, times=1)
    assert paybill.register().status_code == 500
    assert paybill.register().status_code == 200


def test_an_invalid_token_is_refused_in_c2bs_own_way(paybill: Paybill) -> None:
    paybill.token = "old"
    assert paybill.register().json()["errorCode"] == "400.003.01"


def test_a_payment_goes_into_utility_and_is_confirmed(paybill: Paybill) -> None:
    paybill.register()
    made = paybill.comes_in()
    (told,) = paybill.confirmations()
    assert len(told["TransTime"]) == 14
    told.pop("TransTime")
    assert told == {
        "TransactionType": "Pay Bill",
        "TransID": made["receipt"],
        "TransAmount": "500.00",
        "BusinessShortCode": PAYBILL,
        "BillRefNumber": "000000017",
        "InvoiceNumber": "",
        "OrgAccountBalance": "1500.00",
        "ThirdPartyTransID": "",
        "MSISDN": "2547 ***** 149",
        "FirstName": "JOHN",
        "MiddleName": "",
        "LastName": "",
    }
    assert (paybill.utility_of(), paybill.balance(PAYER)) == (1500, 9500)
    assert paybill.validations(0) == []


def test_without_addresses_a_payment_completes_in_silence(paybill: Paybill, inbox: Inbox) -> None:
    made = paybill.comes_in()
    assert (made["status"], made["confirmations_sent"]) == ("completed", 0)
    assert inbox.posts == []


def test_what_the_wallet_lacks_is_brought_in_cash(paybill: Paybill) -> None:
    before = everywhere(paybill.books())
    paybill.comes_in(amount="25000")
    books = paybill.books()
    assert books["cash_brought"] == "15000.00"
    assert everywhere(books) == before


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("plain", PAYER),
        ("masked", "25470****149"),
        ("masked_spaces", "2547 ***** 149"),
        ("sha256", HASH),
        ("half_masked", f"{HASH[:34]} ***** {HASH[-25:]}"),
    ],
)
def test_the_payers_number_comes_in_five_forms(
    paybill: Paybill, sandbox: Sandbox, form: str, told: str
) -> None:
    sandbox.switch(daraja__msisdn_form=form)
    paybill.register()
    paybill.comes_in()
    assert paybill.confirmations()[0]["MSISDN"] == told


def test_version_1_hashes_the_number_and_tells_all_names(paybill: Paybill) -> None:
    paybill.register("v1")
    paybill.comes_in()
    (told,) = paybill.confirmations()
    assert told["MSISDN"] == "bbff37cea44ac0b2d964ee0dfb8d2df8513dc7ba1b36129a929fc3fbd6dd4af4"
    assert (told["FirstName"], told["MiddleName"], told["LastName"]) == ("JOHN", "DOE", "KAMAU")


def test_forms_may_be_mixed_and_one_payment_keeps_its_own(paybill: Paybill, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__msisdn_form="mixed", daraja__c2b_amount="mixed")
    paybill.validated()
    for _ in range(12):
        paybill.comes_in()
    asked = {body["TransID"]: (body["MSISDN"], body["TransAmount"]) for body in paybill.validations(12)}
    told = {body["TransID"]: (body["MSISDN"], body["TransAmount"]) for body in paybill.confirmations(12)}
    assert asked == told
    assert len({number for number, _ in told.values()}) > 1
    assert {amount for _, amount in told.values()} == {"500", "500.00"}


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ("full", {"FirstName": "JOHN", "MiddleName": "DOE", "LastName": "KAMAU"}),
        ("first_alone", {"FirstName": "JOHN"}),
        ("empty", {"FirstName": "", "MiddleName": "", "LastName": ""}),
        ("missing", {}),
    ],
)
def test_names_may_be_partial_or_missing(
    paybill: Paybill, sandbox: Sandbox, names: str, told: dict[str, str]
) -> None:
    sandbox.switch(daraja__c2b_names=names)
    paybill.register()
    paybill.comes_in()
    (body,) = paybill.confirmations()
    assert {name: value for name, value in body.items() if name.endswith("Name")} == told


@pytest.mark.parametrize(
    ("switches", "amount", "field", "told"),
    [
        ({"daraja__c2b_amount": "whole"}, "500.00", "TransAmount", "500"),
        ({"daraja__c2b_amount": "whole"}, "500.50", "TransAmount", "500.50"),
        ({"daraja__c2b_balance": "off"}, "500", "OrgAccountBalance", ""),
        ({"daraja__c2b_type": "empty"}, "500", "TransactionType", ""),
        (
            {"daraja__c2b_type": "Organization To Organization Transfer"},
            "500",
            "TransactionType",
            "Organization To Organization Transfer",
        ),
    ],
)
def test_spellings_vary(
    paybill: Paybill, sandbox: Sandbox, switches: dict[str, str], amount: str, field: str, told: str
) -> None:
    sandbox.switch(**switches)
    paybill.register()
    paybill.comes_in(amount=amount)
    assert paybill.confirmations()[0][field] == told


def test_a_till_has_no_account_number(paybill: Paybill) -> None:
    paybill.set_up(organisation="till")
    paybill.register()
    paybill.comes_in()
    (told,) = paybill.confirmations()
    assert (told["TransactionType"], told["BillRefNumber"]) == ("Customer Merchant Payment", "")


def test_the_name_of_a_payer_can_be_given(paybill: Paybill) -> None:
    paybill.register()
    paybill.comes_in(name="Amina Otieno")
    paybill.comes_in(name="Amina Otieno", phone="254712345678")
    assert [body["FirstName"] for body in paybill.confirmations(2)] == ["AMINA", "AMINA"]
    phones = paybill.books()["phones"]
    assert (phones[PAYER]["name"], phones["254712345678"]["name"]) == ("JOHN DOE KAMAU", "AMINA OTIENO")


@pytest.mark.parametrize(
    ("tariff", "customer", "business"),
    [("none", 0, 0), ("mgao", 10, 5), ("customer", 15, 0), ("business", 0, 15)],
)
def test_the_tariff_is_shared_as_the_paybill_chose(
    paybill: Paybill, tariff: str, customer: int, business: int
) -> None:
    before = everywhere(paybill.books())
    paybill.set_up(c2b_tariff=tariff)
    made = paybill.comes_in(amount="1500")
    assert (Decimal(made["charge"]), Decimal(made["business_charge"])) == (customer, business)
    assert paybill.balance(PAYER) == 8500 - customer
    books = paybill.books()
    assert Decimal(books["shortcodes"][PAYBILL]["charges_paid"]) == -business
    assert everywhere(books) == before


def test_the_tariffs_bands_rise(paybill: Paybill) -> None:
    limits = [limit for limit, *_ in MGAO]
    assert limits == sorted(limits)
    paybill.set_up(c2b_tariff="mgao")
    fees = [paybill.comes_in(amount=amount)["charge"] for amount in ("100", "101", "250000")]
    assert fees == ["0.00", "5.00", "24.00"]


@pytest.mark.parametrize(("state", "code"), [("invalid", "11"), ("restricted", "2006")])
def test_a_paybill_that_is_not_active_takes_nothing(paybill: Paybill, state: str, code: str) -> None:
    paybill.set_up(state=state)
    made = paybill.comes_in()
    assert (made["status"], made["reason"], paybill.balance(PAYER)) == ("cancelled", code, 10_000)


@pytest.mark.parametrize(
    "changes",
    [
        {"shortcode": "600992"},
        {"shortcode": "1"},
        {"phone": "0712345678"},
        {"amount": "0"},
        {"amount": "250001"},
        {"amount": "1.001"},
        {"bill_ref": "x" * 21},
        {"amount": None},
    ],
)
def test_a_payment_that_nobody_could_make_is_refused_by_control(
    paybill: Paybill, sandbox: Sandbox, changes: dict[str, Any]
) -> None:
    body = {"shortcode": PAYBILL, "phone": PAYER, "amount": "500"} | changes
    answer = sandbox.post("/control/daraja/pay", json=body)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert paybill.payments() == []


def test_many_customers_pay_once_each(paybill: Paybill, sandbox: Sandbox) -> None:
    paybill.validated()
    wanted = {"shortcode": PAYBILL, "count": 20, "amounts": ["100", "250"], "bill_ref_start": 900}
    made = sandbox.control("POST", "daraja/pay/bulk", wanted)
    told = paybill.confirmations(20)
    assert {body["TransID"] for body in told} == set(made["receipts"])
    assert {body["BillRefNumber"] for body in told} == {str(number) for number in range(900, 920)}
    assert (made["total"], paybill.utility_of()) == ("3500.00", 4500)
    counts = sandbox.control("GET", "daraja/payments?limit=5")["counts"]
    assert (counts["completed"], counts["pending"], counts["cancelled"]) == (20, 0, 0)


def test_a_bulk_that_is_partly_wrong_makes_nothing(paybill: Paybill, sandbox: Sandbox) -> None:
    wanted = {"shortcode": PAYBILL, "count": 2, "phones": ["254712000001", "254202000001"]}
    assert sandbox.post("/control/daraja/pay/bulk", json=wanted).status_code == 400
    assert paybill.payments() == []


def test_payments_can_be_read_page_by_page(paybill: Paybill, sandbox: Sandbox) -> None:
    receipts = [paybill.comes_in(amount=str(amount))["receipt"] for amount in (1, 2, 3)]
    first = sandbox.control("GET", "daraja/payments?limit=2")
    rest = sandbox.control("GET", f"daraja/payments?after={first['next']}")
    assert [one["receipt"] for one in first["payments"] + rest["payments"]] == receipts


def test_simulate_plays_a_customer(paybill: Paybill) -> None:
    paybill.register()
    body = {
        "ShortCode": int(PAYBILL),
        "CommandID": "CustomerPayBillOnline",
        "Amount": 1,
        "Msisdn": int(PAYER),
    }
    answer = paybill.ask_for("mpesa/c2b/v2/simulate", body, BillRefNumber="abc")
    assert answer.json()["ResponseDescription"] == "Accept the service request successfully."
    assert "OriginatorCoversationID" in answer.json()
    (told,) = paybill.confirmations()
    assert (told["BillRefNumber"], told["TransAmount"]) == ("abc", "1.00")


def test_production_offers_no_simulation(paybill: Paybill, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__c2b_simulate="off")
    body = {"ShortCode": PAYBILL, "CommandID": "CustomerPayBillOnline", "Amount": 1, "Msisdn": PAYER}
    assert paybill.ask_for("mpesa/c2b/v1/simulate", body).status_code == 404


def test_the_page_pays_a_paybill(paybill: Paybill, sandbox: Sandbox) -> None:
    paybill.register()
    made = paybill.comes_in()
    paybill.confirmations()
    page = sandbox.get("/page.json").json()
    (shown,) = page["paybills"]
    assert (shown["number"], shown["utility"], shown["count"]) == (PAYBILL, "1500.00", 1)
    assert shown["payments"][0]["receipt"] == made["receipt"]
    (phone,) = page["phones"]
    assert f"Ksh500.00 sent to Kilimo SACCO {PAYBILL} for account 000000017" in phone["messages"][0]["text"]
    assert 'id="pay-paybill"' in sandbox.get("/").text
