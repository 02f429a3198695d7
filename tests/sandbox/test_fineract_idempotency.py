"""`Idempotency-Key`: replay, stored errors, collisions, stuck keys."""

import asyncio
import json

import pytest

from tests.sandbox.fineract_client import FORMAT, Mifos, mifos

CACHED = "x-served-from-cache"


@mifos()
async def test_a_success_is_replayed(host: Mifos) -> None:
    loan = await host.loan()
    first = await host.disburse(loan, key="k-1")
    again = await host.disburse(loan, key="k-1")
    assert CACHED not in first.headers
    assert (again.status, again.headers[CACHED], again.json) == (200, "true", first.json)
    assert (await host.books())["counts"]["disbursals"] == 1


@mifos()
async def test_an_error_is_replayed_even_after_its_cause_is_gone(host: Mifos) -> None:
    loan = await host.loan(approve=False)
    first = await host.disburse(loan, key="k-1")
    await host.control(f"fineract/kilimo/loans/{loan}/approve", {"date": "2026-06-02"})
    again = await host.disburse(loan, key="k-1")
    assert (again.status, again.headers[CACHED], again.json) == (400, "true", first.json)
    assert (await host.disburse(loan, key="k-2")).status == 200


@mifos()
async def test_one_key_for_two_loans_gives_the_first_loans_answer(host: Mifos) -> None:
    first, second = await host.loan(), await host.loan()
    await host.disburse(first, key="k-1")
    answer = await host.disburse(second, key="k-1")
    assert (answer.status, answer.json["loanId"]) == (200, first)
    assert await host.status(second) == 200


@mifos()
async def test_a_missing_loan_is_stored_under_the_key_as_well(host: Mifos) -> None:
    await host.disburse(99, key="k-1")
    loan = await host.loan()
    answer = await host.disburse(loan, key="k-1")
    assert (answer.status, answer.code) == (404, "error.msg.loan.id.invalid")


@mifos()
async def test_the_same_key_serves_different_actions(host: Mifos) -> None:
    loan = await host.loan()
    assert (await host.disburse(loan, key="k-1")).status == 200
    repaid = await host.repay(loan, key="k-1")
    assert repaid.status == 200
    assert CACHED not in repaid.headers


@mifos()
async def test_a_key_of_fifty_one_characters_fails_in_boot_shape(host: Mifos) -> None:
    loan = await host.loan()
    assert (await host.disburse(loan, key="k" * 51)).json["error"] == "Internal Server Error"
    assert await host.status(loan) == 200
    assert (await host.disburse(loan, key="k" * 50)).status == 200


@mifos()
async def test_a_key_means_nothing_without_a_json_content_type(host: Mifos) -> None:
    loan = await host.active_loan()
    body = json.dumps(FORMAT | {"transactionDate": "2026-06-05", "transactionAmount": "10"})
    headers = {"Idempotency-Key": "k-1", "Content-Type": "text/plain"}
    for _ in range(2):
        path = f"loans/{loan}/transactions?command=repayment"
        await host.send("POST", path, data=body, more_headers=headers)
    assert (await host.books())["counts"]["repayments"] == 2


@mifos()
async def test_a_command_under_way_ends_in_425_with_the_callers_own_request(host: Mifos) -> None:
    loan = await host.loan()
    await host.fault("disburse", "slow_processing", params={"seconds": 0.3})
    first = asyncio.ensure_future(host.disburse(loan, key="k-1"))
    while not host.world.fineract.hosts["kilimo"].by_key:
        await asyncio.sleep(0.001)
    second = await host.disburse(loan, key="k-1", note="again")
    assert (second.status, second.headers[CACHED]) == (425, "true")
    assert second.json["note"] == "again"
    assert (await first).status == 200


@mifos()
async def test_a_command_that_ends_while_the_server_retries_is_replayed(host: Mifos) -> None:
    loan = await host.loan()
    await host.switch(retry_seconds=0.2)
    await host.fault("disburse", "slow_processing", params={"seconds": 0.1})
    first, second = await asyncio.gather(host.disburse(loan, key="k-1"), host.disburse(loan, key="k-1"))
    assert {first.status, second.status} == {200}
    assert (CACHED in first.headers) is not (CACHED in second.headers)


@pytest.mark.parametrize(("version", "booked"), [("1.14", True), ("develop", False)])
@mifos()
async def test_a_server_that_dies_leaves_the_key_stuck_for_ever(
    host: Mifos, version: str, booked: bool
) -> None:
    await host.settings(version=version)
    loan = await host.loan()
    await host.fault("disburse", "stuck", params={"booked": True})
    with pytest.raises(Exception, match="disconnected"):
        await host.disburse(loan, key="k-1")
    assert (await host.disburse(loan, key="k-1")).status == 425
    assert (await host.status(loan) == 300) is booked


@mifos(version="1.14")
async def test_1_14_may_book_and_answer_an_error(host: Mifos) -> None:
    loan = await host.loan()
    await host.fault("disburse", "booked_error")
    answer = await host.disburse(loan, key="k-1", externalId="d-1")
    assert (answer.status, answer.code) == (500, "error.msg.platform.server.side.error")
    assert await host.status(loan) == 300
    assert (await host.get(f"loans/{loan}/transactions/external-id/d-1")).status == 200
    assert (await host.disburse(loan, key="k-1")).status == 425


@mifos(version="develop")
async def test_develop_books_and_stores_the_result_together_or_not_at_all(host: Mifos) -> None:
    loan = await host.loan()
    await host.fault("disburse", "booked_error")
    assert (await host.disburse(loan, key="k-1")).status == 500
    assert await host.status(loan) == 200
    assert (await host.disburse(loan, key="k-1")).headers[CACHED] == "true"


@mifos()
async def test_a_lost_answer_is_found_again_under_the_same_key(host: Mifos) -> None:
    loan = await host.loan()
    await host.fault("disburse", "lost")
    with pytest.raises(Exception, match="disconnected"):
        await host.disburse(loan, key="k-1")
    assert await host.status(loan) == 300
    assert (await host.disburse(loan, key="k-1")).headers[CACHED] == "true"


@mifos()
async def test_the_purge_forgets_successes_but_not_errors_and_the_external_id_still_protects(
    host: Mifos,
) -> None:
    loan, other = await host.active_loan(), await host.loan(approve=False)
    await host.repay(loan, key="k-1", externalId="col-1")
    await host.disburse(other, key="k-2")
    await host.control("clock", {"shift_seconds": 31 * 86400})
    assert await host.control("fineract/kilimo/purge", {}) == {"purged": 1}
    assert (await host.disburse(other, key="k-2")).headers[CACHED] == "true"
    again = await host.repay(loan, key="k-1", externalId="col-1")
    assert again.code == "validation.msg.loan.transaction.externalId.value.must.be.unique"


@mifos(permissions=["READ_LOAN"])
async def test_refusals_before_the_command_are_not_stored(host: Mifos) -> None:
    loan = await host.loan()
    assert (await host.disburse(loan, key="k-1")).status == 403
    await host.settings(permissions=None, read_only=True)
    assert (await host.disburse(loan, key="k-1")).status == 405
    await host.settings(read_only=False)
    assert (await host.disburse(loan, key="k-1")).status == 200
