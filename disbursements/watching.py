"""Pause by ourselves what goes wrong again and again, and warn of wallets that run low."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, F, Max, Q, Sum

from common import money
from disbursements.models import Attempt, Disbursement
from disbursements.statuses import AttemptStatus, Cause, Status
from partners import pausing
from partners.models import PauseDial, TariffBand, fee, payout_shortcode
from sms import operations as sms
from wallet import balances
from wallet.models import PartnerWallet

NAIROBI = ZoneInfo("Africa/Nairobi")
SETTLES_WITHIN = timedelta(minutes=5)  # a payment that M-Pesa accepted, as a rule in seconds
RECORDS_WITHIN = timedelta(minutes=2)
TRIED = 3  # times; a paid loan that only waits for its turn says nothing about the host


def pause_silent_shortcodes(*, at: datetime) -> None:
    """Pause a shortcode that goes on accepting while none of its payments ends."""
    old = at - SETTLES_WITHIN
    waiting = Q(status__in=[AttemptStatus.ACCEPTED, AttemptStatus.UNKNOWN], last_sent_at__lt=old)
    counts = Attempt.objects.filter(last_sent_at__gte=at - timedelta(hours=6)).values("shortcode")
    for found in counts.annotate(silent=Count("pk", filter=waiting), last_end=Max("settled_at")):
        ended_lately = found["last_end"] is not None and found["last_end"] >= old
        if found["silent"] >= settings.SHORTCODE_SILENT_AFTER and not ended_lately:
            reason = f"M-Pesa accepted {found['silent']} payments and has said nothing of them for minutes."
            scope = PauseDial.Scope.SHORTCODE
            pausing.pause_by_platform(scope=scope, target_id=found["shortcode"], reason=reason, at=at)


def pause_unrecorded_partners(*, at: datetime) -> None:
    """Pause a partner whose paid loans Mifos does not take: paying more would only make it worse."""
    waiting = Disbursement.objects.filter(
        status=Status.PAID, settled_at__lt=at - RECORDS_WITHIN, record_tries__gte=TRIED
    )
    for found in waiting.values("partner").annotate(rows=Count("pk")):
        if found["rows"] > settings.WRITE_BACK_PAUSE_AFTER:
            reason = f"{found['rows']} paid loans could not be written back to Mifos."
            scope = PauseDial.Scope.PARTNER
            pausing.pause_by_platform(scope=scope, target_id=found["partner"], reason=reason, at=at)


def tell_low_wallets(*, at: datetime, quiet: timedelta) -> None:
    """Warn partners whose wallet is at its threshold, or cannot pay the charges of the loans that wait for it."""
    needed = _charges_waiting(at=at)
    low = Q(low_balance_threshold__isnull=False, current_balance__lte=F("low_balance_threshold"))
    watched = PartnerWallet.objects.filter(sms_notifications_enabled=True)
    for wallet in watched.filter(low | Q(partner__in=list(needed))):
        need = needed.get(wallet.partner_id, Decimal(0))
        at_threshold = wallet.low_balance_threshold is not None and (
            wallet.current_balance <= wallet.low_balance_threshold
        )
        if not at_threshold and need <= wallet.current_balance:
            continue  # topped up: they go on by themselves
        sms.enqueue_to_partner(
            event_key=f"low:{wallet.partner_id}:{at:%Y%m%d%H%M}",
            message_type="balance_alert",
            partner_id=wallet.partner_id,
            context={
                "balance": money.shown(wallet.current_balance),
                "threshold": money.shown(max(need, wallet.low_balance_threshold or Decimal(0))),
            },
            at=at,
            quiet=quiet,
        )


def _charges_waiting(*, at: datetime) -> dict[UUID, Decimal]:
    """Return what each partner's wallet needs for the loans that wait for it: their charges."""
    on = at.astimezone(NAIROBI).date()
    rows = Disbursement.objects.filter(status=Status.HELD, hold_cause=Cause.WALLET_FUNDS).order_by()
    needed: dict[UUID, Decimal] = {}
    for partner_id, amount, count in rows.values_list("partner_id", "amount").annotate(Count("pk")):
        charge = fee(TariffBand.Kind.PAYOUT, partner_id=partner_id, amount=amount, on=on) or Decimal(0)
        needed[partner_id] = needed.get(partner_id, Decimal(0)) + charge * count
    return needed


def tell_low_floats(*, at: datetime, quiet: timedelta) -> None:
    """Warn partners whose float is less than the loans need that wait for it, once in each quiet time."""
    rows = Disbursement.objects.filter(status=Status.HELD, hold_cause=Cause.FLOAT_FUNDS).order_by()
    window = int(at.timestamp() // quiet.total_seconds())
    for found in rows.values("partner").annotate(loans=Count("pk"), needed=Sum("amount")):
        shortcode = payout_shortcode(found["partner"])
        there = balances.available_for_payout(found["partner"], shortcode.pk)[1] if shortcode else Decimal(0)
        if found["needed"] <= there:
            continue
        needed = money.shown(found["needed"])
        sms.enqueue_to_partner(
            event_key=f"float-short:{found['partner']}:{window}",
            message_type="system_error",
            partner_id=found["partner"],
            context={
                "reason": f"{found['loans']} loans of {needed} wait for float; there is {money.shown(there)}"
            },
            at=at,
        )
