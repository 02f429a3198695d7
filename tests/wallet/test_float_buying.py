"""From a confirmed purchase to the bank's answer: money first set aside, one order, and no guess."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from common.changes import By
from common.gateway import OutcomeUnknown, Rejected, Retryable
from common.moves import LostRace
from tests import make
from tests.wallet.make_float import FT, LATER, MONEY, Scene
from wallet import asking, buying
from wallet.models import Hold
from wallet.ncba_shapes import FloatPurchase as Order
from wallet.ncba_shapes import InternalTransfer, OrderTaken, PaybillPayment
from wallet.proof import prove
from wallet.purchases import FloatPurchase

GONE = (150_000, 50_000, 0, 0)  # wallet, held, float, held
BACK = (200_000, 0, 0, 0)
RACING = pytest.mark.django_db(transaction=True)  # a lost race undoes its transaction


def test_the_money_is_set_aside_and_committed_before_the_bank_is_asked(scene: Scene) -> None:
    seen: list[Any] = []
    scene.bank.on_order = lambda order: seen.append(
        (scene.books.money(), FloatPurchase.objects.get().status, order.reference)
    )
    row = scene.buy()
    assert seen == [(GONE, "sending", row.reference)]


def test_the_order_is_complete(scene: Scene) -> None:
    row = scene.buy()
    (order,) = scene.bank.orders
    assert isinstance(order, Order)
    assert (order.reference, order.amount, order.shortcode) == (row.reference, MONEY, "600992")
    assert (order.debit_account, order.on.isoformat()) == ("1000000001", "2026-06-03")
    assert len(order.reference) <= 20
    assert order.reference.isalnum()


def test_an_acceptance_is_no_evidence(scene: Scene) -> None:
    row = scene.buy()
    assert (row.status, row.bank_reference) == ("accepted", FT)
    assert scene.books.money() == GONE


def test_the_charge_is_by_the_partners_tariff_and_held_too(scene: Scene) -> None:
    make.tariff(kind="float_purchase", bands=[(250_000, 50)])
    row = scene.buy()
    assert row.charge == 50
    assert scene.books.money() == (149_950, 50_050, 0, 0)


@pytest.mark.parametrize(
    ("answer", "status", "money"),
    [
        (None, "accepted", GONE),
        (OrderTaken(core_reference=FT, final=True), "accepted", GONE),
        (OrderTaken(core_reference=FT, final=False, earlier=True), "accepted", GONE),
        (Rejected("Insufficient funds", code="051"), "failed", BACK),
        (ValueError("cents"), "failed", BACK),
        (Retryable("connection refused"), "confirmed", GONE),
        (OutcomeUnknown("HTTP 502 with a page"), "unknown", GONE),
        (OutcomeUnknown("no answer in 60 seconds"), "unknown", GONE),
        (OutcomeUnknown("success is missing", code=""), "unknown", GONE),
    ],
)
def test_what_each_answer_means(scene: Scene, answer: Any, status: str, money: Any) -> None:
    scene.bank.plan.append(answer)
    row = scene.buy()
    assert (row.status, scene.books.money()) == (status, money)
    assert not prove().differences


def test_a_duplicate_means_that_it_was_accepted_earlier(scene: Scene) -> None:
    scene.bank.plan.append(OrderTaken(core_reference=FT, final=False, earlier=True))
    row = scene.buy()
    assert "had it already" in scene.notes(row)
    assert row.bank_reference == FT


@pytest.mark.parametrize("answer", [None, OutcomeUnknown("lost"), Rejected("no", code="014")])
def test_nothing_is_ever_ordered_twice(scene: Scene, answer: Any) -> None:
    scene.bank.plan.append(answer)
    row = scene.buy()
    for hours in range(1, 60, 7):
        buying.buy(purchase_id=row.pk, at=make.NOW + timedelta(hours=hours))
        buying.recover(purchase_id=row.pk, at=make.NOW + timedelta(hours=hours))
    assert len(scene.bank.orders) == 1


def test_what_never_left_goes_again_with_the_same_reference_and_the_same_money(scene: Scene) -> None:
    scene.bank.plan.append(Retryable("connection refused"))
    row = scene.buy()
    assert row.next_step_at == make.NOW + timedelta(seconds=5)
    buying.buy(purchase_id=row.pk, at=LATER)
    assert [order.reference for order in scene.bank.orders] == [row.reference] * 2
    assert (scene.seen(row).status, scene.seen(row).sends) == ("accepted", 2)
    assert (scene.books.money(), Hold.objects.count()) == (GONE, 1)


def test_after_six_tries_that_never_left_the_money_is_back(scene: Scene) -> None:
    scene.bank.plan.extend([Retryable("connection refused")] * 9)
    row = scene.buy()
    for minutes in range(10, 100, 10):
        buying.buy(purchase_id=row.pk, at=make.NOW + timedelta(minutes=minutes))
    assert (scene.seen(row).status, len(scene.bank.orders)) == ("failed", 6)
    assert scene.books.money() == BACK


def test_a_purchase_that_never_left_can_be_called_off_and_its_money_is_back(scene: Scene) -> None:
    scene.bank.plan.append(Retryable("connection refused"))
    row = scene.buy()
    asking.cancel(purchase_id=row.pk, by=By(actor=scene.asker), at=LATER)
    assert (scene.seen(row).status, scene.books.money()) == ("cancelled", BACK)
    buying.buy(purchase_id=row.pk, at=LATER)
    assert len(scene.bank.orders) == 1


def test_credentials_that_are_refused_are_a_matter_for_a_person(scene: Scene) -> None:
    scene.bank.plan.append(Rejected("403 Security Notice", stop=True))
    row = scene.buy()
    assert "Mend the access" in row.attention


def test_a_wallet_that_went_short_meanwhile_buys_nothing(scene: Scene) -> None:
    first, second = scene.ask(120_000), scene.ask(120_000)
    for row in (first, second):
        asking.confirm_code(purchase_id=row.pk, code=scene.code(row), by=By(actor=scene.asker), at=make.NOW)
        buying.buy(purchase_id=row.pk, at=make.NOW)
    assert [scene.seen(row).status for row in (first, second)] == ["accepted", "failed"]
    assert "KES 80,000" in scene.seen(second).result_text
    assert (scene.books.money(), len(scene.bank.orders)) == ((80_000, 120_000, 0, 0), 1)


class Killed(BaseException):
    """What `kill -9` looks like from inside."""


@pytest.mark.parametrize("before", [True, False])
def test_a_worker_that_is_killed_while_ordering_leaves_an_unknown_purchase(
    scene: Scene, before: bool
) -> None:
    scene.bank.plan.append(Killed())
    with pytest.raises(Killed):
        scene.buy()
    row = FloatPurchase.objects.get()
    assert (row.status, scene.books.money()) == ("sending", GONE)
    buying.recover(purchase_id=row.pk, at=make.NOW + buying.LEASE - timedelta(seconds=1))
    assert scene.seen(row).status == "sending"  # its worker may still be waiting for the answer
    buying.recover(purchase_id=row.pk, at=make.NOW + buying.LEASE)
    assert (scene.seen(row).status, scene.books.money()) == ("unknown", GONE)
    assert len(scene.bank.orders) == 1


def test_an_answer_lost_twice_and_a_kill_still_order_once(scene: Scene) -> None:
    scene.bank.plan.extend([Retryable("refused"), Killed()])
    row = scene.buy()
    with pytest.raises(Killed):
        buying.buy(purchase_id=row.pk, at=LATER)
    after = LATER + buying.LEASE
    for _ in range(3):
        buying.recover(purchase_id=row.pk, at=after)
        buying.buy(purchase_id=row.pk, at=after)
    assert scene.seen(row).status == "unknown"
    assert len({order.reference for order in scene.bank.orders}) == 1
    assert len(scene.bank.orders) == 2  # the first of them provably never left


@RACING
@pytest.mark.parametrize(
    ("answer", "status"),
    [(None, "accepted"), (Rejected("no", code="051"), "failed"), (OutcomeUnknown("late"), "unknown")],
)
def test_an_answer_after_the_recovery_still_counts(scene: Scene, answer: Any, status: str) -> None:
    late = make.NOW + buying.LEASE
    scene.bank.on_order = lambda order: buying.recover(purchase_id=FloatPurchase.objects.get().pk, at=late)
    scene.bank.plan.append(answer)
    assert scene.buy().status == status


@RACING
def test_evidence_may_be_quicker_than_the_answer(scene: Scene) -> None:
    scene.bank.on_order = lambda order: scene.debit(FloatPurchase.objects.get())
    row = scene.buy()
    assert (row.status, row.receipt) == ("bought", "FT26154XYZ")
    assert scene.books.money() == (150_000, 0, 50_000, 0)


@RACING
def test_somebody_else_has_it(scene: Scene) -> None:
    row = scene.ask()
    asking.confirm_code(purchase_id=row.pk, code=scene.code(row), by=By(), at=make.NOW)
    stale = buying.load(row.pk)
    buying.buy(purchase_id=row.pk, at=make.NOW)
    with pytest.raises(LostRace):
        buying.claim(stale, at=make.NOW)
    assert scene.books.money() == GONE


def test_by_the_route_of_the_paybill(scene: Scene, settings: Any) -> None:
    settings.NCBA_FLOAT_ROUTE = "lipa_na_mpesa"
    row = scene.buy()
    (order,) = scene.bank.orders
    assert isinstance(order, PaybillPayment)
    assert (order.shortcode, order.paybill_account) == ("600992", row.reference)


def test_by_the_route_of_the_holding_account(scene: Scene, settings: Any) -> None:
    settings.NCBA_FLOAT_ROUTE = "bank_333"
    scene.buy()
    (order,) = scene.bank.orders
    assert isinstance(order, InternalTransfer)
    assert (order.credit_account, order.beneficiary_name) == ("333600992", "M-PESA Holding Company Limited")


def test_without_a_bank_account_nothing_is_ordered(scene: Scene) -> None:
    from wallet.bank_models import BankAccount

    BankAccount.objects.update(is_active=False)
    row = scene.buy()
    assert (row.status, scene.books.money()) == ("failed", BACK)


@pytest.mark.parametrize("amount", [Decimal(50), Decimal(200_000)])
def test_the_least_and_the_most(scene: Scene, amount: Decimal) -> None:
    assert scene.buy(amount).status == "accepted"
    assert scene.books.money()[0] == 200_000 - amount
