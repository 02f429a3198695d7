"""What beats for the API: when keys were last used, and answers that are old enough to forget."""

from celery import shared_task
from django.utils import timezone

from partners import idempotency
from partners.api import use


@shared_task(ignore_result=True)
def note_key_use() -> None:
    use.note()


@shared_task(ignore_result=True)
def purge_idempotency_keys() -> None:
    idempotency.purge(at=timezone.now())
