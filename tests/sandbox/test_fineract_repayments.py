"""Repayments on loans: rules, overpayment, uniqueness, reading, undo and replay."""

from typing import Any

import pytest

from tests.sandbox.fineract_client import FORMAT, Mifos, mifos

NOT_ACTIVE = "error.msg.loan.must.be.active.fully.paid.or.overpaid"
NOT_UNIQUE = "validation.msg.loan.transaction.externalId.value.must.be.unique"


@mifos()
async def test_a_repayment_answers_with_its_id_and_the_texts_as_sent(host: Mifos) -> None:
    loan = await host.active_loan()
    answer = await host.repay(
        loan, "950.00", paymentTypeId=3, receiptNumber="QK9", externalId="col-91", note="C2B"
    )
    body = answer.json
    assert (answer.status, body["resourceId"], body["resourceExternalId"]) == (200, 2, "col-91")
    assert body["changes"]["transactionAmount"] == "950.00"
    assert body["changes"]["receiptNumber"] == "QK9"
    assert (await host.books())["loans"][0]["outstanding"] == "9050.00"


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"transactionAmount": None}, 400, "validation.msg.loan.transaction.transactionAmount.cannot.be.blank"),
    (
        {"transactionAmount": "-1"},
        400,
        "validation.msg.loan.transaction.transactionAmount.not.greater.than.zero",
    ),
    ({"transactionDate": None}, 400, "validation.msg.loan.transaction.transactionDate.cannot.be.blank"),
    ({"colour": "red"}, 400, "error.msg.parameter.unsupported"),
    ({"transactionDate": "2026-06-11"}, 403, "error.msg.loan.transaction.cannot.be.a.future.date"),
    ({"transactionDate": "2026-06-02"}, 403, "error.msg.loan.transaction.cannot.be.before.disbursement.date"),
    ({"paymentTypeId": 77}, 404, "error.msg.payment.type.invalid"),
]


@pytest.mark.parametrize(("change", "status", "code"), REFUSED)
@mifos()
async def test_a_refused_repayment_books_nothing(
    host: Mifos, change: dict[str, Any], status: int, code: str
) -> None:
    loan = await host.active_loan()
    answer = await host.repay(loan, **change)
    assert (answer.status, answer.code) == (status, code)
    assert (await host.books())["loans"][0]["outstanding"] == "10000.00"


@pytest.mark.parametrize("status", [100, 200, 400, 500, 601])
@mifos()
async def test_loans_without_a_balance_refuse_repayments(host: Mifos, status: int) -> None:
    loan = await host.loan()
    await host.control(f"fineract/kilimo/loans/{loan}/change", {"status": status})
    answer = await host.repay(loan)
    assert (answer.status, answer.code) == (400, NOT_ACTIVE)


@mifos()
async def test_full_payment_closes_and_more_overpays(host: Mifos) -> None:
    loan = await host.active_loan()
    await host.repay(loan, "10000")
    assert await host.status(loan) == 600
    assert (await host.repay(loan, "500")).status == 200
    shown = (await host.get(f"loans/{loan}?associations=transactions")).json
    assert (shown["status"]["overpaid"], shown["totalOverpaid"]) == (True, 500)
    assert shown["transactions"][-1]["overpaymentPortion"] == 500
    assert (await host.repay(loan, "100")).status == 200
    assert (await host.books())["loans"][0]["overpaid"] == "600.00"


@pytest.mark.parametrize(("version", "status"), [("1.14", 200), ("develop", 403)])
@mifos(configurations={"block-transactions-on-closed-overpaid-loans": True})
async def test_only_develop_can_block_payments_on_closed_loans(
    host: Mifos, version: str, status: int
) -> None:
    await host.settings(version=version)
    loan = await host.active_loan()
    await host.repay(loan, "10000")
    answer = await host.repay(loan, "500")
    assert answer.status == status
    if status == 403:
        assert answer.code == "error.msg.loan.transaction.not.allowed.on.closed.or.overpaid"


@pytest.mark.parametrize(
    ("database", "status", "code"),
    [("postgresql", 400, NOT_UNIQUE), ("mariadb", 403, "error.msg.data.integrity.issue")],
)
@mifos()
async def test_a_duplicate_external_id_depends_on_the_database(
    host: Mifos, database: str, status: int, code: str
) -> None:
    await host.settings(database=database)
    first, second = await host.active_loan(), await host.active_loan()
    await host.repay(first, externalId="col-1")
    answer = await host.repay(second, externalId="col-1")
    assert (answer.status, answer.code) == (status, code)
    assert ("parameterName" in answer.json["errors"][0]) is (status == 400)


@mifos()
async def test_a_disbursals_external_id_is_taken_for_repayments_too(host: Mifos) -> None:
    loan = await host.loan()
    await host.disburse(loan, externalId="same")
    assert (await host.repay(loan, externalId="same")).code == NOT_UNIQUE


