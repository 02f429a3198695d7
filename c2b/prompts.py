"""Payments that customers were asked for on their phones."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from c2b.set_up import KINDS
from c2b.statuses import PROMPT_NEXT, PromptStatus
from common.ids import new_id
from common.money import MoneyField
from common.moves import Moving
from partners.models import Partner, Shortcode


class StkPush(Moving):
    """A payment that a customer was asked for on the phone. M-Pesa knows no id of ours: never sent twice."""

    NEXT: ClassVar[Mapping[str, frozenset[str]]] = PROMPT_NEXT

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="stk_pushes")
    shortcode = models.ForeignKey(Shortcode, on_delete=models.PROTECT, related_name="stk_pushes")
    status = models.CharField(max_length=20, choices=PromptStatus.choices, default=PromptStatus.SENDING)
    phone = models.CharField(max_length=12)
    amount = MoneyField()
    kind = models.CharField(max_length=10, choices=KINDS)
    account_id = models.BigIntegerField()
    account_no = models.CharField(max_length=50)
    asked_by = models.CharField(max_length=150)
    client_request_id = models.CharField(max_length=100, null=True)
    merchant_id = models.CharField(max_length=60, blank=True)
    checkout_id = models.CharField(max_length=60, blank=True)
    result_code = models.CharField(max_length=20, blank=True)
    reason = models.TextField(blank=True)  # why it is where it is, in words
    mpesa_receipt = models.CharField(max_length=20, blank=True)
    asks = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    next_step_at = models.DateTimeField(null=True)
    correlation_id = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "c2b_stk_pushes"
        ordering = ["-sent_at"]
        verbose_name = "prompt on a phone"
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "client_request_id"],
                condition=Q(client_request_id__isnull=False),
                name="c2b_prompt_once",
            ),
            models.UniqueConstraint(
                fields=["mpesa_receipt"], condition=~Q(mpesa_receipt=""), name="c2b_prompt_receipt_once"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="c2b_prompt_positive"),
            models.CheckConstraint(condition=Q(status__in=PromptStatus.values), name="c2b_prompt_status"),
        ]
        indexes = [
            models.Index(
                fields=["next_step_at"], name="c2b_prompt_due", condition=Q(next_step_at__isnull=False)
            ),
            models.Index(fields=["checkout_id"], name="c2b_prompt_checkout"),
        ]

    def __str__(self) -> str:
        return f"prompt for {self.amount} to {self.account_no}"

    def move(self, new: str, *, at: datetime, note: str = "", **changes: Any) -> None:
        """Move along `PROMPT_NEXT`; the row's own note says why, there is no longer story."""
        self._move(new, at=at, note=note, **({"reason": note, "next_step_at": None} | changes))

    def _history(self, *, old: str, new: str, at: datetime, note: str) -> "PromptEvent":
        return PromptEvent(prompt=self, old=old, new=new, note=note, at=at)


class PromptEvent(models.Model):
    """A line of a prompt's history. Append-only (trigger)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    prompt = models.ForeignKey(StkPush, on_delete=models.PROTECT, related_name="events")
    old = models.CharField(max_length=20)
    new = models.CharField(max_length=20)
    note = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "c2b_stk_push_events"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.old} -> {self.new}: {self.note}"
