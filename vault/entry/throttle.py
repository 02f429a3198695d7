"""Guessing passwords is slow: each name and each address waits longer after every failure.

Counted in PostgreSQL: Redis may be away or emptied, and the door is neither open nor shut because of it.
"""

from datetime import datetime, timedelta
from math import ceil

from django.db.models import F
from django.utils.crypto import salted_hmac

from vault.models import Attempts, Visit

FREE = {"name": 5, "known": 5, "address": 20}  # failures before anybody waits
LONGEST = {"name": 15 * 60, "known": 2 * 60, "address": 60 * 60}  # seconds
FORGOTTEN_AFTER = timedelta(hours=24)
KNOWN_FOR = timedelta(days=60)


def wait(*, name: str, address: str | None, at: datetime) -> int:
    """Return how many seconds somebody has to wait before the next try; 0: none."""
    kinds = _keys(name=name, address=address, at=at)
    rows = {row.key: row for row in Attempts.objects.filter(key__in=kinds)}
    return max((_pause(kind, rows.get(key), at=at) for key, kind in kinds.items()), default=0)


def failed(*, name: str, address: str | None, at: datetime) -> None:
    """Count a failure of this name and of this address."""
    for key in _keys(name=name, address=address, at=at):
        Attempts.objects.filter(key=key, failed_at__lt=at - FORGOTTEN_AFTER).delete()
        Attempts.objects.bulk_create([Attempts(key=key, failures=0, failed_at=at)], ignore_conflicts=True)
        Attempts.objects.filter(key=key).update(failures=F("failures") + 1, failed_at=at)


def succeeded(*, name: str, address: str | None, at: datetime) -> None:
    """Forget the failures of a name. Those of an address stay: it may try many names."""
    kinds = _keys(name=name, address=address, at=at)
    Attempts.objects.filter(key__in=[key for key, kind in kinds.items() if kind != "address"]).delete()


def _pause(kind: str, row: Attempts | None, *, at: datetime) -> int:
    if row is None or row.failures < FREE[kind] or row.failed_at < at - FORGOTTEN_AFTER:
        return 0
    pause = min(LONGEST[kind], 2 ** min(row.failures - FREE[kind] + 1, 12))
    return max(0, ceil((row.failed_at + timedelta(seconds=pause) - at).total_seconds()))


def _keys(*, name: str, address: str | None, at: datetime) -> dict[str, str]:
    """Return what is counted: digest -> kind.

    A person at an address from which they came in lately has a count of their own, so that a stranger who
    guesses at their name does not lock them out.
    """
    plain, where = name.strip().lower(), address or "nowhere"
    known = Visit.objects.filter(
        user__username__iexact=plain, address=address, begun_at__gt=at - KNOWN_FOR
    ).exists()
    person = _digest("known", f"{plain} {where}") if known else _digest("name", plain)
    return {person: "known" if known else "name", _digest("address", where): "address"}


def _digest(kind: str, text: str) -> str:
    return salted_hmac(f"vault.throttle.{kind}", text, algorithm="sha256").hexdigest()
