"""How an event reads in JSON: the same in a webhook and in `/api/events`. Pure."""

import json
from datetime import UTC, datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from partners.events.models import PartnerEvent


def as_json(event: PartnerEvent) -> dict[str, Any]:
    """Return an event as partners see it. `timestamp` is when it happened; `id` is also the `webhook-id`."""
    return {
        "id": str(event.pk),
        "type": event.type,
        "timestamp": written(event.at),
        "partner": event.partner.code,
        "data": {"object": event.type.partition(".")[0], **event.payload},
    }


def as_bytes(event: PartnerEvent) -> bytes:
    """Return the body of a webhook; its signature is over exactly these bytes."""
    return json.dumps(
        as_json(event), cls=DjangoJSONEncoder, ensure_ascii=False, separators=(",", ":")
    ).encode()


def written(at: datetime) -> str:
    """Write a moment in UTC, to the millisecond: `2026-06-03T07:00:00.000Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
