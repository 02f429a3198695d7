"""What leaves us for the collecting APIs, to the letter, and what their answers mean."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import responses

from common.gateway import OutcomeUnknown, Rejected, Retryable
from common.money import BadAmount
from mpesa import collections, stk
from mpesa.client import Client
from mpesa.collecting import Prompt
from mpesa.stk import Outcome
from tests.mpesa.make_mpesa import HOST, client

AT = datetime(2026, 6, 3, 7, 0, 5, tzinfo=UTC)
BACK = "https://vault.example/callbacks/stk/00aa/result"
URLS = {
    "confirmation": "https://vault.example/callbacks/c2b/00aa/confirmation",
    "validation": "https://vault.example/callbacks/c2b/00aa/validation",
}


@pytest.fixture
def daraja() -> Any:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(f"{HOST}/oauth/v1/generate", json={"access_token": "token", "expires_in": "3599"})
        yield mock


def prompt(**changes: Any) -> Prompt:
    facts = {
        "phone": "254708374149",
        "amount": Decimal(300),
        "account": "000000001",
        "description": "Loan",
        "callback_url": BACK,
        "passkey": "pk",
    }
    return Prompt(**(facts | changes))


def register(who: Client, version: str = "v2", **changes: str) -> Any:
    return who.register_urls(**(URLS | {"response_type": "Completed", "version": version} | changes))


def push(who: Client) -> Any:
    return who.prompt(prompt(), reference="r", at=AT)


def ask(who: Client) -> Any:
    return who.ask_prompt(checkout_id="ws_CO_1", passkey="pk", at=AT)


def pull(who: Client) -> Any:
    return who.pull(since=datetime(2026, 6, 1, tzinfo=UTC), until=AT, offset=1000)


PASSWORD = base64.b64encode(b"600992pk20260603100005").decode()
GOLDEN: list[tuple[Callable[[Client], Any], str, dict[str, Any], dict[str, Any]]] = [
    (
        register,
        "/mpesa/c2b/v2/registerurl",
        {
            "ShortCode": "600992",
            "ResponseType": "Completed",
            "ConfirmationURL": URLS["confirmation"],
            "ValidationURL": URLS["validation"],
        },
        {"OriginatorCoversationID": "6e86", "ResponseCode": "0", "ResponseDescription": "Success"},
    ),
    (
        push,
        "/mpesa/stkpush/v1/processrequest",
        {
            "BusinessShortCode": 600992,
            "Password": PASSWORD,
            "Timestamp": "20260603100005",
            "TransactionType": "CustomerPayBillOnline",
            "Amount": 300,
            "PartyA": 254708374149,
            "PartyB": 600992,
            "PhoneNumber": 254708374149,
            "CallBackURL": BACK,
            "AccountReference": "000000001",
            "TransactionDesc": "Loan",
        },
        {"MerchantRequestID": "29115", "CheckoutRequestID": "ws_CO_1", "ResponseCode": "0"},
    ),
    (
        pull,
        "/pulltransactions/v1/query",
        {
            "ShortCode": "600992",
            "StartDate": "2026-06-01 03:00:00",
            "EndDate": "2026-06-03 10:00:05",
            "OffSetValue": "1000",
        },
        {"ResponseRefID": "1", "ResponseCode": "1001", "Response": "[[]]"},
    ),
]


@pytest.mark.parametrize(("act", "path", "body", "answer"), GOLDEN)
def test_the_exact_body_goes_out(
    daraja: Any, act: Callable[[Client], Any], path: str, body: dict[str, Any], answer: dict[str, Any]
) -> None:
    daraja.post(HOST + path, json=answer)
    act(client())
    assert json.loads(daraja.calls[-1].request.body) == body


@pytest.mark.parametrize(
    ("status", "answer", "earlier"),
    [
        (200, {"ResponseCode": "0", "ResponseDescription": "success"}, False),
        (200, {"ConversationID": "", "ResponseDescription": "success"}, False),
        (500, {"errorCode": "500.003.1001", "errorMessage": "Urls are already registered."}, True),
        (
            500,
            {
                "errorCode": "500.003.1001",
                "errorMessage": "Duplicate notification info, SP ID is 1, correlator is 2",
            },
            True,
        ),
    ],
)
def test_a_registration_that_holds(daraja: Any, status: int, answer: Any, earlier: bool) -> None:
    daraja.post(f"{HOST}/mpesa/c2b/v1/registerurl", json=answer, status=status)
    assert register(client(), "v1").earlier is earlier


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (500, {"errorCode": "500.003.1001", "errorMessage": "Internal Server Error"}, Retryable),
        (400, {"errorCode": "400.002.02", "errorMessage": "Bad Request - Invalid ShortCode"}, Rejected),
        (503, "<html>", Retryable),
        (200, "<html>", Retryable),
        (200, {"ResponseDescription": "failed"}, Retryable),
    ],
)
def test_a_registration_that_does_not(daraja: Any, status: int, answer: Any, error: type[Exception]) -> None:
    how = {"body": answer} if isinstance(answer, str) else {"json": answer}
    daraja.post(f"{HOST}/mpesa/c2b/v2/registerurl", status=status, **how)
    with pytest.raises(error):
        register(client())


def test_a_forbidden_address_is_not_even_sent(daraja: Any) -> None:
    with pytest.raises(ValueError, match="mpesa"):
        register(client(), confirmation="https://vault.example/mpesa/confirmation")
    assert not daraja.calls


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (200, {"ResponseCode": "0"}, OutcomeUnknown),
        (500, {"errorCode": "500.001.1001", "errorMessage": "Internal Server Error"}, OutcomeUnknown),
        (504, "<html>", OutcomeUnknown),
        (400, {"errorCode": "400.002.02", "errorMessage": "Bad Request - Invalid Amount"}, Rejected),
        (500, {"errorCode": "500.003.02", "errorMessage": "Spike Arrest Violation"}, Retryable),
    ],
)
def test_a_prompt_is_never_surer_than_its_answer(
    daraja: Any, status: int, answer: Any, error: type[Exception]
) -> None:
    how = {"body": answer} if isinstance(answer, str) else {"json": answer}
    daraja.post(f"{HOST}/mpesa/stkpush/v1/processrequest", status=status, **how)
    with pytest.raises(error):
        push(client())


def test_a_prompt_with_cents_is_not_sent(daraja: Any) -> None:
    with pytest.raises(BadAmount):
        client().prompt(prompt(amount=Decimal("10.50")), reference="r", at=AT)


@pytest.mark.parametrize(
    ("status", "answer", "outcome"),
    [
        (
            200,
            {"ResponseCode": "0", "ResultCode": "1032", "ResultDesc": "Request Cancelled by user."},
            Outcome.NOT_PAID,
        ),
        (200, {"ResponseCode": "0", "ResultCode": "0", "ResultDesc": "ok"}, Outcome.UNKNOWN),
        (200, {"ResponseCode": "0", "ResultCode": "9999", "ResultDesc": "?"}, Outcome.UNKNOWN),
        (500, {"errorCode": "500.001.1001", "errorMessage": "The transaction is being processed"}, None),
    ],
)
def test_the_state_of_a_prompt(daraja: Any, status: int, answer: Any, outcome: Outcome | None) -> None:
    daraja.post(f"{HOST}/mpesa/stkpushquery/v1/query", json=answer, status=status)
    said = ask(client())
    assert (said.outcome if said else None) == outcome


ROW = {
    "transactionId": "SF30ABCDEF",
    "trxDate": "2026-06-03T10:00:00Z",
    "msisdn": 708374149,
    "amount": "168.00",
}


@pytest.mark.parametrize("response", [[[ROW]], [ROW], json.dumps([[ROW]]), ROW])
def test_pulled_rows_in_every_shape(daraja: Any, response: Any) -> None:
    daraja.post(f"{HOST}/pulltransactions/v1/query", json={"ResponseCode": "1000", "Response": response})
    (row,) = pull(client())
    assert (row.receipt, row.amount, row.payer.phone) == ("SF30ABCDEF", 168, "254708374149")
    assert row.paid_at == datetime(2026, 6, 3, 7, 0, tzinfo=UTC)


def test_a_pull_that_may_not_be_posted_is_asked_with_get(daraja: Any) -> None:
    path = f"{HOST}/pulltransactions/v1/query"
    daraja.post(path, json={"errorCode": "405.001", "errorMessage": "POST Method Not Allowed"}, status=405)
    daraja.get(path, json={"ResponseCode": "1000", "Response": [[ROW]]})
    assert [row.receipt for row in pull(client())] == ["SF30ABCDEF"]
    posted, got = (call.request for call in daraja.calls[-2:])
    assert (posted.method, got.method, got.body) == ("POST", "GET", posted.body)


def test_a_pull_that_goes_by_neither_method_is_no_empty_list(daraja: Any) -> None:
    for method in ("GET", "POST"):
        daraja.add(method, f"{HOST}/pulltransactions/v1/query", json={"errorCode": "405.001"}, status=405)
    with pytest.raises((Rejected, Retryable)):
        pull(client())


@pytest.mark.parametrize("key", ["ResponseStatus", "Response Status"])
@pytest.mark.parametrize(("code", "earlier"), [("1000", False), ("1001", True)])
def test_pull_registration_with_both_spellings(daraja: Any, key: str, code: str, earlier: bool) -> None:
    daraja.post(f"{HOST}/pulltransactions/v1/register", json={key: code})
    answer = client().register_pull(nominated="254711000001", callback_url="https://vault.example/p")
    assert answer.earlier is earlier


def test_the_callback_of_a_prompt_as_the_portal_prints_it() -> None:
    items = [
        {"Name": "Amount", "Value": 1.00},
        {"Name": "MpesaReceiptNumber", "Value": "NLJ7RT61SV"},
        {"Name": "Balance"},
        {"Name": "TransactionDate", "Value": 20191219102115},
        {"Name": "PhoneNumber", "Value": 254708374149},
    ]
    said = {"CheckoutRequestID": "ws_CO_1", "ResultCode": 0, "CallbackMetadata": {"Item": items}}
    found = stk.parse_callback(json.dumps({"Body": {"stkCallback": said}}))
    assert found is not None
    assert (found.outcome, found.receipt, found.amount) == (Outcome.PAID, "NLJ7RT61SV", Decimal(1))
    assert found.payer.phone == "254708374149"
    assert found.paid_at == datetime(2019, 12, 19, 7, 21, 15, tzinfo=UTC)


@pytest.mark.parametrize("raw", ["", "[]", "{}", '{"Body": []}', '{"Body": {"stkCallback": 1}}', "[" * 9999])
def test_garbage_is_no_callback(raw: str) -> None:
    assert stk.parse_callback(raw) is None


def test_a_success_without_a_receipt_proves_nothing() -> None:
    found = stk.parse_callback('{"Body": {"stkCallback": {"ResultCode": 0, "CallbackMetadata": {}}}}')
    assert found is not None
    assert found.outcome == Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("written", "phone", "fits"),
    [
        ("254708374149", "254708374149", True),
        ("254708374149", "254708374148", False),
        ("2547 ***** 149", "254708374149", True),
        ("2547 ***** 149", "254708374140", False),
        ("bbff37cea44ac0b2d964ee0dfb8d2df8513dc7ba1b36129a929fc3fbd6dd4af4", "254708374149", True),
        ("", "254708374149", False),
    ],
)
def test_whose_number_it_can_be(written: str, phone: str, fits: bool) -> None:
    assert collections.fits(collections.payer(written), phone) is fits
