"""What a Fineract host checks before it disburses, in its own order, and what it books."""

from typing import Any

import pytest

from tests.sandbox.fineract_client import FORMAT, Mifos, mifos

WRONG_STATE = "error.msg.loan.disbursal.account.is.not.approve.not.disbursed.state"
TOO_MUCH = "error.msg.loan.disburse.amount.must.be.less.than.approved.principal"
TRANCHES = [
    {"expected_date": "2026-06-03", "principal": "6000", "net": "5800"},
    {"expected_date": "2026-06-08", "principal": "4000"},
]


@mifos()
async def test_a_disbursal_answers_with_loan_transaction_and_changes(host: Mifos) -> None:
    loan = await host.loan(external_id="LN-1")
    answer = await host.disburse(
        loan,
        transactionAmount="10000.00",
        paymentTypeId=3,
        receiptNumber="QK1",
        externalId="d-1",
        note="Paid",
    )
    body = answer.json
    assert answer.status == 200
    assert (body["loanId"], body["resourceId"], body["subResourceId"]) == (loan, loan, 1)
    assert body["subResourceExternalId"] == "d-1"
    assert body["changes"]["status"]["active"] is True
    assert body["changes"]["receiptNumber"] == "QK1"
    assert "commandId" not in body


@mifos()
async def test_the_transaction_is_found_by_id_and_external_id(host: Mifos) -> None:
    loan = await host.loan()
    await host.disburse(loan, paymentTypeId=3, receiptNumber="QK1", externalId="d-1")
    by_external = (await host.get(f"loans/{loan}/transactions/external-id/d-1")).json
    assert by_external == (await host.get(f"loans/{loan}/transactions/1")).json
    assert by_external["paymentDetailData"]["receiptNumber"] == "QK1"
    assert by_external["date"] == [2026, 6, 3]
    other = await host.loan()
    wrong = await host.get(f"loans/{other}/transactions/external-id/d-1")
    assert (wrong.status, wrong.code) == (404, "error.msg.loan.transaction.external.id.invalid")


@mifos()
async def test_payment_details_are_dropped_without_a_payment_type(host: Mifos) -> None:
    loan = await host.loan()
    answer = await host.disburse(loan, receiptNumber="QK1")
    assert answer.status == 200
    assert "receiptNumber" not in answer.json["changes"]
    assert "paymentDetailData" not in (await host.get(f"loans/{loan}/transactions/1")).json


@mifos()
async def test_a_charge_is_settled_by_the_server_itself(host: Mifos) -> None:
    loan = await host.active_loan(charge="500")
    rows = (await host.get(f"loans/{loan}?associations=transactions")).json["transactions"]
    assert [(row["type"]["code"], row["amount"]) for row in rows] == [
        ("loanTransactionType.disbursement", 10000),
        ("loanTransactionType.repaymentAtDisbursement", 500),
    ]
    assert rows[0]["netDisbursalAmount"] == 9500


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"colour": "red"}, 400, "error.msg.parameter.unsupported"),
    ({"dateFormat": None}, 400, "validation.msg.missing.dateFormat.parameter"),
    ({"locale": None}, 400, "validation.msg.missing.locale.parameter"),
    ({"locale": "1%"}, 400, "validation.msg.invalid.locale.format"),
    ({"actualDisbursementDate": "3 June"}, 400, "validation.msg.invalid.dateFormat.format"),
    ({"actualDisbursementDate": "2026-02-31"}, 400, "validation.msg.invalid.dateFormat.format"),
    ({"transactionAmount": "much"}, 400, "validation.msg.invalid.decimal.format"),
    (
        {"actualDisbursementDate": None},
        400,
        "validation.msg.loan.disbursement.actualDisbursementDate.cannot.be.blank",
    ),
    (
        {"transactionAmount": "0"},
        400,
        "validation.msg.loan.disbursement.transactionAmount.not.greater.than.zero",
    ),
    (
        {"receiptNumber": "9" * 51, "paymentTypeId": 3},
        400,
        "validation.msg.loan.disbursement.receiptNumber.exceeds.max.length",
    ),
    ({"externalId": "9" * 101}, 400, "validation.msg.loan.disbursement.externalId.exceeds.max.length"),
    ({"note": "9" * 1001}, 400, "validation.msg.loan.disbursement.note.exceeds.max.length"),
    ({"transactionAmount": "10000.01"}, 403, TOO_MUCH),
    (
        {"actualDisbursementDate": "2026-06-01"},
        403,
        "error.msg.loan.disbursal.cannot.be.before.approval.date",
    ),
    ({"actualDisbursementDate": "2026-06-11"}, 403, "error.msg.loan.disbursal.cannot.be.a.future.date"),
    ({"paymentTypeId": 77}, 404, "error.msg.payment.type.invalid"),
    ({"paymentTypeId": 77, "transactionAmount": "0"}, 404, "error.msg.payment.type.invalid"),
]


