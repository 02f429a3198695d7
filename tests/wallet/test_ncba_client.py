"""What leaves for NCBA, to the letter, and what each of its answers means."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests
import responses

from common.gateway import OutcomeUnknown, Rejected, Retryable
from common.http import new_session
from common.token_store import LocalTokenStore
from wallet.ncba import Gateway, Till
from wallet.ncba_settings import NcbaSettings
from wallet.ncba_shapes import (
    FloatPurchase,
    GatewayLogin,
    Hint,
    InternalTransfer,
    PaybillPayment,
    StkPush,
    TillLogin,
    new_reference,
)

BASE, TILL = "https://bank.example/test/apigateway", "https://till.example"
TOKEN = f"{BASE}/api/v1/Auth/generate-token"
TILL_TOKEN = f"{TILL}/payments/api/v1/auth/token"
IFT = f"{BASE}/api/v1/IFTTransaction/ifttransaction"
FLOAT = f"{BASE}/api/v1/FloatPurchase/floatpurchase"
LIPA = f"{BASE}/api/v1/LipaNaMpesa/lipanampesa"
STATEMENT = f"{BASE}/api/v1/AccountStatement/accountstatement"
BALANCE = f"{BASE}/api/v1/AccountDetails/accountdetails"
STATUS = f"{BASE}/api/v1/TransactionStatusQuery/transactionstatusquery"
STK = f"{TILL}/payments/api/v1/stk-push/initiate"
STK_QUERY = f"{TILL}/payments/api/v1/stk-push/query"
QR = f"{TILL}/payments/api/v1/qr/generate"
REF = "PV260603A1B2C3D4E5F6"


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    """A bank whose tokens are given; the rest each test says."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.post(TOKEN, json={"accessToken": "tok", "tokenType": "Bearer"})
        mock.get(TILL_TOKEN, json={"access_token": "till-tok", "expires_in": 18000, "status": 200})
        yield mock


def gateway(**changes: Any) -> Gateway:
    return Gateway(
        base_url=BASE,
        login=GatewayLogin(user="u", password="p-hidden", subscription_key="key-hidden"),
        ncba=NcbaSettings(**changes),
        session=new_session(allow_private=True),
        tokens=LocalTokenStore(),
    )


def till() -> Till:
    login = TillLogin(user="tu", password="tp")
    session = new_session(allow_private=True)
    return Till(base_url=TILL, login=login, ncba=NcbaSettings(), session=session, tokens=LocalTokenStore())


def transfer() -> InternalTransfer:
    return InternalTransfer(
        reference=REF,
        debit_account="1000000001",
        credit_account="333600992",
        beneficiary_name="M-PESA Holding Company Limited",
        amount=Decimal(50000),
        narration="FLOAT TOPUP",
    )


def purchase() -> FloatPurchase:
    return FloatPurchase(
        reference=REF,
        debit_account="1000000001",
        shortcode="600992",
        account_name="VAULT",
        amount=Decimal(50000),
        phone="254708374149",
        description="FLOAT TOPUP",
        on=date(2026, 6, 3),
    )


def bill() -> PaybillPayment:
    return PaybillPayment(
        reference=REF,
        debit_account="1000000001",
        shortcode="600992",
        paybill_account="FLOAT",
        account_name="VAULT",
        amount=Decimal(50000),
        phone="254708374149",
        description="FLOAT TOPUP",
    )


def push(amount: str = "100") -> StkPush:
    return StkPush(phone="254708374149", amount=Decimal(amount), account="123456#KILIMO")


def sent(net: responses.RequestsMock, url: str) -> Any:
    return json.loads([call.request for call in net.calls if call.request.url == url][-1].body)


GOOD = {
    "resultCode": "000",
    "statusDescription": "SUCCESS",
    "cbxReferenceNumber": REF,
    "txnReferenceNo": "ft26154a ",
}


