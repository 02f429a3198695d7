"""Find every disbursement whose next step is due, fairly between partners."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from disbursements.statuses import Status

LEASE = timedelta(seconds=30)  # a row that was handed to a worker and not moved is due again after this
MANY, HANDFUL = 16, 4  # from how many rows on they are handed out together, and how many at most
IN_HAND = 100  # how many rows may wait in the queues at a time, over all partners

# What each status waits for, if `next_step_at` is due. What is paid has its own turn: it does not wait behind
# thousands that are to be checked.
TO_PAY: Mapping[str, str] = {
    Status.DETECTED: "check",
    Status.HELD: "check",
    Status.READY: "pay",
    Status.SENDING: "recover",
    Status.ACCEPTED: "ask",
    Status.UNKNOWN: "ask",
    Status.FAILED: "try_again",
}
TO_RECORD: Mapping[str, str] = {Status.PAID: "record"}

_CLAIM = """
with turns as (
    select p.id as partner_id, s.status from partners p cross join unnest(%(statuses)s) as s (status)
), in_hand as (
    select coalesce(sum(one.rows), 0) as rows from turns cross join lateral (
        select count(*) as rows from disbursements d
        where d.partner_id = turns.partner_id and d.status = turns.status
          and d.next_step_at > %(at)s and d.queued_at > %(lease_start)s
    ) as one
), room as (
    select greatest(0, %(most)s - rows) as rows from in_hand
), due as (  -- of each partner no more than there is room for: its other thousands are not looked at
    select one.id, one.next_step_at,
        row_number() over (partition by turns.partner_id order by one.next_step_at) as turn
    from turns cross join lateral (
        select d.id, d.next_step_at from disbursements d
        where d.partner_id = turns.partner_id and d.status = turns.status and d.next_step_at <= %(at)s
        order by d.next_step_at limit (select rows from room)
    ) as one
), chosen as (
    select d.id from disbursements d join due using (id)
    where d.next_step_at <= %(at)s and d.status = any(%(statuses)s)  -- still, once it is locked
    order by due.turn, due.next_step_at
    limit (select rows from room)
    for update of d skip locked
)
update disbursements d set queued_at = %(at)s, next_step_at = %(lease_end)s
from chosen where d.id = chosen.id
returning d.partner_id, d.id, d.status
"""


class Due(NamedTuple):
    """A row, and the step that it waits for."""

    partner_id: UUID
    id: UUID
    step: str


def claim_all(*, at: datetime) -> list[Due]:
    """Take what is due of both kinds: `IN_HAND` of each may be in the workers' hands."""
    return [*claim(TO_RECORD, at=at), *claim(TO_PAY, at=at)]


def claim(steps: Mapping[str, str], *, at: datetime, most: int = IN_HAND) -> list[Due]:
    """Take due rows by turns: each partner's oldest, then each one's second oldest, and so on.

    So a partner with ten thousand loans, or with a host that is down, takes no more than its turns.

    :param steps: the step of each status to look for
    :param most: how many may be in the workers' hands, earlier ones included
    :returns: a row that is not moved within the lease is due again
    """
    values: dict[str, Any] = {
        "at": at,
        "lease_start": at - LEASE,
        "lease_end": at + LEASE,
        "most": most,
        "statuses": list(steps),
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        return [Due(partner_id, row_id, steps[status]) for partner_id, row_id, status in cursor.fetchall()]


def handfuls(due: Sequence[Due]) -> list[tuple[str, list[UUID]]]:
    """Put rows together that one worker takes one after the other: those of one partner and one step.

    A few rows go each for itself. Only where many wait do they share a message, which costs as much as a step;
    never with another partner's, whose host may hang.
    """
    size = min(HANDFUL, 1 + len(due) // MANY)
    alike: dict[tuple[UUID, str], list[UUID]] = {}
    for one in due:
        alike.setdefault((one.partner_id, one.step), []).append(one.id)
    return [
        (step, ids[at : at + size]) for (_, step), ids in alike.items() for at in range(0, len(ids), size)
    ]
