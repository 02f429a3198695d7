"""Money out of the bank: once by our reference, into M-Pesa's books after a while, whatever is answered."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from sandbox.daraja.ids import NAIROBI
from sandbox.ncba import hours
from tests.sandbox.conftest import Sandbox
from tests.sandbox.ncba_client import ACCOUNT, PHONE, SHORTCODE, Bank

Send = Callable[..., requests.Response]
ALL_RAILS = ["ift", "buy_float", "lipa", "wallet"]
INTO_FLOAT = ["ift", "buy_float", "lipa"]
OPERATION = {"ift": "ift", "buy_float": "float_purchase", "lipa": "lipa_na_mpesa", "wallet": "wallet"}
AMOUNT = {"ift": "amount", "buy_float": "reqDebitAmount", "lipa": "DebitAmount", "wallet": "debitAmount"}


def send_by(bank: Bank, rail: str) -> Send:
    return getattr(bank, rail)  # type: ignore[no-any-return]


def wallet_of(sandbox: Sandbox) -> Decimal:
    phones = sandbox.control("GET", "daraja/books")["phones"]
    return Decimal(phones[PHONE]["balance"]) if PHONE in phones else Decimal(0)


def wait_for_float(bank: Bank, status: str = "arrived") -> Any:
    for _ in range(200):
        if bank.books()["float"][0]["status"] == status:
            return bank.books()["float"]
    raise AssertionError(bank.books()["float"])


def test_an_accepted_transfer_tells_both_references(bank: Bank) -> None:
    told = bank.ift("PV20260603A1B2C3D4").json()
    assert told == {
        "resultCode": "000",
        "statusDescription": "SUCCESS",
        "cbxReferenceNumber": "PV20260603A1B2C3D4",
        "txnReferenceNo": bank.lines()[0]["reference"],
    }
    assert bank.balance() == 450000


def test_by_switch_transfers_answer_in_the_older_shape(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.switch(ncba__transfer_shape="response_code")
    told = bank.ift().json()
    assert told == {
        "Response Code": 0,
        "Reference": bank.lines()[0]["reference"],
        "Description": "Success",
    }


def test_a_double_names_the_earlier_reference_and_moves_nothing(bank: Bank, sandbox: Sandbox) -> None:
    reference = bank.ift("PV1").json()["txnReferenceNo"]
    double = {"Response Code": 11, "Reference": f"DUPLICATE | {reference}", "Description": "ERROR"}
    assert bank.ift("PV1").json() == double
    sandbox.switch(ncba__duplicate_shape="result_code")
    told = bank.ift("PV1").json()
    assert (told["resultCode"], told["statusDescription"]) == ("011", f"DUPLICATE | {reference}")
    assert (bank.balance(), bank.books()["duplicates"], len(bank.lines())) == (450000, 2, 1)


@pytest.mark.parametrize("rail", ["buy_float", "lipa", "wallet"])
def test_a_double_on_the_other_rails_is_code_011(bank: Bank, rail: str) -> None:
    send = send_by(bank, rail)
    send("PV1")
    told = send("PV1").json()
    assert told["resErrorCode"] == "011"
    assert told["resErrorDesc"] == f"DUPLICATE | {bank.lines()[0]['reference']}"
    assert len(bank.lines()) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": "500000.01"}, "051"),
        ({"debitAccountNumber": "999"}, "014"),
        ({"creditAccountNumber": "333999999"}, "014"),
        ({"creditAccountNumber": ACCOUNT}, "014"),
        ({"amount": "49.99"}, "013"),
        ({"amount": "50.001"}, "013"),
        ({"amount": "much"}, "013"),
    ],
)
def test_a_refused_transfer_moves_nothing_and_leaves_the_reference_free(
    bank: Bank, changes: dict[str, str], code: str
) -> None:
    answer = bank.ift("PV1", **changes)
    assert (answer.status_code, answer.json()["resultCode"]) == (200, code)
    assert (bank.balance(), bank.books()["orders"]) == (500000, [])
    assert bank.ift("PV1").json()["resultCode"] == "000"


@pytest.mark.parametrize("rail", ["buy_float", "lipa"])
def test_bills_are_refused_with_the_same_codes(bank: Bank, rail: str) -> None:
    send, field = send_by(bank, rail), AMOUNT[rail]
    assert send(**{field: "600000", "reqCreditAmount": "600000"}).json()["resErrorCode"] == "051"
    assert send(reqPayBillTillNo="111111").json()["resErrorCode"] == "014"
    assert send(**{field: "600"}).json()["resErrorCode"] == "013"
    assert bank.balance() == 500000


@pytest.mark.parametrize("reference", ["PV-1", "X" * 26, ""])
def test_a_reference_is_letters_and_digits_and_not_too_long(bank: Bank, reference: str) -> None:
    assert bank.ift(reference).status_code == 400
    assert bank.buy_float(reference).status_code == 400
    assert bank.balance() == 500000


def test_pesalink_and_eft_have_a_maximum_and_ift_has_none(bank: Bank) -> None:
    bank.set_account(balance="5000000")
    for rail in ("pesalink", "eft"):
        assert bank.interbank(rail, f"A{rail}", amount="1000000").json()["resultCode"] == "013"
        assert bank.interbank(rail, f"B{rail}", amount="999999").json()["resultCode"] == "000"
    assert bank.ift(amount="1000000").json()["resultCode"] == "000"


def test_pesalink_to_this_bank_is_declined(bank: Bank) -> None:
    assert bank.interbank("pesalink", beneficiaryBankBIC="07000").json()["resultCode"] == "RC01"
    assert bank.interbank("pesalink", beneficiaryAccountNumber=ACCOUNT).json()["resultCode"] == "RC01"
    assert bank.balance() == 500000


def test_rtgs_takes_whole_shillings_and_wants_a_purpose(bank: Bank) -> None:
    assert bank.interbank("rtgs", creditAmount="100.50").json()["resultCode"] == "013"
    assert bank.interbank("rtgs", purposeCode="").status_code == 400
    assert bank.interbank("rtgs").json()["resultCode"] == "000"


def shift_to(bank: Bank, wanted: datetime) -> None:
    now = datetime.fromisoformat(bank.sandbox.control("GET", "clock")["now"])
    bank.pass_time((wanted - now).total_seconds())
    bank.token = bank.fetch_token().json()["accessToken"]


def next_saturday() -> datetime:
    now = datetime.now(UTC).astimezone(NAIROBI) + timedelta(days=1)
    while now.weekday() != 5:
        now += timedelta(days=1)
    return now.replace(hour=10, minute=0)


def test_rtgs_on_a_saturday_waits_or_is_refused(bank: Bank, sandbox: Sandbox) -> None:
    shift_to(bank, next_saturday())
    sandbox.switch(ncba__hours="refuse")
    assert bank.interbank("rtgs", "PV1").json()["resultCode"] == "096"
    sandbox.switch(ncba__hours="queue")
    sent = {"beneficiaryAccountNumber": f"333{SHORTCODE}"}
    assert bank.interbank("rtgs", "PV1", **sent).json()["resultCode"] == "000"
    bank.pass_time(48 * 3600)
    assert bank.books()["float"][0]["status"] == "under way"
    bank.pass_time(2 * 3600)
    wait_for_float(bank)
    assert bank.shortcode() == (0, 1000)


@pytest.mark.parametrize(
    ("day", "rtgs_hours", "eft_hours"),
    [
        (datetime(2026, 6, 3, 10, tzinfo=NAIROBI), 3, 22),  # Wednesday
        (datetime(2026, 6, 3, 16, tzinfo=NAIROBI), 19, 16),
        (datetime(2026, 6, 5, 16, tzinfo=NAIROBI), 67, 64),  # Friday
    ],
)
def test_interbank_money_takes_its_hours(day: datetime, rtgs_hours: int, eft_hours: int) -> None:
    assert hours.seconds_of_rtgs(day) == rtgs_hours * 3600
    assert hours.seconds_of_eft(day) == eft_hours * 3600


def test_a_transfer_inside_the_bank_reaches_the_other_account(bank: Bank, sandbox: Sandbox) -> None:
    other = {"account": "2002003004", "name": "PARTNER", "push_c_url": f"{bank.inbox.url}/c"}
    sandbox.control("POST", "ncba/accounts", other)
    reference = bank.ift(creditAccountNumber="2002003004", amount="700").json()["txnReferenceNo"]
    (c,) = bank.notices("c")
    assert (c["TransID"], c["TransAmount"], c["AccountNr"]) == (reference, "700.00", "2002003004")
    (line,) = bank.books()["accounts"]["2002003004"]["lines"]
    assert (line["amount"], line["counter_account"]) == ("700.00", ACCOUNT)


def test_float_bought_answers_in_the_bills_words(bank: Bank, sandbox: Sandbox) -> None:
    told = bank.buy_float("PV1").json()
    assert (told["hdrRefNo"], told["resErrorCode"], told["resErrorDesc"]) == ("PV1", "000", "Success")
    assert told["hdrTranId"] == bank.lines()[0]["reference"]
    sandbox.switch(ncba__bill_text="resErrorMessage")
    assert bank.lipa("PV2").json()["resErrorMessage"] == "Success"


@pytest.mark.parametrize(
    ("rail", "expected"), [("ift", (0, 50000)), ("buy_float", (50000, 0)), ("lipa", (50000, 0))]
)
def test_float_arrives_where_its_rail_leads(bank: Bank, rail: str, expected: tuple[int, int]) -> None:
    send_by(bank, rail)()
    (arrival,) = wait_for_float(bank)
    assert (bank.shortcode(), bank.balance()) == (expected, 450000)
    assert arrival["reference"] == bank.lines()[0]["reference"]


@pytest.mark.parametrize("rail", INTO_FLOAT)
def test_float_arrives_after_a_while(bank: Bank, sandbox: Sandbox, rail: str) -> None:
    sandbox.control("PUT", "latency", {"ncba.float_arrival": {"p50_ms": 3_600_000}})
    send_by(bank, rail)()
    bank.pass_time(3500)
    assert bank.shortcode() == (0, 0)
    bank.pass_time(200)
    wait_for_float(bank)
    assert sum(bank.shortcode()) == 50000


@pytest.mark.parametrize("rail", INTO_FLOAT)
def test_float_may_never_arrive(bank: Bank, sandbox: Sandbox, rail: str) -> None:
    sandbox.fault("ncba", "float_arrival", "float_never")
    send_by(bank, rail)()
    bank.pass_time(30 * 86400)
    assert (bank.shortcode(), bank.balance()) == ((0, 0), 450000)
    assert wait_for_float(bank, "never")


def test_float_never_arrives_twice(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.fault("ncba", "float_arrival", "float_late", params={"seconds": 600})
    for _ in range(3):
        bank.buy_float("PV1")
    bank.pass_time(601)
    wait_for_float(bank)
    bank.pass_time(86400)
    assert bank.shortcode() == (50000, 0)


@pytest.mark.parametrize("form", ["true", "false", "missing"])
def test_the_wallet_is_paid_whatever_succeeded_says(bank: Bank, sandbox: Sandbox, form: str) -> None:
    sandbox.switch(ncba__wallet_succeeded=form)
    told = bank.wallet().json()
    assert told.get("succeeded") == {"true": True, "false": False, "missing": None}[form]
    assert ("succeeded" in told) is (form != "missing")
    assert (bank.balance(), wallet_of(sandbox)) == (495000, 5000)


def test_an_accepted_wallet_payment_has_the_banks_ids(bank: Bank) -> None:
    told = bank.wallet().json()
    assert told["data"]["bankRef"] == bank.lines()[0]["reference"]
    assert told["data"]["id"]


@pytest.mark.parametrize(
    "changes", [{"debitAmount": "250000.01"}, {"debitAmount": "49"}, {"mobileNumber": "254201234567"}]
)
def test_a_refused_wallet_payment_moves_nothing(
    bank: Bank, sandbox: Sandbox, changes: dict[str, str]
) -> None:
    assert bank.wallet(**changes).json()["succeeded"] is False
    assert (bank.balance(), wallet_of(sandbox)) == (500000, 0)


def test_the_wallets_date_is_a_day(bank: Bank) -> None:
    assert bank.wallet(date="03/06/2026").status_code == 400


@pytest.mark.parametrize("rail", ALL_RAILS)
def test_booked_but_the_answer_is_lost(bank: Bank, sandbox: Sandbox, rail: str) -> None:
    sandbox.fault("ncba", OPERATION[rail], "lost", times=1)
    with pytest.raises(requests.ConnectionError):
        send_by(bank, rail)("PV1")
    assert len(bank.lines()) == 1
    again = str(send_by(bank, rail)("PV1").json())
    assert "DUPLICATE" in again
    assert len(bank.lines()) == 1


@pytest.mark.parametrize(
    ("kind", "booked"), [("html", 0), ("html_after", 1), ("refuse", 0), ("error_500", 0)]
)
@pytest.mark.parametrize("rail", ALL_RAILS)
def test_a_5xx_may_stand_before_or_after_the_booking(
    bank: Bank, sandbox: Sandbox, rail: str, kind: str, booked: int
) -> None:
    sandbox.fault("ncba", OPERATION[rail], kind)
    assert send_by(bank, rail)("PV1").status_code >= 500
    assert len(bank.lines()) == booked


@pytest.mark.parametrize("rail", ALL_RAILS)
def test_success_may_be_missing_although_the_money_is_gone(bank: Bank, sandbox: Sandbox, rail: str) -> None:
    sandbox.fault("ncba", OPERATION[rail], "success_missing", match={"reference": "PV1", "account": ACCOUNT})
    answer = send_by(bank, rail)("PV1")
    assert answer.status_code == 200
    assert not {"resultCode", "resErrorCode", "succeeded"} & answer.json().keys()
    assert len(bank.lines()) == 1


@pytest.mark.parametrize("rail", ALL_RAILS)
def test_failure_may_be_said_although_the_money_is_gone(bank: Bank, sandbox: Sandbox, rail: str) -> None:
    sandbox.fault("ncba", OPERATION[rail], "success_false")
    told = send_by(bank, rail)("PV1").json()
    assert told.get("succeeded") is False or "999" in (told.get("resultCode"), told.get("resErrorCode"))
    assert len(bank.lines()) == 1


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("rail", ["ift", "buy_float", "lipa"])
def test_a_fault_refuses_in_http_200(bank: Bank, sandbox: Sandbox, rail: str, moved: bool) -> None:
    sandbox.fault("ncba", OPERATION[rail], "refused", params={"code": "013", "moved": moved})
    answer = send_by(bank, rail)("PV1")
    told = answer.json()
    assert (answer.status_code, told.get("resultCode") or told["resErrorCode"]) == (200, "013")
    assert len(bank.lines()) == int(moved)


def test_each_debit_has_its_line_with_all_that_is_known(bank: Bank) -> None:
    bank.ift("PV1")
    (line,) = bank.lines()
    assert (line["amount"], line["balance"]) == ("-50000.00", "450000.00")
    assert (line["counter_account"], line["our_reference"]) == (f"333{SHORTCODE}", "PV1")
    (order,) = bank.books()["orders"]
    assert (order["rail"], order["reference"]) == ("ift", line["reference"])


def test_the_answer_may_take_long(bank: Bank, sandbox: Sandbox) -> None:
    sandbox.fault("ncba", "ift", "slow_after", params={"seconds": 0.2})
    answer = bank.ift()
    assert answer.elapsed.total_seconds() >= 0.2
    assert answer.json()["resultCode"] == "000"
