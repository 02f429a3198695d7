"""What all tests share: real PostgreSQL and Redis, and fixed people and times from `make.py`."""

import time
from typing import Any

import pytest
import redis
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from common import correlation


@pytest.hookimpl(tryfirst=True)  # the plugin reads the mark in this same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests of real processes run one after the other, whatever runs beside them."""
    for item in items:
        if item.get_closest_marker("processes") or "browser" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group("processes"))


@pytest.fixture(autouse=True)
def _fresh_start() -> None:
    """Each test begins with an empty Redis and no work of another test in its logs."""
    correlation.forget()
    redis.Redis.from_url(settings.REDIS_URL).flushdb()
    cache.clear()


@pytest.fixture(autouse=True)
def _force_login_shows_both_factors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whom a test lets in by force has shown the second factor just now; the way through the door is tested apart."""
    plain = Client.force_login

    def force_login(self: Client, user: Any, backend: str | None = None) -> None:
        plain(self, user, backend)
        session = self.session
        session["entry.factor_at"] = time.time()
        session.save()

    monkeypatch.setattr(Client, "force_login", force_login)
