"""Copy what happened from the histories into `partner_events`, in bulk and without skipping an open transaction.

Nothing is written here while money moves. A history table has a column `written_in`, filled by PostgreSQL with
the number of the transaction that wrote the row. A sweep reads the rows below the oldest transaction that is
still open, so that none can appear behind its back; what is copied twice is the same row (the id is the history
row's own). See docs/decisions/0007-events-are-copied.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction

from common.ids import new_id
from partners.events.models import Mark, PartnerEvent

log = structlog.get_logger("events")

HIGHEST = 2**63 - 1
AT_ONCE = 5_000  # history rows in one statement, rounded up to whole transactions
GIVEN_UP_AFTER = timedelta(hours=24)
_LOCK = "partner events"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where an app's events come from.

    :param name: its mark
    :param history: a table with `written_in`; empty where `select` finds by itself what is not told yet
    :param select: SQL for the columns of `COLUMNS`, from the history rows `fresh`; values as `%(at)s` and
        those of `values`
    """

    name: str
    history: str
    select: str
    values: tuple[tuple[str, Any], ...] = ()


COLUMNS = "id, partner_id, type, subject_table, subject_id, payload, at"


def masked(column: str) -> str:
    """Return SQL that hides the middle of a phone, as `common.phone.masked` does."""
    return (
        f"case when length({column}) > 7 then left({column}, 4) || '••••' || right({column}, 3) else '' end"
    )


_FIRST = "(select written_in::text from {history} where written_in >= %s::xid8 order by written_in limit 1)"

_HIGH = """
with batch_end as (
    select written_in from {history} where written_in >= %(low)s::xid8 and written_in < %(open)s::xid8
    order by written_in offset %(limit)s limit 1
)
select {history}.written_in::text from {history}, batch_end
where {history}.written_in > batch_end.written_in and {history}.written_in < %(open)s::xid8
order by {history}.written_in limit 1
"""

_FRESH = """fresh as materialized (
    select * from {history} where written_in >= %(low)s::xid8 and written_in < %(high)s::xid8
), """

# The events, in the order in which things happened, and one delivery for each endpoint that wants them.
_TELL = """
with {fresh}found as ({select}), told as (
    insert into partner_events (id, number, partner_id, type, subject_table, subject_id, payload, at, told_at)
    select id, (select coalesce(max(number), 0) from partner_events) + row_number() over (order by at, id),
           partner_id, type, subject_table, subject_id, payload, at, %(at)s
    from found where not exists (select from partner_events known where known.id = found.id)
    returning id, partner_id, type
), queued as (
    insert into webhook_deliveries
        (id, endpoint_id, event_id, status, moved_at, tries, next_step_at, give_up_at, last_error, created_at)
    select event_id(), endpoint.id, told.id, 'pending', %(at)s, 0, %(at)s, %(give_up)s, '', %(at)s
    from told join webhook_endpoints endpoint
        on endpoint.partner_id = told.partner_id and endpoint.is_active and endpoint.deleted_at is null
        and (endpoint.event_types = '[]' or jsonb_exists(endpoint.event_types, told.type))
    returning 1
)
select (select count(*) from told), (select count(*) from queued)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """How many events were told, and how many deliveries wait for them; `more` where a batch was full."""

    events: int = 0
    deliveries: int = 0
    more: bool = False


def with_news(sources: Sequence[Source]) -> list[Source]:
    """Return the sources that may have something to tell, by two questions for all of them."""
    marks = dict(Mark.objects.values_list("source", "read_up_to"))
    oldest_open, next_number = _numbers()
    histories = [one for one in sources if one.history]
    asked = ", ".join(_FIRST.format(history=one.history) for one in histories)
    with connection.cursor() as cursor:
        cursor.execute(f"select {asked}", [str(marks.get(one.name, 0)) for one in histories])
        firsts = dict(zip([one.name for one in histories], cursor.fetchone(), strict=True))

    def has_news(source: Source) -> bool:
        first, mark = firsts.get(source.name), marks.get(source.name, 0)
        return not source.history or mark > next_number or (first is not None and int(first) < oldest_open)

    return [source for source in sources if has_news(source)]


def copy(source: Source, *, at: datetime) -> Copied:
    """Tell what a source has that is new; nothing while another sweep does it."""
    with transaction.atomic():
        if not _alone():
            return Copied()
        if not source.history:
            return _insert(source, fresh="", values={}, at=at)
        mark = Mark.objects.get_or_create(source=source.name, defaults={"moved_at": at})[0]
        oldest_open, next_number = _numbers()
        if mark.read_up_to > next_number:
            return _begin_anew(source, mark, at=at)
        low, high = mark.read_up_to, _batch_end(source, mark.read_up_to, oldest_open)
        told = _copy(source, low, high or oldest_open, at=at)
        _advance(mark, high or oldest_open, at=at)
    return replace(told, more=high is not None)


def _begin_anew(source: Source, mark: Mark, *, at: datetime) -> Copied:
    """Go on in a cluster that this database was restored into: its transaction numbers are lower than the mark.

    What the old cluster wrote and nobody read is told at once; then the history is read from its beginning,
    of which what is told already is left alone.
    """
    log.warning("transaction numbers began anew; the history is read again", source=source.name)
    told = _copy(source, mark.read_up_to, HIGHEST, at=at)
    _advance(mark, 0, at=at)
    return replace(told, more=True)


def _advance(mark: Mark, number: int, *, at: datetime) -> None:
    Mark.objects.filter(pk=mark.pk).update(read_up_to=number, moved_at=at)


def tell(
    *,
    partner_id: UUID,
    type: str,
    subject_table: str,
    subject_id: UUID,
    payload: dict[str, Any],
    at: datetime,
    endpoint_id: UUID | None = None,
) -> PartnerEvent:
    """Tell one event that has no history row of its own, inside the caller's transaction.

    Others wait until that transaction ends: for what happens rarely.

    :param endpoint_id: only this endpoint gets it, whatever it asked for; else all that want it
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [_LOCK])
        last = PartnerEvent.objects.order_by("-number").values_list("number", flat=True).first() or 0
        event = PartnerEvent.objects.create(
            id=new_id(),
            number=last + 1,
            partner_id=partner_id,
            type=type,
            subject_table=subject_table,
            subject_id=subject_id,
            payload=payload,
            at=at,
            told_at=at,
        )
        _queue(cursor, event, endpoint_id=endpoint_id, at=at)
    return event


