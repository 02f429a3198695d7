"""Ask M-Pesa for each shortcode's balance, and say when it drifts away from our book."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from common import tokens
from common.gateway import GatewayError, Rejected
from common.money import shown
from mpesa import codes
from mpesa import operations as mpesa
from partners import pausing
from partners.models import PauseDial, Shortcode
from partners.operations import missing_for
from wallet import alarms, balances, drift, evidence
from wallet.observations import FloatWatch
from wallet.purchases import OPEN, FloatPurchase

log = structlog.get_logger("float")

MOST_GAP = 16  # times the usual pace, after questions that were not taken
FRESH = timedelta(minutes=2)  # a figure that a result brought makes a question needless


def watch_all(*, at: datetime) -> None:
    """Open a watch for every shortcode that pays out and has none yet."""
    pays = Shortcode.objects.filter(is_active=True, kind__in=[Shortcode.Kind.B2C, Shortcode.Kind.BOTH])
    missing = pays.filter(float_watch__isnull=True)
    FloatWatch.objects.bulk_create(
        [FloatWatch(shortcode=shortcode, next_step_at=at) for shortcode in missing], ignore_conflicts=True
    )


def ask(*, watch_id: UUID, at: datetime) -> None:
    """Ask for one shortcode's balance; the answer comes by callback. Written before it is asked.

    A shortcode that is paused is not asked: a repeated wrong password would lock its operator.
    """
    watch = FloatWatch.objects.select_related("shortcode").get(pk=watch_id)
    shortcode = watch.shortcode
    if not _may_ask(watch, at=at):
        watch.set(next_step_at=at + timedelta(seconds=settings.BALANCE_POLL_SECONDS))
        return
    watch.set(asked_at=at, next_step_at=at + timedelta(seconds=settings.BALANCE_POLL_SECONDS))
    try:
        put_question(shortcode)
    except (GatewayError, ValueError) as exc:
        _not_taken(watch, exc, at=at)
    else:
        watch.set(failures=0, last_words="")


def put_question(shortcode: Shortcode) -> None:
    """Ask M-Pesa for the balance of a shortcode; the figures come by callback, and prove the initiator.

    :raises ValueError: nothing was sent: a callback address that Daraja refuses
    :raises Rejected, Retryable: the question was not taken
    """
    token = tokens.make("balance", shortcode.pk)
    mpesa.connect(shortcode).ask_balance(
        result_url=mpesa.callback_address("balance", token, "result"),
        timeout_url=mpesa.callback_address("balance", token, "timeout"),
    )


def _may_ask(watch: FloatWatch, *, at: datetime) -> bool:
    shortcode = watch.shortcode
    if not shortcode.is_active or missing_for(shortcode):
        return False
    dial = pausing.standing(shortcode_id=shortcode.pk)
    if dial and dial.scope == PauseDial.Scope.SHORTCODE:
        return False
    open_ = FloatPurchase.objects.filter(shortcode=shortcode, status__in=OPEN).exists()
    told = shortcode.balance_at
    return open_ or told is None or at - told > FRESH


def _not_taken(watch: FloatWatch, exc: Exception, *, at: datetime) -> None:
    failures = watch.failures + 1
    gap = settings.BALANCE_POLL_SECONDS * min(2**failures, MOST_GAP)
    watch.set(failures=failures, last_words=str(exc)[:200], next_step_at=at + timedelta(seconds=gap))
    if not (isinstance(exc, Rejected) and exc.stop):
        return
    if codes.verdict(exc.code, exc.message).kind == codes.Kind.CONFIGURATION:
        reason = f"M-Pesa refuses to tell the balance of {watch.shortcode.number}: {exc}"
        scope = PauseDial.Scope.SHORTCODE
        pausing.pause_by_platform(scope=scope, target_id=watch.shortcode_id, reason=reason, at=at)
        alarms.tell_operators(
            event_key=f"balance-refused:{watch.shortcode_id}:{at:%Y%m%d%H}",
            reason=reason,
            partner_id=watch.shortcode.partner_id,
            at=at,
        )


def with_news() -> list[UUID]:
    """Return the watches whose shortcode M-Pesa has spoken of since somebody looked."""
    new = Q(drift_at__isnull=True) | Q(shortcode__balance_at__gt=F("drift_at"))
    rows = FloatWatch.objects.filter(new, shortcode__balance_at__isnull=False)
    return list(rows.values_list("pk", flat=True))


def look(*, watch_id: UUID, at: datetime) -> None:
    """Compare M-Pesa's last figure with our book: prove purchases, follow it, or raise the alarm."""
    watch = FloatWatch.objects.select_related("shortcode").get(pk=watch_id)
    shortcode = watch.shortcode
    evidence.take_balance(shortcode_id=shortcode.pk, at=at)
    if (
        shortcode.partner_id
        and not FloatPurchase.objects.filter(shortcode=shortcode, status__in=OPEN).exists()
    ):
        with transaction.atomic():
            followed = balances.follow_observed(shortcode_id=shortcode.pk, at=at)
        if followed:
            log.warning("float followed", shortcode=shortcode.number, difference=str(followed))
    found = drift.compare(shortcode)
    if found is None or (watch.drift_at and found.observed_at <= watch.drift_at and not watch.drift):
        return
    if abs(found.drift) < settings.FLOAT_DRIFT_ALARM:
        watch.set(drift=found.drift, drift_at=found.observed_at, drift_since=None, attention="")
        return
    since = watch.drift_since or found.observed_at
    watch.set(drift=found.drift, drift_at=found.observed_at, drift_since=since)
    if found.observed_at - since >= timedelta(seconds=settings.FLOAT_DRIFT_PATIENCE_SECONDS):
        _alarm(watch, found, at=at)


def _alarm(watch: FloatWatch, found: drift.Comparison, *, at: datetime) -> None:
    more = "more" if found.drift > 0 else "less"
    words = (
        f"Shortcode {found.shortcode.number} holds {shown(abs(found.drift))} {more} at M-Pesa than our book says: "
        f"{shown(found.observed)}. Look at the lines of its float and at M-Pesa's statement."
    )
    watch.set(attention=words[:300], attention_at=watch.attention_at or at)
    if watch.alarmed_at and at - watch.alarmed_at < timedelta(seconds=settings.ALARM_QUIET_SECONDS):
        return
    with transaction.atomic():
        watch.set(alarmed_at=at)
        alarms.tell_operators(
            event_key=f"drift:{watch.shortcode_id}:{at:%Y%m%d%H%M}",
            reason=f"Float of {found.shortcode.number}: {shown(abs(found.drift))} {more} than booked",
            partner_id=found.shortcode.partner_id,
            at=at,
        )
