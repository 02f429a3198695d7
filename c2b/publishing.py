"""What partners are told of their customers' payments, and of the prompts on customers' phones."""

from partners.events.feed import Source, masked
from partners.events.history import kinds

_KINDS = {
    "received": "payment.received",  # given to another partner, who has not heard of it
    "posted": "payment.posted",
    "unmatched": "payment.suspense",
    "failed": "payment.failed",
    "reversed": "payment.reversed",
}
_PROMPT_KINDS = {"paid": "prompt.paid", "failed": "prompt.failed"}

# Customers also type their phone as the account: then it is hidden like one.
_ACCOUNT = f"""case when row.bill_ref ~ '^\\s*(\\+?254|0)?[17]\\d{{8}}\\s*$'
    then {masked("btrim(row.bill_ref)")} else row.bill_ref end"""


def _payload(status: str, reason: str) -> str:
    return f"""jsonb_build_object(
        'id', row.id,
        'status', {status},
        'reason', {reason},
        'receipt', row.mpesa_receipt,
        'amount', row.amount::text,
        'currency', 'KES',
        'account_reference', {_ACCOUNT},
        'transaction_type', row.transaction_type,
        'mifos_account_id', row.mifos_account_id,
        'account_no', row.account_no,
        'phone', {masked("row.customer_phone")},
        'channel', row.channel,
        'paid_at', row.paid_at
    )"""


# Its arrival leaves no line in the history, so that a confirmation stays one statement: it is told from the row,
# under the payment's own id, with its first move at the latest.
_ARRIVED = f"""
select row.id, row.partner_id, 'payment.received' as type, 'c2b_transactions' as subject_table,
       row.id as subject_id, {_payload("'received'", "''")} as payload, row.created_at as at
from c2b_transactions row
"""  # noqa: S608 - our own names

_MOVED = f"""
select fresh.id, row.partner_id, kind.type, 'c2b_transactions' as subject_table, row.id as subject_id,
       {_payload("fresh.new", "fresh.note")} as payload, fresh.at
from fresh
join c2b_transactions row on row.id = fresh.transaction_id
join (values {kinds(_KINDS)}) kind(status, type) on kind.status = fresh.new
where fresh.old <> fresh.new and row.partner_id is not null and (fresh.new <> 'received' or not exists (
    select from partner_events told
    where told.subject_id = row.id and told.partner_id = row.partner_id and told.type = 'payment.received'
))
union all
({_ARRIVED} where row.partner_id is not null and row.id in (
    select transaction_id from fresh where old = 'received' and new <> old
))
"""  # noqa: S608 - our own names

_WAITING = f"""
{_ARRIVED} where row.status = 'received' and row.partner_id is not null
    and row.created_at > %(at)s - interval '10 minutes'
"""

_PROMPTS = f"""
select fresh.id, row.partner_id, kind.type, 'c2b_stk_pushes' as subject_table, row.id as subject_id,
       jsonb_build_object(
           'id', row.id,
           'status', fresh.new,
           'reason', fresh.note,
           'client_request_id', row.client_request_id,
           'amount', row.amount::text,
           'currency', 'KES',
           'account_kind', row.kind,
           'account_no', row.account_no,
           'phone', {masked("row.phone")},
           'receipt', case when fresh.new = 'paid' then row.mpesa_receipt else '' end
       ) as payload,
       fresh.at
from fresh
join c2b_stk_pushes row on row.id = fresh.prompt_id
join (values {kinds(_PROMPT_KINDS)}) kind(status, type) on kind.status = fresh.new
where fresh.old <> fresh.new
"""  # noqa: S608 - our own names

SOURCES = (
    Source(name="payments received", history="", select=_WAITING),
    Source(name="payments", history="c2b_events", select=_MOVED),
    Source(name="prompts", history="c2b_stk_push_events", select=_PROMPTS),
)
