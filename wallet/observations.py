"""What is found when somebody looks: each shortcode's drift, and the nightly proof of the ledger."""

from datetime import datetime
from typing import Any

from django.db import models

from common.ids import new_id
from common.money import MoneyField
from partners.models import Shortcode


class FloatWatch(models.Model):
    """When a shortcode's balance is asked for next, and how far it is from our book."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    shortcode = models.OneToOneField(Shortcode, on_delete=models.PROTECT, related_name="float_watch")
    next_step_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)  # questions in a row that were not taken
    last_words = models.CharField(max_length=200, blank=True)  # why the last one was not
    drift = MoneyField(null=True)  # M-Pesa's figure minus the nearest that our book allows
    drift_at = models.DateTimeField(null=True)  # the moment of M-Pesa's figure
    drift_since = models.DateTimeField(null=True)  # since when it has not been zero
    attention = models.CharField(max_length=300, blank=True)
    attention_at = models.DateTimeField(null=True)
    alarmed_at = models.DateTimeField(null=True)  # when people were last told by SMS

    class Meta:
        db_table = "float_watches"
        ordering = ["shortcode"]
        verbose_name = "float watch"
        verbose_name_plural = "float watches"
        indexes = [models.Index(fields=["next_step_at"], name="float_watch_due")]

    def __str__(self) -> str:
        return f"Float of {self.shortcode.number}"

    def set(self, **changes: Any) -> None:
        """Write these columns and nothing else."""
        type(self).objects.filter(pk=self.pk).update(**changes)
        for name, value in changes.items():
            setattr(self, name, value)


class LedgerProof(models.Model):
    """One run of the proof, with what did not agree."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    started_at = models.DateTimeField()
    took_ms = models.PositiveIntegerField()
    accounts = models.PositiveIntegerField()
    transfers = models.PositiveIntegerField()
    holds = models.PositiveIntegerField()
    differences = models.JSONField(default=list)  # check, subject, expected, found, lines of each
    difference_count = models.PositiveIntegerField()

    class Meta:
        db_table = "ledger_proofs"
        ordering = ["-started_at"]
        verbose_name = "ledger proof"

    def __str__(self) -> str:
        at: datetime = self.started_at
        return f"Proof of {at:%Y-%m-%d %H:%M}"
