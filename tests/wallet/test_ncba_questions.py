"""What NCBA is asked, and a phone through its till, to the letter, and what its answers tell."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests
import responses

from common.gateway import OutcomeUnknown, Rejected, Retryable
from tests.wallet.make_ncba import (
    BALANCE,
    QR,
    REF,
    STATEMENT,
    STATUS,
    STK,
    STK_QUERY,
    TILL_TOKEN,
    gateway,
    push,
    sent,
    till,
)
from wallet.ncba_shapes import (
    GatewayLogin,
    Hint,
    new_reference,
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
