"""Money paid out by hour: today's bars before those of a usual day of this kind. Numbers and places, no drawing."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from common.money import shown
from disbursements.checks import NAIROBI
from disbursements.saved import midnight

WEEKS = 4  # earlier days of the same kind that make the usual
WIDTH, HEIGHT, TOP, BOTTOM = 720, 190, 14, 22
SLOT = WIDTH / 24

Figures = tuple[Decimal, int, Decimal]  # of an hour: money, payments, money in its first minutes

# Nairobi is three whole hours ahead all year, so that its hours are UTC's.
_BY_HOUR = """
select began, coalesce(sum(amount), 0), count(*), coalesce(sum(amount) filter (where settled_at - began <= %(past)s), 0)
from (select settled_at, date_trunc('hour', settled_at) as began, amount from disbursements
      where receipt <> '' and ({ranges})) paid
group by began
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One hour: where it is drawn, and what it says on hover."""

    hour: int
    x: float
    y: float
    height: float
    usual_y: float
    usual_height: float
    words: str
    now: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Today's money by hour, and the same until this time of day on an average day of this kind."""

    weekday: str
    total: Decimal
    payments: int
    usual: Decimal | None  # None: there is no earlier day to compare with
    bars: list[Bar]
    top: str
    empty: bool


def money_by_hour(*, at: datetime) -> Chart:
    """Read today and the same weekday of the last weeks, in one query by index."""
    days = [midnight(at) - timedelta(weeks=week) for week in range(WEEKS + 1)]
    sums = _read(days, at=at)
    today = days[0].date()
    earlier = sorted({day for day, _ in sums if day != today})
    mine = {hour: figures for (day, hour), figures in sums.items() if day == today}
    usual = {
        hour: sum((sums[day, hour][0] for day in earlier if (day, hour) in sums), Decimal(0))
        / (len(earlier) or 1)
        for hour in range(24)
    }
    by_now = sum(
        (_by_now(figures, hour, at=at) for (day, hour), figures in sums.items() if day != today), Decimal(0)
    )
    highest = max([*(figures[0] for figures in mine.values()), *usual.values(), Decimal(0)])
    return Chart(
        weekday=f"{days[0]:%A}",
        total=sum((figures[0] for figures in mine.values()), Decimal(0)),
        payments=sum(figures[1] for figures in mine.values()),
        usual=(by_now / len(earlier)).quantize(Decimal(1)) if earlier else None,
        bars=[_bar(hour, mine.get(hour), usual[hour], highest, now=at) for hour in range(24)],
        top=shown(highest.quantize(Decimal(1))),
        empty=not highest,
    )


def _read(days: list[datetime], *, at: datetime) -> dict[tuple[date, int], Figures]:
    values: dict[str, Any] = {"past": at - at.replace(minute=0, second=0, microsecond=0)}
    ranges = []
    for number, day in enumerate(days):
        values |= {f"from{number}": day, f"to{number}": day + timedelta(days=1)}
        ranges.append(f"(settled_at >= %(from{number})s and settled_at < %(to{number})s)")
    with connection.cursor() as cursor:
        cursor.execute(_BY_HOUR.format(ranges=" or ".join(ranges)), values)
        rows = [(hour.astimezone(NAIROBI), figures) for hour, *figures in cursor.fetchall()]
    return {(hour.date(), hour.hour): (money, count, early) for hour, (money, count, early) in rows}


def _by_now(figures: Figures, hour: int, *, at: datetime) -> Decimal:
    """Return what of an earlier day's hour had been paid by this time of day."""
    now = at.astimezone(NAIROBI).hour
    money, _, early = figures
    return Decimal(0) if hour > now else early if hour == now else money


def _bar(hour: int, found: Figures | None, usual: Decimal, highest: Decimal, *, now: datetime) -> Bar:
    money, count = (found[0], found[1]) if found else (Decimal(0), 0)
    room = HEIGHT - TOP - BOTTOM
    height, usual_height = (float(amount / highest) * room if highest else 0.0 for amount in (money, usual))
    said = f"{shown(money)} in {count:,} payments; usual {shown(usual.quantize(Decimal(1)))}"
    return Bar(
        hour=hour,
        x=round(hour * SLOT, 1),
        y=round(HEIGHT - BOTTOM - height, 1),
        height=round(height, 1),
        usual_y=round(HEIGHT - BOTTOM - usual_height, 1),
        usual_height=round(usual_height, 1),
        words=f"{hour:02}:00 to {hour + 1:02}:00: {said}",
        now=hour == now.astimezone(NAIROBI).hour,
    )
