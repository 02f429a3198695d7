"""How a Fineract host lists and shows loans."""

from decimal import Decimal

import pytest

from tests.sandbox.fineract_client import Mifos, mifos


async def ids(host: Mifos, query: str) -> list[int]:
    return [row["id"] for row in (await host.get(f"loans?{query}")).json["pageItems"]]


@mifos()
async def test_a_loan_is_written_with_array_dates_six_decimals_and_no_nulls(host: Mifos) -> None:
    await host.loan(charge="500", expected_date="2026-06-03")
    text = (await host.get("loans?status=200&orderBy=id&sortOrder=ASC&limit=10")).text
    assert '"netDisbursalAmount":9500.000000' in text
    assert '"principal":10000.000000' in text
    assert '"expectedDisbursementDate":[2026,6,3]' in text
    assert "null" not in text
    assert "summary" not in text


@mifos(date_shape="text")
async def test_a_host_may_write_its_dates_as_text(host: Mifos) -> None:
    await host.loan()
    assert '"approvedOnDate":"2026-06-02"' in (await host.get("loans")).text


@mifos()
async def test_the_status_filter_is_exact(host: Mifos) -> None:
    approved, pending, active = await host.loan(), await host.loan(approve=False), await host.active_loan()
    assert await ids(host, "status=200") == [approved]
    assert await ids(host, "status=100") == [pending]
    assert await ids(host, "status=300") == [active]


@mifos()
async def test_a_status_that_is_no_number_is_an_unmapped_500(host: Mifos) -> None:
    answer = await host.get("loans?status=approved")
    assert answer.status == 500
    assert answer.json["error"] == "Internal Server Error"


@mifos()
async def test_without_limit_all_rows_come_and_the_offset_is_ignored(host: Mifos) -> None:
    product = await host.product()
    await host.control("fineract/kilimo/loans/bulk", {"count": 250, "product_id": product, "approve": True})
    assert len(await ids(host, "status=200")) == 250
    assert len(await ids(host, "status=200&limit=0&offset=100")) == 250
    assert len(await ids(host, "status=200&offset=100")) == 250


@mifos()
async def test_paging_by_id_ends_with_a_short_page(host: Mifos) -> None:
    product = await host.product()
    await host.control("fineract/kilimo/loans/bulk", {"count": 25, "product_id": product, "approve": True})
    pages = [
        await ids(host, f"status=200&limit=10&offset={offset}&orderBy=id&sortOrder=ASC")
        for offset in (0, 10, 20)
    ]
    assert [len(page) for page in pages] == [10, 10, 5]
    assert [row for page in pages for row in page] == list(range(1, 26))


@mifos()
async def test_without_an_order_pages_do_not_fit_together(host: Mifos) -> None:
    product = await host.product()
    await host.control("fineract/kilimo/loans/bulk", {"count": 20, "product_id": product, "approve": True})
    assert await ids(host, "status=200&limit=10") != await ids(host, "status=200&limit=10")


@mifos()
async def test_an_unknown_order_fails_in_the_database(host: Mifos) -> None:
    await host.loan()
    assert (await host.get("loans?orderBy=colour")).status == 500


@mifos()
async def test_sql_search_is_ignored_and_gives_all_loans(host: Mifos) -> None:
    await host.loan()
    await host.active_loan()
    assert len(await ids(host, "sqlSearch=l.loan_status_id%3D200&orderBy=id&sortOrder=ASC")) == 2


@mifos()
async def test_unknown_fields_are_refused_and_known_ones_selected(host: Mifos) -> None:
    await host.loan()
    refused = await host.get("loans?fields=id,colour")
    assert (refused.status, refused.code) == (400, "error.msg.parameter.unsupported")
    page = (await host.get("loans?fields=id,accountNo")).json
    assert page["pageItems"] == [{"id": 1, "accountNo": "000000001"}]


