"""Reports: what was paid, collected, charged and refused in a span of days, summed up in PostgreSQL.

Days are Nairobi's. Every statement reads one range of an index of time; `DAYS_MOST` keeps that range bounded.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from common.exporting import NAIROBI, Shape
from common.ids import first_id
from common.money import shown
from mpesa import codes

DAYS_MOST = 93


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The days that a report is about, both included, of one partner or of all."""

    first: date
    last: date
    partner_id: UUID | None = None

    @property
    def values(self) -> dict[str, Any]:
        """What the statements take: moments, and the lowest keys of those moments."""
        start = datetime.combine(self.first, time.min, tzinfo=NAIROBI)
        end = datetime.combine(self.last + timedelta(days=1), time.min, tzinfo=NAIROBI)
        return {
            "start": start,
            "end": end,
            "start_id": first_id(start - timedelta(days=2)),  # an attempt settles later than it is made
            "end_id": first_id(end),
            "partner": self.partner_id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """A column of a report."""

    words: str
    shape: Shape = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A place in the chart: its label, and its two heights of a hundred."""

    label: str
    first: float
    second: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A report that was made."""

    titles: Sequence[Title]
    rows: Sequence[Sequence[Any]]
    total: Sequence[Any] = ()
    bars: list[Bar] = field(default_factory=list)
    legend: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A question that is asked again and again."""

    name: str
    meaning: str
    make: Callable[[Span], Found]
    empty: str


_MINE = "(%(partner)s::uuid is null or {table}partner_id = %(partner)s::uuid)"

_DAILY = """
with paid as (
    select (settled_at at time zone 'Africa/Nairobi')::date as day, partner_id, count(*) as n, sum(amount) as amount,
           sum(charge) as charge, sum(mpesa_cost) as cost
    from disbursements where settled_at >= %(start)s and settled_at < %(end)s and receipt <> '' and {mine}
    group by 1, 2
), came as (
    select (paid_at at time zone 'Africa/Nairobi')::date as day, partner_id, count(*) as n, sum(amount) as amount
    from c2b_transactions where paid_at >= %(start)s and paid_at < %(end)s and {mine}
    group by 1, 2
)
select day, coalesce(p.name, 'nobody yet'), coalesce(paid.n, 0), coalesce(paid.amount, 0), coalesce(paid.charge, 0),
       coalesce(paid.cost, 0), coalesce(came.n, 0), coalesce(came.amount, 0)
from paid full join came using (day, partner_id) left join partners p on p.id = partner_id
order by day desc, 2
"""


def daily(span: Span) -> Found:
    """What was paid and collected, by day and partner."""
    rows = _read(_DAILY, span)
    titles = [
        Title(words="Day", shape="day"),
        Title(words="Partner"),
        Title(words="Loans paid", shape="number"),
        Title(words="Paid out", shape="money"),
        Title(words="Charges", shape="money"),
        Title(words="M-Pesa's cost", shape="money"),
        Title(words="Collections", shape="number"),
        Title(words="Collected", shape="money"),
    ]
    by_day: dict[date, list[Decimal]] = {}
    for day, _, _, amount, _, _, _, collected in rows:
        sums = by_day.setdefault(day, [Decimal(0), Decimal(0)])
        sums[0] += amount
        sums[1] += collected
    bars = _bars([(f"{day:%-d %b}", by_day[day][0], by_day[day][1]) for day in sorted(by_day)], shown)
    return Found(titles=titles, rows=rows, total=_total(rows, 2), bars=bars, legend=("Paid out", "Collected"))


_REASONS = """
select result_code, max(result_text), count(*), sum(a.amount), count(*) * 100.0 / sum(count(*)) over ()
from disbursement_attempts a join disbursements d on d.id = a.disbursement_id
where a.id >= %(start_id)s and a.id < %(end_id)s and a.settled_at >= %(start)s and a.settled_at < %(end)s
      and a.status = 'failed' and {mine_d}
group by result_code order by 3 desc
"""


def failures(span: Span) -> Found:
    """Why attempts were proved not paid, the most frequent first."""
    rows = [
        (_refusal(code, said), code or "none", count, amount, Decimal(str(round(share, 1))))
        for code, said, count, amount, share in _read(_REASONS, span)
    ]
    titles = [
        Title(words="Reason"),
        Title(words="Code"),
        Title(words="Attempts", shape="number"),
        Title(words="Amount", shape="money"),
        Title(words="Share in %", shape="number"),
    ]
    bars = _bars([(str(row[1]), Decimal(row[2]), Decimal(0)) for row in rows[:20]], lambda n: f"{n:,.0f}")
    return Found(titles=titles, rows=rows, bars=bars, legend=("Attempts by code", ""))


def _refusal(code: str, said: str) -> str:
    found = codes.verdict(code, said) if code else None
    return found.words.removesuffix(found.advice).strip() if found else said or "No reason was given"


_COST = """
select coalesce(p.name, '–'), count(*), sum(d.amount), sum(d.charge), sum(d.mpesa_cost),
       round(avg(d.charge), 2), round(avg(d.mpesa_cost), 2),
       round(1000 * sum(d.mpesa_cost) / nullif(sum(d.amount), 0), 2),
       sum(d.charge) - sum(d.mpesa_cost)
from disbursements d left join partners p on p.id = d.partner_id
where d.settled_at >= %(start)s and d.settled_at < %(end)s and d.receipt <> '' and {mine_d}
group by 1 order by 2 desc
"""


def cost(span: Span) -> Found:
    """What a payment costs: our charge, M-Pesa's fee, and what is left, by partner."""
    titles = [
        Title(words="Partner"),
        Title(words="Payments", shape="number"),
        Title(words="Paid out", shape="money"),
        Title(words="Charges", shape="money"),
        Title(words="M-Pesa's cost", shape="money"),
        Title(words="Charge each", shape="money"),
        Title(words="Cost each", shape="money"),
        Title(words="Cost of 1,000 shillings", shape="money"),
        Title(words="Charges less cost", shape="money"),
    ]
    rows = _read(_COST, span)
    bars = _bars([(str(row[0]), row[5] or Decimal(0), row[6] or Decimal(0)) for row in rows[:20]], shown)
    return Found(titles=titles, rows=rows, bars=bars, legend=("Charge each", "M-Pesa's cost each"))


_TIME = """
select (settled_at at time zone 'Africa/Nairobi')::date, count(*),
       percentile_cont(array[0.5, 0.95]) within group (order by extract(epoch from settled_at - detected_at)::float8),
       percentile_cont(0.95) within group (order by outside_ms / 1000.0::float8),
       count(*) filter (where settled_at - detected_at < interval '5 seconds') * 100.0 / count(*)
from disbursements where settled_at >= %(start)s and settled_at < %(end)s and receipt <> '' and {mine}
group by 1 order by 1 desc
"""


def time_to_money(span: Span) -> Found:
    """How long from the approval being seen to the money being known to be there, by day."""
    rows = [
        (day, count, *(Decimal(str(round(one, 1))) for one in (*halves, outside, share)))
        for day, count, halves, outside, share in _read(_TIME, span)
    ]
    titles = [
        Title(words="Day", shape="day"),
        Title(words="Payments", shape="number"),
        Title(words="Half within (s)", shape="number"),
        Title(words="95 of 100 within (s)", shape="number"),
        Title(words="Outside, 95 of 100 (s)", shape="number"),
        Title(words="Under 5 s (%)", shape="number"),
    ]
    bars = _bars([(f"{row[0]:%-d %b}", row[3], row[2]) for row in reversed(rows)], lambda one: f"{one} s")
    return Found(titles=titles, rows=rows, bars=bars, legend=("95 of 100 within", "Half within"))


_PARTNERS = """
with paid as (
    select partner_id, count(*) filter (where receipt <> '') as n, sum(amount) filter (where receipt <> '') as amount,
           count(*) filter (where status = 'failed') as failed, sum(charge) filter (where receipt <> '') as charge,
           count(*) filter (where receipt <> '' and not touched_by_person) as alone
    from disbursements where settled_at >= %(start)s and settled_at < %(end)s and {mine} group by 1
), came as (
    select partner_id, count(*) as n, sum(amount) as amount, count(*) filter (where status = 'unmatched') as waiting
    from c2b_transactions where paid_at >= %(start)s and paid_at < %(end)s and {mine} group by 1
)
select p.name, coalesce(paid.n, 0), coalesce(paid.amount, 0), coalesce(paid.failed, 0),
       case when paid.n > 0 then round(100.0 * paid.alone / paid.n, 1) end, coalesce(paid.charge, 0),
       coalesce(came.n, 0), coalesce(came.amount, 0), coalesce(came.waiting, 0), w.current_balance
from partners p left join paid on paid.partner_id = p.id left join came on came.partner_id = p.id
     left join partner_wallets w on w.partner_id = p.id
where (paid.partner_id is not null or came.partner_id is not null)
      and (%(partner)s::uuid is null or p.id = %(partner)s::uuid)
order by 3 desc, 1
"""


def by_partner(span: Span) -> Found:
    """Each partner's payments, failures, collections and wallet, side by side."""
    titles = [
        Title(words="Partner"),
        Title(words="Loans paid", shape="number"),
        Title(words="Paid out", shape="money"),
        Title(words="Failed", shape="number"),
        Title(words="Without a person (%)", shape="number"),
        Title(words="Charges", shape="money"),
        Title(words="Collections", shape="number"),
        Title(words="Collected", shape="money"),
        Title(words="In suspense", shape="number"),
        Title(words="Wallet now", shape="money"),
    ]
    rows = _read(_PARTNERS, span)
    bars = _bars([(str(row[0]), row[2], row[7]) for row in rows[:20]], shown)
    return Found(titles=titles, rows=rows, bars=bars, legend=("Paid out", "Collected"))


REPORTS: Mapping[str, Report] = {
    "daily": Report(
        name="Daily",
        meaning="Loans paid, charges, costs and collections of each day and partner.",
        make=daily,
        empty="Nothing was paid or collected in these days.",
    ),
    "partners": Report(
        name="Per partner",
        meaning="Each partner's payments, failures, collections and wallet, side by side.",
        make=by_partner,
        empty="No partner paid or collected anything in these days.",
    ),
    "failures": Report(
        name="Failure reasons",
        meaning="Why M-Pesa refused, by its code, the most frequent first. Attempts are counted, not loans.",
        make=failures,
        empty="No attempt was refused in these days.",
    ),
    "cost": Report(
        name="Cost per payment",
        meaning="What we charge and what M-Pesa takes for a payment, and what is left.",
        make=cost,
        empty="Nothing was paid in these days, so nothing cost anything.",
    ),
    "time": Report(
        name="Time to money",
        meaning="From the approval being seen to the payment being known, and how much of it was outside.",
        make=time_to_money,
        empty="Nothing was paid in these days.",
    ),
}


def _read(statement: str, span: Span) -> list[Any]:
    text = statement.format(mine=_MINE.format(table=""), mine_d=_MINE.format(table="d."))
    with connection.cursor() as cursor:
        cursor.execute(text, span.values)
        return list(cursor.fetchall())


def _total(rows: list[Any], start: int) -> Sequence[Any]:
    """Return the sums of the columns from `start` on, under a word."""
    if len(rows) < 2:
        return ()
    sums = [sum(column) for column in list(zip(*rows, strict=True))[start:]]
    return ["All", *[""] * (start - 1), *sums]


def _bars(places: list[tuple[str, Decimal, Decimal]], words: Callable[[Decimal], str]) -> list[Bar]:
    highest = max([one for _, *both in places for one in both], default=Decimal(0))
    if not highest:
        return []
    return [
        Bar(
            label=label,
            first=round(float(first / highest) * 100, 1),
            second=round(float(second / highest) * 100, 1),
            words=f"{label}: {words(first)}" + (f", {words(second)}" if second else ""),
        )
        for label, first, second in places
    ]
