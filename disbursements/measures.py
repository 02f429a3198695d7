"""The six success metrics, defined once: what each means, its target, and what it was in the last day."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q

from common.ids import first_id
from common.tones import Tone
from sms.models import SmsNotification
from sms.models import Status as SmsStatus

WINDOW = timedelta(hours=24)
FAST_ENOUGH = 5.0  # seconds from approval seen to paid
ALONE_ENOUGH = 0.95  # of the payments, without a person
TOLD_ENOUGH = 0.98  # of the messages
UP_ENOUGH = 0.999  # of the minutes
CREDITED_SOON = 60.0  # seconds from NCBA's notice to the credit
NO_PAYMENT = "No payment in 24 hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One metric for people: what it means, its value in words, and whether it is where it should be."""

    name: str
    definition: str
    target: str
    value: str
    detail: str = ""
    tone: Tone = Tone.OFF  # of what is not known
    key: str  # how it is kept from day to day
    goal: float | None = None  # a share, or seconds
    number: float | None = None  # the value, as the goal is; None: not known
    less_is_better: bool = False


AUTOMATION = Measure(
    key="automation",
    goal=ALONE_ENOUGH,
    name="Automation",
    definition="Payments of the last 24 hours that no person touched, out of all that were paid.",
    target=f"{ALONE_ENOUGH:.0%}",
    value=NO_PAYMENT,
)
ACCURACY = Measure(
    key="accuracy",
    goal=1.0,
    name="Mifos accuracy",
    definition="Loans paid in the last 24 hours that Mifos has booked: at all, and at the first try. "
    "One that was paid within the last minute counts when it is booked.",
    target="100 % in the end",
    value=NO_PAYMENT,
)
TIME = Measure(
    key="time",
    goal=FAST_ENOUGH,
    less_is_better=True,
    name="Processing time",
    definition="From the approval being seen to the payment being known, for all paid in the last 24 hours: "
    "half and 95 of 100 were faster. Outside is the part spent waiting for Mifos and M-Pesa.",
    target=f"p95 under {FAST_ENOUGH:.0f} s",
    value=NO_PAYMENT,
)
UPTIME = Measure(
    key="uptime",
    goal=UP_ENOUGH,
    name="Uptime",
    definition="Minutes since midnight of yesterday without overdue work, out of all minutes. A minute that nobody "
    "could write down counts as one with overdue work.",
    target=f"{UP_ENOUGH:.1%}",
    value="No minute written down yet",
)
SMS = Measure(
    key="sms",
    goal=TOLD_ENOUGH,
    name="SMS delivery",
    definition="Messages written in the last 24 hours that reached the phone, out of all whose end is known. "
    "Where a gateway gives no reports, its acceptance is the last that we hear, and counts.",
    target=f"{TOLD_ENOUGH:.0%}",
    value="No SMS in 24 hours",
)
NCBA = Measure(
    key="ncba",
    goal=CREDITED_SOON,
    less_is_better=True,
    name="NCBA notice to credit",
    definition="From NCBA's first notice of money to its credit in the wallet, for all credits of the last 24 hours: "
    "half and 95 of 100 were faster. What a person had to allocate counts with the time that this took.",
    target=f"p95 under {CREDITED_SOON:.0f} s",
    value="No credit in 24 hours",
)


def all_measures(*, at: datetime) -> list[Measure]:
    """Return the six, in the order of the plan."""
    return [
        automation(at=at),
        accuracy(at=at),
        processing_time(at=at),
        UPTIME,
        sms_delivery(at=at),
        notice_to_credit(at=at),
    ]


def share(part: int, whole: int) -> str:
    """Write a part of a whole; never 100 % while one is missing."""
    return "100 %" if part == whole else f"{min(100 * part / whole, 99.9):.1f} %"


