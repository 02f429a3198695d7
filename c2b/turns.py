"""Whose turn it is: payments to one account are booked one after the other, in the order they were made."""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q

from c2b.models import C2bTransaction, Posting
from c2b.statuses import AT_MIFOS, Status

GAP = timedelta(seconds=1)
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


def _lock_accounts(postings: list[Posting]) -> None:
    """Let the beginnings for one account follow each other."""
    for name in sorted({f"account:{one.mifos_partner_id}:{one.kind}:{one.account_id}" for one in postings}):
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def its_turn(row: C2bTransaction, postings: list[Posting]) -> bool:
    """Whether nothing of these accounts is on its way, and no earlier payment to them waits."""
    if row.status in AT_MIFOS:
        return True
    others = Posting.objects.filter(booked_at__isnull=True, void_at__isnull=True).exclude(transaction=row)
    earlier = Q(transaction__status=Status.MATCHED) & (
        Q(transaction__paid_at__lt=row.paid_at)
        | Q(transaction__paid_at=row.paid_at, transaction_id__lt=row.pk)
    )
    before_us = Q(transaction__status__in=AT_MIFOS) | earlier
    return not any(
        others.filter(
            before_us, mifos_partner_id=one.mifos_partner_id, kind=one.kind, account_id=one.account_id
        ).exists()
        for one in postings
    )