@mifos()
async def test_loans_are_found_by_account_external_id_and_client(host: Mifos) -> None:
    loan = await host.loan(external_id="LN-778")
    other = await host.loan()
    assert await ids(host, "accountNo=000000001") == [loan]
    assert await ids(host, "externalId=LN-778") == [loan]
    assert await ids(host, "clientId=2") == [other]
    assert await ids(host, "clientId=2&status=300") == []


@mifos()
async def test_the_count_may_be_wrong_with_paging(host: Mifos) -> None:
    await host.loan()
    await host.switch(total_records="zero")
    assert (await host.get("loans?limit=10")).json["totalFilteredRecords"] == 0


@mifos()
async def test_one_loan_brings_no_association_unless_asked(host: Mifos) -> None:
    loan = await host.active_loan(external_id="LN-1")
    bare = (await host.get(f"loans/{loan}")).json
    assert "transactions" not in bare
    full = (await host.get("loans/external-id/LN-1?associations=all&exclude=charges")).json
    assert full["transactions"][0]["type"]["disbursement"] is True
    assert full["summary"]["principalOutstanding"] == 10000


@mifos()
async def test_a_missing_loan_is_404(host: Mifos) -> None:
    answer = await host.get("loans/99")
    assert (answer.status, answer.code) == (404, "error.msg.loan.id.invalid")
    assert answer.json["errors"][0]["defaultUserMessage"] == "Loan with identifier 99 does not exist"
    assert (await host.get("loans/external-id/x")).code == "error.msg.loan.external.id.invalid"


@mifos()
async def test_tranches_come_with_their_association_only(host: Mifos) -> None:
    tranches = [
        {"expected_date": "2026-06-03", "principal": "6000", "net": "5800"},
        {"expected_date": "2026-07-03", "principal": "4000"},
    ]
    loan = await host.loan(product={"multi_disburse": True}, tranches=tranches)
    assert "disbursementDetails" not in (await host.get(f"loans/{loan}")).json
    rows = (await host.get(f"loans/{loan}?associations=multiDisburseDetails")).json["disbursementDetails"]
    assert [row["principal"] for row in rows] == [6000, 4000]
    assert rows[0]["netDisbursalAmount"] == 5800
    assert "actualDisbursementDate" not in rows[0]


@mifos()
async def test_the_template_says_what_to_pay(host: Mifos) -> None:
    loan = await host.loan(charge="500")
    template = (await host.get(f"loans/{loan}/transactions/template?command=disburse")).json
    assert (template["amount"], template["netDisbursalAmount"]) == (10000, 9500)
    assert {"id": 3, "name": "M-Pesa"}.items() <= template["paymentTypeOptions"][2].items()


@pytest.mark.parametrize("amount", ["1234567890.123456", "0.000001"])
@mifos()
async def test_amounts_keep_all_six_places(host: Mifos, amount: str) -> None:
    loan = await host.loan(principal=amount, charge="0")
    assert f'"principal":{Decimal(amount):.6f}' in (await host.get(f"loans/{loan}")).text


@mifos()
async def test_a_control_change_is_seen_in_the_list_at_once(host: Mifos) -> None:
    loan = await host.loan()
    await host.get("loans?status=200")
    await host.control(f"fineract/kilimo/loans/{loan}/change", {"net_disbursal_amount": "9000"})
    assert '"netDisbursalAmount":9000.000000' in (await host.get("loans?status=200")).text


@mifos()
async def test_pages_may_run_down_from_the_newest(host: Mifos) -> None:
    product = await host.product()
    await host.control("fineract/kilimo/loans/bulk", {"count": 25, "product_id": product, "approve": True})
    down = "status=200&limit=10&orderBy=id&sortOrder=DESC"
    assert await ids(host, f"{down}&offset=0") == list(range(25, 15, -1))
    assert await ids(host, f"{down}&offset=20") == [5, 4, 3, 2, 1]
    assert await ids(host, f"{down}&offset=30") == []
