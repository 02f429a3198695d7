"""The hands of what goes on with money: float, balances, charges, proof. Twice is harmless."""

from contextlib import suppress
from uuid import UUID

import structlog
from celery import shared_task
from django.utils import timezone

from common import nudge, sweep
from common.moves import LostRace
from wallet import asking, auto_float, buying, debits, evidence, polling, proving, sms_charging
from wallet.observations import FloatWatch
from wallet.purchases import FloatPurchase, PurchaseStatus

log = structlog.get_logger("float")


@shared_task
def sweep_purchases() -> None:
    """Hand every purchase whose next step is due to a worker, and match the bank's debits."""
    at = timezone.now()
    for row_id in sweep.claim_due(FloatPurchase.objects.filter(status=PurchaseStatus.CONFIRMED), at=at):
        nudge.send(buy, row_id)
    for row_id in _due(PurchaseStatus.SENDING):
        nudge.send(recover, row_id)
    for row_id in _due(PurchaseStatus.ASKED):
        asking.expire(purchase_id=row_id, at=at)
    debits.match_due(at=at)
    open_ = FloatPurchase.objects.filter(status__in=[PurchaseStatus.ACCEPTED, PurchaseStatus.UNKNOWN])
    for row_id in sweep.claim_due(open_, at=at):
        nudge.send(look, row_id)


def _due(status: str) -> list[UUID]:
    """Return what is overdue, without pushing it ahead: its own step looks at the moment once more."""
    due = FloatPurchase.objects.filter(status=status, next_step_at__lte=timezone.now())
    return list(due.values_list("pk", flat=True)[:500])


@shared_task
def buy(row_id: str) -> None:
    with suppress(LostRace):
        buying.buy(purchase_id=UUID(row_id), at=timezone.now())


@shared_task
def recover(row_id: str) -> None:
    with suppress(LostRace):
        buying.recover(purchase_id=UUID(row_id), at=timezone.now())


@shared_task
def look(row_id: str) -> None:
    with suppress(LostRace):
        evidence.look(purchase_id=UUID(row_id), at=timezone.now())


@shared_task
def follow_rules() -> None:
    """Look at every automatic rule; one that fails stops no other."""
    for rule_id in auto_float.due_rules(at=timezone.now()):
        try:
            row = auto_float.follow(rule_id=rule_id, at=timezone.now())
        except Exception:
            log.exception("rule not followed", rule=str(rule_id))
            continue
        if row:
            nudge.send(buy, row.pk)


@shared_task
def sweep_balances() -> None:
    """Hand every shortcode whose balance is to be asked for to a worker, and look at what has come."""
    at = timezone.now()
    polling.watch_all(at=at)
    for watch_id in sweep.claim_due(FloatWatch.objects.all(), at=at):
        nudge.send(ask_balance, watch_id)
    for watch_id in polling.with_news():
        try:
            polling.look(watch_id=watch_id, at=timezone.now())
        except Exception:
            log.exception("balance not looked at", watch=str(watch_id))


@shared_task
def ask_balance(row_id: str) -> None:
    polling.ask(watch_id=UUID(row_id), at=timezone.now())


@shared_task
def charge_sms() -> None:
    """Charge every partner for its SMS; one that fails stops no other."""
    for partner_id in sms_charging.partners_with_some():
        try:
            sms_charging.charge(partner_id=partner_id, at=timezone.now())
        except Exception:
            log.exception("sms not charged", partner=str(partner_id))


@shared_task
def prove_nightly() -> None:
    """Prove the ledger once a night, and tell the operators if it does not hold."""
    proving.prove_and_keep_if_due(at=timezone.now())
