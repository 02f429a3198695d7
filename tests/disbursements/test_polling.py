"""What is approved is seen by the poll; a webhook only wakes it, and its words are not believed."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Web

from common.gateway import Rejected, Retryable
from common.models import InboundMessage
from disbursements import intake, polling, tasks
from disbursements.models import Disbursement, TrancheWatch
from disbursements.statuses import Status
from mifos import operations as mifos
from mifos.host_limit import BUSY
from mifos.models import LoanProduct, MifosPartner
from tests import make
from tests.disbursements.outside import World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Collect the nudges instead of sending them."""
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(
        "common.nudge.send",
        lambda task, *row_ids: sent.extend((task.name, str(row_id)) for row_id in row_ids) or True,
    )
    return sent


def poll(world: World, **later: float) -> list[Any]:
    return polling.poll(host_id=world.host.pk, at=make.NOW + timedelta(**later))


def test_a_poll_takes_each_approved_loan_once(world: World) -> None:
    for loan_id in (12, 13, 14):
        world.approve(loan_id)
    assert len(poll(world)) == 3
    assert poll(world, seconds=15) == []
    assert set(Disbursement.objects.values_list("mifos_loan_id", flat=True)) == {12, 13, 14}


def test_loans_of_products_that_are_not_paid_are_left_alone(world: World) -> None:
    world.approve(12, product_id=99)
    assert poll(world) == []


def test_a_poll_says_when_the_next_one_is(world: World) -> None:
    poll(world)
    world.host.refresh_from_db()
    assert world.host.next_step_at == make.NOW + timedelta(seconds=world.host.poll_seconds)
    assert world.host.last_poll_at == make.NOW


@pytest.mark.parametrize(("trouble", "gap"), [(Retryable("down"), 15), (Retryable("busy", code=BUSY), 1)])
def test_a_host_in_trouble_is_polled_again_and_nothing_is_lost(
    world: World, trouble: Retryable, gap: int
) -> None:
    world.approve()
    world.mifos.read_refusals.append(trouble)
    assert poll(world) == []
    world.host.refresh_from_db()
    assert world.host.next_step_at == make.NOW + timedelta(seconds=gap)
    assert len(poll(world, seconds=gap)) == 1


def test_a_host_that_failed_often_rests(world: World) -> None:
    for n in range(5):
        world.mifos.read_refusals.append(Retryable("down"))
        poll(world, seconds=n)
    world.approve()
    assert poll(world, seconds=6) == []
    assert len(poll(world, minutes=10)) == 1


def test_a_poll_of_thousands_wakes_only_the_first_ones(world: World, woken: list[tuple[str, str]]) -> None:
    for loan_id in range(100, 150):
        world.approve(loan_id)
    tasks.poll_host(str(world.host.pk))
    assert len(woken) == intake.FIRST
    assert Disbursement.objects.filter(next_step_at__isnull=False).count() == 50


def test_an_inactive_connection_is_not_asked(world: World) -> None:
    world.approve()
    MifosPartner.objects.update(is_active=False)
    assert poll(world) == []


def hook(world: World, body: Any, *, token: str | None = None) -> int:
    path = f"/callbacks/mifos/{token or mifos.webhook_token(world.host)}/"
    text = body if isinstance(body, str) else json.dumps(body)
    return Web().post(path, data=text, content_type="application/json").status_code


def approval(loan_id: Any) -> dict[str, Any]:
    return {
        "entityName": "LOAN",
        "actionName": "APPROVE",
        "response": {"loanId": loan_id, "changes": {"amount": 1e9}},
    }


def applied() -> str:
    message = InboundMessage.objects.get()
    tasks.apply_hook(str(message.pk))
    message.refresh_from_db()
    assert message.applied_at is not None
    return message.outcome


def test_a_hook_wakes_the_reading_of_its_loan(world: World, woken: list[tuple[str, str]]) -> None:
    world.approve()
    assert hook(world, approval(12)) == 200
    assert applied() == "loan 12 read, 1 taken"
    row = Disbursement.objects.get()
    assert ("disbursements.tasks.check", str(row.pk)) in woken
    assert row.amount == 9500  # as Mifos says when it is asked, not as the hook said


def test_a_hook_about_a_loan_that_is_not_approved_takes_nothing(world: World) -> None:
    world.mifos.loans[12] = replace(world.approve(), status_id=100, waiting_for_disbursal=False)
    hook(world, approval(12))
    assert applied() == "loan 12 read, 0 taken"


def test_a_hook_for_another_partners_loan_finds_nothing_on_its_own_host(world: World) -> None:
    world.mifos.read_refusals.append(
        Rejected("Loan with identifier 77 does not exist", code="error.msg.loan.id.invalid")
    )
    hook(world, approval(77))
    assert "does not show it" in applied()
    assert not Disbursement.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {"entityName": "LOAN", "actionName": "APPROVE", "request": {}},
        approval("12"),
        approval(True),
        approval(-1),
        approval(10**30),
        {"response": None},
        [],
        "not JSON",
        "",
        "[" * 50_000,
    ],
)
def test_a_hook_that_names_no_loan_is_taken_and_ignored(world: World, body: Any) -> None:
    assert hook(world, body) == 200
    assert applied() == "nothing to look at"


def test_a_hook_while_the_host_is_down_is_read_later(world: World) -> None:
    world.approve()
    world.mifos.read_refusals.append(Retryable("down"))
    hook(world, approval(12))
    message = InboundMessage.objects.get()
    tasks.apply_hook(str(message.pk))
    message.refresh_from_db()
    assert (message.applied_at, message.tries) == (None, 1)
    tasks.apply_hook(str(message.pk))
    assert Disbursement.objects.count() == 1


@pytest.mark.parametrize("token", ["0" * 76, "ab"])
def test_a_hook_with_a_wrong_token_is_nobodys(world: World, token: str) -> None:
    assert hook(world, approval(12), token=token) == 404
    assert not InboundMessage.objects.exists()


def test_the_ping_at_registration_is_answered(world: World) -> None:
    assert Web().get(f"/callbacks/mifos/{mifos.webhook_token(world.host)}/").status_code == 200


def test_a_huge_hook_is_refused(world: World) -> None:
    assert hook(world, "x" * 70_000) == 413


def test_a_loan_with_tranches_is_watched_until_none_is_left(world: World) -> None:
    LoanProduct.objects.update(multi_disburse=True)
    watch = TrancheWatch.objects.create(mifos_partner=world.host, mifos_loan_id=12, next_step_at=make.NOW)
    world.approve(multi_disburse=True, waiting_for_disbursal=False, active=True, status_id=300)
    assert polling.watch_tranches(watch_id=watch.pk, at=make.NOW) == []
    assert not TrancheWatch.objects.exists()


def test_a_held_row_whose_approval_was_undone_is_woken_by_the_poll(world: World) -> None:
    world.approve()
    row = world.take()
    row.move(Status.HELD, at=make.NOW, hold_cause="approval_undone")
    assert poll(world, seconds=15) == [row.pk]
