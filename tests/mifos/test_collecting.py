"""Money in: the exact body out, and no answer believed beyond what it says."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import responses

from common.gateway import OutcomeUnknown, Rejected, Retryable
from mifos.accounts import AccountKind, MoneyIn
from tests.mifos import make_mifos as make

LOAN, SAVINGS = AccountKind.LOAN, AccountKind.SAVINGS


def money(kind: AccountKind = LOAN, **changes: Any) -> MoneyIn:
    facts = {
        "kind": kind,
        "account_id": 12,
        "on": date(2026, 6, 3),
        "amount": Decimal(950),
        "payment_type_id": 3,
        "receipt": "SF30ABCDEF",
        "external_id": "col-91",
        "note": "M-Pesa",
        "idempotency_key": "col-91-0",
    }
    return MoneyIn(**(facts | changes))


def url(kind: AccountKind) -> str:
    return f"{make.BASE}/{'loans' if kind == LOAN else 'savingsaccounts'}/12/transactions"


@responses.activate
@pytest.mark.parametrize(("kind", "named"), [(LOAN, "loanId"), (SAVINGS, "savingsId")])
def test_the_exact_body_goes_out(kind: AccountKind, named: str) -> None:
    responses.post(url(kind), json={named: 12, "resourceId": 346})
    booked = make.client().book(money(kind))
    sent = responses.calls[0].request
    assert sent.headers["Idempotency-Key"] == "col-91-0"
    assert json.loads(sent.body or b"") == {
        "transactionDate": "2026-06-03",
        "transactionAmount": "950.00",
        "dateFormat": "yyyy-MM-dd",
        "locale": "en",
        "paymentTypeId": 3,
        "receiptNumber": "SF30ABCDEF",
        "externalId": "col-91",
        "note": "M-Pesa",
    }
    assert (booked.done, booked.transaction_id) == (True, 346)


@responses.activate
@pytest.mark.parametrize(
    "body",
    [
        {"loanId": 13, "resourceId": 346},
        {"loanId": 12},
        {"loanId": None, "resourceId": None},
        {},
        [],
    ],
)
def test_a_200_that_does_not_say_enough_is_doubt(body: Any) -> None:
    responses.post(url(LOAN), json=body)
    with pytest.raises(OutcomeUnknown):
        make.client().book(money())


@responses.activate
def test_a_200_that_waits_for_a_checker_is_not_booked() -> None:
    responses.post(url(LOAN), json={"commandId": 57, "rollbackTransaction": True})
    booked = make.client().book(money())
    assert (booked.done, booked.pending_checker) == (False, True)


@responses.activate
@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "validation.msg.loan.transaction.externalId.value.must.be.unique", OutcomeUnknown),
        (403, "error.msg.data.integrity.issue", OutcomeUnknown),
        (400, "error.msg.loan.must.be.active.fully.paid.or.overpaid", Rejected),
        (403, "error.msg.loan.transaction.cannot.be.a.future.date", Rejected),
        (409, "error.msg.loan.locked", Retryable),
        (503, "error.msg.sheduler.job.currently.running", Retryable),
    ],
)
def test_refusals_are_judged_for_what_they_prove(status: int, code: str, error: type[Exception]) -> None:
    responses.post(url(LOAN), body=make.refusal(status, code), status=status)
    with pytest.raises(error):
        make.client().book(money())


@pytest.mark.parametrize("text", ["", " ", "%", "0000_0001", "a\\b"])
def test_wildcards_of_sql_are_never_searched_for(text: str) -> None:
    with pytest.raises(ValueError, match="wildcards"):
        make.client().search(text)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": Decimal(0)},
        {"amount": Decimal("1.005")},
        {"external_id": ""},
        {"idempotency_key": "x" * 51},
    ],
)
def test_what_mifos_would_refuse_is_not_sent(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        money(**changes)
