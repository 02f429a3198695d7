"""The command that records a paid loan: exact body out, and what each answer proves."""

import json
from decimal import Decimal
from typing import Any

import pytest
import requests
import responses
from urllib3.exceptions import MaxRetryError, NewConnectionError

from common.gateway import GatewayError, OutcomeUnknown, Rejected, Retryable
from mifos.errors import Advice, advice, spends_key
from mifos.shapes import DisburseAnswer
from tests.mifos import make_mifos as make

URL = f"{make.BASE}/loans/12"
WRONG_STATE = "error.msg.loan.disbursal.account.is.not.approve.not.disbursed.state"
TOO_MUCH = "error.msg.loan.disburse.amount.must.be.less.than.approved.principal"
FUTURE = "error.msg.loan.disbursal.cannot.be.a.future.date"
HTML = "<html><body>502 Bad Gateway</body></html>"
ECHO = json.dumps({"actualDisbursementDate": "2026-06-03", "locale": "en"})
UNAVAILABLE = "error.msg.platform.service.unavailable"


@responses.activate
def disburse(status: int, body: str, *, cached: bool = False, **command: Any) -> DisburseAnswer:
    headers = {"x-served-from-cache": "true"} if cached else {}
    responses.post(URL, status=status, body=body, headers=headers, content_type=None)
    return make.client().disburse(make.command(**command))


@responses.activate
def test_what_goes_out_is_exactly_this() -> None:
    sent = responses.post(URL, body=make.text("disbursed.json"))
    make.client().disburse(make.command())
    request = sent.calls[0].request
    assert json.loads(request.body) == {
        "actualDisbursementDate": "2026-06-03",
        "dateFormat": "yyyy-MM-dd",
        "locale": "en",
        "transactionAmount": "10000.00",
        "paymentTypeId": 3,
        "receiptNumber": "SG632NMUAB",
        "externalId": "disb-7f3",
        "note": "Paid by M-Pesa",
    }
    assert request.params == {"command": "disburse"}
    assert request.headers["Idempotency-Key"] == "disb-7f3-0"
    assert request.headers["Fineract-Platform-TenantId"] == "default"
    assert request.headers["Accept"] == request.headers["Content-Type"] == "application/json"
    assert request.headers["Authorization"] == "Basic dmF1bHQ6cMOkc3N3b3JkLW5ldmVyLXNob3du"  # UTF-8


@responses.activate
def test_without_an_amount_none_is_sent() -> None:
    sent = responses.post(URL, body=make.text("disbursed.json"))
    make.client().disburse(make.command(amount=None, note="", receipt="", payment_type_id=None))
    assert set(json.loads(sent.calls[0].request.body)) == {
        "actualDisbursementDate",
        "dateFormat",
        "locale",
        "externalId",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"payment_type_id": None},
        {"idempotency_key": "k" * 51},
        {"idempotency_key": ""},
        {"idempotency_key": "with\r\nline"},
        {"external_id": ""},
        {"external_id": "x" * 101},
        {"receipt": "r" * 51},
        {"note": "n" * 1001},
        {"amount": Decimal(0)},
        {"amount": Decimal("1.005")},
    ],
    ids=str,
)
def test_what_mifos_would_refuse_or_drop_is_not_even_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        make.command(**wrong)


def test_a_key_may_have_fifty_characters() -> None:
    assert make.command(idempotency_key="k" * 50)


def test_done_when_the_loan_is_active() -> None:
    assert disburse(200, make.text("disbursed.json")) == DisburseAnswer(
        done=True, pending_checker=False, from_cache=False, loan_id=12, transaction_id=345
    )


def test_done_earlier_when_the_answer_is_from_the_cache() -> None:
    body = json.dumps({"loanId": 12, "resourceId": 12, "changes": None, "subResourceId": None})
    answer = disburse(200, body, cached=True)
    assert (answer.done, answer.from_cache, answer.transaction_id) == (True, True, None)


@pytest.mark.parametrize("extra", [{"resourceId": 12}, {}], ids=["with loan", "without"])
def test_waiting_for_a_checker_is_not_done(extra: dict[str, int]) -> None:
    answer = disburse(200, json.dumps({"commandId": 57, "rollbackTransaction": True} | extra))
    assert (answer.done, answer.pending_checker) == (False, True)


