"""Loans that waited for money go on by themselves when it comes: oldest first, and only those that fit."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from disbursements import checking, paying, resuming, sweeping, tasks
from disbursements.models import Disbursement
from disbursements.statuses import Status
from tests import make
from tests.disbursements.outside import World
from wallet import operations as wallet
from wallet.models import Account, Kind, TransferType

pytestmark = pytest.mark.django_db
LATER = make.NOW + timedelta(seconds=20)


def empty(world: World, kind: str) -> None:
    """Take all out of the wallet or the float."""
    shortcode_id = world.shortcode.pk if kind == Kind.FLOAT else None
    account = Account.objects.named(kind, partner_id=world.partner.pk, shortcode_id=shortcode_id)
    move(
        account.pk,
        wallet.platform_account(Kind.OPENING),
        account.balance or Decimal(0),
        f"out:{kind}",
        make.NOW,
    )


def fill(world: World, kind: str, amount: int, *, at: datetime = LATER) -> None:
    """Let money come in."""
    shortcode_id = world.shortcode.pk if kind == Kind.FLOAT else None
    account = Account.objects.named(kind, partner_id=world.partner.pk, shortcode_id=shortcode_id)
    type_ = TransferType.TOPUP if kind == Kind.WALLET else TransferType.CORRECTION
    move(wallet.platform_account(Kind.BANK), account.pk, Decimal(amount), f"in:{kind}:{at}", at, type_)


def move(
    out: Any, into: Any, amount: Decimal, reference: str, at: datetime, type_: str = TransferType.CORRECTION
) -> None:
    wallet.transfer(type=type_, reference=reference, from_account=out, to_account=into, amount=amount, at=at)


def held(world: World, loan_id: int, net: str = "9500", *, seconds: int = 0) -> Disbursement:
    """A loan that was checked, and held for want of money; detected some seconds later."""
    row = world.ready(loan_id, net=net, phone=f"07080000{loan_id:02}")
    paying.pay(disbursement_id=row.pk, at=make.NOW)
    detected = make.NOW + timedelta(seconds=seconds)
    Disbursement.objects.filter(pk=row.pk).update(detected_at=detected)
    row.refresh_from_db()
    assert row.status == Status.HELD, row.reason
    return row


def due(at: datetime = LATER) -> list[int]:
    rows = Disbursement.objects.filter(next_step_at__lte=at).order_by("next_step_at")
    return [row.mifos_loan_id or 0 for row in rows]


@pytest.mark.parametrize("kind", [Kind.WALLET, Kind.FLOAT])
def test_what_waited_is_due_at_once_when_the_money_is_there(world: World, kind: str) -> None:
    empty(world, kind)
    held(world, 11)
    assert resuming.resume(at=LATER) == 0
    fill(world, kind, 10_000)
    assert (resuming.resume(at=LATER), due()) == (1, [11])


def test_the_sweep_brings_it_to_payment_without_a_person(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty(world, Kind.WALLET)
    row = held(world, 11)
    fill(world, Kind.WALLET, 1000)
    sent: list[tuple[str, Any]] = []
    monkeypatch.setattr(
        "disbursements.tasks.nudge.send", lambda task, row_id: sent.append((task.name, row_id))
    )
    monkeypatch.setattr("disbursements.tasks.timezone.now", lambda: LATER)
    tasks.sweep_due()
    assert sent == [("disbursements.tasks.check", row.pk)]
    assert checking.check(disbursement_id=row.pk, at=LATER)
    paying.pay(disbursement_id=row.pk, at=LATER)
    row.refresh_from_db()
    assert row.status == Status.ACCEPTED


def test_the_oldest_goes_first_and_what_does_not_fit_is_skipped(world: World) -> None:
    empty(world, Kind.FLOAT)
    for loan_id, net, seconds in ((11, "4000", 3), (12, "9000", 1), (13, "7000", 2), (14, "500", 4)):
        held(world, loan_id, net, seconds=seconds)
    fill(world, Kind.FLOAT, 9600)
    assert resuming.resume(at=LATER) == 2
    assert due() == [12, 14]  # 13 and 11 are older than 14, and there is too little left for them


def test_the_charge_counts_as_well(world: World) -> None:
    empty(world, Kind.WALLET)
    for loan_id in (11, 12):
        held(world, loan_id, seconds=loan_id)
    fill(world, Kind.WALLET, 25)  # one charge of the tariff, not two
    assert (resuming.resume(at=LATER), due()) == (1, [11])


def test_money_wakes_a_loan_once_and_not_again_when_it_still_does_not_fit(world: World) -> None:
    empty(world, Kind.FLOAT)
    row = held(world, 11)
    fill(world, Kind.FLOAT, 9500)
    assert resuming.resume(at=LATER) == 1
    assert sweeping.claim(sweeping.TO_PAY, at=LATER) == [(row.partner_id, row.pk, "check")]
    assert resuming.resume(at=LATER + timedelta(seconds=1)) == 0  # a worker has it in hand
    empty_again = LATER + timedelta(seconds=1)
    Disbursement.objects.filter(pk=row.pk).update(moved_at=empty_again, queued_at=None)
    assert resuming.resume(at=empty_again) == 0


def test_money_of_another_partner_wakes_nobody(world: World) -> None:
    empty(world, Kind.WALLET)
    held(world, 11)
    jamii = make.partner("jamii")
    wallet.book_opening(
        partner_id=jamii.pk, shortcode_id=world.shortcode.pk, wallet=Decimal(500), float_=None, at=LATER
    )
    assert (resuming.resume(at=LATER), due()) == (0, [])


def test_what_waits_for_something_else_waits_on(world: World) -> None:
    row = held_by_person(world)
    fill(world, Kind.WALLET, 1000)
    assert resuming.resume(at=LATER) == 0
    row.refresh_from_db()
    assert row.status == Status.HELD


def held_by_person(world: World) -> Disbursement:
    world.approve(11)
    row = world.take(11)
    row.move(Status.HELD, at=make.NOW, note="by a person", hold_cause="by_person")
    return row


def test_old_money_wakes_nobody(world: World) -> None:
    empty(world, Kind.FLOAT)
    held(world, 11)
    fill(world, Kind.FLOAT, 10_000, at=make.NOW + timedelta(seconds=1))
    assert resuming.resume(at=make.NOW + timedelta(seconds=17)) == 0
