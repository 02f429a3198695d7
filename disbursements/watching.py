"""Pause by ourselves what goes wrong again and again, and warn of wallets that run low."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, F, Max, Q, Sum

from common import money
from disbursements.models import Attempt, Disbursement
from disbursements.statuses import AttemptStatus, Cause, Status
from partners import pausing
from partners.models import PauseDial
from sms import operations as sms
from wallet.models import PartnerWallet

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
    """Warn partners whose wallet is at its threshold, or holds less than the waiting loans need."""
    short = dict(
        Disbursement.objects.filter(status=Status.HELD, hold_cause=Cause.WALLET_FUNDS)
        .values_list("partner")
        .annotate(Sum("amount"))
    )
    low = Q(low_balance_threshold__isnull=False, current_balance__lte=F("low_balance_threshold"))
    for wallet in PartnerWallet.objects.filter(
        low | Q(partner__in=list(short)), sms_notifications_enabled=True
    ):
        sms.enqueue_to_partner(
            event_key=f"low:{wallet.partner_id}:{at:%Y%m%d%H}",
            message_type="balance_alert",
            partner_id=wallet.partner_id,
            context={
                "balance": money.shown(wallet.current_balance),
                "threshold": money.shown(wallet.low_balance_threshold or wallet.current_balance),
            },
            at=at,
            quiet=quiet,
        )
