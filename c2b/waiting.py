"""Say of a payment that has not come to rest what it waits for, from the facts of this moment."""

from datetime import datetime

from c2b import turns
from c2b.models import C2bTransaction
from c2b.reading import host_of
from c2b.statuses import ENDED, Status


def why(row: C2bTransaction, *, at: datetime) -> str:
    """Return what a payment waits for, in words; nothing for one that has ended."""
    if row.status in ENDED:
        return ""
    if row.attention:
        return row.attention
    host = host_of(row.partner_id) if row.partner_id else None
    if host is not None and host.resting(at):
        return f"Mifos is left alone for a while: {host.failure_note}."
    if row.status == Status.MATCHED and (first := turns.first_before(row, turns.open_parts(row))):
        return f"Payment {first.mpesa_receipt} to the same account goes first; it is {_state(first)}."
    if row.queued_at is not None:
        return "It is in a worker's hands."
    if row.status == Status.RECEIVED and not row.reason:
        return _in_line(row)
    return row.reason or _in_line(row)


def _state(row: C2bTransaction) -> str:
    return str(row.get_status_display()).lower()


def _in_line(row: C2bTransaction) -> str:
    if row.partner_id is None:
        return "It is next."
    before = C2bTransaction.objects.filter(
        partner_id=row.partner_id, status=row.status, next_step_at__isnull=False, paid_at__lt=row.paid_at
    )
    count = before.count()
    return (
        f"It waits for its turn: {count} earlier payments of the partner go first."
        if count
        else "It is next."
    )
