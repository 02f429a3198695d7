"""The hands: each task reads the clock, takes one step of one row, and wakes the next. Twice is harmless."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol, TypeVar
from uuid import UUID

import structlog
from celery import shared_task
from django.conf import settings
from django.utils import timezone

from common import nudge, sweep
from common.models import InboundMessage
from common.moves import LostRace
from disbursements import (
    applying,
    asking,
    checking,
    intake,
    paying,
    polling,
    recording,
    resuming,
    settling,
    sweeping,
    watching,
)
from disbursements.models import TrancheWatch
from mifos.models import MifosPartner

HOOKS_PER_SWEEP = 200
log = structlog.get_logger("disbursements")

Outcome_co = TypeVar("Outcome_co", covariant=True)


class Move(Protocol[Outcome_co]):
    """One step of a disbursement."""

    def __call__(self, *, disbursement_id: UUID, at: datetime) -> Outcome_co: ...


def _step(move: Move[Outcome_co], row_ids: tuple[str, ...]) -> list[tuple[str, Outcome_co]]:
    """Take one step of each row and return what came of it; nothing where another worker was quicker.

    What goes wrong with one row leaves the others alone; it is due again when its lease ends.
    """
    outcomes = []
    for row_id in row_ids:
        try:
            outcomes.append((row_id, move(disbursement_id=UUID(row_id), at=timezone.now())))
        except LostRace:
            continue
        except Exception:
            log.exception("a step failed", row=row_id)
    return outcomes


@shared_task
def check(*row_ids: str) -> None:
    ready = [row_id for row_id, is_ready in _step(checking.check, row_ids) if is_ready]
    if ready:
        nudge.send(pay, *ready)


@shared_task
def pay(*row_ids: str) -> None:
    _step(paying.pay, row_ids)


@shared_task
def recover(*row_ids: str) -> None:
    _step(paying.recover, row_ids)


@shared_task
def ask(*row_ids: str) -> None:
    _step(asking.ask, row_ids)


@shared_task
def record(*row_ids: str) -> None:
    _step(recording.record, row_ids)


@shared_task
def try_again(*row_ids: str) -> None:
    _step(settling.try_again, row_ids)


STEPS = {task.name.rsplit(".", 1)[-1]: task for task in (check, pay, recover, ask, record, try_again)}


@shared_task
def sweep_due() -> None:
    """Hand every due disbursement to a worker, and every stored message that still waits."""
    at = timezone.now()
    resuming.resume(at=at)
    for step, row_ids in sweeping.handfuls(sweeping.claim_all(at=at)):
        nudge.send(STEPS[step], *row_ids)
    waiting = InboundMessage.objects.filter(applied_at__isnull=True)
    for message_id in sweep.claim_due(waiting.filter(source="daraja"), at=at):
        nudge.send(apply_message, message_id)
    for message_id in sweep.claim_due(waiting.filter(source="mifos"), at=at, limit=HOOKS_PER_SWEEP):
        nudge.send(apply_hook, message_id)


@shared_task
def sweep_hosts() -> None:
    """Hand every host that is to be polled, and every loan with later tranches, to a worker."""
    at = timezone.now()
    for host_id in sweep.claim_due(MifosPartner.objects.filter(is_active=True), at=at, limit=2000):
        nudge.send(poll_host, host_id)
    for watch_id in sweep.claim_due(TrancheWatch.objects.all(), at=at):
        nudge.send(watch_tranches, watch_id)


@shared_task
def poll_host(host_id: str) -> None:
    _check_some(polling.poll(host_id=UUID(host_id), at=timezone.now()))


@shared_task
def watch_tranches(watch_id: str) -> None:
    with suppress(TrancheWatch.DoesNotExist):
        _check_some(polling.watch_tranches(watch_id=UUID(watch_id), at=timezone.now()))


def _check_some(fresh: list[UUID]) -> None:
    """Check the first ones at once; thousands at a time wait for the fair sweep."""
    first = fresh[: intake.FIRST]
    size = 1 if len(first) <= polling.HANDFUL else polling.HANDFUL
    for at in range(0, len(first), size):
        nudge.send(check, *first[at : at + size])


@shared_task
def apply_message(message_id: str) -> None:
    apply_now(InboundMessage.objects.get(pk=message_id), at=timezone.now())


def apply_now(message: InboundMessage, *, at: datetime) -> None:
    """Act on a stored message of M-Pesa, and wake the write-back of what it paid."""
    paid = applying.apply(message=message, at=at)
    if paid is not None:
        nudge.send_if_calm(record, paid)


@shared_task
def apply_hook(message_id: str) -> None:
    _check_some(polling.apply_hook(message_id=UUID(message_id), at=timezone.now()))


@shared_task
def watch() -> None:
    """Look for shortcodes and partners that must be paused, and for wallets that run low."""
    at = timezone.now()
    watching.pause_silent_shortcodes(at=at)
    watching.pause_unrecorded_partners(at=at)
    quiet = timedelta(seconds=settings.LOW_BALANCE_QUIET_SECONDS)
    watching.tell_low_wallets(at=at, quiet=quiet)
    watching.tell_low_floats(at=at, quiet=quiet)
