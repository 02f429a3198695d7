"""All that partners are told of, from every part of the house."""

from datetime import datetime

import c2b.publishing
import disbursements.publishing
import wallet.publishing
from partners.events import feed
from partners.events.models import WebhookEndpoint
from sms import operations as sms

SOURCES = (*disbursements.publishing.SOURCES, *c2b.publishing.SOURCES, *wallet.publishing.SOURCES)
MOST_BATCHES = 10  # of one source in one sweep; the others get their turn


def publish(*, at: datetime) -> feed.Copied:
    """Copy from every source what is new, and return how much that was."""
    events = deliveries = 0
    for source in feed.with_news(SOURCES):
        for _ in range(MOST_BATCHES):
            copied = feed.copy(source, at=at)
            events, deliveries = events + copied.events, deliveries + copied.deliveries
            if not copied.more:
                break
    return feed.Copied(events=events, deliveries=deliveries)


def tell_of_disabled_endpoints(*, at: datetime) -> int:
    """Tell partners by SMS of endpoints that the platform switched off, once each; return how many messages."""
    told = 0
    for endpoint in WebhookEndpoint.objects.filter(disabled_at__isnull=False, disabled_told_at__isnull=True):
        told += sms.enqueue_to_partner(
            event_key=f"webhook-off:{endpoint.pk}:{endpoint.disabled_at:%Y%m%d%H%M%S}",
            message_type="system_error",
            partner_id=endpoint.partner_id,
            context={"reason": f"webhooks are switched off: {endpoint.disabled_reason}"},
            at=at,
        )
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(disabled_told_at=at)
    return told
