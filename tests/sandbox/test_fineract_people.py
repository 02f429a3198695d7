"""Products, clients, search, audits and the business date of a Fineract host."""

from typing import Any

import pytest

from tests.sandbox.fineract_client import Mifos, mifos


async def jane(host: Mifos) -> int:
    return await host.client_of(mobile_no="0712 345 678", national_id="30111222", external_id="C-5")


@mifos()
async def test_products_are_a_bare_array_with_a_text_status(host: Mifos) -> None:
    await host.product(min_principal="1000", max_principal="50000", principal="10000")
    await host.product(name="Old", close_date="2026-01-01", multi_disburse=True)
    answer = await host.get("loanproducts")
    first, second = answer.json
    assert (first["status"], second["status"]) == ("loanProduct.active", "loanProduct.inActive")
    assert '"minPrincipal":1000.000000' in answer.text
    assert second["multiDisburseLoan"] is True
    assert (await host.get("loanproducts?fields=id,name")).json[0] == {"id": 1, "name": "Personal"}
    assert (await host.get("loanproducts/9")).code == "error.msg.loanproduct.id.invalid"


@mifos()
async def test_a_client_keeps_the_phone_as_it_was_typed(host: Mifos) -> None:
    client = await jane(host)
    shown = (await host.get(f"clients/{client}")).json
    assert (shown["mobileNo"], shown["displayName"], shown["active"]) == ("0712 345 678", "Jane Doe", True)
    assert shown["accountNo"] == "000000001"
    assert (await host.get("clients/external-id/C-5")).json == shown
    assert (await host.get("clients/99")).code == "error.msg.client.id.invalid"


@mifos()
async def test_identifiers_carry_the_document(host: Mifos) -> None:
    rows = (await host.get(f"clients/{await jane(host)}/identifiers")).json
    assert rows[0]["documentKey"] == "30111222"
    assert rows[0]["documentType"]["name"] == "National ID"
    assert rows[0]["status"] == "clientIdentifierStatusType.active"


@mifos()
async def test_accounts_leave_empty_groups_out(host: Mifos) -> None:
    client = await jane(host)
    assert (await host.get(f"clients/{client}/accounts")).json == {}
    loan = await host.active_loan(client_id=client)
    await host.repay(loan, "1000")
    shown = (await host.get(f"clients/{client}/accounts")).json
    assert shown.keys() == {"loanAccounts"}
    assert (shown["loanAccounts"][0]["loanBalance"], shown["loanAccounts"][0]["amountPaid"]) == (9000, 1000)


@mifos()
async def test_the_client_list_has_no_filter_by_phone(host: Mifos) -> None:
    await jane(host)
    await host.client_of(name="John Mwangi")
    assert len((await host.get("clients?mobileNo=0712345678")).json["pageItems"]) == 2
    page = (await host.get("clients?externalId=C-5")).json
    assert (page["totalFilteredRecords"], page["pageItems"][0]["id"]) == (1, 1)


@mifos()
async def test_the_newer_client_search_finds_parts_of_a_phone_and_writes_text_dates(host: Mifos) -> None:
    await jane(host)
    body: dict[str, Any] = {"request": {"text": "345"}, "page": 0, "size": 50}
    path = "/fineract/kilimo/fineract-provider/api/v2/clients/search"
    page = (await host.post(path, body)).json
    assert page["content"][0]["mobileNo"] == "0712 345 678"
    assert page["content"][0]["activationDate"] == "2026-06-10"


async def search(host: Mifos, query: str, resource: str = "", exact: str = "true") -> list[tuple[str, int]]:
    params = {"query": query, "resource": resource, "exactMatch": exact}
    rows = (await host.get("search", params=params)).json
    return [(row["entityType"], row["entityId"]) for row in rows]


