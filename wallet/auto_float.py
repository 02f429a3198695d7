"""Buy float by rule: when a partner's float is below its mark, within the hours, and within the day's limit."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Sum

from common.changes import By, Saved, put
from common.money import shown, whole_shillings
from partners.models import Partner, payout_shortcode
from sms import operations as sms
from wallet import asking, operations
from wallet.models import Account, Kind
from wallet.purchases import UNDER_WAY, AutoFloatRule, FloatPurchase, PurchaseStatus

NAIROBI = ZoneInfo("Africa/Nairobi")
AGAIN = timedelta(minutes=10)  # after "not now"
BACKOFF = (300, 900, 3600, 14_400)  # seconds after a purchase that the bank refused, by how many in a row
QUIET = timedelta(hours=6)
COUNTED_OUT = (PurchaseStatus.FAILED, PurchaseStatus.CANCELLED)


def put_rule(*, partner: Partner, fields: dict[str, Any], by: By, at: datetime) -> Saved[AutoFloatRule]:
    """Make or update a partner's rule.

    :raises ValidationError: amounts that do not fit, or cents in what is to be bought
    """
    whole_shillings(fields["buy"]) if "buy" in fields else None
    row = AutoFloatRule.objects.filter(partner=partner).first() or AutoFloatRule(partner=partner)
    return put(row, {"partner": partner, "is_active": True} | fields, by=by, at=at)


def due_rules(*, at: datetime) -> list[UUID]:
    """Return the rules that may be looked at now."""
    rules = AutoFloatRule.objects.filter(is_active=True, partner__is_active=True)
    return list(rules.exclude(next_step_at__gt=at).values_list("pk", flat=True))


def follow(*, rule_id: UUID, at: datetime) -> FloatPurchase | None:
    """Look at one rule, and ask for a purchase if it says so; else keep why not, in words.

    :returns: the purchase, confirmed and due, or None
    """
    rule = AutoFloatRule.objects.select_related("partner").get(pk=rule_id)
    if words := _why_not(rule, at=at):
        _keep(rule, words)
        return None
    if _count_refusals(rule, at=at):
        return None
    try:
        row = asking.ask_by_rule(rule=rule, at=at)
    except asking.CannotBuy as exc:
        _keep(rule, str(exc), next_step_at=at + AGAIN)
        return None
    except operations.InsufficientFunds as exc:
        _keep(rule, str(exc), next_step_at=at + AGAIN)
        _tell_short(rule, exc, at=at)
        return None
    if row:
        _keep(rule, "")
    return row


def _why_not(rule: AutoFloatRule, *, at: datetime) -> str:
    now = at.astimezone(NAIROBI).time()
    if rule.from_time and rule.to_time and not rule.from_time <= now < rule.to_time:
        return f"Outside its hours ({rule.from_time:%H:%M} to {rule.to_time:%H:%M})."
    if FloatPurchase.objects.filter(rule=rule, status__in=UNDER_WAY).exists():
        return "Its last purchase is still under way."
    there = _float(rule)
    if there >= rule.below:
        return f"There is {shown(there)}."
    today = _today(rule, at=at)
    if today + rule.buy > rule.max_per_day:
        return f"{shown(today)} bought today, and {shown(rule.max_per_day)} is the most."
    return ""


def _float(rule: AutoFloatRule) -> Decimal:
    """Return the free float, with what people have bought already and is still to come."""
    shortcode = payout_shortcode(rule.partner_id)
    if shortcode is None:
        return Decimal(0)
    free = Account.objects.filter(kind=Kind.FLOAT, partner_id=rule.partner_id, shortcode=shortcode).first()
    coming = FloatPurchase.objects.filter(
        partner_id=rule.partner_id, shortcode=shortcode, status__in=UNDER_WAY - {PurchaseStatus.ASKED}
    ).aggregate(sum=Sum("amount"))["sum"]
    return ((free.balance if free else None) or Decimal(0)) + (coming or Decimal(0))


def _today(rule: AutoFloatRule, *, at: datetime) -> Decimal:
    midnight = at.astimezone(NAIROBI).replace(hour=0, minute=0, second=0, microsecond=0)
    mine = FloatPurchase.objects.filter(rule=rule, asked_at__gte=midnight).exclude(status__in=COUNTED_OUT)
    return mine.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)


def _count_refusals(rule: AutoFloatRule, *, at: datetime) -> bool:
    """Whether to wait because the last purchases of this rule failed."""
    last = list(FloatPurchase.objects.filter(rule=rule).order_by("-asked_at")[: len(BACKOFF)])
    failed = next((place for place, row in enumerate(last) if row.status != PurchaseStatus.FAILED), len(last))
    if not failed:
        return False
    settled = last[0].settled_at or last[0].asked_at
    again = settled + timedelta(seconds=BACKOFF[failed - 1])
    if again <= at:
        return False
    _keep(
        rule, f"The last purchase failed: {last[0].result_text}", next_step_at=again, refused_in_a_row=failed
    )
    return True


def _keep(rule: AutoFloatRule, words: str, **changes: Any) -> None:
    if changes or words[:200] != rule.last_words:
        AutoFloatRule.objects.filter(pk=rule.pk).update(last_words=words[:200], **changes)


def _tell_short(rule: AutoFloatRule, exc: operations.InsufficientFunds, *, at: datetime) -> None:
    with transaction.atomic():
        sms.enqueue_to_partner(
            event_key=f"auto-float-short:{rule.pk}:{at:%Y%m%d%H}",
            message_type="balance_alert",
            partner_id=rule.partner_id,
            context={"balance": shown(exc.available), "threshold": shown(exc.needed)},
            at=at,
            quiet=QUIET,
        )
