"""What beats for webhooks, and what that wakes: an endpoint is queued, never a single delivery."""

import time
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from common import nudge
from partners.events import delivering

DRAINS_SECONDS = 8.0  # less than `delivering.CLAIMED_FOR`, with the longest exchange at its end


@shared_task
def sweep() -> None:
    """Hand every endpoint with something due to a worker."""
    at = timezone.now()
    delivering.tidy(at=at)
    for endpoint_id in delivering.claim_endpoints(at=at):
        nudge.send(drain, endpoint_id)


@shared_task
def drain(endpoint_id: str) -> None:
    """Post what is due at one endpoint, for some seconds."""
    until = time.monotonic() + DRAINS_SECONDS
    while time.monotonic() < until and delivering.deliver(endpoint_id=UUID(endpoint_id), at=timezone.now()):
        pass
    delivering.release_endpoint(UUID(endpoint_id))
