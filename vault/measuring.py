"""The success metrics from day to day: each closed day once, each minute's uptime as it passes, and their sparks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, models

from common.ids import new_id
from common.tones import Tone
from disbursements import measures
from disbursements.measures import UPTIME, Measure, share
from disbursements.saved import midnight
from vault import readiness

DAYS = 30
WIDTH, HEIGHT, PAD = 120, 28, 3


class MeasuredDay(models.Model):
    """What a metric was on one day of Nairobi. Uptime counts its minutes; the others are written once."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    key = models.CharField(max_length=20)
    day = models.DateField()
    number = models.FloatField(null=True)  # a share, or seconds; empty: nothing happened on that day
    good = models.PositiveIntegerField(default=0)  # minutes without overdue work
    minute_at = models.DateTimeField(null=True)  # the last minute that was looked at
    began_at = models.DateTimeField(null=True)  # the first one

    class Meta:
        db_table = "measured_days"
        constraints = [models.UniqueConstraint(fields=["day", "key"], name="measured_day_once")]

    def __str__(self) -> str:
        return f"{self.key} on {self.day}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """A metric's last days as a line, and where its target lies."""

    points: str
    goal_y: float | None
    words: str


# One beat counts a minute; a second one within the same minute changes nothing.
_COUNT = """
insert into measured_days (id, key, day, good, minute_at, began_at)
values (%(id)s, 'uptime', %(day)s, %(good)s, %(minute)s, %(minute)s)
on conflict (day, key) do update set good = measured_days.good + excluded.good, minute_at = excluded.minute_at
where measured_days.minute_at < excluded.minute_at
"""


def note_minute(*, at: datetime) -> None:
    """Write down whether there was overdue work in this minute."""
    late = readiness.OLDEST_DUE_LIMIT.total_seconds()
    good = all(age <= late for age in readiness.due_ages(at=at).values())
    minute = at.replace(second=0, microsecond=0)
    values: dict[str, Any] = {"id": new_id(), "day": midnight(at).date(), "good": int(good), "minute": minute}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, values)


def close_days(*, at: datetime) -> None:
    """Write down what the metrics were on each of the last days that is over; one that is there stays."""
    today = midnight(at)
    days = [today - timedelta(days=back) for back in range(DAYS)]  # each as the midnight that ended it
    there = set(MeasuredDay.objects.filter(key="automation").values_list("day", flat=True))
    for end in days:
        day = (end - timedelta(days=1)).date()
        if day not in there:
            found = [one for one in measures.all_measures(at=end) if one.key != UPTIME.key]
            rows = [MeasuredDay(key=one.key, day=day, number=one.number) for one in found]
            MeasuredDay.objects.bulk_create(rows, ignore_conflicts=True)


def uptime(*, at: datetime) -> Measure:
    """Measure the minutes of yesterday and today; what nobody wrote down was no uptime."""
    days = [midnight(at).date(), (midnight(at) - timedelta(days=1)).date()]
    rows = list(MeasuredDay.objects.filter(key=UPTIME.key, day__in=days))
    first = MeasuredDay.objects.filter(key=UPTIME.key).order_by("day").first()
    if not rows or first is None:
        return UPTIME
    good = sum(row.good for row in rows)
    # Before the first minute of all nobody could count; every later one that is missing was no uptime.
    began = max(first.began_at or at, midnight(at) - timedelta(days=1))
    whole = max(good, int((at - began).total_seconds() // 60) + 1)
    tone = Tone.SETTLED if good >= measures.UP_ENOUGH * whole else Tone.WAITING
    detail = f"{good:,} of {whole:,} minutes"
    return replace(UPTIME, value=share(good, whole), detail=detail, tone=tone, number=good / whole)


def all_measures(*, at: datetime) -> list[tuple[Measure, Spark | None]]:
    """Return the six with their last days."""
    kept: dict[str, list[tuple[date, float | None]]] = {}
    since = midnight(at).date() - timedelta(days=DAYS)
    rows: Any = MeasuredDay.objects.filter(day__gte=since, day__lt=midnight(at).date()).order_by("day")
    for row in rows:
        number = row.good / (24 * 60) if row.key == UPTIME.key else row.number
        kept.setdefault(row.key, []).append((row.day, number))
    found = [uptime(at=at) if one.key == UPTIME.key else one for one in measures.all_measures(at=at)]
    return [(one, spark(one, kept.get(one.key, []))) for one in found]


def spark(measure: Measure, days: Sequence[tuple[date, float | None]]) -> Spark | None:
    """Draw the days that are known, the present value last; None while that would be one point."""
    numbers = [number for _, number in days if number is not None]
    numbers += [measure.number] if measure.number is not None else []
    if len(numbers) < 2:
        return None
    goal = measure.goal
    edges = [*numbers, *([goal] if goal is not None else [])]
    low, high = min(edges), max(edges)

    def height(number: float) -> float:
        part = (number - low) / (high - low) if high > low else 0.5
        return round(HEIGHT - PAD - part * (HEIGHT - 2 * PAD), 1)

    step = WIDTH / (len(numbers) - 1)
    points = " ".join(f"{round(place * step, 1)},{height(number)}" for place, number in enumerate(numbers))
    worst = max(numbers) if measure.less_is_better else min(numbers)
    said = f"{worst:.1f} s" if measure.less_is_better else f"{worst:.1%}"
    return Spark(
        points=points,
        goal_y=height(goal) if goal is not None else None,
        words=f"The last {len(numbers)} days; the worst was {said}.",
    )
