"""What leaves for NCBA to move money, to the letter, and what each of its answers means."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import requests
import responses

from common.gateway import OutcomeUnknown, Rejected, Retryable
from common.token_store import LocalTokenStore
from tests.wallet.make_ncba import (
    FLOAT,
    IFT,
    LIPA,
    REF,
    TOKEN,
    gateway,
    sent,
)
from wallet.ncba import Gateway
from wallet.ncba_settings import NcbaSettings
from wallet.ncba_shapes import (
    FloatPurchase,
    GatewayLogin,
    InternalTransfer,
    PaybillPayment,
)


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
