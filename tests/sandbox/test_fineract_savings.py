"""Deposits into savings accounts, by release."""

from typing import Any

import pytest

from tests.sandbox.fineract_client import FORMAT, Answer, Mifos, mifos

PREFIX = "error.msg.savingsaccount.transaction"


async def account(host: Mifos, **body: Any) -> int:
    client = await host.client_of()
    made = await host.control(
        "fineract/kilimo/savings", {"client_id": client, "activated_on": "2026-06-01"} | body
    )
    return int(made["id"])


async def deposit(host: Mifos, savings: int, *, key: str | None = None, **body: Any) -> Answer:
    sent = FORMAT | {"transactionDate": "2026-06-05", "transactionAmount": "500", "paymentTypeId": 3} | body
    return await host.post(f"savingsaccounts/{savings}/transactions?command=deposit", sent, key=key)


@mifos()
async def test_a_deposit_raises_the_balance(host: Mifos) -> None:
    savings = await account(host)
    answer = await deposit(host, savings, receiptNumber="QK9")
    assert answer.json == {
        "officeId": 1,
        "clientId": 1,
        "savingsId": savings,
        "resourceId": 1,
        "changes": {"paymentTypeId": 3, "receiptNumber": "QK9"},
    }
    shown = (await host.get(f"savingsaccounts/{savings}?associations=transactions")).json
    assert shown["summary"]["accountBalance"] == 500
    assert shown["transactions"][0]["date"] == [2026, 6, 5]


@mifos(version="1.14")
async def test_1_14_does_not_know_an_external_id(host: Mifos) -> None:
    answer = await deposit(host, await account(host), externalId="x")
    assert (answer.status, answer.code) == (400, "error.msg.parameter.unsupported")
    assert (await host.get("savingsaccounts/1/transactions/external-id/x")).status == 404


@mifos(version="develop")
async def test_develop_takes_an_external_id_once(host: Mifos) -> None:
    savings = await account(host, external_id="S-1")
    assert (await deposit(host, savings, externalId="x")).status == 200
    again = await deposit(host, savings, externalId="x")
    assert (again.status, again.code) == (403, "error.msg.data.integrity.issue")
    for path in (f"savingsaccounts/{savings}", "savingsaccounts/external-id/S-1"):
        assert (await host.get(f"{path}/transactions/external-id/x")).json["externalId"] == "x"


REFUSED: list[tuple[dict[str, Any], dict[str, Any], int, str]] = [
    ({"status": 200}, {}, 400, f"{PREFIX}.account.is.not.active"),
    ({}, {"transactionDate": "2026-06-11"}, 400, f"{PREFIX}.in.the.future"),
    ({}, {"transactionDate": "2026-05-31"}, 400, f"{PREFIX}.before.activation.date"),
    (
        {},
        {"paymentTypeId": None},
        400,
        "validation.msg.savingsaccount.transaction.paymentTypeId.cannot.be.blank",
    ),
    ({"blocked": True}, {}, 403, "error.msg.saving.account.blocked.transaction.not.allowed"),
    ({"credit_blocked": True}, {}, 403, "error.msg.savings.account.credit.transaction.not.allowed"),
]


@pytest.mark.parametrize(("made", "sent", "status", "code"), REFUSED)
@mifos()
async def test_a_refused_deposit_books_nothing(
    host: Mifos, made: dict[str, Any], sent: dict[str, Any], status: int, code: str
) -> None:
    savings = await account(host, **made)
    answer = await deposit(host, savings, **sent)
    assert (answer.status, answer.code) == (status, code)
    assert (await host.books())["savings"][0]["balance"] == "0.00"


@mifos()
async def test_fixed_deposits_refuse_with_503(host: Mifos) -> None:
    answer = await deposit(host, await account(host, deposit_type="fixed"))
    assert answer.status == 503
    assert answer.code.endswith("account.trasaction.deposit.notallowed")


@mifos()
async def test_a_missing_account_is_404(host: Mifos) -> None:
    assert (await host.get("savingsaccounts/9")).code == "error.msg.saving.account.id.invalid"
    assert (await deposit(host, 9)).code == "error.msg.saving.account.id.invalid"


@pytest.mark.parametrize("command", ["undo", "reverse"])
@mifos()
async def test_a_deposit_can_be_taken_back_with_an_empty_body(host: Mifos, command: str) -> None:
    savings = await account(host)
    await deposit(host, savings)
    path = f"savingsaccounts/{savings}/transactions/1"
    assert (await host.post(f"{path}?command={command}", {})).status == 200
    assert (await host.get(path)).json["reversed"] is True
    assert (await host.books())["savings"][0]["balance"] == "0.00"


@mifos()
async def test_transactions_are_searched_by_date_and_amount(host: Mifos) -> None:
    savings = await account(host)
    await deposit(host, savings, transactionAmount="100")
    await deposit(host, savings, transactionAmount="700", transactionDate="2026-06-07")
    path = f"savingsaccounts/{savings}/transactions/search?dateFormat=yyyy-MM-dd&locale=en"
    page = (await host.get(f"{path}&fromDate=2026-06-06")).json
    assert [row["amount"] for row in page["content"]] == [700]
    assert (await host.get(f"{path}&toAmount=500")).json["totalElements"] == 1


@mifos()
async def test_the_list_has_no_filter_by_account_number(host: Mifos) -> None:
    await account(host)
    await account(host, external_id="S-2")
    assert len((await host.get("savingsaccounts?accountNo=000000001")).json["pageItems"]) == 2
    assert len((await host.get("savingsaccounts?externalId=S-2")).json["pageItems"]) == 1


@mifos()
async def test_a_deposit_is_protected_by_its_key(host: Mifos) -> None:
    savings = await account(host)
    await deposit(host, savings, key="k-1")
    again = await deposit(host, savings, key="k-1")
    assert again.headers["x-served-from-cache"] == "true"
    assert (await host.books())["savings"][0]["balance"] == "500.00"
