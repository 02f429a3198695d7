"""What beats for the house as a whole."""

from celery import shared_task
from django.utils import timezone

from common import nudge
from partners.events import tasks as webhooks
from vault import measuring, publishing
from vault.entry import pruning


@shared_task
def publish_events() -> None:
    """Tell partners what happened, and wake the webhooks if any wait for it."""
    if publishing.publish(at=timezone.now()).deliveries:
        nudge.wake(webhooks.sweep)


@shared_task
def tell_of_disabled_endpoints() -> None:
    publishing.tell_of_disabled_endpoints(at=timezone.now())


@shared_task
def note_minute() -> None:
    measuring.note_minute(at=timezone.now())


@shared_task
def close_days() -> None:
    measuring.close_days(at=timezone.now())


@shared_task
def prune_entrance() -> None:
    pruning.prune(at=timezone.now())
