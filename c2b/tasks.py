"""The hands: each task reads the clock, takes one step of one row, and wakes the next. Twice is harmless."""

from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from c2b import giving_back, matching, posting, prompting, pulling, sweeping, telling
from c2b.models import Collector, StkPush
from c2b.reversals import Reversal
from common import nudge
from common import sweep as sweeps
from common.models import InboundMessage
from common.moves import LostRace

UNANSWERED_AFTER = timedelta(minutes=1)


@shared_task
def match(row_id: str) -> None:
    with suppress(LostRace):
        if matching.match(transaction_id=UUID(row_id), at=timezone.now()):
            posting.post(transaction_id=UUID(row_id), at=timezone.now())


@shared_task
def post(row_id: str) -> None:
    with suppress(LostRace):
        posting.post(transaction_id=UUID(row_id), at=timezone.now())


STEPS = {"match": match, "post": post}


@shared_task
def sweep() -> None:
    """Hand every due payment, prompt, Pull and stored result to a worker."""
    at = timezone.now()
    for row_id, step in sweeping.claim(at=at):
        nudge.send(STEPS[step], row_id)
    for prompt_id in sweeps.claim_due(StkPush.objects.all(), at=at):
        nudge.send(ask_prompt, prompt_id)
    for collector_id in sweeps.claim_due(Collector.objects.filter(pull_enabled=True), at=at):
        nudge.send(pull, collector_id)
    for reversal_id in sweeps.claim_due(Reversal.objects.all(), at=at):
        nudge.send(give_back, reversal_id)
    waiting = InboundMessage.objects.filter(applied_at__isnull=True, source="c2b")
    for kind, task in RESULTS.items():
        for message_id in sweeps.claim_due(waiting.filter(kind=kind), at=at):
            nudge.send(task, message_id)
    _close_unanswered(at)


def _close_unanswered(at: datetime) -> None:
    """End what a killed process left: the customer's answer was M-Pesa's default, nothing is to be done."""
    left = InboundMessage.objects.filter(
        applied_at__isnull=True, source="c2b", next_step_at__lte=at - UNANSWERED_AFTER
    ).exclude(kind__in=RESULTS)
    left.update(applied_at=at, next_step_at=None, outcome="left without an answer")


@shared_task
def apply_prompt(message_id: str) -> None:
    paid = prompting.apply(message=InboundMessage.objects.get(pk=message_id), at=timezone.now())
    if paid is not None:
        nudge.send(match, paid)


@shared_task
def apply_reversal(message_id: str) -> None:
    giving_back.apply(message=InboundMessage.objects.get(pk=message_id), at=timezone.now())


@shared_task
def give_back(reversal_id: str) -> None:
    with suppress(LostRace):
        giving_back.send(reversal_id=UUID(reversal_id), at=timezone.now())


RESULTS = {"stk_result": apply_prompt, "reversal_result": apply_reversal, "reversal_timeout": apply_reversal}


@shared_task
def ask_prompt(prompt_id: str) -> None:
    with suppress(LostRace):
        prompting.ask(prompt_id=UUID(prompt_id), at=timezone.now())


@shared_task
def pull(collector_id: str) -> None:
    pulling.pull(collector_id=UUID(collector_id), at=timezone.now())


@shared_task
def note_receipts_sent() -> None:
    """Note which receipts have gone out by SMS."""
    telling.note_sent(at=timezone.now())
