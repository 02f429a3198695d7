"""When interbank money arrives: RTGS within three hours of a working day, EFT on the next working day."""

from __future__ import annotations

from datetime import datetime, time, timedelta

RTGS_SECONDS = 3 * 3600
RTGS_CLOSES = time(15)
OPENS = time(8)


def is_open_for_rtgs(local: datetime) -> bool:
    """Whether RTGS is taken now: working days before 15:00."""
    return local.weekday() < 5 and local.time() < RTGS_CLOSES


def seconds_of_rtgs(local: datetime) -> float:
    """How long the money takes: three hours, counted from the next opening outside the hours."""
    if is_open_for_rtgs(local):
        return RTGS_SECONDS
    return (_next_opening(local) - local).total_seconds() + RTGS_SECONDS


def seconds_of_eft(local: datetime) -> float:
    """How long the money takes: until the next working day opens."""
    return (_next_opening(local) - local).total_seconds()


def _next_opening(local: datetime) -> datetime:
    day = local + timedelta(days=1)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return day.replace(hour=OPENS.hour, minute=0, second=0, microsecond=0)
