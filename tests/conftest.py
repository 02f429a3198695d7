"""What all tests share: real PostgreSQL and Redis, and fixed people and times from `make.py`."""

import pytest
import redis
from django.conf import settings
from django.core.cache import cache

from common import correlation


@pytest.fixture(autouse=True)
def _fresh_start() -> None:
    """Each test begins with an empty Redis and no work of another test in its logs."""
    correlation.forget()
    redis.Redis.from_url(settings.REDIS_URL).flushdb()
    cache.clear()
