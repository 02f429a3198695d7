"""Float bought by rule: below so much buy so much, at most so much a day, within hours, one at a time."""

from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from common.changes import By
from common.gateway import OutcomeUnknown, Rejected
from common.money import BadAmount
from partners import pausing
from sms.models import SmsNotification
from tests import make
from tests.wallet.make_float import Scene
from tests.wallet.test_ledger_races import at_once
from wallet import auto_float, buying
from wallet.purchases import AutoFloatRule, FloatPurchase

RULE = {"below": Decimal(20_000), "buy": Decimal(50_000), "max_per_day": Decimal(100_000)}


@pytest.fixture
def rule(scene: Scene) -> AutoFloatRule:
    return put(scene)


def put(scene: Scene, **fields: Any) -> AutoFloatRule:
    saved = auto_float.put_rule(
        partner=scene.books.partner, fields=RULE | fields, by=By(name="t"), at=make.NOW
    )
    return saved.row


def follow(rule: AutoFloatRule, *, minutes: float = 0) -> FloatPurchase | None:
    """Look at the rule, and send what it asks for."""
    at = make.NOW + timedelta(minutes=minutes)
    row = auto_float.follow(rule_id=rule.pk, at=at) if rule.pk in auto_float.due_rules(at=at) else None
    if row:
        buying.buy(purchase_id=row.pk, at=at)
    rule.refresh_from_db()
    return row


def test_below_the_mark_it_buys_without_a_person(scene: Scene, rule: AutoFloatRule) -> None:
    row = follow(rule)
    assert row is not None
    assert (row.rule, row.amount, scene.seen(row).status) == (rule, 50_000, "accepted")
    assert scene.books.money() == (150_000, 50_000, 0, 0)
    assert not SmsNotification.objects.filter(message_type="one_time_code").exists()


def test_at_the_mark_it_does_not(scene: Scene, rule: AutoFloatRule) -> None:
    scene.debit(scene.buy(20_000))
    assert follow(rule) is None
    assert rule.last_words == "There is KES 20,000."


def test_one_at_a_time_whatever_became_of_the_last(scene: Scene, rule: AutoFloatRule) -> None:
    scene.bank.plan.append(OutcomeUnknown("lost"))
    follow(rule)
    for hours in (1, 5, 30):
        assert follow(rule, minutes=60 * hours) is None
    assert "under way" in rule.last_words
    assert len(scene.bank.orders) == 1


def test_what_a_person_has_bought_and_is_still_to_come_counts(scene: Scene, rule: AutoFloatRule) -> None:
    scene.buy(20_000)
    assert follow(rule) is None


def test_at_most_so_much_a_day_in_nairobi(scene: Scene) -> None:
    rule = put(scene, below=Decimal(500_000), buy=Decimal(40_000))
    for minutes in (0, 10):
        row = follow(rule, minutes=minutes)
        assert row is not None
        scene.debit(row, reference=f"FT{minutes}")
    assert follow(rule, minutes=20) is None
    assert "KES 80,000 bought today" in rule.last_words
    assert follow(rule, minutes=14 * 60 - 1) is None  # 23:59 in Nairobi
    assert follow(rule, minutes=14 * 60) is not None


@pytest.mark.parametrize(("hours", "buys"), [((10, 12), True), ((9, 10), False), ((11, 12), False)])
def test_only_within_its_hours(scene: Scene, hours: tuple[int, int], buys: bool) -> None:
    rule = put(scene, from_time=time(hours[0]), to_time=time(hours[1]))  # it is 10:00 in Nairobi
    assert (follow(rule) is not None) == buys


def test_a_wallet_that_is_short_is_told_once_and_tried_again_later(scene: Scene) -> None:
    rule = put(scene, buy=Decimal(250_000), max_per_day=Decimal(900_000))
    for minutes in (0, 1, 11, 30):
        assert follow(rule, minutes=minutes) is None
    assert "KES 200,000" in rule.last_words
    told = SmsNotification.objects.filter(message_type="balance_alert")
    assert told.count() == 1
    assert "KES 250,000" in told.get().message_content


def test_after_refusals_it_waits_longer_and_longer(scene: Scene, rule: AutoFloatRule) -> None:
    scene.bank.plan.extend([Rejected("Insufficient funds", code="051")] * 9)
    bought = [minutes for minutes in range(0, 200, 1) if follow(rule, minutes=minutes)]
    assert bought == [0, 5, 15, 60]  # each gap begins at the last refusal; the clock of `scene` stands still
    assert "failed" in rule.last_words
    assert scene.books.money() == (200_000, 0, 0, 0)


def test_a_pause_holds_it(scene: Scene, rule: AutoFloatRule) -> None:
    pausing.pause(scope="everything", target_id=None, reason="audit", by=scene.asker, at=make.NOW)
    assert follow(rule) is None
    assert "audit" in rule.last_words


def test_a_rule_that_is_off_is_not_looked_at(scene: Scene, rule: AutoFloatRule) -> None:
    AutoFloatRule.objects.update(is_active=False)
    assert follow(rule) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"below": Decimal(0)},
        {"max_per_day": Decimal(49_999)},
        {"from_time": time(9)},
        {"from_time": time(9), "to_time": time(8)},
    ],
)
def test_a_rule_that_could_not_work_is_refused(scene: Scene, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        put(scene, **wrong)


def test_cents_cannot_be_bought(scene: Scene) -> None:
    with pytest.raises(BadAmount):
        put(scene, buy=Decimal("50000.50"))


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_ask_once(scene: Scene, rule: AutoFloatRule) -> None:
    assert set(at_once(*[lambda: auto_float.follow(rule_id=rule.pk, at=make.NOW)] * 6)) == {"done"}
    assert FloatPurchase.objects.count() == 1
