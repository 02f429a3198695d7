"""A Redis that all processes share and that may be lost at any moment."""

import time
from collections.abc import Callable
from typing import TypeVar

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger("shared")

QUIET_SECONDS = 5.0

T = TypeVar("T")


class Away(Exception):
    """Redis cannot be reached; do without it."""


class Shared:
    """Asks Redis with short timeouts. After a failure it is left alone for a while, so that nobody waits."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_connect_timeout=0.5,
            socket_timeout=1.0,
            retry=Retry(NoBackoff(), 1),  # a connection that was pooled before Redis was restarted
        )
        self._clock = clock
        self._away_until = float("-inf")

    def ask(self, question: Callable[["redis.Redis"], T]) -> T:
        """:raises Away: it did not answer, or did not shortly before"""
        if self._clock() < self._away_until:
            raise Away
        try:
            return question(self._redis)
        except (redis.RedisError, OSError) as exc:
            self._away_until = self._clock() + QUIET_SECONDS
            log.warning("redis is away", reason=type(exc).__name__)
            raise Away from exc
