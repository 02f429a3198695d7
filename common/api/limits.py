"""How often somebody may ask, counted in Redis. Where Redis is away everybody may: the API goes on working."""

from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import structlog
from django.conf import settings

from common.shared import Away, Shared

log = structlog.get_logger("api")

WINDOW = 60  # seconds

_COUNT = """
local count = redis.call('INCR', KEYS[1])
local left = redis.call('TTL', KEYS[1])
if left < 0 then redis.call('EXPIRE', KEYS[1], ARGV[1]); left = tonumber(ARGV[1]) end
if KEYS[2] then redis.call('HSET', KEYS[2], ARGV[2], ARGV[3]) end
return {count, left}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Where somebody stands: `limit` in a minute, `count` of them used, a new minute in `seconds`."""

    limit: int
    count: int
    seconds: int

    @property
    def spent(self) -> bool:
        return self.count > self.limit

    def headers(self) -> dict[str, str]:
        """Return the fields of draft-ietf-httpapi-ratelimit-headers."""
        left = max(self.limit - self.count, 0)
        return {
            "RateLimit-Policy": f'"minute";q={self.limit};w={WINDOW}',
            "RateLimit": f'"minute";r={left};t={self.seconds}',
        }


def count(name: str, *, limit: int, note: tuple[str, str, str] | None = None) -> Quota | None:
    """Count one request of somebody; None where Redis is away.

    :param note: a hash, a field and a value to be written on the same way
    """
    keys = [f"api:rate:{name}", *(note[:1] if note else ())]
    values = [str(WINDOW), *(note[1:] if note else ())]
    try:
        found = shared(settings.REDIS_URL).ask(lambda redis: redis.eval(_COUNT, len(keys), *keys, *values))
    except Away:
        log.warning("nobody is counted")
        return None
    used, seconds = cast("list[int]", found)
    return Quota(limit=limit, count=int(used), seconds=max(int(seconds), 1))


@lru_cache(maxsize=4)
def shared(url: str) -> Shared:
    """Return this process's connection to Redis for what the API counts."""
    return Shared(url)
