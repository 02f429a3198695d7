"""The hands of money coming in: notices, the statement, top-ups that were asked for. Twice is harmless."""

from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from celery import shared_task
from django.db.models import QuerySet
from django.utils import timezone

from common import correlation, inbound, nudge, sweep
from common.gateway import GatewayError
from common.models import InboundMessage
from common.moves import LostRace
from wallet import bank, ncba_settings, receiving, topups
from wallet.bank_models import BankAccount, TopUp
from wallet.notices import Unreadable
from wallet.operations import Contradiction

log = structlog.get_logger("wallet")

STATEMENT_LEASE = timedelta(minutes=5)


@shared_task
def sweep_money_in() -> None:
    """Hand every top-up, stored notice and statement that is due to a worker."""
    at = timezone.now()
    for row_id in sweep.claim_due(TopUp.objects.all(), at=at, lease=topups.LEASE):
        nudge.send(step_topup, row_id)
    waiting = InboundMessage.objects.filter(applied_at__isnull=True, source=receiving.SOURCE)
    for message_id in sweep.claim_due(waiting, at=at):
        nudge.send(apply_notice, message_id)
    for account_id in sweep.claim_due(_readable(at=at), at=at, lease=STATEMENT_LEASE):
        nudge.send(read_statement, account_id)


def _readable(*, at: datetime) -> QuerySet[BankAccount]:
    """Return the accounts whose statement is read, with a first moment for a new one and none for one that is off."""
    accounts = BankAccount.objects.filter(is_active=True)
    BankAccount.objects.filter(is_active=False, next_step_at__isnull=False).update(next_step_at=None)
    accounts.filter(next_step_at__isnull=True).update(next_step_at=at)
    return accounts


@shared_task
def step_topup(row_id: str) -> None:
    with suppress(LostRace):
        topups.step(topup_id=UUID(row_id), at=timezone.now())


@shared_task
def apply_notice(message_id: str) -> None:
    apply_now(InboundMessage.objects.get(pk=message_id), at=timezone.now())


def apply_now(message: InboundMessage, *, at: datetime) -> None:
    """Act on a stored notice; what cannot be booked now stays due and shows as old work."""
    if message.applied_at is not None:
        return
    correlation.bind(message.correlation_id)
    try:
        outcome = receiving.apply(message, at=at)
    except (Contradiction, Unreadable) as exc:
        log.error("notice not booked", message=str(message.pk), reason=str(exc))  # noqa: TRY400 - it says all
        inbound.postpone(message, reason=str(exc), at=at)
    else:
        log.info("notice taken", message=str(message.pk), kind=message.kind, outcome=outcome)


@shared_task
def read_statement(account_id: str) -> None:
    """Read one account's statement, and say on its page when that fails."""
    at = timezone.now()
    account = BankAccount.objects.get(pk=account_id)
    following = at + timedelta(seconds=ncba_settings.current().statement_poll_seconds)
    mine = BankAccount.objects.filter(pk=account.pk)
    if bank.has_gateway(account):
        try:
            log.info("statement read", outcome=receiving.read_statement(account=account, at=at))
        except (GatewayError, Contradiction) as exc:
            log.warning("statement not read", reason=str(exc))
            mine.update(statement_trouble=str(exc)[:300])
    mine.update(next_step_at=following)
