"""One token for all: against a real Redis, and a small server that counts what it gives."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import redis
from django.conf import settings

from common import token_store as tokens
from common.gateway import Rejected, Retryable
from common.shared import QUIET_SECONDS
from common.token_store import LocalTokenStore, NewToken, RedisTokenStore, app_key
from tests.mpesa.make_mpesa import ADDRESSES, client, payout

APP = app_key("https://daraja.example", "key")
NO_REDIS = "redis://127.0.0.1:1/0"


@dataclass
class Clock:
    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def kept() -> "redis.Redis":
    return redis.Redis.from_url(settings.REDIS_URL, decode_responses=True)


def giving(*texts: str, seconds: int = 3599) -> Callable[[], NewToken]:
    """Fetch these tokens, one after the other, and fail on one too many."""
    supply = iter(texts)
    return lambda: NewToken(text=next(supply), seconds=seconds)


def never() -> NewToken:
    raise AssertionError("a token was fetched that was not needed")


STORES: list[Callable[[Clock], tokens.TokenStore]] = [
    lambda clock: RedisTokenStore(settings.REDIS_URL, system="mpesa", clock=clock, sleep=clock.sleep),
    lambda clock: RedisTokenStore(NO_REDIS, system="mpesa", clock=clock, sleep=clock.sleep),
    lambda clock: LocalTokenStore(clock=clock),
]


@pytest.mark.parametrize("make", STORES, ids=["redis", "redis away", "local"])
class TestEveryStore:
    def test_keeps_a_token_until_it_is_refused(
        self, clock: Clock, make: Callable[[Clock], tokens.TokenStore]
    ) -> None:
        store = make(clock)
        assert store.get(APP, giving("one")) == "one"
        assert store.get(APP, never) == "one"
        store.drop(APP, "one")
        assert store.get(APP, giving("two")) == "two"

    def test_drops_only_the_token_that_was_refused(
        self, clock: Clock, make: Callable[[Clock], tokens.TokenStore]
    ) -> None:
        store = make(clock)
        store.get(APP, giving("newer"))
        store.drop(APP, "older")
        assert store.get(APP, never) == "newer"

    def test_lets_a_refusal_out_and_asks_again_next_time(
        self, clock: Clock, make: Callable[[Clock], tokens.TokenStore]
    ) -> None:
        def refuse() -> NewToken:
            raise Rejected("wrong key", stop=True)

        store = make(clock)
        with pytest.raises(Rejected):
            store.get(APP, refuse)
        assert store.get(APP, giving("one")) == "one"

    def test_keeps_apps_apart(self, clock: Clock, make: Callable[[Clock], tokens.TokenStore]) -> None:
        store = make(clock)
        store.get(APP, giving("one"))
        assert store.get(app_key("https://other.example", "key"), giving("two")) == "two"


def test_a_token_is_shared_by_all_processes(clock: Clock) -> None:
    RedisTokenStore(settings.REDIS_URL, system="mpesa", clock=clock).get(APP, giving("one"))
    assert RedisTokenStore(settings.REDIS_URL, system="mpesa", clock=clock).get(APP, never) == "one"


def test_redis_holds_neither_the_token_nor_the_key_in_clear(clock: Clock) -> None:
    RedisTokenStore(settings.REDIS_URL, system="mpesa", clock=clock).get(APP, giving("one-very-secret-token"))
    name = f"mpesa:token:{APP}"
    assert kept().keys("*") == [name]
    assert "one-very-secret-token" not in json.dumps(kept().hgetall(name))
    assert "daraja" not in name


def test_a_token_is_given_up_a_minute_before_its_end(clock: Clock) -> None:
    RedisTokenStore(settings.REDIS_URL, system="mpesa").get(APP, giving("one"))
    assert 3_530_000 < kept().pttl(f"mpesa:token:{APP}") <= 3_539_000
    local = LocalTokenStore(clock=clock)
    local.get(APP, giving("one"))
    clock.now += 3538.9
    assert local.get(APP, never) == "one"
    clock.now += 0.1
    assert local.get(APP, giving("two")) == "two"


def test_a_token_of_a_short_life_is_used_for_half_of_it() -> None:
    assert NewToken(text="t", seconds=30).usable_seconds == 15


def test_a_token_sealed_with_a_lost_key_is_replaced(clock: Clock) -> None:
    kept().hset(f"mpesa:token:{APP}", mapping={"token": "gAAAAA-not-ours", "print": "x"})
    assert RedisTokenStore(settings.REDIS_URL, system="mpesa", clock=clock).get(APP, giving("one")) == "one"


def test_whoever_finds_the_lock_taken_waits_for_the_token(clock: Clock) -> None:
    kept().set(f"mpesa:token:{APP}:lock", "somebody", px=60_000)
    other = RedisTokenStore(settings.REDIS_URL, system="mpesa", clock=clock)

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if len(clock.slept) == 3:
            other._store(APP, NewToken(text="theirs", seconds=3599))

    store = RedisTokenStore(settings.REDIS_URL, system="mpesa", clock=clock, sleep=sleep)
    assert store.get(APP, never) == "theirs"
    assert len(clock.slept) == 3


def test_whoever_gets_the_lock_looks_again_before_fetching(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = RedisTokenStore(settings.REDIS_URL, system="mpesa", clock=clock)
    lock = store._lock

    def lock_after_somebody_else(app: str, owner: str) -> bool:
        store._store(app, NewToken(text="theirs", seconds=3599))
        return lock(app, owner)

    monkeypatch.setattr(store, "_lock", lock_after_somebody_else)
    assert store.get(APP, never) == "theirs"


def test_nobody_waits_for_ever_and_nothing_was_sent(clock: Clock) -> None:
    kept().set(f"mpesa:token:{APP}:lock", "somebody", px=60_000)
    store = RedisTokenStore(settings.REDIS_URL, system="mpesa", clock=clock, sleep=clock.sleep)
    with pytest.raises(Retryable):
        store.get(APP, never)
    assert sum(clock.slept) == pytest.approx(tokens.WAIT_SECONDS, abs=0.1)


def test_the_lock_of_a_killed_worker_ends_before_others_give_up(clock: Clock) -> None:
    seen: list[int] = []

    def fetch() -> NewToken:
        seen.append(kept().pttl(f"mpesa:token:{APP}:lock"))
        return NewToken(text="one", seconds=3599)

    RedisTokenStore(settings.REDIS_URL, system="mpesa", clock=clock).get(APP, fetch)
    assert 0 < seen[0] < tokens.WAIT_SECONDS * 1000
    assert not kept().exists(f"mpesa:token:{APP}:lock")


def test_a_lock_that_somebody_took_over_is_left_alone(clock: Clock) -> None:
    def slow() -> NewToken:
        kept().set(f"mpesa:token:{APP}:lock", "the next one")
        return NewToken(text="one", seconds=3599)

    RedisTokenStore(settings.REDIS_URL, system="mpesa", clock=clock).get(APP, slow)
    assert kept().get(f"mpesa:token:{APP}:lock") == "the next one"


def test_redis_is_tried_again_after_a_while(clock: Clock) -> None:
    store = RedisTokenStore(NO_REDIS, system="mpesa", clock=clock)
    store.get(APP, giving("mine"))
    store._shared._redis = kept()
    RedisTokenStore(settings.REDIS_URL, system="mpesa", clock=clock).get(APP, giving("shared"))
    assert store.get(APP, never) == "mine"
    clock.now += QUIET_SECONDS
    assert store.get(APP, never) == "shared"


def test_a_token_fetched_while_redis_went_away_is_kept_here(clock: Clock) -> None:
    store = RedisTokenStore(settings.REDIS_URL, system="mpesa", clock=clock)

    def fetch() -> NewToken:
        store._shared._redis = redis.Redis.from_url(NO_REDIS)
        return NewToken(text="one", seconds=3599)

    assert store.get(APP, fetch) == "one"
    assert store.get(APP, never) == "one"


class Daraja(BaseHTTPRequestHandler):
    """Gives a new token each time, which ends the one before; takes payouts under the newest only."""

    given = 0
    life: object = "3599"
    lock = threading.Lock()

    def do_GET(self) -> None:
        with self.lock:
            type(self).given += 1
            self.answer(200, {"access_token": f"token-{self.given}", "expires_in": self.life})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Authorization"] != f"Bearer token-{self.given}":
            self.answer(404, {"errorCode": "404.001.03", "errorMessage": "Invalid Access Token"})
        else:
            self.answer(200, {"ResponseCode": "0", "ConversationID": "AG_1"})

    def answer(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def host() -> Iterator[str]:
    Daraja.given, Daraja.life = 0, "3599"
    server = ThreadingHTTPServer(("127.0.0.1", 0), Daraja)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def pay_at_once(host: str, *, times: int, stores: int) -> None:
    """Pay from several processes' worth of clients at the same moment."""
    clients = [
        client(base_url=host, tokens=RedisTokenStore(settings.REDIS_URL, system="mpesa"))
        for _ in range(stores)
    ]
    start = threading.Barrier(times)

    def pay(number: int) -> str:
        start.wait(timeout=10)
        return clients[number % stores].pay(payout()).conversation_id

    with ThreadPoolExecutor(times) as pool:
        assert list(pool.map(pay, range(times))) == ["AG_1"] * times


def test_many_payouts_at_once_share_one_token(host: str) -> None:
    pay_at_once(host, times=12, stores=3)
    assert Daraja.given == 1


def test_when_the_token_dies_it_is_renewed_once_for_all(host: str) -> None:
    pay_at_once(host, times=2, stores=2)
    Daraja.given = 5  # somebody fetched tokens behind our back
    pay_at_once(host, times=12, stores=3)
    assert Daraja.given == 6


@pytest.mark.parametrize(
    ("life", "seconds"),
    [
        ("3599", 3599),
        (3599, 3599),
        (600, 600),
        ("600.0", 600),
        (None, 3599),
        ("soon", 3599),
        (0, 3599),
        (-5, 3599),
    ],
)
def test_the_life_of_a_token_may_be_text_or_number_or_missing(host: str, life: object, seconds: int) -> None:
    Daraja.life = life
    client(base_url=host, tokens=RedisTokenStore(settings.REDIS_URL, system="mpesa")).ask_balance(**ADDRESSES)
    [name] = kept().keys("mpesa:token:*")
    assert kept().pttl(name) == pytest.approx((seconds - 60) * 1000, abs=5000)