def test_a_transfer_leaves_with_the_banks_own_names(net: responses.RequestsMock) -> None:
    net.post(IFT, json=GOOD)
    taken = gateway().transfer(transfer())
    assert sent(net, IFT) == {
        "country": "Kenya",
        "transactionID": REF,
        "beneficiaryAccountName": "M-PESA Holding Company Limited",
        "debitAccountNumber": "1000000001",
        "creditAccountNumber": "333600992",
        "currency": "KES",
        "amount": "50000.00",
        "narration": "FLOAT TOPUP",
    }
    assert (taken.core_reference, taken.final, taken.earlier) == ("FT26154A", True, False)


def test_every_call_carries_token_subscription_key_and_a_name_of_our_own(net: responses.RequestsMock) -> None:
    net.post(IFT, json=GOOD)
    gateway().transfer(transfer())
    login, order = (call.request for call in net.calls)
    assert json.loads(login.body) == {"userID": "u", "password": "p-hidden"}
    assert order.headers["Authorization"] == "Bearer tok"
    for request in (login, order):
        assert request.headers["Ocp-Apim-Subscription-Key"] == "key-hidden"
        assert request.headers["User-Agent"].startswith("PaymentVault/")


def test_float_is_bought_with_the_fields_of_the_collection(net: responses.RequestsMock) -> None:
    net.post(
        FLOAT, json={"hdrRefNo": REF, "hdrTranId": "FT1", "resErrorCode": "000", "resErrorDesc": "Success"}
    )
    taken = gateway(float_country="KE", float_date_format="%d/%m/%Y").float_purchase(purchase())
    assert sent(net, FLOAT) == {
        "reqAgentName": "VAULT",
        "reqCreditAmount": "50000",
        "reqCustomerReference": REF,
        "reqDealReference": REF,
        "reqDebitAccountNumber": "1000000001",
        "reqDebitAcCurrency": "KES",
        "reqDebitAmount": "50000",
        "reqMobileNumber": "254708374149",
        "reqPayBillTillNo": "600992",
        "reqPaymentDescription": "FLOAT TOPUP",
        "reqPaymentType": "FloatPurchase",
        "reqToAccountName": "VAULT",
        "reqTransactionReferenceNo": REF,
        "reqTxnDate": "03/06/2026",
        "senderCountry": "KE",
    }
    assert (taken.core_reference, taken.final) == ("FT1", False)  # accepted; it arrives later


def test_a_paybill_is_paid_with_the_fields_of_the_collection(net: responses.RequestsMock) -> None:
    net.post(LIPA, json={"hdrRefNo": REF, "hdrTranId": "FT1", "resErrorCode": "000", "UnitId": "1"})
    gateway().pay_to_paybill(bill())
    assert sent(net, LIPA) == {
        "reqTransactionReferenceNo": REF,
        "reqPaymentType": "Paybill",
        "reqPayBillTillNo": "600992",
        "DebitAccountNumber": "1000000001",
        "DebitAmount": "50000",
        "reqCreditAmount": "50000",
        "reqDebitAcCurrency": "KES",
        "reqToAccountName": "VAULT",
        "reqMobileNumber": "254708374149",
        "reqPaymentDescription": "FLOAT TOPUP",
        "reqPaybillAccount": "FLOAT",
        "Country": "Kenya",
        "reqChnlId": "1",
    }


def test_the_older_shape_and_names_in_any_case_are_understood(net: responses.RequestsMock) -> None:
    net.post(IFT, json={"Response Code": 0, "Reference": "FTC0000000000", "Description": "Success"})
    assert gateway().transfer(transfer()).core_reference == "FTC0000000000"
    net.replace(responses.POST, IFT, json={name.upper(): value for name, value in GOOD.items()})
    assert gateway().transfer(transfer()).core_reference == "FT26154A"


DOUBLES = [
    {"Response Code": 11, "Reference": "DUPLICATE | FTC0000000000", "Description": "ERROR"},
    {"resultCode": "011", "statusDescription": "DUPLICATE | FTC0000000000", "cbxReferenceNumber": REF},
    {"hdrRefNo": REF, "resErrorCode": "011", "resErrorMessage": "DUPLICATE | FTC0000000000"},
    {"resultCode": "999", "statusDescription": "Duplicate | FTC0000000000"},
]


