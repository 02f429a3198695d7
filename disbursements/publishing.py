"""What partners are told of their disbursements: one event for each move that matters to them."""

from partners.events.feed import Source, masked
from partners.events.history import kinds

_KINDS = {
    "ready": "disbursement.approved",
    "held": "disbursement.held",
    "sending": "disbursement.sent",
    "unknown": "disbursement.unknown",
    "paid": "disbursement.paid",
    "completed": "disbursement.completed",
    "failed": "disbursement.failed",
    "cancelled": "disbursement.cancelled",
}

# A line with the status before it is a remark, but for a hold whose cause changed: that one has its evidence.
# What moves on is read as it is now; what could mislead beside an older status is left out.
_SELECT = f"""
select fresh.id, row.partner_id, coalesce(kind.type, 'disbursement.created') as type, 'disbursements' as subject_table,
       row.id as subject_id,
       jsonb_build_object(
           'id', row.id,
           'status', fresh.new,
           'reason', fresh.note,
           'hold_cause', case when row.status = 'held' and row.moved_at = fresh.at then row.hold_cause else '' end,
           'source', row.source,
           'client_request_id', row.client_request_id,
           'loan_id', row.mifos_loan_id,
           'loan_account_no', row.loan_account_no,
           'tranche_id', nullif(row.tranche_id, 0),
           'amount', row.amount::text,
           'gross_amount', row.gross_amount::text,
           'currency', 'KES',
           'phone', {masked("row.phone")},
           'receipt', case when fresh.new in ('paid', 'completed') then row.receipt else '' end,
           'paid_at', case when fresh.new in ('paid', 'completed') then row.paid_at end
       ) as payload,
       fresh.at
from fresh
join disbursements row on row.id = fresh.disbursement_id
left join (values {kinds(_KINDS)}) kind(status, type) on kind.status = fresh.new
where (fresh.new = 'detected' and fresh.old = '')
    or (kind.type is not null and (fresh.old <> fresh.new or (fresh.new = 'held' and fresh.evidence is not null)))
"""  # noqa: S608 - our own names

SOURCES = (Source(name="disbursements", history="disbursement_events", select=_SELECT),)
