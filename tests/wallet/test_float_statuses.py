"""Every old status against every new one; then the refused move, the race, and what nobody may do."""

import contextlib
from datetime import timedelta
from itertools import product

import pytest
from django.db import Error, connection, transaction

from common.moves import ForbiddenMove, LostRace
from tests import make
from tests.wallet.make_float import LATER, Scene
from tests.wallet.test_ledger_races import at_once
from wallet import buying, deciding, evidence
from wallet.operations import Contradiction
from wallet.proof import prove
from wallet.purchases import OPEN, UNDER_WAY, FloatPurchase, PurchaseStatus

ALLOWED = {
    ("asked", "confirmed"),
    ("asked", "cancelled"),
    ("confirmed", "sending"),
    ("confirmed", "failed"),
    ("confirmed", "cancelled"),
    ("sending", "confirmed"),
    ("sending", "accepted"),
    ("sending", "unknown"),
    ("sending", "bought"),
    ("sending", "failed"),
    ("accepted", "unknown"),
    ("accepted", "bought"),
    ("accepted", "failed"),
    ("unknown", "accepted"),
    ("unknown", "bought"),
    ("unknown", "failed"),
}


@pytest.mark.parametrize(("old", "new"), list(product(PurchaseStatus.values, repeat=2)))
def test_the_table_of_moves(old: str, new: str) -> None:
    assert (new in FloatPurchase.NEXT[old]) == ((old, new) in ALLOWED)


def test_an_ended_purchase_has_nothing_open() -> None:
    ended = {status for status, after in FloatPurchase.NEXT.items() if not after}
    assert ended == {"bought", "failed", "cancelled"}
    assert not ended & (OPEN | UNDER_WAY)


def test_a_refused_move_leaves_row_and_history(scene: Scene) -> None:
    row = scene.buy()
    lines = row.events.count()
    with pytest.raises(ForbiddenMove):
        row.move("cancelled", at=LATER)
    assert (scene.seen(row).status, row.events.count()) == ("accepted", lines)


@pytest.mark.django_db(transaction=True)
def test_a_lost_race_leaves_row_and_history(scene: Scene) -> None:
    row = scene.buy()
    stale = scene.seen(row)
    row.move("unknown", at=LATER)
    lines = row.events.count()
    with pytest.raises(LostRace):
        stale.move("unknown", at=LATER)
    assert row.events.count() == lines


@pytest.mark.parametrize(
    "sql",
    [
        "update float_purchase_events set note = 'x'",
        "delete from float_purchase_events",
        "delete from float_purchases",
        "update float_purchases set status = 'bought'",
        "update float_purchases set receipt = 'FT1'",
        "update float_purchases set status = 'nonsense'",
        "update float_purchases set amount = -1",
    ],
)
def test_the_database_refuses_nonsense(scene: Scene, sql: str) -> None:
    scene.buy()
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_one_purchase_bought_by_many_at_once_is_ordered_once(self, scene: Scene, settings) -> None:
        settings.FLOAT_PURCHASE_CONFIRM = "none"
        row = scene.ask()

        def buy() -> None:
            with contextlib.suppress(LostRace):
                buying.buy(purchase_id=row.pk, at=make.NOW)

        assert set(at_once(*[buy] * 6)) == {"done"}
        assert len(scene.bank.orders) == 1
        assert scene.books.money() == (150_000, 50_000, 0, 0)

    def test_two_purchases_at_once_that_only_one_fits(self, scene: Scene, settings) -> None:
        settings.FLOAT_PURCHASE_CONFIRM = "none"
        rows = [scene.ask(150_000), scene.ask(150_000)]
        at_once(*[lambda pk=row.pk: buying.buy(purchase_id=pk, at=make.NOW) for row in rows])
        assert sorted(scene.seen(row).status for row in rows) == ["accepted", "failed"]
        assert scene.books.money() == (50_000, 150_000, 0, 0)
        assert len(scene.bank.orders) == 1

    def test_debit_and_refusal_at_once_end_it_in_one_way(self, scene: Scene) -> None:
        row = scene.buy()

        def end(work):
            with contextlib.suppress(LostRace):
                work()

        at_once(
            lambda: end(lambda: scene.debit(row)),
            lambda: end(lambda: evidence.not_bought(scene.seen(row), "Refused.", at=LATER)),
        )
        assert scene.books.money() in [(150_000, 0, 50_000, 0), (200_000, 0, 0, 0)]
        assert not prove().differences

    def test_the_same_debit_at_once_is_booked_once(self, scene: Scene) -> None:
        row = scene.buy()

        def debit() -> None:
            with contextlib.suppress(LostRace, Contradiction):
                scene.debit(row)

        at_once(*[debit] * 5)
        assert scene.books.money() == (150_000, 0, 50_000, 0)

    def test_two_second_people_at_once_settle_once(self, scene: Scene) -> None:
        row = scene.buy()
        at = LATER + timedelta(hours=3)
        deciding.propose(
            purchase_id=row.pk, outcome="bought", receipt="FT9", note="Seen", by=scene.asker, at=at
        )

        def agree() -> None:
            with contextlib.suppress(deciding.CannotBuy):
                deciding.agree(purchase_id=row.pk, by=scene.second, at=at)

        at_once(agree, agree, agree)
        assert scene.books.money() == (150_000, 0, 50_000, 0)
        assert not prove().differences
