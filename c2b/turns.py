"""Whose turn it is: payments to one account are booked one after the other, in the order they were made."""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q

from c2b.models import C2bTransaction, Posting
from c2b.statuses import AT_MIFOS, Status

GAP = timedelta(seconds=30)  # for what waits for its turn; whoever ends wakes the next before
LEASE = timedelta(minutes=3)  # longer than all calls for one payment together


def open_parts(row: C2bTransaction) -> list[Posting]:
    """Return what is still to be booked, in order."""
    return list(Posting.objects.filter(transaction=row, booked_at__isnull=True, void_at__isnull=True))


def begin(row: C2bTransaction, *, at: datetime) -> bool:
    """Take the accounts for this payment, and commit, before a byte leaves.

    :returns: False when another payment to the same account goes first
    """
    with transaction.atomic(durable=True):
        postings = open_parts(row)
        _lock_accounts(postings)
        if not its_turn(row, postings):
            row.due(at + GAP)
            return False
        if row.status in AT_MIFOS:
            row.due(at + LEASE)
        else:
            row.move(Status.POSTING, at=at, next_step_at=at + LEASE)
    return True


_WAKE = """
update c2b_transactions set next_step_at = %(at)s
where next_step_at > %(at)s and queued_at is null and id in (
    select distinct on (p.mifos_partner_id, p.kind, p.account_id) t.id
    from c2b_postings p join c2b_transactions t on t.id = p.transaction_id
    where p.booked_at is null and p.void_at is null and t.status = 'matched'
      and (p.mifos_partner_id, p.kind, p.account_id) in (
          select mifos_partner_id, kind, account_id from c2b_postings where transaction_id = %(ended)s)
    order by p.mifos_partner_id, p.kind, p.account_id, t.paid_at, t.id
)
"""


def wake_next(row: C2bTransaction, *, at: datetime) -> None:
    """Let the next payment to each account of this one go on at once.

    At a month's end hundreds wait for the same account: they must not all look again and again whose turn it is.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WAKE, {"at": at, "ended": row.pk})


def _lock_accounts(postings: list[Posting]) -> None:
    """Let the beginnings for one account follow each other."""
    for name in sorted({f"account:{one.mifos_partner_id}:{one.kind}:{one.account_id}" for one in postings}):
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def its_turn(row: C2bTransaction, postings: list[Posting]) -> bool:
    """Whether nothing of these accounts is on its way, and no earlier payment to them waits."""
    return row.status in AT_MIFOS or first_before(row, postings) is None


def first_before(row: C2bTransaction, postings: list[Posting]) -> C2bTransaction | None:
    """Return a payment that goes before this one, if there is one.

    One that nobody has matched yet counts where the customer typed the very same account: after a day without
    Mifos the later of two must not be matched, and booked, before the earlier.
    """
    if not row.touched_by_person and (unread := _unread_before(row)):
        return unread
    others = Posting.objects.filter(booked_at__isnull=True, void_at__isnull=True).exclude(transaction=row)
    earlier = Q(transaction__status=Status.MATCHED) & (
        Q(transaction__paid_at__lt=row.paid_at)
        | Q(transaction__paid_at=row.paid_at, transaction_id__lt=row.pk)
    )
    before_us = Q(transaction__status__in=AT_MIFOS) | earlier
    for one in postings:
        same = others.filter(
            before_us, mifos_partner_id=one.mifos_partner_id, kind=one.kind, account_id=one.account_id
        )
        if found := same.select_related("transaction").first():
            return found.transaction
    return None


def _unread_before(row: C2bTransaction) -> C2bTransaction | None:
    if not row.bill_ref or row.partner_id is None:
        return None
    same = C2bTransaction.objects.filter(
        partner_id=row.partner_id, bill_ref=row.bill_ref, status=Status.RECEIVED
    )
    return same.filter(Q(paid_at__lt=row.paid_at) | Q(paid_at=row.paid_at, pk__lt=row.pk)).first()