def _queue(cursor: Any, event: PartnerEvent, *, endpoint_id: UUID | None, at: datetime) -> None:
    wanted = (
        "endpoint.id = %(endpoint)s"
        if endpoint_id
        else (
            "endpoint.partner_id = %(partner)s and endpoint.is_active and endpoint.deleted_at is null "
            "and (endpoint.event_types = '[]' or jsonb_exists(endpoint.event_types, %(type)s))"
        )
    )
    cursor.execute(
        "insert into webhook_deliveries (id, endpoint_id, event_id, status, moved_at, tries, next_step_at, "  # noqa: S608
        "give_up_at, last_error, created_at) select event_id(), endpoint.id, %(event)s, 'pending', %(at)s, 0, "
        f"%(at)s, %(give_up)s, '', %(at)s from webhook_endpoints endpoint where {wanted}",
        {
            "endpoint": endpoint_id,
            "partner": event.partner_id,
            "type": event.type,
            "event": event.pk,
            "at": at,
            "give_up": at + GIVEN_UP_AFTER,
        },
    )


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [_LOCK])
        return bool(cursor.fetchone()[0])


def _numbers() -> tuple[int, int]:
    """Return the number of the oldest transaction that is still open, and the next one to be given."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_snapshot_xmin(now)::text, pg_snapshot_xmax(now)::text from pg_current_snapshot() now"
        )
        oldest_open, next_number = cursor.fetchone()
    return int(oldest_open), int(next_number)


def _batch_end(source: Source, low: int, oldest_open: int) -> int | None:
    """Return the transaction before which a full batch ends; None where all that is new fits into one."""
    with connection.cursor() as cursor:
        question = _HIGH.format(history=source.history)
        cursor.execute(question, {"low": str(low), "open": str(oldest_open), "limit": AT_ONCE - 1})
        found = cursor.fetchone()
    return int(found[0]) if found else None


def _copy(source: Source, low: int, high: int, *, at: datetime) -> Copied:
    fresh = _FRESH.format(history=source.history)
    return _insert(source, fresh=fresh, values={"low": str(low), "high": str(high)}, at=at)


def _insert(source: Source, *, fresh: str, values: dict[str, Any], at: datetime) -> Copied:
    statement = _TELL.format(fresh=fresh, select=source.select)
    given = dict(source.values) | values | {"at": at, "give_up": at + GIVEN_UP_AFTER}
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        events, deliveries = cursor.fetchone()
    return Copied(events=events, deliveries=deliveries)
