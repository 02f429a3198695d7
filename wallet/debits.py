"""Match what left the bank account with the purchases that we ordered."""

from datetime import datetime, timedelta

import structlog

from common import sweep
from common.moves import LostRace
from wallet.bank_models import BankDebit
from wallet.evidence import Debit, book_cost, take_debit
from wallet.purchases import FloatPurchase

log = structlog.get_logger("float")

# A debit may be told before the answer to the order, or before a twin is settled otherwise.
AGAIN = (timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6))
STRANGE = "nothing of ours fits; look at it if the bank was not used by hand"


def match_due(*, at: datetime) -> int:
    """Let each debit that waits prove what it belongs to, and say how many did."""
    due = BankDebit.objects.filter(matched_id__isnull=True)
    matched = 0
    for debit_id in sweep.claim_due(due, at=at):
        try:
            matched += match(debit=BankDebit.objects.get(pk=debit_id), at=at)
        except LostRace:
            continue  # the purchase moved meanwhile: once more after the lease
    return matched


def match(*, debit: BankDebit, at: datetime) -> bool:
    """Match one debit, or put it off; after a day it stays as something that we did not order.

    :raises LostRace: the purchase moved meanwhile
    """
    told = Debit(
        reference=debit.core_reference,
        amount=debit.amount,
        text=debit.narrative,
        at=debit.event_at,
        cost=debit.is_fee,
    )
    row = take_debit(told, at=at)
    mine = BankDebit.objects.filter(pk=debit.pk, matched_id__isnull=True)
    if row is None:
        again = next((debit.created_at + gap for gap in AGAIN if debit.created_at + gap > at), None)
        mine.update(next_step_at=again, outcome="" if again else _left_over(told, at=at))
        return False
    table = FloatPurchase._meta.db_table
    mine.update(
        matched_table=table,
        matched_id=row.pk,
        next_step_at=None,
        outcome=f"{row}: {row.get_status_display()}",
    )
    return True


def _left_over(told: Debit, *, at: datetime) -> str:
    """Say what a debit is that belongs to nothing: a fee of the account is our cost."""
    if not told.cost:
        return STRANGE
    book_cost(told, at=at, words=told.text[:200])
    return "a fee of the account"