@pytest.mark.parametrize("answer", DOUBLES)
def test_a_duplicate_was_taken_earlier_and_is_no_failure(net: responses.RequestsMock, answer: Any) -> None:
    net.post(IFT, json=answer)
    taken = gateway().transfer(transfer())
    assert (taken.earlier, taken.core_reference, taken.final) == (True, "FTC0000000000", False)


@pytest.mark.parametrize("code", ["051", "014", "013"])
def test_only_a_listed_code_is_a_refusal(net: responses.RequestsMock, code: str) -> None:
    net.post(
        IFT,
        json={
            "resultCode": code,
            "statusDescription": "No",
            "cbxReferenceNumber": REF,
            "txnReferenceNo": None,
        },
    )
    with pytest.raises(Rejected) as caught:
        gateway().transfer(transfer())
    assert (caught.value.code, caught.value.stop) == (code, False)
    with pytest.raises(OutcomeUnknown):
        gateway(reject_codes=("999",)).transfer(transfer())


UNCLEAR: dict[str, dict[str, Any]] = {
    "unlisted code": {"json": {"resultCode": "096", "statusDescription": "Closed"}},
    "number that is no code": {"json": {"Response Code": 1}},
    "success missing": {"json": {"cbxReferenceNumber": REF, "txnReferenceNo": "FT1"}},
    "refused, and yet booked": {"json": {"resErrorCode": "051", "hdrTranId": "FT1", "hdrRefNo": REF}},
    "two codes at odds": {"json": {"resultCode": "000", "resErrorCode": "051"}},
    "about another order": {"json": GOOD | {"cbxReferenceNumber": "PV000000000000000000"}},
    "refusal of another order": {"json": {"resultCode": "051", "cbxReferenceNumber": "PV1"}},
    "success in a 500": {"json": GOOD, "status": 500},
    "refusal in a 502": {"json": {"resultCode": "051"}, "status": 502},
    "bad request": {"json": {"title": "validation errors", "status": 400}, "status": 400},
    "html": {"body": "<html>Bad gateway</html>", "status": 502},
    "html in a 200": {"body": "<html>Maintenance</html>"},
    "a list": {"json": [GOOD]},
    "nothing": {"body": ""},
    "half a body": {"body": '{"resultCode": "05'},
    "another 403": {"body": "<html>Forbidden</html>", "status": 403},
    "read timeout": {"body": requests.ReadTimeout("read timed out")},
    "hung up": {"body": requests.ConnectionError("Connection aborted.")},
    "broken tls": {"body": requests.exceptions.SSLError("bad record")},
}


@pytest.mark.parametrize("answer", UNCLEAR.values(), ids=UNCLEAR)
def test_whatever_is_no_clear_refusal_may_have_moved_money(net: responses.RequestsMock, answer: Any) -> None:
    net.post(IFT, **answer)
    with pytest.raises(OutcomeUnknown):
        gateway().transfer(transfer())


def test_success_without_a_reference_is_taken_and_not_final(net: responses.RequestsMock) -> None:
    net.post(IFT, json={"resultCode": "000", "statusDescription": "SUCCESS"})
    taken = gateway().transfer(transfer())
    assert (taken.core_reference, taken.final) == ("", False)


def test_a_connection_that_was_never_made_sent_nothing(net: responses.RequestsMock) -> None:
    net.post(IFT, body=requests.ConnectTimeout("connect timed out"))
    with pytest.raises(Retryable):
        gateway().transfer(transfer())


def test_the_firewalls_page_stops_everything_and_nothing_was_sent_on(net: responses.RequestsMock) -> None:
    net.post(IFT, body="<html><title>Security Notice</title></html>", status=403)
    with pytest.raises(Rejected) as caught:
        gateway().transfer(transfer())
    assert caught.value.stop


def test_a_refused_token_is_renewed_once_and_the_same_order_goes_again(net: responses.RequestsMock) -> None:
    net.post(IFT, json={"message": "expired"}, status=401)
    net.post(IFT, json=GOOD)
    client = gateway()
    client.transfer(transfer())
    orders = [call.request for call in net.calls if call.request.url == IFT]
    assert [json.loads(order.body)["transactionID"] for order in orders] == [REF, REF]
    assert [call.request.url for call in net.calls] == [TOKEN, IFT, TOKEN, IFT]