@pytest.mark.parametrize(("change", "status", "code"), REFUSED)
@mifos()
async def test_a_refused_disbursal_books_nothing(
    host: Mifos, change: dict[str, Any], status: int, code: str
) -> None:
    loan = await host.loan()
    answer = await host.disburse(loan, **change)
    assert (answer.status, answer.code) == (status, code)
    assert answer.json["httpStatusCode"] == str(status)
    assert await host.status(loan) == 200


@mifos()
async def test_field_errors_are_collected(host: Mifos) -> None:
    loan = await host.loan()
    answer = await host.disburse(loan, transactionAmount="0", note="9" * 1001)
    assert [error["parameterName"] for error in answer.json["errors"]] == ["transactionAmount", "note"]


@pytest.mark.parametrize("raw", ["", "{", "[]"])
@mifos()
async def test_a_body_that_is_no_object_is_a_bare_item(host: Mifos, raw: str) -> None:
    loan = await host.loan()
    json_type = {"Content-Type": "application/json"}
    answer = await host.send("POST", f"loans/{loan}?command=disburse", data=raw, more_headers=json_type)
    assert (answer.status, answer.code) == (400, "error.msg.invalid.request.body")
    assert answer.json.keys().isdisjoint({"errors", "httpStatusCode"})


@mifos()
async def test_commands_ignore_case_and_unknown_ones_are_400(host: Mifos) -> None:
    loan = await host.loan()
    unknown = await host.post(f"loans/{loan}?command=pay", {})
    assert (unknown.status, unknown.code) == (400, "error.msg.query.parameter.value.unsupported")
    body = FORMAT | {"actualDisbursementDate": "2026-06-03"}
    assert (await host.post(f"loans/{loan}?command=DISBURSE", body)).status == 200


@mifos()
async def test_java_patterns_and_locales_are_understood(host: Mifos) -> None:
    loan = await host.loan()
    words = {"actualDisbursementDate": "3 june 2026", "dateFormat": "dd MMMM yyyy"}
    answer = await host.disburse(loan, **words, locale="de", transactionAmount="9.500,00")
    assert answer.status == 200
    assert (await host.books())["loans"][0]["disbursed"] == "9500.00"


@mifos()
async def test_an_inactive_client_is_refused_before_the_amount(host: Mifos) -> None:
    client = await host.client_of()
    loan = await host.loan(client_id=client)
    await host.control(f"fineract/kilimo/clients/{client}/change", {"status": 600})
    answer = await host.disburse(loan, transactionAmount="99999")
    assert (answer.status, answer.code) == (403, "error.msg.client.not.active.exception")


@mifos()
async def test_a_charged_off_loan_is_refused(host: Mifos) -> None:
    loan = await host.loan()
    await host.control(f"fineract/kilimo/loans/{loan}/change", {"charged_off": True})
    assert (await host.disburse(loan)).code == "error.msg.loan.disbursal.not.allowed.on.charged.off"


@pytest.mark.parametrize(
    ("version", "status", "code"), [("1.14", 400, WRONG_STATE), ("develop", 403, TOO_MUCH)]
)
@mifos()
async def test_a_repeat_with_an_amount_has_two_faces(
    host: Mifos, version: str, status: int, code: str
) -> None:
    await host.settings(version=version)
    loan = await host.active_loan()
    again = await host.disburse(loan, transactionAmount="10000.00")
    assert (again.status, again.code) == (status, code)
    assert (await host.books())["counts"]["disbursals"] == 1


@pytest.mark.parametrize("version", ["1.14", "develop"])
@mifos()
async def test_a_repeat_without_an_amount_is_a_wrong_state(host: Mifos, version: str) -> None:
    await host.settings(version=version)
    loan = await host.active_loan()
    again = await host.disburse(loan)
    assert (again.status, again.code) == (400, WRONG_STATE)
    assert again.json["errors"][0]["parameterName"] == "id"


@mifos()
async def test_the_wrong_state_is_collected_and_a_domain_rule_wins_over_it(host: Mifos) -> None:
    loan = await host.active_loan()
    early = await host.disburse(loan, actualDisbursementDate="2026-06-01")
    assert early.code == "error.msg.loan.disbursal.cannot.be.before.approval.date"
    late = await host.disburse(loan, actualDisbursementDate="2026-06-11")
    assert late.code == WRONG_STATE


@mifos()
async def test_a_pending_loan_is_no_disbursable_loan(host: Mifos) -> None:
    loan = await host.loan(approve=False)
    assert (await host.disburse(loan)).code == WRONG_STATE


