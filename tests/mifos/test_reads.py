"""What Mifos tells us, in both date shapes, and what a failed read means."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import requests
import responses

from common.gateway import GatewayError, Rejected, Retryable
from mifos import parsing
from mifos.errors import host_failed
from mifos.parsing import Malformed
from mifos.shapes import Hook, Loan
from tests.mifos import make_mifos as make

LOANS = f"{make.BASE}/loans"
HTML = "<!DOCTYPE html><html>Sign in</html>"


def loan(loan_id: int, **changes: Any) -> dict[str, Any]:
    return make.sample("loan_approved.json", id=loan_id, **changes)


def page(*loans: dict[str, Any]) -> str:
    return json.dumps({"totalFilteredRecords": 999, "pageItems": loans})


@responses.activate
def read(body: str, *, status: int = 200) -> Loan:
    responses.get(f"{LOANS}/12", body=body, status=status, content_type=None)
    return make.client().loan(12)


def test_an_approved_loan_is_read_exactly() -> None:
    found = read(make.text("loan_approved.json"))
    assert (found.id, found.account_no, found.external_id) == (12, "000000012", "LN-778")
    assert (found.status_id, found.waiting_for_disbursal, found.active) == (200, True, False)
    assert (found.client_id, found.client_name) == (5, "Jane Doe")
    assert (found.product_id, found.product_name, found.currency) == (1, "Personal", "KES")
    assert (found.approved_principal, found.net_disbursal_amount) == (Decimal("10000.00"), Decimal("9500.00"))
    assert (found.approved_on, found.expected_disbursement_on) == (date(2026, 6, 2), date(2026, 6, 3))
    assert found.actual_disbursement_on is None
    assert found.tranches == ()


@responses.activate
def test_a_loan_is_asked_for_with_its_tranches_and_json_headers() -> None:
    sent = responses.get(f"{LOANS}/12", body=make.text("loan_approved.json"))
    make.client().loan(12)
    request = sent.calls[0].request
    assert request.params == {"associations": "multiDisburseDetails"}
    assert request.headers["Content-Type"] == request.headers["Accept"] == "application/json"


def test_what_is_left_out_is_not_guessed() -> None:
    body = loan(12)
    for name in (
        "netDisbursalAmount",
        "clientId",
        "clientName",
        "externalId",
        "timeline",
        "approvedPrincipal",
    ):
        del body[name]
    found = read(json.dumps(body | {"group": {"id": 3, "name": "Umoja"}}))
    assert (found.client_id, found.group_name, found.external_id) == (None, "Umoja", "")
    assert found.net_disbursal_amount is None
    assert found.approved_on is None
    assert found.approved_principal == Decimal("10000.00")


def test_tranches_come_by_expected_date_then_id() -> None:
    details = [
        {
            "id": 7,
            "expectedDisbursementDate": [2026, 8, 1],
            "principal": 3000.000000,
            "netDisbursalAmount": 2900.0,
        },
        {"id": 6, "expectedDisbursementDate": "2026-07-01", "principal": 4000},
        {"id": 5, "expectedDisbursementDate": "2026-07-01", "principal": 4000},
        {
            "id": 4,
            "expectedDisbursementDate": [2026, 6, 1],
            "actualDisbursementDate": [2026, 6, 1],
            "principal": 1,
        },
    ]
    found = read(json.dumps(loan(12, multiDisburseLoan=True, disbursementDetails=details)))
    assert found.next_tranche is not None
    assert (found.next_tranche.id, found.next_tranche.expected_on) == (5, date(2026, 7, 1))
    assert (found.tranches[0].principal, found.tranches[0].net) == (Decimal(3000), Decimal(2900))


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ([2026, 6, 3], date(2026, 6, 3)),
        ([2026, 6, 3, 10, 15, 30], date(2026, 6, 3)),
        ("2026-06-03", date(2026, 6, 3)),
        ("2026-06-03T10:15:30.123456Z", date(2026, 6, 3)),
        (None, None),
        ("", None),
    ],
)
def test_both_shapes_of_a_date(given: Any, meant: date | None) -> None:
    assert parsing.day(given) == meant


@pytest.mark.parametrize("given", [[2026, 13, 1], [2026], "03 June 2026", 20260603, {"y": 2026}, ["a", 1, 2]])
def test_no_date_is_made_up(given: Any) -> None:
    with pytest.raises(Malformed):
        parsing.day(given)


@pytest.mark.parametrize(
    ("given", "meant"),
    [("10000.000000", "10000.00"), ("0.1", "0.10"), ("7", "7.00"), ("9500.005000", "9500.005000")],
)
def test_six_decimals_stay_exact(given: str, meant: str) -> None:
    assert str(parsing.decimal(json.loads(given, parse_float=Decimal))) == meant


@pytest.mark.parametrize("given", [True, "ten", float("nan"), "NaN", [1], "1e999999999"])
def test_no_amount_is_made_up(given: Any) -> None:
    with pytest.raises(Malformed):
        parsing.decimal(given)


@responses.activate
def test_the_list_is_paged_until_a_short_page() -> None:
    first = responses.get(LOANS, body=page(loan(1), loan(2)), match=[at(0)])
    second = responses.get(LOANS, body=page(loan(3), loan(4)), match=[at(2)])
    third = responses.get(LOANS, body=page(loan(5)), match=[at(4)])
    assert [found.id for found in make.client().approved_loans(limit=2)] == [1, 2, 3, 4, 5]
    assert first.call_count == second.call_count == third.call_count == 1


def at(offset: int, limit: int = 2, order_by: str = "id") -> Any:
    asked = {
        "status": "200",
        "limit": str(limit),
        "offset": str(offset),
        "orderBy": order_by,
        "sortOrder": "ASC",
    }
    return responses.matchers.query_param_matcher(asked)


@responses.activate
def test_the_list_can_go_on_from_the_middle_in_another_order() -> None:
    responses.get(LOANS, body=page(), match=[at(200, limit=100, order_by="accountNo")])
    assert list(make.client().approved_loans(offset=200, order_by="accountNo")) == []


@responses.activate
def test_a_server_that_does_not_page_ends_the_round() -> None:
    same = responses.get(LOANS, body=page(loan(1), loan(2)))
    assert [found.id for found in make.client().approved_loans(limit=2)] == [1, 2]
    assert same.call_count == 2


@responses.activate
def test_a_server_that_ignores_the_filter_gives_no_active_loans() -> None:
    active = loan(2, status={"id": 300, "code": "loanStatusType.active", "value": "Active", "active": True})
    responses.get(LOANS, body=page(loan(1), active))
    assert [found.id for found in make.client().approved_loans()] == [1]


@responses.activate
def test_a_loan_that_cannot_be_read_hides_no_other_and_is_named() -> None:
    responses.get(LOANS, body=page(loan(1), loan(2, principal=None), loan(3)))
    found = make.client().approved_loans()
    assert [next(found).id, next(found).id] == [1, 3]
    with pytest.raises(Retryable, match=r"2 \(principal is missing\)"):
        next(found)


@responses.activate
def test_later_tranches_are_found_loan_by_loan() -> None:
    active = {"id": 300, "code": "loanStatusType.active", "value": "Active", "active": True}
    waiting = [{"id": 7, "expectedDisbursementDate": [2026, 8, 1], "principal": 3000}]
    responses.get(
        f"{LOANS}/1", json=loan(1, status=active, multiDisburseLoan=True, disbursementDetails=waiting)
    )
    responses.get(f"{LOANS}/2", json=loan(2, status=active, multiDisburseLoan=True))
    responses.get(f"{LOANS}/3", body=make.refusal(404, "error.msg.loan.id.invalid"), status=404)
    responses.get(f"{LOANS}/4", json=loan(4, multiDisburseLoan=True, disbursementDetails=waiting))
    assert [found.id for found in make.client().active_tranche_loans([1, 2, 3, 4])] == [1]


@pytest.mark.parametrize(
    ("status", "body", "error", "stop", "ill"),
    [
        (500, make.boot(500), Retryable, False, True),
        (503, HTML, Retryable, False, True),
        (200, HTML, Retryable, False, True),
        (404, HTML, Retryable, False, True),
        (200, "[1, 2]", Retryable, False, False),
        (200, "{}", Retryable, False, False),
        (302, "", Retryable, False, False),
        (429, "{}", Retryable, False, False),
        (401, make.boot(401), Rejected, True, False),
        (400, make.boot(400), Rejected, True, False),
        (404, make.boot(404), Rejected, True, False),
        (404, make.refusal(404, "error.msg.loan.id.invalid"), Rejected, False, False),
        (403, make.refusal(403, "error.msg.not.authorized"), Rejected, False, False),
        (400, make.refusal(400, "error.msg.password.outdated"), Rejected, True, False),
    ],
)
def test_a_failed_read_is_never_unknown(
    status: int, body: str, error: type[GatewayError], stop: bool, ill: bool
) -> None:
    with pytest.raises(GatewayError) as raised:
        read(body, status=status)
    assert (type(raised.value), raised.value.stop, host_failed(raised.value)) == (error, stop, ill)


@responses.activate
@pytest.mark.parametrize(
    "fault", [requests.ReadTimeout(), requests.exceptions.SSLError(), requests.ConnectTimeout()]
)
def test_a_read_without_an_answer_may_be_repeated(fault: Exception) -> None:
    responses.get(f"{LOANS}/12", body=fault)
    with pytest.raises(Retryable) as raised:
        make.client().loan(12)
    assert host_failed(raised.value)


@responses.activate
def test_a_client_keeps_the_phone_as_typed() -> None:
    body = {"id": 5, "status": {"id": 300, "value": "Active"}, "active": True, "displayName": "Jane Doe"}
    responses.get(f"{make.BASE}/clients/5", json=body | {"mobileNo": " 0708-374 149 "})
    found = make.client().client(5)
    assert (found.active, found.display_name, found.mobile_no) == (True, "Jane Doe", " 0708-374 149 ")


@responses.activate
def test_products_and_payment_types() -> None:
    responses.get(f"{make.BASE}/loanproducts", json=make.PRODUCTS)
    responses.get(f"{make.BASE}/paymenttypes", json=make.PAYMENT_TYPES)
    personal, school = make.client().products()
    assert (personal.min_principal, personal.max_principal, personal.active) == (
        Decimal(1000),
        Decimal(50000),
        True,
    )
    assert (school.max_principal, school.active) == (None, False)
    assert [each.is_cash for each in make.client().payment_types()] == [False, True, False]


@responses.activate
@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (200, '{"type":"BUSINESS_DATE","date":[2026,6,29]}', date(2026, 6, 29)),
        (200, '{"type":"BUSINESS_DATE","date":"2026-06-29"}', date(2026, 6, 29)),
        (404, make.refusal(404, "error.msg.businessdate.not.found"), None),
    ],
)
def test_the_business_date(status: int, body: str, found: date | None) -> None:
    responses.get(f"{make.BASE}/businessdate/BUSINESS_DATE", status=status, body=body)
    assert make.client().business_date() == found


@responses.activate
@pytest.mark.parametrize("shape", [[2026, 6, 3], "2026-06-03"])
def test_our_transaction_is_found_by_our_own_id(shape: Any) -> None:
    url = f"{LOANS}/12/transactions/external-id/disb%2F7"
    responses.get(url, json=make.sample("transaction.json", date=shape))
    found = make.client().transaction_by_external_id(12, "disb/7")
    assert found is not None
    assert (found.id, found.amount, found.receipt) == (345, Decimal("10000.00"), "SG632NMUAB")
    assert (found.is_disbursement, found.on, found.reversed) == (True, date(2026, 6, 3), False)


@responses.activate
def test_no_transaction_of_ours_is_none_but_no_loan_is_an_error() -> None:
    url = f"{LOANS}/12/transactions/external-id/x"
    responses.get(url, status=404, body=make.refusal(404, "error.msg.loan.transaction.external.id.invalid"))
    responses.get(url, status=404, body=make.refusal(404, "error.msg.loan.id.invalid"))
    assert make.client().transaction_by_external_id(12, "x") is None
    with pytest.raises(Rejected):
        make.client().transaction_by_external_id(12, "x")


@responses.activate
def test_an_undone_transaction_says_so() -> None:
    undone = make.sample("transaction.json", manuallyReversed=True)
    responses.get(f"{LOANS}/12", json=loan(12, transactions=[undone]))
    assert [line.reversed for line in make.client().transactions(12)] == [True]


@responses.activate
def test_logging_in_sends_the_password_in_the_body_only() -> None:
    sent = responses.post(
        f"{make.BASE}/authentication", json=make.LOGIN | {"permissions": ["ALL_FUNCTIONS_READ"]}
    )
    login = make.client().authenticate()
    request = sent.calls[0].request
    assert json.loads(request.body) == {"username": "vault", "password": make.PASSWORD}
    assert "Authorization" not in request.headers
    assert (login.may("READ_LOAN"), login.may("DISBURSE_LOAN")) == (True, False)


@responses.activate
def test_an_expired_password_is_told_by_the_login() -> None:
    responses.post(f"{make.BASE}/authentication", status=403, json=make.LOGIN | {"shouldRenewPassword": True})
    assert make.client().authenticate().password_expired


@responses.activate
def test_a_hook_is_made_and_read_back() -> None:
    url = "https://vault.example/callbacks/mifos/token/"
    sent = responses.post(f"{make.BASE}/hooks", json={"resourceId": 4})
    fields = [
        {"fieldName": "Payload URL", "fieldValue": url},
        {"fieldName": "Content Type", "fieldValue": "json"},
    ]
    listed = {"id": 4, "displayName": "payment-vault", "isActive": True, "config": fields}
    responses.get(f"{make.BASE}/hooks", json=[listed])
    assert make.client().register_hook(url) == 4
    assert json.loads(sent.calls[0].request.body)["config"] == {"Payload URL": url, "Content Type": "json"}
    assert make.client().hooks() == (Hook(id=4, display_name="payment-vault", url=url, active=True),)


@pytest.mark.parametrize("url", ["https://vault.example/hook", "https://vault.example/hook/?token=1"])
def test_a_hook_that_fineract_cannot_call_is_not_made(url: str) -> None:
    with pytest.raises(ValueError):
        make.client().register_hook(url)
