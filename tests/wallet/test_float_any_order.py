"""Whatever the bank answers and whatever comes first: never ordered twice, never lost, never below zero."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from common.gateway import OutcomeUnknown, Rejected, Retryable
from common.moves import LostRace
from tests import make
from tests.wallet.make_float import Scene
from tests.wallet.test_float_buying import Killed
from wallet import buying, evidence
from wallet.operations import InsufficientFunds
from wallet.proof import prove
from wallet.purchases import OPEN, FloatPurchase

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "buy", "recover", "debit", "nameless", "refuse", "look"]),
        st.integers(0, 3),
        st.sampled_from(["taken", "refused", "unsent", "lost", "killed", "duplicate"]),
    ),
    max_size=30,
)
ANSWERS: dict[str, Any] = {
    "taken": None,
    "duplicate": None,
    "refused": Rejected("no", code="051"),
    "unsent": Retryable("refused"),
    "lost": OutcomeUnknown("lost"),
    "killed": Killed(),
}


@pytest.mark.django_db(transaction=True)
class TestAnyOrder:
    @given(steps=STEPS)
    @profile(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_the_money_is_somewhere_and_each_intent_is_ordered_once(
        self, scene: Scene, settings: Any, steps: Any
    ) -> None:
        settings.FLOAT_PURCHASE_CONFIRM = "none"
        before = sum(scene.books.money())
        rows: list[FloatPurchase] = []
        for place, (step, which, answer) in enumerate(steps):
            at = make.NOW + timedelta(minutes=10 * place)
            self._take(scene, rows, step, which, answer, at)
        self._judge(scene, before)

    def _take(
        self, scene: Scene, rows: list[FloatPurchase], step: str, which: int, answer: str, at: Any
    ) -> None:
        try:
            if step == "ask":
                rows.append(scene.ask(10_000 * (which + 1), at=at))
            elif rows:
                self._with(scene, scene.seen(rows[which % len(rows)]), step, answer, at)
        except (LostRace, InsufficientFunds, Killed):
            pass

    def _with(self, scene: Scene, row: FloatPurchase, step: str, answer: str, at: Any) -> None:
        scene.bank.plan.clear()
        scene.bank.plan.append(ANSWERS[answer])
        if step == "buy":
            buying.buy(purchase_id=row.pk, at=at)
        elif step == "recover":
            buying.recover(purchase_id=row.pk, at=at)
        elif step == "debit":
            scene.debit(row, reference=f"FT{row.reference}")
        elif step == "nameless":
            scene.debit(row, reference=f"FT{row.reference}", text="FLOAT")
        elif step == "refuse" and row.status in OPEN:
            with transaction.atomic():
                evidence.not_bought(row, "The bank refused it.", at=at)
        else:
            evidence.look(purchase_id=row.pk, at=at)

    def _judge(self, scene: Scene, before: Decimal) -> None:
        assert not prove().differences
        wallet, held, float_, _ = scene.books.money()
        assert wallet + held + float_ == before  # no tariff: nothing leaves the partner
        for row in FloatPurchase.objects.all():
            unsent = row.events.filter(old="sending", new="confirmed").count()
            sent = Counter(order.reference for order in scene.bank.orders)[row.reference]
            assert sent <= unsent + 1, "ordered again although the first may have arrived"
        open_ = FloatPurchase.objects.filter(status__in=OPEN)
        waiting = FloatPurchase.objects.filter(status="confirmed", sends__gt=0)
        assert held == sum(row.amount for row in [*open_, *waiting])
