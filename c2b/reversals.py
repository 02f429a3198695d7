"""Payments that M-Pesa was asked to give back to the customer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from c2b.models import C2bEvent, C2bTransaction, Decision
from common.ids import new_id
from common.moves import Moving


class ReversalStatus(models.TextChoices):
    WANTED = "wanted", "About to be asked"
    SENDING = "sending", "Sending"  # committed before a byte leaves
    ACCEPTED = "accepted", "Under way at M-Pesa"
    UNKNOWN = "unknown", "Unknown"  # asked again: M-Pesa gives a payment back once and says so
    DONE = "done", "Given back"
    FAILED = "failed", "Not given back"


_ENDS = {ReversalStatus.DONE, ReversalStatus.FAILED}
NEXT: Mapping[str, frozenset[str]] = {
    ReversalStatus.WANTED: frozenset({ReversalStatus.SENDING}),
    ReversalStatus.SENDING: frozenset(
        {ReversalStatus.WANTED, ReversalStatus.ACCEPTED, ReversalStatus.UNKNOWN, *_ENDS}
    ),
    ReversalStatus.ACCEPTED: frozenset({ReversalStatus.SENDING, ReversalStatus.UNKNOWN, *_ENDS}),
    ReversalStatus.UNKNOWN: frozenset({ReversalStatus.SENDING, *_ENDS}),
    ReversalStatus.DONE: frozenset(),
    ReversalStatus.FAILED: frozenset(),
}


class Reversal(Moving):
    """One reversal that two people decided. The payment stays in suspense, untouchable, until it has ended."""

    NEXT: ClassVar[Mapping[str, frozenset[str]]] = NEXT

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    transaction = models.ForeignKey(C2bTransaction, on_delete=models.PROTECT, related_name="reversals")
    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="reversal")
    status = models.CharField(max_length=20, choices=ReversalStatus.choices, default=ReversalStatus.WANTED)
    receipt = models.CharField(max_length=20, blank=True)  # of the reversal itself
    result_code = models.CharField(max_length=20, blank=True)
    reason = models.TextField(blank=True)
    tries = models.PositiveIntegerField(default=0)
    asked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    next_step_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "c2b_reversals"
        constraints = [
            models.UniqueConstraint(
                fields=["transaction"], condition=~Q(status="failed"), name="c2b_one_reversal"
            ),
            models.CheckConstraint(
                condition=Q(status__in=ReversalStatus.values), name="c2b_reversal_status_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_step_at"], name="c2b_reversal_due", condition=Q(next_step_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"reversal of {self.transaction}"

    def move(self, new: str, *, at: datetime, note: str, **changes: Any) -> None:
        """Move along `NEXT`; the payment's timeline tells it."""
        self._note = note
        self._move(new, at=at, note=note, **({"reason": note, "next_step_at": None} | changes))

    def _history(self, *, old: str, new: str, at: datetime, note: str) -> C2bEvent:
        payment = self.transaction
        words = f"Reversal, {ReversalStatus(new).label.lower()}: {note}"
        return C2bEvent(
            transaction=payment, old=payment.status, new=payment.status, at=at, note=words, who="us"
        )


def under_way(payment: C2bTransaction) -> bool:
    """Whether M-Pesa may be giving a payment back."""
    return Reversal.objects.filter(transaction=payment).exclude(status__in=_ENDS).exists()
