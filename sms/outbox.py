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

from django.db import transaction

from common import rows
from common.ids import new_id
from common.moves import ForbiddenMove
from common.rows import Statement
from sms.models import SmsGateway, SmsNotification, Status

LEASE = timedelta(seconds=120)  # longer than any answer takes; then a claimed message is in doubt

# Fair between partners that share an account: each one's oldest, then each one's second oldest, and so on.
# `waiting` hops from partner to partner along the index, so that a long queue costs no more than a short one.
_CLAIM = Statement(
    f"""
with recursive waiting(partner_id) as (
    (select partner_id from sms_notifications
     where gateway_id = $1 and status = 'pending' order by partner_id limit 1)
    union all
    select (select n.partner_id from sms_notifications n
            where n.gateway_id = $1 and n.status = 'pending' and n.partner_id > w.partner_id
            order by n.partner_id limit 1)
    from waiting w where w.partner_id is not null
), oldest as (
    select due.id, due.next_step_at, row_number() over (partition by w.partner_id order by next_step_at) turn
    from waiting w cross join lateral (
        select n.id, n.next_step_at from sms_notifications n
        where n.gateway_id = $1 and n.partner_id = w.partner_id and n.status = 'pending'
          and n.next_step_at <= $2
        order by n.next_step_at limit $3
    ) due where w.partner_id is not null
    union all  -- the platform's own
    select own.id, own.next_step_at, row_number() over (order by next_step_at) from (
        select id, next_step_at from sms_notifications
        where gateway_id = $1 and partner_id is null and status = 'pending' and next_step_at <= $2
        order by next_step_at limit $3
    ) own
), chosen as (
    select id, row_number() over (order by turn, next_step_at) place from oldest
    order by place limit $3
), moved as (
    update sms_notifications n
    set status = 'sending', moved_at = $2, updated_at = $2, next_step_at = $4,
        tries = n.tries + 1
    from chosen where n.id = chosen.id and n.status = 'pending'
    returning {rows.columns(SmsNotification, "n.")}, chosen.place
), spent as (
    update sms_gateways g
    set paced_until = greatest(coalesce(g.paced_until, $2), $2)
        + (select count(*) from chosen) * interval '1 second' / g.rate_per_second::float8
    where g.id = $1 and exists (select from chosen)
), noted as (
    insert into sms_events (id, notification_id, old, new, note, at)
    select ($5::uuid[])[place], id, 'pending', 'sending', $6, $2 from moved
)
select {rows.columns(SmsNotification)} from moved order by place
""",  # noqa: S608 - our own column names
    ("uuid", "timestamptz", "int", "timestamptz", "uuid[]", "text"),
)

_SETTLE = Statement(
    """
with said as (
    select * from unnest(
        $1::uuid[], $2::timestamptz[], $3::text[], $4::uuid[],
        $5::boolean[], $6::int[], $7::timestamptz[], $8::text[],
        $9::numeric[], $10::boolean[], $11::text[], $12::uuid[]
    ) as said (id, claimed_at, new, gateway_id, on_second, tries, next_step_at, reference, cost, unconfirmed,
               error, event_id)
), moved as (
    update sms_notifications n
    set status = said.new, moved_at = $13, updated_at = $13, next_step_at = said.next_step_at,
        gateway_id = said.gateway_id, on_second = said.on_second, tries = said.tries,
        damza_reference = said.reference, cost = said.cost, unconfirmed = said.unconfirmed,
        message_content = case when n.message_type = 'one_time_code' and said.new <> 'pending'
            then regexp_replace(n.message_content, '[0-9]{4,}', '******', 'g') else n.message_content end,
        last_error = said.error, sent_at = case when said.new = 'sent' then $13 else n.sent_at end
    from said
    where n.id = said.id and n.status = 'sending' and n.moved_at = said.claimed_at
    returning n.id, said.new, said.error, said.event_id
)
insert into sms_events (id, notification_id, old, new, note, at)
select event_id, id, 'sending', new, error, $13 from moved
returning notification_id
""",
    (
        *("uuid[]", "timestamptz[]", "text[]", "uuid[]", "boolean[]", "int[]", "timestamptz[]", "text[]"),
        *("numeric[]", "boolean[]", "text[]", "uuid[]", "timestamptz"),
    ),
)


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


def claim(*, gateway_id: UUID, at: datetime, limit: int) -> tuple[SmsGateway, list[SmsNotification]] | None:
    """Move due messages of a usable account to `sending`, as many as its pace allows, and commit.

    From then on the provider may have them. The account's row is locked for these two statements, so that
    two workers neither take the same message nor double the pace.

    :returns: the account and the messages; None when there is nothing to send, or it may not be sent now
    """
    with transaction.atomic(durable=True):
        _, found = rows.run(_LOCK, [gateway_id])
        account = rows.made(SmsGateway, found[0]) if found else None
        allowed = min(limit, _allowed(account, at)) if account else 0
        claimed = _claim(gateway_id, account.name, at=at, limit=allowed) if account and allowed else []
    return (account, claimed) if account and claimed else None


_LOCK = Statement(
    f"select {rows.columns(SmsGateway)} from sms_gateways "  # noqa: S608 - our own column names
    "where id = $1 and is_active and stopped_at is null for no key update",
    ("uuid",),
)


def settle(settled: Sequence[Settled], *, at: datetime) -> set[UUID]:
    """Move claimed messages to where their answers send them, and return those that still were ours.

    :raises ForbiddenMove: the table of moves does not lead there
    """
    forbidden = {one.new for one in settled} - SmsNotification.NEXT[Status.SENDING]
    if forbidden:
        raise ForbiddenMove(f"sending -> {', '.join(sorted(forbidden))}")
    columns: list[list[Any]] = [
        [one.id for one in settled],
        [one.claimed_at for one in settled],
        [one.new.value for one in settled],
        [one.gateway_id for one in settled],
        [one.on_second for one in settled],
        [one.tries for one in settled],
        [one.next_step_at for one in settled],
        [one.reference[:100] for one in settled],
        [one.cost for one in settled],
        [one.unconfirmed for one in settled],
        [one.error[:300] for one in settled],
        [one.event_id for one in settled],
    ]
    return {row_id for (row_id,) in rows.run(_SETTLE, [*columns, at])[1]}


def _claim(gateway_id: UUID, name: str, *, at: datetime, limit: int) -> list[SmsNotification]:
    event_ids = [new_id() for _ in range(limit)]
    _, found = rows.run(_CLAIM, [gateway_id, at, limit, at + LEASE, event_ids, f"to {name}"])
    return [rows.made(SmsNotification, values) for values in found]


def _window(account: SmsGateway) -> timedelta:
    """How much of its pace an idle account saves up: a second's worth, and at least one message."""
    return timedelta(seconds=max(1.0, 1 / float(account.rate_per_second)))


def _allowed(account: SmsGateway, at: datetime) -> int:
    used_until = max(account.paced_until or at, at)
    free = (at + _window(account) - used_until).total_seconds() * float(account.rate_per_second)
    return max(0, int(free + 1e-6))
