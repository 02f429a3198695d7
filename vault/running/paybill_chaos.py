"""The payments' part of a chaos run: customers pay while everything goes wrong; then what was not told is found."""

import time
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db.models import Count
from django.utils import timezone

from c2b import statement
from c2b.models import C2bTransaction, Collector
from c2b.statuses import Channel
from common.changes import By
from partners.models import Shortcode
from vault.running import paybill_storm, paybill_verdict
from vault.running.paybill_ground import PaybillGround
from vault.running.paybill_verdict import Findings, OurPayment

LOOK_AGAIN = 15.0  # seconds between two Pulls, which are an hour apart otherwise


@dataclass(kw_only=True)
class PaybillChaos:
    """One storm of payments; its steps are called between those of the loans."""

    ground: PaybillGround
    seed: int
    payments: int
    _searched: float = field(default=0.0, init=False)

    def begin(self) -> None:
        """Tell M-Pesa where we are, and let things go wrong."""
        self.ground.register()
        drawn = paybill_storm.draw(
            self.seed,
            payments=self.payments,
            lenders=list(self.ground.paybills),
            borrowers=self.ground.borrowers_each,
        )
        waits = {name: {"p50_ms": p50, "p95_ms": p95} for name, (p50, p95) in paybill_storm.LATENCIES.items()}
        self.ground.outside.put("latency", waits)
        self.ground.outside.put("switches", drawn.switches)
        for rule in drawn.faults:
            self.ground.outside.post("faults", **rule)
        self._waiting = iter(drawn.payments)

    def pay(self, count: int) -> None:
        """Let the next customers pay."""
        for one in islice(self._waiting, count):
            who = self.ground.borrowers[one.lender][one.borrower]
            self.ground.pay(who, one.amount, one.typed(who))

    def pay_the_rest(self) -> None:
        """Let all who are left pay."""
        self.pay(self.payments)

    def search(self) -> None:
        """Do what is done every hour and every day: Pull, and the statement of those who have no Pull."""
        if time.monotonic() - self._searched < LOOK_AGAIN:
            return
        self._searched = time.monotonic()
        Collector.objects.filter(pull_enabled=True).update(next_step_at=timezone.now())
        for paybill in self.ground.paybills.values():
            if not paybill.pulls:
                text = self.ground.outside.text(f"daraja/statement.csv?shortcode={paybill.number}")
                row = Shortcode.objects.get(number=paybill.number)
                statement.import_statement(
                    shortcode_id=row.pk, raw=text.encode(), by=By(name="chaos"), at=timezone.now()
                )

    def settled(self) -> bool:
        """Whether M-Pesa has decided every payment, and each that was made has come to rest with us."""
        numbers = self.numbers()
        books = {"daraja": self.ground.outside.get("daraja/books")}
        pending = [
            one
            for one in books["daraja"]["payments"]
            if one["shortcode"] in numbers and one["status"] == "pending"
        ]
        ours = {row.receipt: row for row in read()}
        made = paybill_verdict.completed(books, numbers)
        return not pending and made.keys() <= ours.keys() and all(row.at_rest for row in ours.values())

    def left(self) -> int:
        """Return how many payments have not come to rest."""
        return sum(not row.at_rest for row in read())

    def judge(self, books: Any) -> Findings:
        return paybill_verdict.judge(books, read(), paybills=self.numbers())

    def made(self, books: Any) -> int:
        """Return how many payments customers really made."""
        return len(paybill_verdict.completed(books, self.numbers()))

    def numbers(self) -> frozenset[str]:
        return frozenset(paybill.number for paybill in self.ground.paybills.values())


def read() -> list[OurPayment]:
    """Return what our tables say of all payments."""
    return [
        OurPayment(
            receipt=row.mpesa_receipt,
            amount=row.amount,
            booked=row.booked_amount,
            status=row.status,
            words=row.attention or row.reason,
            next_step=row.next_step_at,
        )
        for row in C2bTransaction.objects.all()
    ]


def found_later() -> int:
    """Count the payments that Pull or a statement told first."""
    return C2bTransaction.objects.filter(channel__in=[Channel.PULL, Channel.STATEMENT]).count()


def statuses() -> dict[str, int]:
    """Count our payments by status."""
    return dict(C2bTransaction.objects.order_by().values_list("status").annotate(Count("pk")))
