"""Move many messages at once: claim a handful before they are sent, settle them when the answers are there.

These are `SmsNotification._move` in two statements instead of four for each message: the same guard (the old
status must still hold), the same history rows, one commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from common.ids import new_id
from common.moves import ForbiddenMove
from sms.models import SmsGateway, SmsNotification, Status

LEASE = timedelta(seconds=120)  # longer than any answer takes; then a claimed message is in doubt

# Fair between partners that share an account: each one's oldest, then each one's second oldest, and so on.
# `waiting` hops from partner to partner along the index, so that a long queue costs no more than a short one.
_CLAIM = """
with recursive waiting(partner_id) as (
    (select partner_id from sms_notifications
     where gateway_id = %(gateway)s and status = 'pending' order by partner_id limit 1)
    union all
    select (select n.partner_id from sms_notifications n
            where n.gateway_id = %(gateway)s and n.status = 'pending' and n.partner_id > w.partner_id
            order by n.partner_id limit 1)
    from waiting w where w.partner_id is not null
), oldest as (
    select due.id, due.next_step_at, row_number() over (partition by w.partner_id order by next_step_at) turn
    from waiting w cross join lateral (
        select n.id, n.next_step_at from sms_notifications n
        where n.gateway_id = %(gateway)s and n.partner_id = w.partner_id and n.status = 'pending'
          and n.next_step_at <= %(at)s
        order by n.next_step_at limit %(limit)s
    ) due where w.partner_id is not null
    union all  -- the platform's own
    select own.id, own.next_step_at, row_number() over (order by next_step_at) from (
        select id, next_step_at from sms_notifications
        where gateway_id = %(gateway)s and partner_id is null and status = 'pending' and next_step_at <= %(at)s
        order by next_step_at limit %(limit)s
    ) own
), chosen as (
    select id, row_number() over (order by turn, next_step_at) place from oldest
    order by place limit %(limit)s
), moved as (
    update sms_notifications n
    set status = 'sending', moved_at = %(at)s, updated_at = %(at)s, next_step_at = %(lease_ends)s,
        tries = n.tries + 1
    from chosen where n.id = chosen.id and n.status = 'pending'
    returning n.*, chosen.place
), noted as (
    insert into sms_events (id, notification_id, old, new, note, at)
    select (%(event_ids)s::uuid[])[place], id, 'pending', 'sending', %(note)s, %(at)s from moved
)
select * from moved order by place
"""

_SETTLE = """
with said as (
    select * from unnest(
        %(ids)s::uuid[], %(claimed)s::timestamptz[], %(new)s::text[], %(gateways)s::uuid[],
        %(on_second)s::boolean[], %(tries)s::int[], %(next)s::timestamptz[], %(references)s::text[],
        %(costs)s::numeric[], %(unconfirmed)s::boolean[], %(errors)s::text[], %(events)s::uuid[]
    ) as said (id, claimed_at, new, gateway_id, on_second, tries, next_step_at, reference, cost, unconfirmed,
               error, event_id)
), moved as (
    update sms_notifications n
    set status = said.new, moved_at = %(at)s, updated_at = %(at)s, next_step_at = said.next_step_at,
        gateway_id = said.gateway_id, on_second = said.on_second, tries = said.tries,
        damza_reference = said.reference, cost = said.cost, unconfirmed = said.unconfirmed,
        message_content = case when n.message_type = 'one_time_code' and said.new <> 'pending'
            then regexp_replace(n.message_content, '[0-9]{4,}', '******', 'g') else n.message_content end,
        last_error = said.error, sent_at = case when said.new = 'sent' then %(at)s else n.sent_at end
    from said
    where n.id = said.id and n.status = 'sending' and n.moved_at = said.claimed_at
    returning n.id, said.new, said.error, said.event_id
)
insert into sms_events (id, notification_id, old, new, note, at)
select event_id, id, 'sending', new, error, %(at)s from moved
returning notification_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Where a claimed message goes. `claimed_at` guards against a claim that is no longer ours."""

    id: UUID
    claimed_at: datetime
    new: Status
    gateway_id: UUID | None
    on_second: bool = False
    tries: int = 0
    next_step_at: datetime | None = None
    reference: str = ""
    cost: Decimal | None = None
    unconfirmed: bool = False
    error: str = ""
    event_id: UUID = field(default_factory=new_id)


def claim(*, gateway_id: UUID, at: datetime, limit: int) -> list[SmsNotification]:
    """Move due messages of a usable account to `sending`, as many as its pace allows, and commit.

    From then on the provider may have them. The account's row is locked for these few statements, so that
    two workers neither take the same message nor double the pace.
    """
    with transaction.atomic(durable=True):
        locked = SmsGateway.objects.select_for_update(no_key=True)
        account = locked.filter(pk=gateway_id, is_active=True, stopped_at__isnull=True).first()
        if account is None:
            return []
        allowed = min(limit, _allowed(account, at))
        rows = _claim(account, at=at, limit=allowed) if allowed else []
        if rows:
            _spend(account, len(rows), at)
    return rows


def settle(settled: Sequence[Settled], *, at: datetime) -> set[UUID]:
    """Move claimed messages to where their answers send them, and return those that still were ours.

    :raises ForbiddenMove: the table of moves does not lead there
    """
    forbidden = {one.new for one in settled} - SmsNotification.NEXT[Status.SENDING]
    if forbidden:
        raise ForbiddenMove(f"sending -> {', '.join(sorted(forbidden))}")
    values: dict[str, Any] = {
        "ids": [one.id for one in settled],
        "claimed": [one.claimed_at for one in settled],
        "new": [one.new.value for one in settled],
        "gateways": [one.gateway_id for one in settled],
        "on_second": [one.on_second for one in settled],
        "tries": [one.tries for one in settled],
        "next": [one.next_step_at for one in settled],
        "references": [one.reference[:100] for one in settled],
        "costs": [one.cost for one in settled],
        "unconfirmed": [one.unconfirmed for one in settled],
        "errors": [one.error[:300] for one in settled],
        "events": [one.event_id for one in settled],
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE, values)
        return {row_id for (row_id,) in cursor.fetchall()}


def _claim(account: SmsGateway, *, at: datetime, limit: int) -> list[SmsNotification]:
    values = {
        "gateway": account.pk,
        "at": at,
        "limit": limit,
        "lease_ends": at + LEASE,
        "event_ids": [new_id() for _ in range(limit)],
        "note": f"to {account.name}",
    }
    return list(SmsNotification.objects.raw(_CLAIM, values))


def _window(account: SmsGateway) -> timedelta:
    """How much of its pace an idle account saves up: a second's worth, and at least one message."""
    return timedelta(seconds=max(1.0, 1 / float(account.rate_per_second)))


def _allowed(account: SmsGateway, at: datetime) -> int:
    used_until = max(account.paced_until or at, at)
    free = (at + _window(account) - used_until).total_seconds() * float(account.rate_per_second)
    return max(0, int(free + 1e-6))


def _spend(account: SmsGateway, count: int, at: datetime) -> None:
    used_until = max(account.paced_until or at, at)
    spent = timedelta(seconds=count / float(account.rate_per_second))
    SmsGateway.objects.filter(pk=account.pk).update(paced_until=used_until + spent)
