"""Two purchases of one partner at the same moment, with real threads: the wallet pays for what it can."""

from typing import Any

import pytest

from common.changes import By
from tests import make
from tests.wallet import make_float
from tests.wallet.make_float import Scene
from tests.wallet.test_bank_races import at_once
from wallet import asking, buying
from wallet.proof import prove

pytestmark = pytest.mark.django_db(transaction=True)


def confirmed(scene: Scene, amount: int) -> Any:
    row = scene.ask(amount)
    by = By(actor=scene.asker)
    asking.confirm_code(purchase_id=row.pk, code=scene.code(row), by=by, at=make.NOW)
    return row.pk


@pytest.mark.parametrize("round_", range(3))
def test_two_purchases_at_once_do_not_spend_one_wallet_twice(
    monkeypatch: pytest.MonkeyPatch, round_: int
) -> None:
    scene = make_float.scene(monkeypatch)
    ids = [confirmed(scene, 120_000) for _ in range(2)]
    at_once([lambda pk=pk: buying.buy(purchase_id=pk, at=make.NOW) for pk in ids])
    ended = sorted(buying.load(pk).status for pk in ids)
    assert (ended, len(scene.bank.orders)) == (["accepted", "failed"], 1)
    assert scene.books.money() == (80_000, 120_000, 0, 0)
    assert prove().differences == ()


def test_one_purchase_taken_up_by_many_workers_is_ordered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = make_float.scene(monkeypatch)
    pk = confirmed(scene, 120_000)
    at_once([lambda: buying.buy(purchase_id=pk, at=make.NOW)] * 4)
    assert (buying.load(pk).status, len(scene.bank.orders)) == ("accepted", 1)
    assert scene.books.money() == (80_000, 120_000, 0, 0)
