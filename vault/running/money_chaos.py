"""The wallets' part of a chaos run: top-ups and float purchases while everything goes wrong; then all books agree."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from vault.running import money_agreement, money_rows
from vault.running.money_ground import MoneyGround
from vault.running.money_storm import MoneyStorm
from vault.running.paybill_verdict import Findings
from wallet import deciding
from wallet.bank_models import BankCredit
from wallet.purchases import FloatPurchase, PurchaseStatus

ACTS_EACH = 3  # beside each step of the loans
PATIENCE = timedelta(seconds=30)  # then two people look at the bank's statement


@dataclass(kw_only=True)
class MoneyChaos:
    """One storm of top-ups and purchases; its steps are called between those of the loans."""

    ground: MoneyGround
    seed: int
    storm: MoneyStorm = field(init=False)

    def begin(self) -> None:
        """Let things go wrong at the bank, too."""
        self.since = timezone.now()
        users = get_user_model()._default_manager
        people = tuple(users.get_or_create(username=name)[0] for name in ("amina", "brian"))
        self.people = people[0], people[1]
        self.storm = MoneyStorm(ground=self.ground, people=self.people, seed=self.seed, lends=False)
        self.storm.begin(only="ncba")

    def step(self) -> None:
        """Let some things happen."""
        for _ in range(ACTS_EACH):
            self.storm.act()

    def settled(self) -> bool:
        """Whether every credit of the bank is seen and no purchase is open; two people do their part."""
        books = self.ground.outside.get("ncba/books")
        self._decide({order["our_reference"] for order in books["orders"]})
        lines = [line for account in books["accounts"].values() for line in account["lines"]]
        came = sum(not line["amount"].startswith("-") for line in lines)
        seen = BankCredit.objects.exclude(status="ignored").count()
        return seen >= came and not money_rows.float_under_way(since=self.since)

    def _decide(self, ordered: set[str]) -> None:
        """Do what the runbook says of an order that is not on the bank's statement: two people call it off."""
        doubtful = FloatPurchase.objects.filter(
            status=PurchaseStatus.UNKNOWN, moved_at__lt=timezone.now() - PATIENCE
        )
        for row in doubtful.exclude(reference__in=ordered):
            words = {"outcome": "failed", "receipt": "", "note": "Not on the bank's statement."}
            deciding.propose(purchase_id=row.pk, by=self.people[0], at=timezone.now(), **words)
            deciding.agree(purchase_id=row.pk, by=self.people[1], at=timezone.now())

    def judge(self, books: Any) -> Findings:
        ours = replace(money_rows.read(books, since=self.since), collections=())
        return Findings(
            twice=[],
            lost=[],
            stuck=money_rows.float_under_way(since=self.since),
            different=money_agreement.differences(books, ours),
        )

    def made(self) -> dict[str, int]:
        """Return how many credits the bank told of, and how many purchases there were."""
        return {"topups": BankCredit.objects.count(), "float_purchases": FloatPurchase.objects.count()}
