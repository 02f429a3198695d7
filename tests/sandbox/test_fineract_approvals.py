"""The loan commands around a disbursal."""

import pytest

from tests.sandbox.fineract_client import FORMAT, Mifos, mifos

DISBURSED_CODE = "error.msg.loan.undo.disbursal.account.is.not.active"


@mifos()
async def test_approve_sets_amounts_and_dates(host: Mifos) -> None:
    loan = await host.loan(approve=False, charge="500")
    body = FORMAT | {"approvedOnDate": "2026-06-02", "approvedLoanAmount": 8000}
    answer = await host.post(
        f"loans/{loan}?command=approve", body | {"expectedDisbursementDate": "2026-06-04"}
    )
    assert answer.status == 200
    assert answer.json["changes"]["netDisbursalAmount"] == 7500
    shown = (await host.get(f"loans/{loan}")).json
    assert (shown["approvedPrincipal"], shown["proposedPrincipal"]) == (8000, 10000)
    assert shown["timeline"]["approvedOnDate"] == [2026, 6, 2]
    assert shown["timeline"]["expectedDisbursementDate"] == [2026, 6, 4]


@mifos()
async def test_approve_twice_is_refused(host: Mifos) -> None:
    loan = await host.loan()
    answer = await host.post(f"loans/{loan}?command=approve", FORMAT | {"approvedOnDate": "2026-06-02"})
    assert answer.status == 400


@mifos()
async def test_an_approval_may_name_the_tranches(host: Mifos) -> None:
    loan = await host.loan(product={"multi_disburse": True}, approve=False)
    rows = [{"expectedDisbursementDate": "2026-06-04", "principal": 10000}]
    body = FORMAT | {"approvedOnDate": "2026-06-02", "disbursementData": rows}
    assert (await host.post(f"loans/{loan}?command=approve", body)).status == 200
    shown = (await host.get(f"loans/{loan}?associations=multiDisburseDetails")).json
    assert shown["disbursementDetails"][0]["expectedDisbursementDate"] == [2026, 6, 4]


@mifos()
async def test_undo_approval_takes_the_loan_off_the_list(host: Mifos) -> None:
    loan = await host.loan()
    assert (await host.post(f"loans/{loan}?command=undoApproval", {})).status == 200
    assert (await host.get("loans?status=200")).json["pageItems"] == []
    assert await host.status(loan) == 100


@pytest.mark.parametrize(
    ("command", "key", "status"),
    [("reject", "rejectedOnDate", 500), ("withdrawnByApplicant", "withdrawnOnDate", 400)],
)
@mifos()
async def test_a_pending_loan_can_be_closed_unpaid(host: Mifos, command: str, key: str, status: int) -> None:
    loan = await host.loan(approve=False)
    answer = await host.post(f"loans/{loan}?command={command}", FORMAT | {key: "2026-06-02"})
    assert answer.status == 200
    assert await host.status(loan) == status


@mifos()
async def test_undo_disbursal_reverses_everything_and_keeps_the_external_ids(host: Mifos) -> None:
    loan = await host.loan()
    await host.disburse(loan, externalId="d-1")
    undone = await host.post(f"loans/{loan}?command=undodisbursal", {"note": "wrong client"})
    assert undone.json["changes"]["actualDisbursementDate"] == ""
    shown = (await host.get(f"loans/{loan}?associations=transactions")).json
    assert shown["status"]["id"] == 200
    assert "actualDisbursementDate" not in shown["timeline"]
    assert shown.get("transactions", []) == []
    assert (await host.disburse(loan, externalId="d-1")).code == "error.msg.data.integrity.issue"
    assert (await host.disburse(loan, externalId="d-2")).status == 200


@mifos()
async def test_undo_of_a_loan_not_disbursed_is_400(host: Mifos) -> None:
    answer = await host.post(f"loans/{await host.loan()}?command=undodisbursal", {})
    assert (answer.status, answer.code) == (400, DISBURSED_CODE)


@mifos()
async def test_undo_last_disbursal_takes_back_one_tranche(host: Mifos) -> None:
    tranches = [{"expected_date": f"2026-06-0{day}", "principal": "5000"} for day in (3, 5)]
    loan = await host.loan(product={"multi_disburse": True}, tranches=tranches)
    await host.disburse(loan)
    await host.disburse(loan, actualDisbursementDate="2026-06-05")
    assert (await host.post(f"loans/{loan}?command=undolastdisbursal", {})).status == 200
    assert (await host.books())["loans"][0]["disbursed"] == "5000.00"
    assert await host.status(loan) == 300


@mifos()
async def test_the_office_can_do_all_of_it_by_control(host: Mifos) -> None:
    loan = await host.loan(approve=False)
    path = f"fineract/kilimo/loans/{loan}"
    statuses = []
    for verb in (
        "approve",
        "undo-approval",
        "approve",
        "disburse-by-hand",
        "undo-disbursal",
        "undo-approval",
        "reject",
    ):
        statuses.append((await host.control(f"{path}/{verb}", {}))["status"])
    assert statuses == [200, 100, 200, 300, 200, 100, 500]
