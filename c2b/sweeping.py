"""Find every payment whose next step is due, fairly between partners."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from c2b.statuses import Status

LEASE = timedelta(seconds=90)  # a row that was handed to a worker and not moved is due again after this
IN_HAND = 200  # how many rows may wait in the queue at a time, over all partners

STEPS: Mapping[str, str] = {  # what each status waits for, if `next_step_at` is due
    Status.RECEIVED: "match",
    Status.UNMATCHED: "match",
    Status.MATCHED: "post",
    Status.POSTING: "post",
    Status.UNKNOWN: "post",
    Status.FAILED: "post",
}

# Rows of a host that rests are put off together, so that a dead host costs nobody a turn.
_PUT_OFF = """
update c2b_transactions t set next_step_at = m.retry_at, queued_at = null
from mifos_partners m
where m.partner_id = t.partner_id and m.retry_at > %(at)s and t.next_step_at <= %(at)s
  and t.status = any(%(statuses)s)
"""

_CLAIM = """
with due as (
    select id, row_number() over (partition by partner_id order by next_step_at, paid_at) as turn,
        next_step_at
    from c2b_transactions where next_step_at <= %(at)s and status = any(%(statuses)s)
), in_hand as (
    select count(*) as rows from c2b_transactions where queued_at > %(lease_start)s and next_step_at > %(at)s
), chosen as (
    select t.id from c2b_transactions t join due using (id)
    where t.next_step_at <= %(at)s and t.status = any(%(statuses)s)  -- still, once it is locked
    order by due.turn, due.next_step_at
    limit (select greatest(0, %(most)s - rows) from in_hand)
    for update of t skip locked
)
update c2b_transactions t set queued_at = %(at)s, next_step_at = %(lease_end)s
from chosen where t.id = chosen.id
returning t.id, t.status
"""


def claim(*, at: datetime, most: int = IN_HAND) -> list[tuple[UUID, str]]:
    """Take due rows by turns: each partner's oldest, then each one's second oldest, and so on.

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
        cursor.execute(_PUT_OFF, values)
        cursor.execute(_CLAIM, values)
        return [(row_id, STEPS[status]) for row_id, status in cursor.fetchall()]
