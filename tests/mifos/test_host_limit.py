"""At most a few calls at once to one Mifos server, over all processes."""

import contextlib
import threading
from typing import Any

import pytest
import redis
from django.conf import settings

from common.gateway import Retryable
from mifos.host_limit import BUSY, slot


def test_one_more_than_the_limit_is_refused_until_one_is_back() -> None:
    with contextlib.ExitStack() as held:
        for _ in range(3):
            held.enter_context(slot("https://a.example", timeout=0))
        with slot("https://a.example", timeout=0):
            with pytest.raises(Retryable) as raised, slot("https://a.example", timeout=0):
                pass
            assert raised.value.code == BUSY
        with slot("https://a.example", timeout=0):
            pass


def test_hosts_do_not_share_slots() -> None:
    with slot("https://a.example", timeout=0, limit=1), slot("https://b.example", timeout=0, limit=1):
        pass


def test_an_error_gives_the_slot_back() -> None:
    with pytest.raises(ZeroDivisionError), slot("https://a.example", limit=1):
        _ = 1 / 0
    with slot("https://a.example", timeout=0, limit=1):
        pass


def test_a_slot_of_a_killed_holder_comes_back() -> None:
    server = redis.Redis.from_url(settings.REDIS_URL)
    server.zadd("mifos:slots:https://a.example", {"killed": 1})
    with slot("https://a.example", timeout=0, limit=1):
        assert server.pttl("mifos:slots:https://a.example") > 0
    server.close()


def test_an_emptied_redis_does_no_harm() -> None:
    server = redis.Redis.from_url(settings.REDIS_URL)
    with slot("https://a.example", limit=1):
        server.flushdb()
    server.close()


def test_without_redis_work_goes_on(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with slot("https://a.example", limit=1):
        pass


def test_nobody_waits_for_a_host_whose_slots_have_long_been_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mifos.host_limit.time.sleep", lambda seconds: pytest.fail("it waits"))
    server = redis.Redis.from_url(settings.REDIS_URL)
    seconds, _ = server.time()
    taken_a_minute_ago = (seconds + 60) * 1000  # the score is the end of the lease of two minutes
    server.zadd("mifos:slots:https://a.example", {"hangs": taken_a_minute_ago})
    with pytest.raises(Retryable) as raised, slot("https://a.example", timeout=30, limit=1):
        pass
    assert raised.value.code == BUSY
    server.close()


def test_a_slot_taken_just_now_is_waited_for() -> None:
    with contextlib.ExitStack() as held:
        held.enter_context(slot("https://a.example", limit=1))
        back = threading.Timer(0.1, held.close)
        back.start()
        with slot("https://a.example", timeout=30, limit=1):
            back.join()
