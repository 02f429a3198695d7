"""Locks, conflicts, jobs, checkers and faults of a Fineract host."""

import time
from typing import Any

import pytest

from tests.sandbox.fineract_client import FORMAT, Mifos, mifos


async def lock(host: Mifos, loan: int, **body: Any) -> None:
    await host.control(f"fineract/kilimo/loans/{loan}/lock", body)


@mifos()
async def test_a_loan_in_cob_is_409_without_content_type_and_nothing_is_stored(host: Mifos) -> None:
    loan = await host.loan()
    await lock(host, loan, kind="cob", seconds=60)
    answer = await host.disburse(loan, key="k-1")
    assert (answer.status, answer.code) == (409, "error.msg.loan.locked")
    assert "Content-Type" not in answer.headers
    assert answer.json["developerMessage"] == f"Loan is locked by the COB job. Loan ID: {loan}"
    assert "errors" not in answer.json
    await host.control("clock", {"shift_seconds": 61})
    assert (await host.disburse(loan, key="k-1")).status == 200


@mifos()
async def test_reads_pass_a_locked_loan(host: Mifos) -> None:
    loan = await host.loan()
    await lock(host, loan, kind="cob", seconds=60)
    assert (await host.get(f"loans/{loan}")).status == 200


@mifos(version="1.14")
async def test_an_orphaned_lock_stays_until_it_is_taken_away(host: Mifos) -> None:
    loan = await host.loan()
    await lock(host, loan, kind="orphaned")
    await host.control("clock", {"shift_seconds": 86400})
    assert (await host.disburse(loan)).status == 409
    await lock(host, loan, kind=None)
    assert (await host.disburse(loan)).status == 200


@mifos(version="develop")
async def test_develop_has_no_orphaned_locks(host: Mifos) -> None:
    loan = await host.loan()
    answer = await host.client.post(f"/control/fineract/kilimo/loans/{loan}/lock", json={"kind": "orphaned"})
    assert answer.status == 400


@mifos()
async def test_a_loan_behind_cob_makes_the_first_write_slow(host: Mifos) -> None:
    loan = await host.loan()
    await lock(host, loan, kind="behind", seconds=0.2)
    begin = time.monotonic()
    assert (await host.disburse(loan)).status == 200
    assert time.monotonic() - begin >= 0.2


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "error.msg.platform.service.optimistic lock.conflict"),
        ({"type": "lock"}, "error.msg.platform.service.lock.conflict"),
    ],
)
@mifos()
async def test_a_conflict_is_409_rolled_back_and_stored(
    host: Mifos, params: dict[str, str], code: str
) -> None:
    loan = await host.loan()
    await host.fault("disburse", "conflict", params=params)
    answer = await host.disburse(loan, key="k-1")
    assert (answer.status, answer.code) == (409, code)
    assert "concurrent modification  on" in answer.json["developerMessage"]
    assert await host.status(loan) == 200
    assert (await host.disburse(loan, key="k-1")).status == 409
    assert (await host.disburse(loan, key="k-2")).status == 200


@mifos()
async def test_an_optimistic_lock_hits_the_next_writes(host: Mifos) -> None:
    loan = await host.active_loan()
    await lock(host, loan, kind="optimistic", times=2)
    assert [(await host.repay(loan)).status for _ in range(3)] == [409, 409, 200]


@mifos()
async def test_a_running_scheduler_job_refuses_commands_and_the_key_stays_good(host: Mifos) -> None:
    loan = await host.loan()
    await host.settings(scheduler_seconds=60)
    answer = await host.disburse(loan, key="k-1")
    assert (answer.status, answer.code) == (503, "error.msg.sheduler.job.currently.running")
    assert answer.json["userMessageGlobalisationCode"] == "error.msg.platform.service.unavailable"
    assert (await host.get(f"loans/{loan}")).status == 200
    await host.settings(scheduler_seconds=0)
    assert (await host.disburse(loan, key="k-1")).status == 200


@mifos(read_only=True)
async def test_a_read_only_node_is_405_without_content_type(host: Mifos) -> None:
    loan = await host.loan()
    answer = await host.disburse(loan)
    assert (answer.status, answer.code) == (405, "error.msg.invalid.instance.type")
    assert "Content-Type" not in answer.headers


@pytest.mark.parametrize(
    ("kind", "status"), [("scheduler", 503), ("read_only", 405), ("cob_lock", 409), ("conflict", 409)]
)
@mifos()
async def test_these_troubles_can_be_played_as_faults_on_one_loan(
    host: Mifos, kind: str, status: int
) -> None:
    first, second = await host.loan(), await host.loan()
    await host.fault("disburse", kind, match={"loan_id": str(second)})
    assert (await host.disburse(first)).status == 200
    assert (await host.disburse(second)).status == status