def test_a_token_refused_twice_is_a_matter_of_set_up(net: responses.RequestsMock) -> None:
    net.post(IFT, json={"message": "no"}, status=401)
    with pytest.raises(Rejected) as caught:
        gateway().transfer(transfer())
    assert caught.value.stop
    assert len(net.calls) == 4


def test_one_token_serves_many_calls(net: responses.RequestsMock) -> None:
    net.post(IFT, json=GOOD)
    client = gateway()
    client.transfer(transfer())
    client.transfer(transfer())
    assert [call.request.url for call in net.calls].count(TOKEN) == 1


@pytest.mark.parametrize("name", ["accessToken", "tokenID", "access_token", "token", "AccessToken"])
@pytest.mark.parametrize("under", ["", "data"])
def test_the_token_has_several_names_and_places(net: responses.RequestsMock, name: str, under: str) -> None:
    net.replace(responses.POST, TOKEN, json={under: {name: "other"}} if under else {name: "other"})
    net.post(IFT, json=GOOD)
    gateway().transfer(transfer())
    assert net.calls[-1].request.headers["Authorization"] == "Bearer other"


NO_TOKEN: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"json": {"message": "Invalid credentials"}, "status": 401}, Rejected),
    ({"body": "<html>Security Notice</html>", "status": 403}, Rejected),
    ({"json": {"message": "Error", "status": "500"}, "status": 500}, Retryable),
    ({"body": "<html/>"}, Retryable),
    ({"json": {"accessToken": ""}}, Retryable),
    ({"json": {"accessToken": "with a blank"}}, Retryable),
    ({"json": ["tok"]}, Retryable),
    ({"body": requests.ReadTimeout("read timed out")}, Retryable),
]


@pytest.mark.parametrize(("answer", "error"), NO_TOKEN)
def test_without_a_token_nothing_else_is_attempted(
    net: responses.RequestsMock, answer: Any, error: type[Exception]
) -> None:
    net.replace(responses.POST, TOKEN, **answer)
    with pytest.raises(error):
        gateway().transfer(transfer())
    assert {call.request.url for call in net.calls} == {TOKEN}


def test_a_gateway_without_an_address_says_so() -> None:
    login = GatewayLogin(user="u", password="p", subscription_key="k")
    with pytest.raises(Rejected, match="NCBA_OPEN_BANKING_URL"):
        Gateway(
            base_url="",
            login=login,
            ncba=NcbaSettings(),
            session=requests.Session(),
            tokens=LocalTokenStore(),
        )


DETAILS = {
    "availableBalance": "450000.50",
    "currentBalance": 460000,
    "currency": "KES",
    "accountName": "VAULT",
}


@pytest.mark.parametrize("answer", [DETAILS, {"data": DETAILS}, {"Data": {"AvailableBalance": "450,000.50"}}])
def test_the_balance_is_read_in_each_of_its_places(net: responses.RequestsMock, answer: Any) -> None:
    net.post(BALANCE, json=answer)
    assert gateway().balance("1000000001").available == Decimal("450000.50")
    assert sent(net, BALANCE) == {"country": "Kenya", "accountNo": "1000000001"}


def test_the_field_of_the_balance_is_a_setting(net: responses.RequestsMock) -> None:
    net.post(BALANCE, json={"account": {"free": 7}})
    assert gateway(available_balance_field="account.free").balance("1").available == 7


ROW = {
    "ValueDate": "03062026",
    "CreditDebitFlag": "D",
    "InstrumentReferenceNumber": "ft26154abcde ",
    "CreditAmount": "0.00",
    "DebitAmount": "50000.00",
    "RunningBalance": "450000.00",
    "Narrative": f"FLOAT TOPUP {REF}",
    "TransactionCode": "880",
    "PaymentDetails": "VAULT",
    "AdditionalReference": "RKL51ZDR4F",
}
CREDIT = ROW | {"CreditDebitFlag": "C", "CreditAmount": "5,000.00", "DebitAmount": "0.00"}