@mifos()
async def test_an_inactive_client_cannot_pay(host: Mifos) -> None:
    loan = await host.active_loan()
    await host.control("fineract/kilimo/clients/1/change", {"status": 600})
    assert (await host.repay(loan)).code == "error.msg.client.not.active.exception"


@mifos()
async def test_a_loan_with_tranches_to_come_takes_no_more_than_was_given(host: Mifos) -> None:
    tranches = [{"expected_date": f"2026-06-0{day}", "principal": "5000"} for day in (3, 5)]
    loan = await host.active_loan(product={"multi_disburse": True}, tranches=tranches)
    answer = await host.repay(loan, "5001")
    assert (answer.status, answer.code) == (403, "error.msg.loan.transaction.amount.exceeds.threshold")


@mifos()
async def test_written_off_loans_take_recoveries(host: Mifos) -> None:
    loan = await host.active_loan()
    await host.control(f"fineract/kilimo/loans/{loan}/change", {"status": 601})
    body = FORMAT | {"transactionDate": "2026-06-05", "transactionAmount": "100"}
    assert (await host.post(f"loans/{loan}/transactions?command=recoverypayment", body)).status == 200
    assert await host.status(loan) == 601


@mifos()
async def test_the_paged_list_has_text_dates_and_newest_first_if_asked(host: Mifos) -> None:
    loan = await host.active_loan()
    for _ in range(3):
        await host.repay(loan, "10")
    page = (await host.get(f"loans/{loan}/transactions?page=0&size=3&sort=id,desc")).json
    assert [row["id"] for row in page["content"]] == [4, 3, 2]
    assert page["content"][0]["date"] == "2026-06-05"
    assert (page["totalElements"], page["totalPages"], page["last"]) == (4, 2, False)
    excluded = (await host.get(f"loans/{loan}/transactions?excludedTypes=repayment")).json
    assert [row["type"]["disbursement"] for row in excluded["content"]] == [True]


@mifos()
async def test_the_page_may_have_its_other_shape(host: Mifos) -> None:
    loan = await host.active_loan()
    await host.switch(page_shape="paged_model")
    page = (await host.get(f"loans/{loan}/transactions")).json
    assert page["page"]["totalElements"] == 1
    assert "totalElements" not in page


@mifos()
async def test_undo_reopens_the_loan_and_the_external_id_stays_taken(host: Mifos) -> None:
    loan = await host.active_loan()
    await host.repay(loan, "10000", externalId="col-1")
    body = FORMAT | {"transactionDate": "2026-06-05", "transactionAmount": 0}
    undone = await host.post(f"loans/{loan}/transactions/external-id/col-1?command=undo", body)
    assert undone.status == 200
    assert await host.status(loan) == 300
    row = (await host.get(f"loans/{loan}/transactions/external-id/col-1")).json
    assert row["manuallyReversed"] is True
    assert (await host.repay(loan, externalId="col-1")).code == NOT_UNIQUE


@mifos()
async def test_adjusting_to_an_amount_replaces_the_row(host: Mifos) -> None:
    loan = await host.active_loan()
    await host.repay(loan, "1000")
    body = FORMAT | {"transactionDate": "2026-06-05", "transactionAmount": "400"}
    assert (await host.post(f"loans/{loan}/transactions/2?command=adjust", body)).json["resourceId"] == 3
    assert (await host.books())["loans"][0]["outstanding"] == "9600.00"


@mifos()
async def test_a_backdated_payment_gives_later_rows_new_ids_and_moves_their_external_ids(host: Mifos) -> None:
    loan = await host.active_loan()
    await host.repay(loan, "100", transactionDate="2026-06-08", externalId="late")
    before = (await host.get(f"loans/{loan}/transactions/external-id/late")).json["id"]
    await host.repay(loan, "200", transactionDate="2026-06-04", externalId="early")
    after = (await host.get(f"loans/{loan}/transactions/external-id/late")).json["id"]
    assert after != before
    assert (await host.books())["loans"][0]["outstanding"] == "9700.00"
    assert (await host.repay(loan, externalId="late")).code == NOT_UNIQUE


@mifos()
async def test_a_missing_transaction_is_404(host: Mifos) -> None:
    loan = await host.active_loan()
    answer = await host.get(f"loans/{loan}/transactions/99")
    assert (answer.status, answer.code) == (404, "error.msg.loan.transaction.id.invalid")


@mifos()
async def test_notes_can_be_written_and_read(host: Mifos) -> None:
    loan = await host.loan()
    assert (await host.post(f"loans/{loan}/notes", {"note": "Called the client"})).json["resourceId"] == 1
    assert (await host.get(f"loans/{loan}/notes")).json[0]["note"] == "Called the client"
    assert (await host.post(f"loans/{loan}/notes", {"note": ""})).status == 400
