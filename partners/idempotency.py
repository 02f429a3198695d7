"""The first answer to each wish that moves money, so that the same wish is never carried out twice.

A caller's `Idempotency-Key` is claimed, and that is committed, before anything is done. The row's id is the
reference under which the operation itself is done at most once; so a wish whose process was killed before its
answer was kept can be taken over and done again: the operation finds what it did the first time.
"""

from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q

from common import correlation
from common.ids import new_id

TAKE_OVER_AFTER = timedelta(minutes=2)  # longer than any request may take
KEPT = timedelta(days=30)
_AT_ONCE = 5000  # rows that one statement removes


class KeyRows(models.QuerySet["IdempotencyKey"]):
    def claim(
        self, *, partner_id: UUID | None, key: str, digest: str, api_key_id: UUID, at: datetime
    ) -> tuple["IdempotencyKey", bool]:
        """Return the row of this owner and key, and whether the caller is to do the work.

        A row that nobody has finished for `TAKE_OVER_AFTER` is handed to the caller, under its old id.
        """
        row = IdempotencyKey(
            partner_id=partner_id,
            key=key,
            digest=digest,
            api_key_id=api_key_id,
            started_at=at,
            made_at=at,
            correlation_id=correlation.current(),
        )
        if self.bulk_create([row], ignore_conflicts=True) and self.filter(pk=row.pk).exists():
            return row, True
        found = self.filter(Q(partner_id=partner_id), key=key).first()
        if found is None:  # given back this very moment
            return self.claim(partner_id=partner_id, key=key, digest=digest, api_key_id=api_key_id, at=at)
        return found, found._taken_over(at) if found.digest == digest else False


class IdempotencyKey(models.Model):
    """One wish of one owner (a partner, or without one the platform), and how it was answered."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    partner = models.ForeignKey(
        "partners.Partner", null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)  # of method, path and body
    api_key = models.ForeignKey("partners.ApiKey", on_delete=models.CASCADE, related_name="+", db_index=False)
    status = models.PositiveSmallIntegerField(null=True)  # of the answer; empty: under way
    content_type = models.CharField(max_length=60, blank=True)
    location = models.CharField(max_length=300, blank=True)
    answer = models.TextField(blank=True)
    correlation_id = models.CharField(max_length=64, blank=True)
    made_at = models.DateTimeField()
    started_at = models.DateTimeField()  # by whoever works on it now

    objects: ClassVar[KeyRows] = KeyRows.as_manager()  # type: ignore[assignment]

    class Meta:
        db_table = "api_idempotency_keys"
        ordering = ["-made_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "key"], name="api_idempotency_key_once", nulls_distinct=False
            )
        ]
        indexes = [models.Index(fields=["made_at"], name="api_idempotency_key_made")]

    def __str__(self) -> str:
        return f"{self.key} ({self.status or 'under way'})"

    @property
    def is_done(self) -> bool:
        return self.status is not None

    def keep(self, *, status: int, content_type: str, location: str, answer: str) -> None:
        """Keep the answer; the first one that is kept stays."""
        self._mine().update(status=status, content_type=content_type, location=location, answer=answer)

    def give_back(self) -> None:
        """Forget the wish: it was refused before anything was done."""
        self._mine().delete()

    def interrupt(self) -> None:
        """Let the next request with this key go on at once: this one broke, nobody knows where."""
        self._mine().update(started_at=self.started_at - TAKE_OVER_AFTER)

    def _taken_over(self, at: datetime) -> bool:
        if self.is_done or self.started_at + TAKE_OVER_AFTER > at:
            return False
        won = bool(self._mine().update(started_at=at))
        if won:
            self.started_at = at
        return won

    def _mine(self) -> KeyRows:
        return IdempotencyKey.objects.filter(Q(status__isnull=True), pk=self.pk, started_at=self.started_at)


def purge(*, at: datetime) -> int:
    """Remove wishes older than `KEPT`; return how many."""
    removed = 0
    while True:
        old = IdempotencyKey.objects.filter(made_at__lt=at - KEPT).values("pk")[:_AT_ONCE]
        found, _ = IdempotencyKey.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()
        removed += found
        if found < _AT_ONCE:
            return removed