@pytest.mark.parametrize("answer", [[ROW], {"data": [ROW]}, ROW, {"data": ROW}])
def test_a_statement_is_a_list_a_list_under_data_or_one_row(net: responses.RequestsMock, answer: Any) -> None:
    net.post(STATEMENT, json=answer)
    found = gateway().statement("1000000001", first=date(2026, 6, 2), last=date(2026, 6, 3))
    assert sent(net, STATEMENT)["fromDate"] == "02062026"
    (line,) = found.lines
    assert (line.core_reference, line.amount, line.value_date) == ("FT26154ABCDE", -50000, date(2026, 6, 3))
    assert (line.running_balance, line.other_references) == (450000, ("RKL51ZDR4F",))


def test_credits_are_above_zero_and_what_cannot_be_read_is_counted(net: responses.RequestsMock) -> None:
    long = CREDIT | {"InstrumentReferenceNumber": "F" * 41}
    wrong = [long, CREDIT | {"CreditAmount": "x"}, CREDIT | {"CreditDebitFlag": "?"}, {}, 5]
    net.post(STATEMENT, json=[CREDIT, *wrong])
    found = gateway().statement("1", first=date(2026, 6, 3), last=date(2026, 6, 3))
    assert ([line.amount for line in found.lines], found.unreadable) == ([Decimal(5000)], 5)


@pytest.mark.parametrize("answer", [[], {"data": []}, {"data": None}])
def test_a_day_without_lines_is_an_empty_statement(net: responses.RequestsMock, answer: Any) -> None:
    net.post(STATEMENT, json=answer)
    assert gateway().statement("1", first=date(2026, 6, 3), last=date(2026, 6, 3)).lines == ()


NO_ANSWER: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"json": {"resultCode": "014", "statusDescription": "Invalid account"}}, Rejected),
    ({"body": "<html/>", "status": 502}, Retryable),
    ({"body": "<html/>"}, Retryable),
    ({"json": {"message": "Error"}, "status": 500}, Retryable),
    ({"body": requests.ReadTimeout("read timed out")}, Retryable),
]


@pytest.mark.parametrize(("answer", "error"), NO_ANSWER)
def test_a_question_that_is_not_answered_may_be_asked_again(
    net: responses.RequestsMock, answer: Any, error: type[Exception]
) -> None:
    for url in (BALANCE, STATEMENT):
        net.post(url, **answer)
    with pytest.raises(error):
        gateway().balance("1")
    with pytest.raises(error):
        gateway().statement("1", first=date(2026, 6, 3), last=date(2026, 6, 3))


HINTS = [
    ({"Code": "000", "Transaction": {"Status": "PASSED", "CBSReference": "ft1"}}, Hint.DONE),
    ({"ErrorCode": "000", "Status": "PASSED", "CoreReference": "FT1"}, Hint.DONE),
    ({"ErrorCode": "000", "Status": "FAILED"}, Hint.NOT_DONE),
    ({"Code": "404", "Description": "Transaction not found", "Transaction": None}, Hint.UNCLEAR),
    ({"ErrorCode": "404", "Status": "PASSED"}, Hint.UNCLEAR),
]


@pytest.mark.parametrize(("answer", "hint"), HINTS)
def test_the_status_of_an_order_is_a_hint(net: responses.RequestsMock, answer: Any, hint: Hint) -> None:
    net.post(STATUS, json=answer)
    assert gateway().ask(REF).hint == hint
    assert sent(net, STATUS) == {"country": "KE", "transactionId": REF}


def test_the_status_query_that_is_broken_is_no_answer(net: responses.RequestsMock) -> None:
    net.post(STATUS, json={"message": "Internal server error"}, status=500)
    with pytest.raises(Retryable):
        gateway().ask(REF)


def test_a_phone_is_asked_with_text_in_every_field(net: responses.RequestsMock) -> None:
    net.post(
        STK,
        json={"TransactionID": "T1", "StatusCode": "0", "StatusDescription": "Success", "ReferenceID": "R1"},
    )
    assert till().push(push()).transaction_id == "T1"
    assert sent(net, STK) == {
        "TelephoneNo": "254708374149",
        "Amount": "100",
        "PayBillNo": "880100",
        "AccountNo": "123456#KILIMO",
        "Network": "Safaricom",
        "TransactionType": "CustomerPayBillOnline",
    }
    assert net.calls[0].request.headers["Authorization"].startswith("Basic ")