@mifos()
async def test_an_error_page_may_come_before_or_after_booking(host: Mifos) -> None:
    loan = await host.loan()
    await host.fault("disburse", "html", match={"host": "kilimo"})
    page = await host.disburse(loan)
    assert page.headers["Content-Type"].startswith("text/html")
    assert await host.status(loan) == 200
    await host.fault("disburse", "html_after")
    assert (await host.disburse(loan)).status == 502
    assert await host.status(loan) == 300


@mifos(version="1.14")
async def test_totals_may_be_stale_right_after_a_disbursal_in_1_14(host: Mifos) -> None:
    loan = await host.loan()
    await host.fault("disburse", "stale_totals")
    await host.disburse(loan)
    assert (await host.get(f"loans/{loan}")).json["summary"]["totalOutstanding"] == 0
    await host.repay(loan, "1000")
    assert (await host.get(f"loans/{loan}")).json["summary"]["totalOutstanding"] == 9000


@mifos(maker_checker=["DISBURSE_LOAN", "REPAYMENT_LOAN"])
async def test_with_a_checker_200_is_no_disbursal(host: Mifos) -> None:
    await host.register()
    loan = await host.loan()
    answer = await host.disburse(loan, key="k-1")
    assert answer.json == {"commandId": 2, "resourceId": loan, "rollbackTransaction": True}
    assert await host.status(loan) == 200
    assert (await host.disburse(loan, key="k-1")).status == 425
    waiting = (await host.get("makercheckers")).json
    assert waiting[0]["processingResult"] == "awaiting.approval"
    approved = await host.post("makercheckers/2?command=approve")
    assert (approved.json["commandId"], approved.json["loanId"]) == (2, loan)
    assert await host.status(loan) == 300
    sent = [one.json for one in await host.deliveries() if one.json["actionName"] == "DISBURSE"]
    assert [body.get("response", {}).get("commandId") for body in sent] == [None, 2]


@mifos(maker_checker=["REPAYMENT_LOAN"])
async def test_a_rejected_command_never_happens_and_its_key_is_spent(host: Mifos) -> None:
    loan = await host.active_loan()
    answer = await host.repay(loan, key="k-1")
    assert answer.json.keys() == {"commandId", "rollbackTransaction"}
    await host.control(f"fineract/kilimo/makercheckers/{answer.json['commandId']}/reject", {})
    assert (await host.books())["loans"][0]["outstanding"] == "10000.00"
    assert (await host.repay(loan, key="k-1")).status == 425


@mifos(maker_checker=["DISBURSE_LOAN"], permissions=["DISBURSE_LOAN", "READ_LOAN", "CHECKER_SUPER_USER"])
async def test_a_checker_super_user_passes_straight_through(host: Mifos) -> None:
    loan = await host.loan()
    assert (await host.disburse(loan)).json["changes"]["status"]["active"] is True


@mifos(maker_checker=["DISBURSE_LOAN"])
async def test_a_parked_command_is_checked_again_when_it_is_approved(host: Mifos) -> None:
    loan = await host.loan()
    await host.disburse(loan)
    await host.control(f"fineract/kilimo/loans/{loan}/disburse-by-hand", {"date": "2026-06-04"})
    refused = await host.post("makercheckers/2?command=approve")
    assert refused.status == 400
    assert (await host.books())["counts"]["disbursals"] == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("hooks", {"name": "Web", "events": [{"entity": "LOAN"}]}),
        ("loans/1?command=approve", FORMAT | {"approvedOnDate": "2026-06-02", "disbursementData": ["x"]}),
    ],
)
@mifos()
async def test_nonsense_that_no_mapper_knows_is_500_in_boot_shape(
    host: Mifos, path: str, body: dict[str, Any]
) -> None:
    await host.loan()
    answer = await host.post(path, body)
    assert answer.status == 500
    assert answer.json["error"] == "Internal Server Error"


@mifos()
async def test_the_feed_tells_what_happened(host: Mifos) -> None:
    loan = await host.active_loan()
    await lock(host, loan, kind="behind", seconds=0)
    events = await host.control("feed?after=0", method="GET")
    assert [event["text"] for event in events] == [
        "kilimo: APPROVE LOAN 1",
        "kilimo: DISBURSE LOAN 1",
        "kilimo: loan 1 lock",
    ]
