"""What partners are told of their wallet: money that came, float that was bought, and a balance that is low."""

from django.conf import settings

from partners.events.feed import Source
from partners.events.history import kinds

_TOPUP_KINDS = {"failed": "topup.failed", "expired": "topup.expired"}  # credited: told from the bank's credit
_CREDIT_KINDS = {"booked": "topup.credited", "allocated": "topup.credited"}
_PURCHASE_KINDS = {
    "bought": "float_purchase.done",
    "failed": "float_purchase.failed",
    "cancelled": "float_purchase.cancelled",
}

_TOPUPS = f"""
select fresh.id, row.partner_id, kind.type, 'topups' as subject_table, row.id as subject_id,
       jsonb_build_object(
           'id', row.id,
           'status', fresh.new,
           'reason', fresh.note,
           'client_key', row.client_key,
           'amount', row.amount::text,
           'currency', 'KES',
           'reference', row.reference
       ) as payload,
       fresh.at
from fresh
join topups row on row.id = fresh.topup_id
join (values {kinds(_TOPUP_KINDS)}) kind(status, type) on kind.status = fresh.new
where fresh.old <> fresh.new
"""  # noqa: S608 - our own names

_CREDITS = f"""
select fresh.id, row.partner_id, kind.type, 'bank_credits' as subject_table, row.id as subject_id,
       jsonb_build_object(
           'id', row.id,
           'status', fresh.new,
           'amount', row.amount::text,
           'currency', 'KES',
           'bank_reference', coalesce(row.core_reference, ''),
           'receipt', row.receipt,
           'topup_id', wish.id,
           'client_key', wish.client_key,
           'received_at', row.event_at
       ) as payload,
       fresh.at
from fresh
join bank_credits row on row.id = fresh.credit_id
left join topups wish on wish.credit_id = row.id
join (values {kinds(_CREDIT_KINDS)}) kind(status, type) on kind.status = fresh.new
where fresh.old <> fresh.new and row.partner_id is not null
"""  # noqa: S608 - our own names

_PURCHASES = f"""
select fresh.id, row.partner_id, kind.type, 'float_purchases' as subject_table, row.id as subject_id,
       jsonb_build_object(
           'id', row.id,
           'status', fresh.new,
           'reason', fresh.note,
           'request_id', row.request_id,
           'reference', row.reference,
           'amount', row.amount::text,
           'charge', row.charge::text,
           'currency', 'KES',
           'receipt', case when fresh.new = 'bought' then row.receipt else '' end
       ) as payload,
       fresh.at
from fresh
join float_purchases row on row.id = fresh.purchase_id
join (values {kinds(_PURCHASE_KINDS)}) kind(status, type) on kind.status = fresh.new
where fresh.old <> fresh.new
"""  # noqa: S608 - our own names

# Found by the balance itself: told when it is low, and again after a quiet time for as long as it stays so.
_LOW = """
select event_id() as id, row.partner_id, 'wallet.low' as type, 'partner_wallets' as subject_table,
       row.id as subject_id,
       jsonb_build_object(
           'balance', row.current_balance::text,
           'threshold', row.low_balance_threshold::text,
           'currency', row.currency
       ) as payload,
       %(at)s as at
from partner_wallets row
where row.current_balance <= row.low_balance_threshold and not exists (
    select from partner_events told
    where told.partner_id = row.partner_id and told.type = 'wallet.low'
        and told.at > %(at)s - %(quiet)s * interval '1 second'
)
"""

SOURCES = (
    Source(name="top-ups", history="topup_events", select=_TOPUPS),
    Source(name="bank credits", history="bank_credit_events", select=_CREDITS),
    Source(name="float purchases", history="float_purchase_events", select=_PURCHASES),
    Source(
        name="low wallets",
        history="",
        select=_LOW,
        values=(("quiet", settings.LOW_BALANCE_QUIET_SECONDS),),
    ),
)
