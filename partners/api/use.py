"""When keys were last used: noted in Redis with each request, and written to the keys once a minute."""

from datetime import UTC, datetime
from typing import cast
from uuid import UUID

from django.conf import settings
from django.db.models import Case, DateTimeField, Q, Value, When

from common.api.limits import shared
from common.shared import Away
from partners.models import ApiKey

HASH = "api:key_use"

_TAKE = "local found = redis.call('HGETALL', KEYS[1]); redis.call('DEL', KEYS[1]); return found"


def mark(key_id: UUID, at: datetime) -> tuple[str, str, str]:
    """Return what Redis is to remember of a use: hash, field, value."""
    return HASH, key_id.hex, str(int(at.timestamp()))


def note() -> int:
    """Write down what Redis remembers, and return for how many keys. What was lost with Redis is not missed."""
    try:
        found = cast("list[str]", shared(settings.REDIS_URL).ask(lambda redis: redis.eval(_TAKE, 1, HASH)))
    except Away:
        return 0
    used = {
        UUID(hex=key): datetime.fromtimestamp(int(at), UTC)
        for key, at in zip(found[::2], found[1::2], strict=True)
    }
    if not used:
        return 0
    moments = [When(pk=key, then=Value(at, DateTimeField())) for key, at in used.items()]
    return ApiKey.objects.filter(Q(pk__in=used)).update(last_used_at=Case(*moments))