@pytest.mark.parametrize("database", ["postgresql", "mariadb"])
@mifos()
async def test_a_duplicate_external_id_is_403_on_either_database(host: Mifos, database: str) -> None:
    await host.settings(database=database)
    await host.disburse(await host.loan(), externalId="d-1")
    answer = await host.disburse(await host.loan(), externalId="d-1")
    assert (answer.status, answer.code) == (403, "error.msg.data.integrity.issue")
    assert answer.json["userMessageGlobalisationCode"] == "error.msg.data.integrity.issue"
    assert "parameterName" not in answer.json["errors"][0]


@mifos()
async def test_sync_products_holidays_and_first_repayment_forbid_days(host: Mifos) -> None:
    sync = await host.loan(product={"sync_expected_date": True}, expected_date="2026-06-04")
    code = "error.msg.actual.disbursement.date.does.not.match.with.expected.disbursal.date"
    assert (await host.disburse(sync)).code == code
    loan = await host.loan()
    await host.control(f"fineract/kilimo/loans/{loan}/change", {"first_repayment_date": "2026-06-02"})
    code = "error.msg.loan.disbursal.cannot.be.after.expected.first.repayment.date"
    assert (await host.disburse(loan)).code == code
    await host.settings(holidays=["2026-06-03"])
    assert (await host.disburse(loan)).code == "error.msg.loan.application.disbursement.date.on.holiday"


@mifos()
async def test_over_applied_products_have_their_own_limit(host: Mifos) -> None:
    loan = await host.loan(product={"over_applied_percentage": "10"})
    refused = await host.disburse(loan, transactionAmount="11000.01")
    assert "greater.than.maximum.applied.loan.amount.calculation" in refused.code
    assert (await host.disburse(loan, transactionAmount="11000")).status == 200


@mifos(business_date=None, timezone="Asia/Kolkata")
async def test_the_future_begins_in_the_tenants_time_zone(host: Mifos) -> None:
    today = host.world.fineract.hosts["kilimo"].now().date()
    loan = await host.loan(approved_on="2020-01-01")
    tomorrow = today.replace(year=today.year + 1).isoformat()
    future = await host.disburse(loan, actualDisbursementDate=tomorrow)
    assert future.code == "error.msg.loan.disbursal.cannot.be.a.future.date"
    assert (await host.disburse(loan, actualDisbursementDate=today.isoformat())).status == 200


@mifos()
async def test_without_an_amount_one_tranche_is_paid_and_the_loan_leaves_the_list(host: Mifos) -> None:
    loan = await host.loan(product={"multi_disburse": True}, tranches=TRANCHES)
    assert (await host.disburse(loan)).status == 200
    assert (await host.books())["loans"][0]["disbursed"] == "6000.00"
    assert (await host.get("loans?status=200")).json["pageItems"] == []
    rows = (await host.get(f"loans/{loan}?associations=multiDisburseDetails")).json["disbursementDetails"]
    assert [row.get("actualDisbursementDate") for row in rows] == [[2026, 6, 3], None]


@pytest.mark.parametrize("version", ["1.14", "develop"])
@mifos()
async def test_a_repeat_on_a_tranche_loan_really_pays_the_next_tranche(host: Mifos, version: str) -> None:
    await host.settings(version=version)
    loan = await host.loan(product={"multi_disburse": True}, tranches=TRANCHES)
    await host.disburse(loan, transactionAmount="4000")
    assert (await host.disburse(loan, transactionAmount="4000")).status == 200
    rows = (await host.books())["loans"][0]["transactions"]
    assert [row["amount"] for row in rows if row["type"] == "disbursement"] == ["4000.00", "4000.00"]


@mifos()
async def test_without_an_amount_all_tranches_of_the_earliest_day_are_paid(host: Mifos) -> None:
    same_day = [{"expected_date": "2026-06-03", "principal": "3000"}] * 2
    loan = await host.loan(product={"multi_disburse": True}, tranches=[*same_day, TRANCHES[1]])
    await host.disburse(loan)
    assert (await host.books())["loans"][0]["disbursed"] == "6000.00"


@mifos()
async def test_with_an_amount_the_first_of_two_equal_days_is_taken(host: Mifos) -> None:
    same_day = [{"expected_date": "2026-06-03", "principal": "5000"}] * 2
    loan = await host.loan(product={"multi_disburse": True}, tranches=same_day)
    await host.disburse(loan, transactionAmount="5000")
    rows = (await host.get(f"loans/{loan}?associations=multiDisburseDetails")).json["disbursementDetails"]
    assert ["actualDisbursementDate" in row for row in rows] == [True, False]


@mifos()
async def test_disburse_to_savings_knows_fewer_keys(host: Mifos) -> None:
    loan = await host.loan()
    body = FORMAT | {"actualDisbursementDate": "2026-06-03", "paymentTypeId": 3}
    answer = await host.post(f"loans/{loan}?command=disburseToSavings", body)
    assert (answer.status, answer.code) == (400, "error.msg.parameter.unsupported")