def automation(*, at: datetime) -> Measure:
    """Measure how many payments needed nobody."""
    paid, alone = _one(
        "select count(*), count(*) filter (where not touched_by_person) from disbursements "
        "where settled_at >= %(since)s and settled_at <= %(at)s and receipt <> ''",
        {"since": at - WINDOW, "at": at},
    )
    if not paid:
        return AUTOMATION
    tone = Tone.SETTLED if alone >= ALONE_ENOUGH * paid else Tone.WAITING
    return replace(
        AUTOMATION,
        value=share(alone, paid),
        detail=f"{alone:,} of {paid:,} payments",
        tone=tone,
        number=alone / paid,
    )


def accuracy(*, at: datetime) -> Measure:
    """Measure how many paid loans Mifos has."""
    paid, first, ever = _one(
        "select count(*), count(*) filter (where status = 'completed' and record_tries <= 1), "
        "count(*) filter (where status = 'completed') from disbursements "
        "where settled_at >= %(since)s and settled_at <= %(at)s "
        "and (settled_at < %(settled)s or status = 'completed') and receipt <> '' and source = 'mifos'",
        {"since": at - WINDOW, "at": at, "settled": at - timedelta(minutes=1)},
    )
    if not paid:
        return ACCURACY
    detail = f"{share(first, paid)} at the first try, {paid - ever:,} missing"
    tone = Tone.SETTLED if ever == paid else Tone.PERSON
    return replace(ACCURACY, value=share(ever, paid), detail=detail, tone=tone, number=ever / paid)


_TIMES = """
select percentile_cont(0.5) within group (order by whole),
       percentile_cont(0.95) within group (order by whole),
       percentile_cont(0.95) within group (order by greatest(whole - outside, 0)),
       percentile_cont(0.95) within group (order by outside)
from (select extract(epoch from settled_at - detected_at)::float8 whole, outside_ms / 1000.0::float8 outside
      from disbursements where settled_at >= %(since)s and settled_at <= %(at)s and receipt <> '') paid
"""


def processing_time(*, at: datetime) -> Measure:
    """Measure how long people wait for their money, and how much of it is ours."""
    half, most, ours, theirs = _one(_TIMES, {"since": at - WINDOW, "at": at})
    if half is None:
        return TIME
    detail = f"p95: ours {ours:.1f} s, outside {theirs:.1f} s"
    tone = Tone.SETTLED if most < FAST_ENOUGH else Tone.WAITING
    return replace(TIME, value=f"{half:.1f} s, p95 {most:.1f} s", detail=detail, tone=tone, number=most)


def sms_delivery(*, at: datetime) -> Measure:
    """Measure how many messages arrive."""
    reached = Q(status=SmsStatus.DELIVERED) | Q(status=SmsStatus.SENT, unconfirmed=False)
    until = first_id(at + timedelta(milliseconds=1))
    written = SmsNotification.objects.filter(pk__gte=first_id(at - WINDOW), pk__lt=until)
    counts = written.aggregate(
        good=Count("pk", filter=reached),
        failed=Count("pk", filter=Q(status=SmsStatus.FAILED) | Q(unconfirmed=True)),
    )
    good, failed = counts["good"], counts["failed"]
    if not good + failed:
        return SMS
    tone = Tone.SETTLED if good >= TOLD_ENOUGH * (good + failed) else Tone.WAITING
    return replace(
        SMS,
        value=share(good, good + failed),
        detail=f"{failed:,} failed or unconfirmed",
        tone=tone,
        number=good / (good + failed),
    )


_CREDITS = """
select count(*), percentile_cont(0.5) within group (order by took), percentile_cont(0.95) within group (order by took)
from (select extract(epoch from booked_at - created_at)::float8 took
      from bank_credits where booked_at >= %(since)s and booked_at <= %(at)s and source <> 'statement') booked
"""


def notice_to_credit(*, at: datetime) -> Measure:
    """Measure how long money that the bank told of waits for its wallet."""
    count, half, most = _one(_CREDITS, {"since": at - WINDOW, "at": at})
    if not count:
        return NCBA
    tone = Tone.SETTLED if most < CREDITED_SOON else Tone.WAITING
    value = f"{half:.1f} s, p95 {most:.1f} s"
    return replace(NCBA, value=value, detail=f"{count:,} credits", tone=tone, number=most)


def _one(statement: str, values: Mapping[str, datetime | UUID]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()
