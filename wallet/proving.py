"""Prove the ledger every night and keep what was found."""

import time
from dataclasses import asdict
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from wallet import alarms
from wallet.observations import LedgerProof
from wallet.proof import Proof, prove

NAIROBI = ZoneInfo("Africa/Nairobi")
AT_HOUR = 2  # in Nairobi
KEPT = 200  # differences with all their lines; the count is always complete


def prove_and_keep(*, at: datetime) -> LedgerProof:
    """Prove the ledger now and keep the result; tell the operators of differences."""
    begun = time.monotonic()
    found = prove(at=at)
    with transaction.atomic():
        row = LedgerProof.objects.create(
            started_at=at,
            took_ms=round((time.monotonic() - begun) * 1000),
            accounts=found.accounts,
            transfers=found.transfers,
            holds=found.holds,
            differences=[asdict(difference) for difference in found.differences[:KEPT]],
            difference_count=len(found.differences),
        )
        _tell(row, found, at=at)
    return row


def prove_and_keep_if_due(*, at: datetime) -> LedgerProof | None:
    """Prove the ledger if tonight's proof is due and nobody has made it; only one worker at a time."""
    night = at.astimezone(NAIROBI).replace(hour=AT_HOUR, minute=0, second=0, microsecond=0)
    if at < night:
        night -= timedelta(days=1)
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_lock(hashtext('wallet.proving'))")
        (mine,) = cursor.fetchone()
        if not mine:
            return None
        try:
            if LedgerProof.objects.filter(started_at__gte=night).exists():
                return None
            return prove_and_keep(at=at)
        finally:
            cursor.execute("select pg_advisory_unlock(hashtext('wallet.proving'))")


def _tell(row: LedgerProof, found: Proof, *, at: datetime) -> None:
    if not found.differences:
        return
    first = found.differences[0]
    alarms.tell_operators(
        event_key=f"proof:{row.pk}",
        reason=f"the ledger's proof found {row.difference_count} differences, first: {first.subject}",
        partner_id=None,
        at=at,
    )
