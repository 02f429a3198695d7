"""Find every disbursement whose next step is due, fairly between partners."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from disbursements.statuses import Status

LEASE = timedelta(seconds=30)  # a row that was handed to a worker and not moved is due again after this
IN_HAND = 100  # how many rows may wait in the queues at a time, over all partners

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
    select id, row_number() over (partition by partner_id order by next_step_at) as turn, next_step_at
    from disbursements where next_step_at <= %(at)s and status = any(%(statuses)s)
), in_hand as (
    select count(*) as rows from disbursements where queued_at > %(lease_start)s and next_step_at > %(at)s
), chosen as (
    select d.id from disbursements d join due using (id)
    order by due.turn, due.next_step_at
    limit (select greatest(0, %(most)s - rows) from in_hand)
    for update of d skip locked
)
update disbursements d set queued_at = %(at)s, next_step_at = %(lease_end)s
from chosen where d.id = chosen.id
returning d.id, d.status
"""


def claim(*, at: datetime, most: int = IN_HAND) -> list[tuple[UUID, str]]:
    """Take due rows by turns: each partner's oldest, then each one's second oldest, and so on.

    So a partner with ten thousand loans, or with a host that is down, takes no more than its turns.

    :param most: how many may be in the workers' hands, earlier ones included
    :returns: (id, step) of each; a row that is not moved within the lease is due again
    """
    values: dict[str, Any] = {
        "at": at,
        "lease_start": at - LEASE,
        "lease_end": at + LEASE,
        "most": most,
        "statuses": list(STEPS),
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        return [(row_id, STEPS[status]) for row_id, status in cursor.fetchall()]
