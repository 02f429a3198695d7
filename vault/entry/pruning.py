"""What the entrance kept and needs no more: sessions that expired, logins of long ago, failures that are forgiven."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.sessions.models import Session
from django.db.models import Q

from vault.entry.throttle import FORGOTTEN_AFTER
from vault.models import Attempts, Visit

VISITS_KEPT = timedelta(days=90)  # longer than `throttle.KNOWN_FOR`; the audit keeps that somebody logged in


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """How many rows went."""

    sessions: int
    visits: int
    attempts: int


def prune(*, at: datetime) -> Pruned:
    """Remove what is over: no open session, no recent login, and no failure that still counts is touched."""
    before = at - VISITS_KEPT
    over = Q(ended_at__lt=before) | Q(ended_at__isnull=True, seen_at__lt=before)
    return Pruned(
        sessions=Session.objects.filter(expire_date__lt=at).delete()[0],
        visits=Visit.objects.filter(over).delete()[0],
        attempts=Attempts.objects.filter(failed_at__lt=at - FORGOTTEN_AFTER).delete()[0],
    )