@pytest.mark.parametrize(
    ("body", "cached", "then"),
    [
        (make.sample("disbursed.json", loanId=13), True, Advice.NEW_KEY_AFTER_READING),
        (make.sample("disbursed.json", loanId=13), False, Advice.READ_THE_LOAN),
        (make.sample("disbursed.json", changes={}), False, Advice.READ_THE_LOAN),
        ({"loanId": None, "resourceId": None}, True, Advice.READ_THE_LOAN),
        ([1, 2], False, Advice.READ_THE_LOAN),
        ({}, False, Advice.READ_THE_LOAN),
        ("", False, Advice.READ_THE_LOAN),
    ],
    ids=[
        "cached, another loan",
        "another loan",
        "no status",
        "cached, nulls",
        "a list",
        "empty object",
        "text",
    ],
)
def test_a_200_that_does_not_say_it_is_done_is_unknown(body: Any, cached: bool, then: Advice) -> None:
    with pytest.raises(OutcomeUnknown) as raised:
        disburse(200, json.dumps(body), cached=cached)
    assert advice(raised.value) is then


# (answer, error, code, advice, whether a new key is needed) for each row of the contract's table
TABLE = {
    "wrong state": (
        400,
        make.refusal(400, WRONG_STATE),
        OutcomeUnknown,
        WRONG_STATE,
        Advice.READ_THE_LOAN,
        True,
    ),
    "amount above": (403, make.refusal(403, TOO_MUCH), OutcomeUnknown, TOO_MUCH, Advice.READ_THE_LOAN, True),
    "data integrity": (
        403,
        make.refusal(403, "error.msg.data.integrity.issue"),
        OutcomeUnknown,
        "error.msg.data.integrity.issue",
        Advice.READ_THE_LOAN,
        True,
    ),
    "still at work": (425, ECHO, OutcomeUnknown, "http.425", Advice.READ_THE_LOAN, False),
    "boot 500": (500, make.boot(500), OutcomeUnknown, "http.500", Advice.READ_THE_LOAN, False),
    "shaped 500": (
        500,
        make.refusal(500, "error.msg.platform.server.side.error"),
        OutcomeUnknown,
        "error.msg.platform.server.side.error",
        Advice.READ_THE_LOAN,
        False,
    ),
    "html 502": (502, HTML, OutcomeUnknown, "html", Advice.READ_THE_LOAN, False),
    "html 403": (403, HTML, OutcomeUnknown, "html", Advice.READ_THE_LOAN, False),
    "html 200": (200, HTML, OutcomeUnknown, "shape", Advice.READ_THE_LOAN, False),
    "nothing 504": (504, "", OutcomeUnknown, "http.504", Advice.READ_THE_LOAN, False),
    "boot 404": (404, make.boot(404), OutcomeUnknown, "http.404", Advice.READ_THE_LOAN, False),
    "redirect": (302, "", OutcomeUnknown, "http.302", Advice.READ_THE_LOAN, False),
    "a list": (400, "[1]", OutcomeUnknown, "http.400", Advice.READ_THE_LOAN, False),
    "COB lock": (
        409,
        make.bare("error.msg.loan.locked", "Loan is locked by the COB job. Loan ID: 12"),
        Retryable,
        "error.msg.loan.locked",
        Advice.SAME_KEY_LATER,
        False,
    ),
    "conflict": (
        409,
        make.refusal(409, "error.msg.platform.service.optimistic lock.conflict"),
        Retryable,
        "error.msg.platform.service.optimistic lock.conflict",
        Advice.NEW_KEY_AFTER_READING,
        True,
    ),
    "another 409": (
        409,
        make.refusal(409, "error.msg.something.new"),
        OutcomeUnknown,
        "error.msg.something.new",
        Advice.READ_THE_LOAN,
        False,
    ),
    "scheduler": (
        503,
        make.refusal(503, "error.msg.sheduler.job.currently.running", top=UNAVAILABLE),
        Retryable,
        "error.msg.sheduler.job.currently.running",
        Advice.SAME_KEY_LATER,
        False,
    ),
    "other 503": (
        503,
        make.refusal(503, "error.msg.not.allowed.here", top=UNAVAILABLE),
        Rejected,
        "error.msg.not.allowed.here",
        Advice.BUSINESS_REFUSAL,
        True,
    ),
    "503 without a reason": (
        503,
        make.bare(UNAVAILABLE, "Try again."),
        OutcomeUnknown,
        UNAVAILABLE,
        Advice.READ_THE_LOAN,
        False,
    ),
    "html 503": (503, HTML, OutcomeUnknown, "html", Advice.READ_THE_LOAN, False),
    "future": (403, make.refusal(403, FUTURE), Rejected, FUTURE, Advice.BUSINESS_DATE, True),
    "holiday": (
        403,
        make.refusal(403, "error.msg.loan.application.disbursement.date.on.holiday"),
        Rejected,
        "error.msg.loan.application.disbursement.date.on.holiday",
        Advice.BUSINESS_REFUSAL,
        True,
    ),
    "client not active": (
        403,
        make.refusal(403, "error.msg.client.not.active.exception"),
        Rejected,
        "error.msg.client.not.active.exception",
        Advice.BUSINESS_REFUSAL,
        True,
    ),
    "field": (
        400,
        make.refusal(400, "validation.msg.loan.disbursement.receiptNumber.exceeds.max.length"),
        Rejected,
        "validation.msg.loan.disbursement.receiptNumber.exceeds.max.length",
        Advice.FIX_DATA_OR_RIGHTS,
        True,
    ),
    "unsupported": (
        400,
        make.refusal(400, "error.msg.parameter.unsupported"),
        Rejected,
        "error.msg.parameter.unsupported",
        Advice.FIX_DATA_OR_RIGHTS,
        True,
    ),
    "bad JSON": (
        400,
        make.bare("error.msg.invalid.request.body", "The JSON is invalid."),
        Rejected,
        "error.msg.invalid.request.body",
        Advice.FIX_DATA_OR_RIGHTS,
        True,
    ),
    "no permission": (
        403,
        make.refusal(403, "error.msg.not.authorized"),
        Rejected,
        "error.msg.not.authorized",
        Advice.FIX_DATA_OR_RIGHTS,
        True,
    ),
    "boot 403": (403, make.boot(403), Rejected, "http.403", Advice.FIX_DATA_OR_RIGHTS, True),
    "no loan": (
        404,
        make.refusal(404, "error.msg.loan.id.invalid"),
        Rejected,
        "error.msg.loan.id.invalid",
        Advice.FIX_DATA_OR_RIGHTS,
        True,
    ),
    "no payment type": (
        404,
        make.refusal(404, "error.msg.payment.type.invalid"),
        Rejected,
        "error.msg.payment.type.invalid",
        Advice.FIX_DATA_OR_RIGHTS,
        True,
    ),
    "credentials": (401, make.boot(401), Rejected, "http.401", Advice.CONFIGURATION, False),
    "tenant": (400, make.boot(400), Rejected, "http.400", Advice.CONFIGURATION, False),
    "old password": (
        400,
        make.refusal(400, "error.msg.password.outdated"),
        Rejected,
        "error.msg.password.outdated",
        Advice.CONFIGURATION,
        False,
    ),
    "read-only node": (
        405,
        make.bare("error.msg.invalid.instance.type", "This node only reads."),
        Rejected,
        "error.msg.invalid.instance.type",
        Advice.CONFIGURATION,
        False,
    ),
}


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
def test_each_answer_proves_what_the_contract_says(row: tuple[Any, ...]) -> None:
    status, body, error, code, then, new_key = row
    with pytest.raises(GatewayError) as raised:
        disburse(status, body)
    exc = raised.value
    assert (type(exc), exc.code) == (error, code)
    assert (advice(exc), spends_key(exc)) == (then, new_key)
    assert exc.stop is (then is Advice.CONFIGURATION)
    assert exc.message


