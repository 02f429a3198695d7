"""The hands: what is due is handed on, and one that fails stops no other."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from common import nudge
from tests import make
from tests.wallet.make_float import Scene
from tests.wallet.test_auto_float import put
from tests.wallet.test_sms_charging import message
from wallet import auto_float, buying, float_tasks, sms_charging
from wallet.models import Transfer
from wallet.observations import FloatWatch, LedgerProof
from wallet.purchases import FloatPurchase


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[str]:
    """Run what is handed on in place of sending it, and remember it."""
    handed: list[str] = []

    def run(task: Any, row_id: UUID) -> bool:
        handed.append(task.name.rsplit(".", 1)[-1])
        task(str(row_id))
        return True

    monkeypatch.setattr(nudge, "send", run)
    settings.FLOAT_PURCHASE_CONFIRM = "none"
    return handed


def test_a_confirmed_purchase_is_ordered_by_the_sweep(scene: Scene, at_once: list[str]) -> None:
    row = scene.ask()
    float_tasks.sweep_purchases()
    assert (scene.seen(row).status, at_once) == ("accepted", ["buy"])
    float_tasks.sweep_purchases()
    assert len(scene.bank.orders) == 1


def test_a_lost_worker_is_found_by_the_sweep(scene: Scene, at_once: list[str]) -> None:
    row = scene.buy()
    FloatPurchase.objects.update(status="sending", next_step_at=make.NOW - timedelta(seconds=1))
    float_tasks.sweep_purchases()
    assert (scene.seen(row).status, at_once) == ("unknown", ["recover"])


def test_an_open_purchase_is_looked_at(scene: Scene, at_once: list[str]) -> None:
    row = scene.buy()
    FloatPurchase.objects.update(next_step_at=make.NOW)
    float_tasks.sweep_purchases()
    assert at_once == ["look"]
    assert (scene.seen(row).next_step_at or make.NOW) > make.NOW


def test_what_nobody_confirmed_ends(scene: Scene, settings: Any) -> None:
    settings.FLOAT_PURCHASE_CONFIRM = "code"
    row = scene.ask(at=make.NOW - timedelta(minutes=20))
    float_tasks.sweep_purchases()
    assert scene.seen(row).status == "cancelled"


def test_a_rule_buys_at_once_and_one_that_fails_stops_no_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule, follow = put(scene), auto_float.follow

    def broken_for_the_first(*, rule_id: UUID, at: Any) -> Any:
        if rule_id == first:
            raise RuntimeError("broken")
        return follow(rule_id=rule_id, at=at)

    first = UUID(int=1)
    monkeypatch.setattr(auto_float, "due_rules", lambda *, at: [first, rule.pk])
    monkeypatch.setattr(auto_float, "follow", broken_for_the_first)
    float_tasks.follow_rules()
    assert FloatPurchase.objects.get().status == "accepted"


def test_balances_are_asked_for(scene: Scene, at_once: list[str]) -> None:
    float_tasks.sweep_balances()
    assert FloatWatch.objects.count() == 1
    assert at_once == ["ask_balance"]


def test_sms_are_charged_and_one_that_fails_stops_no_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.tariff(kind="sms", bands=[(250_000, 1)])
    message(scene.books)
    monkeypatch.setattr(sms_charging, "partners_with_some", lambda: [UUID(int=1), scene.books.partner.pk])
    float_tasks.charge_sms()
    assert Transfer.objects.get(type="charge").amount == 1


def test_the_proof_of_the_night_is_made_once(scene: Scene) -> None:
    float_tasks.prove_nightly()
    float_tasks.prove_nightly()
    assert LedgerProof.objects.count() == 1


def test_a_row_that_is_gone_stops_nothing(scene: Scene) -> None:
    with pytest.raises(FloatPurchase.DoesNotExist):
        buying.buy(purchase_id=UUID(int=1), at=make.NOW)