def test_cents_never_leave_for_a_phone(net: responses.RequestsMock) -> None:
    with pytest.raises(ValueError, match="cents"):
        till().push(push("100.50"))
    assert not net.calls


PUSHES: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"json": {"TransactionID": None, "StatusCode": "1", "StatusDescription": "No till"}}, Rejected),
    ({"json": {"TransactionID": None, "StatusCode": "0"}}, OutcomeUnknown),
    ({"json": {"TransactionID": "T1", "StatusCode": "1"}}, OutcomeUnknown),
    ({"json": {"TransactionID": "T1", "StatusCode": "7"}}, OutcomeUnknown),
    ({"json": {"TransactionID": "T1", "StatusCode": "0"}, "status": 500}, OutcomeUnknown),
    ({"body": "<html/>"}, OutcomeUnknown),
    ({"json": []}, OutcomeUnknown),
    ({"body": requests.ReadTimeout("read timed out")}, OutcomeUnknown),
    ({"body": requests.ConnectTimeout("connect timed out")}, Retryable),
    ({"json": {"message": "Invalid API credentials", "status": "401"}, "status": 401}, Rejected),
]


@pytest.mark.parametrize(("answer", "error"), PUSHES)
def test_http_200_alone_does_not_ring_a_phone(
    net: responses.RequestsMock, answer: Any, error: type[Exception]
) -> None:
    net.post(STK, **answer)
    with pytest.raises(error):
        till().push(push())


@pytest.mark.parametrize("status", [404, 405])
def test_the_tills_token_is_fetched_by_post_where_get_is_not_taken(
    net: responses.RequestsMock, status: int
) -> None:
    net.replace(responses.GET, TILL_TOKEN, json={"message": "no", "status": str(status)}, status=status)
    net.post(TILL_TOKEN, json={"access_token": "posted", "expires_in": "18000"})
    till().log_in()
    assert {call.request.method for call in net.calls} == {"GET", "POST"}


def test_what_the_till_says_of_a_push_is_a_hint(net: responses.RequestsMock) -> None:
    net.post(STK_QUERY, json={"status": "FAILED", "description": "System internal error."})
    found = till().ask("T1")
    assert (found.hint, found.words) == (Hint.NOT_DONE, "System internal error.")
    net.replace(responses.POST, STK_QUERY, json={"status": "SUCCESS", "description": "Success"})
    assert till().ask("T1").hint == Hint.DONE
    net.replace(responses.POST, STK_QUERY, json={"status": "PENDING"})
    assert till().ask("T1").hint == Hint.UNCLEAR
    net.replace(responses.POST, STK_QUERY, body="<html/>")
    with pytest.raises(Retryable):
        till().ask("T1")


def test_a_qr_code_is_a_picture_or_a_reason(net: responses.RequestsMock) -> None:
    net.post(
        QR,
        json={"StatusCode": "0", "StatusDescription": "Success", "Base64QrCode": "data:image/png;base64,AA"},
    )
    assert till().qr_code(account="123456#KILIMO", amount=Decimal(100)).image.endswith(",AA")
    assert sent(net, QR) == {"till": "123456#KILIMO", "amount": 100}
    net.replace(
        responses.POST, QR, json={"StatusCode": "2", "StatusDescription": "Failed", "Base64QrCode": None}
    )
    with pytest.raises(Rejected):
        till().qr_code(account="123456")
    net.replace(responses.POST, QR, json={"StatusCode": "0"})
    with pytest.raises(Retryable):
        till().qr_code(account="123456")


def test_our_references_are_short_plain_and_never_the_same() -> None:
    made = {new_reference(datetime(2026, 6, 2, 22, 0, tzinfo=UTC)) for _ in range(1000)}
    assert len(made) == 1000
    assert all(len(one) == 20 and one.isalnum() and one.isupper() for one in made)
    assert all(one.startswith("PV260603") for one in made)  # the day in Nairobi


def test_secrets_are_not_shown_when_a_login_is_printed() -> None:
    shown = repr(GatewayLogin(user="u", password="p-hidden", subscription_key="key-hidden"))
    assert "hidden" not in shown
