"""At most a few calls at once to one Mifos server, over all our processes (its pool has ten connections).

The slots live in Redis and may be lost with it: then a few calls too many go out for a moment, no more.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import cast
from uuid import uuid4

import redis
import structlog
from django.conf import settings

from common.gateway import Retryable

log = structlog.get_logger("mifos")

LIMIT = 4
BUSY = "host.busy"
_LEASE_MS = 120_000  # a slot whose holder was killed comes back after this
_PAUSE = 0.05
_TAKEN, _FULL, _HANGING = 1, 0, -1

_TAKE = """
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ms)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  local newest = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
  if ms + ARGV[3] - newest[2] > tonumber(ARGV[4]) then return -1 end
  return 0
end
redis.call('ZADD', KEYS[1], ms + tonumber(ARGV[3]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""


@contextmanager
def slot(host: str, *, timeout: float = 1.0, limit: int = LIMIT) -> Iterator[None]:
    """Hold one of a host's slots while speaking to it.

    :param host: the client's `base_url`: tenants of one server share its slots
    :param timeout: seconds to wait for a free one; kept short, so that a slow host does not hold our workers.
        Where all slots have been taken for longer than that already, the host hangs and nobody waits: the rows
        of one such host would otherwise keep every worker waiting by turns
    :raises Retryable: all are taken (`host.busy`); nothing was sent
    """
    key, member = f"mifos:slots:{host}", uuid4().hex
    deadline = time.monotonic() + timeout
    while (outcome := _take(key, member, limit, timeout)) != _TAKEN:
        if outcome == _HANGING or time.monotonic() >= deadline:
            raise Retryable("Mifos is busy with our other requests", code=BUSY)
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        with suppress(redis.RedisError):
            _redis(settings.REDIS_URL).zrem(key, member)


def _take(key: str, member: str, limit: int, timeout: float) -> int:
    values = (member, str(limit), str(_LEASE_MS), str(int(timeout * 1000)))
    try:
        return cast(int, _redis(settings.REDIS_URL).eval(_TAKE, 1, key, *values))
    except redis.RedisError as exc:
        log.warning("no limit per host", reason=type(exc).__name__)
        return _TAKEN


@lru_cache(maxsize=4)
def _redis(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=2)
