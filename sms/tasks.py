"""What beats for SMS, and what that wakes.

A message is never queued in Redis by itself: its account is, and is drained in batches.
"""

import time
from uuid import UUID

import structlog
from celery import shared_task
from django.utils import timezone

from common import nudge
from common.gateway import GatewayError
from sms import following, sending, sweeping
from sms.models import SmsGateway

log = structlog.get_logger("sms")

DRAINS_SECONDS = 8.0  # less than `sweeping.CLAIMED_FOR`


@shared_task
def sweep() -> None:
    """Find accounts with due messages, and messages that a killed worker left behind."""
    at = timezone.now()
    following.doubt_overdue(at=at)
    sweeping.reroute(at=at)
    for gateway_id in sweeping.claim_accounts(at=at):
        nudge.send(deliver, gateway_id)


@shared_task
def deliver(gateway_id: str) -> None:
    """Drain one account for some seconds, at its pace."""
    until = time.monotonic() + DRAINS_SECONDS
    full = True  # a handful that was not full was the last, for now
    while full and time.monotonic() < until:
        sent = sending.send_due(gateway_id=UUID(gateway_id), at=timezone.now(), limit=sending.IN_FLIGHT)
        full = sent == sending.IN_FLIGHT
    sweeping.release_account(gateway_id=UUID(gateway_id))


@shared_task
def apply_reports() -> None:
    """Apply delivery reports that providers have pushed."""
    following.apply_reports(at=timezone.now())


@shared_task
def poll_delivery_reports() -> None:
    """Ask for reports where providers push none."""
    for gateway_id in following.accounts_to_ask(at=timezone.now()):
        nudge.send(ask_reports, gateway_id)


@shared_task
def ask_reports(gateway_id: str) -> None:
    following.ask_reports(gateway_id=UUID(gateway_id), at=timezone.now())


@shared_task
def check_credit() -> None:
    """Ask every account in use for its credit."""
    for gateway_id in SmsGateway.objects.filter(is_active=True).values_list("pk", flat=True):
        nudge.send(credit_of, gateway_id)


@shared_task
def credit_of(gateway_id: str) -> None:
    try:
        sweeping.check_credit(gateway_id=UUID(gateway_id), at=timezone.now())
    except GatewayError as exc:
        log.warning("sms credit unknown", gateway=gateway_id, reason=str(exc))