@pytest.mark.parametrize("body", [make.boot(500), make.refusal(500, "error.msg.platform.server.side.error")])
def test_a_server_error_from_the_cache_needs_a_new_key(body: str) -> None:
    with pytest.raises(OutcomeUnknown) as raised:
        disburse(500, body, cached=True)
    assert advice(raised.value) is Advice.NEW_KEY_AFTER_READING
    assert spends_key(raised.value)


def test_a_command_under_way_is_not_taken_for_a_stored_error() -> None:
    with pytest.raises(OutcomeUnknown) as raised:
        disburse(425, ECHO, cached=True)
    assert advice(raised.value) is Advice.READ_THE_LOAN


def test_a_refusal_speaks_to_people() -> None:
    body = make.refusal(403, "error.msg.not.authorized", "User has no authority to: DISBURSE_LOAN")
    with pytest.raises(Rejected, match="User has no authority to: DISBURSE_LOAN"):
        disburse(403, body)


@responses.activate
@pytest.mark.parametrize(
    ("fault", "error", "then"),
    [
        (requests.ReadTimeout(), OutcomeUnknown, Advice.READ_THE_LOAN),
        (requests.ConnectionError("reset"), OutcomeUnknown, Advice.READ_THE_LOAN),
        (requests.exceptions.SSLError("broken"), OutcomeUnknown, Advice.READ_THE_LOAN),
        (requests.ConnectTimeout(), Retryable, Advice.SAME_KEY_LATER),
        (
            requests.ConnectionError(MaxRetryError(None, "/", NewConnectionError(None, "refused"))),
            Retryable,
            Advice.SAME_KEY_LATER,
        ),
    ],
    ids=["read timeout", "reset", "TLS", "connect timeout", "refused"],
)
def test_faults_of_the_network(fault: Exception, error: type[GatewayError], then: Advice) -> None:
    responses.post(URL, body=fault)
    with pytest.raises(error) as raised:
        make.client().disburse(make.command())
    assert advice(raised.value) is then
    assert not spends_key(raised.value)
