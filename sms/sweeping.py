"""Find what is to be done, account by account; and how old the oldest of it is."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from sms import accounts, routes
from sms.models import SmsGateway, SmsNotification, Status

log = structlog.get_logger("sms")

CLAIMED_FOR = timedelta(seconds=10)
NO_ACCOUNT = "No SMS account is set up for this partner, nor one of the platform."
_USABLE = Q(is_active=True, stopped_at__isnull=True)


def claim_accounts(*, at: datetime, limit: int = 1000) -> list[UUID]:
    """Return usable accounts with due messages, each for one worker and a few seconds."""
    due = SmsNotification.objects.filter(gateway=OuterRef("pk"), status=Status.PENDING, next_step_at__lte=at)
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lte=at)
    with transaction.atomic():
        rows = SmsGateway.objects.filter(_USABLE, free, Exists(due)).order_by("claimed_until", "pk")
        ids = list(rows.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)[:limit])
        SmsGateway.objects.filter(pk__in=ids).update(claimed_until=at + CLAIMED_FOR)
    return ids


def release_account(*, gateway_id: UUID) -> None:
    """Let the next sweep find an account again at once."""
    SmsGateway.objects.filter(pk=gateway_id).update(claimed_until=None)


def reroute(*, at: datetime) -> int:
    """Give waiting messages another account where theirs is missing, switched off, or stopped with a second.

    :returns: how many have one now
    """
    return _from_stopped(at) + _from_nowhere(at)


def check_credit(*, gateway_id: UUID, at: datetime) -> SmsGateway:
    """Ask an account's provider for its credit, and keep it.

    :raises GatewayError: it cannot be had
    """
    account = SmsGateway.objects.get(pk=gateway_id)
    account.credits, account.credits_at = accounts.load(account).balance(), at
    account.save(update_fields=["credits", "credits_at"])
    if account.attention:
        log.error("sms account needs attention", gateway=account.name, reason=account.attention)
    return account


def oldest_due(*, at: datetime) -> timedelta:
    """Return the age of the oldest message that should have been sent; zero when nothing is late.

    Accounts that are stopped, or busy at their pace, are not late: the first shows as attention, the second
    is as fast as it may be.
    """
    idle = Q(paced_until__isnull=True) | Q(paced_until__lt=at - timedelta(seconds=5))
    late = SmsNotification.objects.filter(
        status=Status.PENDING,
        next_step_at__lte=at,
        gateway__in=SmsGateway.objects.filter(_USABLE, idle),
    )
    in_doubt = SmsNotification.objects.filter(status=Status.SENDING, next_step_at__lte=at)
    firsts = [
        rows.order_by("next_step_at").values_list("next_step_at", flat=True).first()
        for rows in (late, in_doubt)
    ]
    return max((at - first for first in firsts if first), default=timedelta())


def _from_stopped(at: datetime) -> int:
    stopped = SmsGateway.objects.filter(
        stopped_at__isnull=False,
        second__is_active=True,
        second__stopped_at__isnull=True,
    )
    moved = 0
    for account in stopped:
        waiting = _pending().filter(gateway=account, on_second=False)
        moved += waiting.update(
            gateway=account.second, on_second=True, tries=0, next_step_at=at, updated_at=at
        )
    return moved


def _from_nowhere(at: datetime) -> int:
    off = SmsGateway.objects.filter(is_active=False)
    stranded = _pending().filter(Q(gateway__isnull=True) | Q(gateway__in=off), next_step_at__lte=at)
    moved = 0
    for partner_id in stranded.values_list("partner_id", flat=True).distinct():
        gateway_id = routes.gateway_of(partner_id) if partner_id else routes.of_operators(None).gateway_id
        rows = stranded.filter(partner_id=partner_id)
        if gateway_id:
            moved += rows.update(gateway_id=gateway_id, on_second=False, tries=0, updated_at=at)
        else:
            rows.update(last_error=NO_ACCOUNT, next_step_at=at + timedelta(minutes=1), updated_at=at)
            log.error("no sms account", partner=str(partner_id or "the platform itself"))
    return moved


def _pending() -> "QuerySet[SmsNotification]":
    return SmsNotification.objects.filter(status=Status.PENDING)
