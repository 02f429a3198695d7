"""Find rows whose next step is due, and hold them for a moment so that no two sweeps send the same row."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Model, QuerySet

LEASE = timedelta(seconds=60)


def claim_due(
    rows: "QuerySet[Any]", *, at: datetime, limit: int = 500, lease: timedelta = LEASE
) -> list[UUID]:
    """Return ids of due rows, oldest first, and push their `next_step_at` a lease ahead.

    The task that gets the id sets the true next step; if it dies, the row is due again after the lease.
    """
    with transaction.atomic():
        due = (
            rows.filter(next_step_at__lte=at)
            .order_by("next_step_at")
            .select_for_update(skip_locked=True, of=("self",))
        )
        ids = list(due.values_list("pk", flat=True)[:limit])
        if ids:
            rows.model._default_manager.filter(pk__in=ids).update(next_step_at=at + lease)
    return ids


def oldest_due(model: type[Model], *, at: datetime) -> timedelta:
    """Return the age of the oldest step that should have been taken; zero when nothing is due."""
    due = model._default_manager.filter(next_step_at__lte=at).order_by("next_step_at")
    first = due.values_list("next_step_at", flat=True).first()
    return at - first if first else timedelta()
