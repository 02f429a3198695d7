"""Let loans that wait for funds go on when money has come in: the oldest first, skipping what does not fit."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import Max

from disbursements.checks import NAIROBI
from disbursements.models import Disbursement
from disbursements.statuses import Cause, Status
from disbursements.sweeping import LEASE
from partners.models import TariffBand, fee, payout_shortcode
from wallet import balances
from wallet.models import Kind, Transfer, TransferType

LATELY = timedelta(seconds=15)  # several sweeps; what these miss is looked at again within its minute
MOST = 500  # of one partner at a time
CAUSES = (Cause.WALLET_FUNDS, Cause.FLOAT_FUNDS, Cause.MPESA_FLOAT)
CURES = (
    TransferType.OPENING,
    TransferType.TOPUP,
    TransferType.FLOAT_PURCHASE,
    TransferType.FLOAT_ADJUSTMENT,
    TransferType.RELEASE,
    TransferType.FLOAT_RELEASE,
    TransferType.PURCHASE_RELEASE,
    TransferType.CORRECTION,
    TransferType.REVERSAL,
)

_WAKE = """
update disbursements d set queued_at = null,
    next_step_at = %(at)s - interval '1 microsecond' * (%(count)s - v.number)  -- in their order
from unnest(%(ids)s::uuid[]) with ordinality as v (id, number) where d.id = v.id and d.status = 'held'
"""


def resume(*, at: datetime) -> int:
    """Make due what waited for money that has come in since, as far as the money goes.

    :returns: how many are due now
    """
    if not Disbursement.objects.filter(status=Status.HELD, hold_cause__in=CAUSES).exists():
        return 0
    return sum(_resume_partner(partner_id, since, at=at) for partner_id, since in _money_came(at=at))


def _money_came(*, at: datetime) -> list[tuple[UUID, datetime]]:
    """Return the partners into whose wallet or float money came lately, and when it last did."""
    into = Transfer.objects.filter(
        created_at__gt=at - LATELY, type__in=CURES, to_account__kind__in=[Kind.WALLET, Kind.FLOAT]
    )
    found = into.order_by().values_list("to_account__partner").annotate(Max("created_at"))
    return [(partner_id, since) for partner_id, since in found if partner_id]


def _resume_partner(partner_id: UUID, since: datetime, *, at: datetime) -> int:
    shortcode = payout_shortcode(partner_id)
    if shortcode is None:
        return 0
    wallet, float_ = balances.available_for_payout(partner_id, shortcode.pk)
    chosen: list[UUID] = []
    for row in _waiting(partner_id, since, at=at):
        charge = _charge(row, at=at)
        if charge <= wallet and row.amount <= float_:
            wallet, float_ = wallet - charge, float_ - row.amount
            chosen.append(row.pk)
    return _wake(chosen, at=at)


def _waiting(partner_id: UUID, since: datetime, *, at: datetime) -> list[Disbursement]:
    """Return what was held before the money came, the oldest first, without what a worker has in hand."""
    held = Disbursement.objects.filter(
        partner_id=partner_id, status=Status.HELD, hold_cause__in=CAUSES, moved_at__lt=since
    )
    idle = held.exclude(queued_at__gt=at - LEASE)
    return list(idle.only("id", "partner_id", "amount").order_by("detected_at", "id")[:MOST])


def _charge(row: Disbursement, *, at: datetime) -> Decimal:
    on = at.astimezone(NAIROBI).date()
    return fee(TariffBand.Kind.PAYOUT, partner_id=row.partner_id, amount=row.amount, on=on) or Decimal(0)


def _wake(ids: list[UUID], *, at: datetime) -> int:
    if not ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_WAKE, {"at": at, "ids": [str(one) for one in ids], "count": len(ids)})
        return int(cursor.rowcount)