@mifos()
async def test_search_finds_loans_clients_savings_and_documents(host: Mifos) -> None:
    client = await jane(host)
    loan = await host.loan(client_id=client, external_id="LN-1", account_no="LOAN-1")
    savings = {"client_id": client, "account_no": "SAV-1"}
    await host.control("fineract/kilimo/savings", savings)
    assert await search(host, "LOAN-1", "loans,savings") == [("LOAN", loan)]
    assert await search(host, "LN-1", "loans") == [("LOAN", loan)]
    assert await search(host, "SAV-1", "loans,savings") == [("SAVING", 1)]
    assert await search(host, "0712 345 678", "clients") == [("CLIENT", client)]
    assert await search(host, "Jane Doe") == [("CLIENT", client)]
    rows = (await host.get("search?query=30111222&resource=clientIdentifiers&exactMatch=true")).json
    assert (rows[0]["entityType"], rows[0]["parentId"]) == ("CLIENTIDENTIFIER", client)


@mifos()
async def test_wildcards_keep_their_power_in_exact_searches(host: Mifos) -> None:
    await host.loan()
    assert await search(host, "%", "loans") == [("LOAN", 1)]
    assert await search(host, "00000000_", "loans") == [("LOAN", 1)]
    assert await search(host, "0001", "loans") == []
    assert await search(host, "0001", "loans", exact="false") == [("LOAN", 1)]


@pytest.mark.parametrize(("database", "found"), [("postgresql", 0), ("mariadb", 1)])
@mifos()
async def test_case_matters_on_postgresql_only(host: Mifos, database: str, found: int) -> None:
    await host.settings(database=database)
    await host.loan(account_no="LOAN-1")
    assert len(await search(host, "loan-1", "loans")) == found


@mifos()
async def test_search_gives_fifty_rows_at_most(host: Mifos) -> None:
    product = await host.product()
    await host.control("fineract/kilimo/loans/bulk", {"count": 60, "product_id": product})
    assert len(await search(host, "%", "loans,clients")) == 50


@mifos()
async def test_the_business_date_is_an_array_or_404(host: Mifos) -> None:
    shown = (await host.get("businessdate/BUSINESS_DATE")).json
    assert shown == {"description": "Business Date", "type": "BUSINESS_DATE", "date": [2026, 6, 10]}
    assert (await host.get("businessdate/COB_DATE")).json["date"] == [2026, 6, 9]
    await host.settings(business_date=None)
    assert (await host.get("businessdate/BUSINESS_DATE")).status == 404


@mifos()
async def test_audits_tell_what_became_of_a_command(host: Mifos) -> None:
    loan = await host.loan()
    await host.disburse(loan, actualDisbursementDate="2026-06-11")
    await host.disburse(loan)
    query = f"audits?entityName=LOAN&actionName=DISBURSE&loanId={loan}&paged=true&limit=5&orderBy=id&sortOrder=DESC"
    page = (await host.get(query)).json
    assert [row["processingResult"] for row in page["pageItems"]] == ["processed", "error"]
    assert page["totalFilteredRecords"] == 2
    assert page["pageItems"][0]["url"] == f"/loans/{loan}?command=disburse"


@mifos()
async def test_payment_types_are_listed(host: Mifos) -> None:
    rows = (await host.get("paymenttypes")).json
    assert [(row["name"], row["isCashPayment"]) for row in rows] == [
        ("Cash", True),
        ("Bank Transfer", False),
        ("M-Pesa", False),
    ]


@mifos()
async def test_a_phone_is_unique_in_a_tenant(host: Mifos) -> None:
    await jane(host)
    answer = await host.client.post("/control/fineract/kilimo/clients", json={"mobile_no": "0712 345 678"})
    assert answer.status == 400
    assert "unique" in (await answer.json())["error"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("fineract/hosts", {"host": "kilimo", "version": "2.0"}),
        ("fineract/hosts", {"host": "kilimo", "colour": "red"}),
        ("fineract/nowhere/products", {}),
        ("fineract/kilimo/loans", {"client_id": 9, "product_id": 9}),
        ("fineract/kilimo/loans/1/approve", {}),
        ("fineract/kilimo/clients", {"status": "x"}),
    ],
)
@mifos()
async def test_wrong_control_requests_are_400_and_say_why(
    host: Mifos, path: str, body: dict[str, Any]
) -> None:
    answer = await host.client.post(f"/control/{path}", json=body)
    assert answer.status == 400
    assert (await answer.json())["error"]
