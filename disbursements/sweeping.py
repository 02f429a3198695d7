"""Find every disbursement whose next step is due, fairly between partners."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from disbursements.statuses import Status

LEASE = timedelta(seconds=60)  # a row that was handed to a worker and not moved is due again after this
PER_PARTNER = 100  # how many rows of one partner may wait in the queues at a time

STEPS: Mapping[str, str] = {  # what each status waits for, if `next_step_at` is due
    Status.DETECTED: "check",
    Status.HELD: "check",
    Status.READY: "pay",
    Status.SENDING: "recover",
    Status.ACCEPTED: "ask",
    Status.UNKNOWN: "ask",
    Status.PAID: "record",
    Status.FAILED: "try_again",
}

_CLAIM = """
with due as (
    select id, partner_id, next_step_at from disbursements
    where next_step_at <= %(at)s
    order by next_step_at limit 20000
), ranked as (
    select id, row_number() over (partition by partner_id order by next_step_at) as place, partner_id from due
), waiting as (
    select partner_id, count(*) as rows from disbursements
    where queued_at > %(lease_start)s and next_step_at > %(at)s group by partner_id
), chosen as (
    select d.id from disbursements d join ranked using (id) left join waiting w on w.partner_id = d.partner_id
    where ranked.place <= %(cap)s - coalesce(w.rows, 0)
    for update of d skip locked
)
update disbursements d set queued_at = %(at)s, next_step_at = %(lease_end)s
from chosen where d.id = chosen.id
returning d.id, d.status
"""


def claim(*, at: datetime, cap: int = PER_PARTNER) -> list[tuple[UUID, str]]:
    """Take due rows, oldest first, at most `cap` of one partner in the queues at a time.

    :returns: (id, step) of each; a row that is not moved within the lease is due again
    """
    values: dict[str, datetime | int] = {
        "at": at,
        "lease_start": at - LEASE,
        "lease_end": at + LEASE,
        "cap": cap,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        return [(row_id, STEPS[status]) for row_id, status in cursor.fetchall() if status in STEPS]
