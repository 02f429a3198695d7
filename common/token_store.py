"""Access tokens of outside systems: one for all processes, fetched by one of them at a time.

A new token of Daraja kills the one before it, and a token knows only the products that the app had when it was
issued (Daraja portal: Authorization, FAQ 3). So all workers share one, in Redis, encrypted.
"""

import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from uuid import uuid4

from django.core.exceptions import ImproperlyConfigured
from redis import Redis

from common.crypto import decrypt, encrypt
from common.gateway import Retryable
from common.shared import Away, Shared

USUAL_SECONDS = 3599
EARLY_SECONDS = 60  # before its end, a token is no longer used
LOCK_SECONDS = 15.0  # longer than a token may take to come; a killed holder's lock ends then
WAIT_SECONDS = 20.0
LOOK_AGAIN_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token as it was given, and for how long."""

    text: str = field(repr=False)
    seconds: int

    @property
    def usable_seconds(self) -> float:
        return max(self.seconds - EARLY_SECONDS, self.seconds / 2)


Fetch = Callable[[], NewToken]


class TokenStore(Protocol):
    """Where the clients of an app find its token."""

    def get(self, app: str, fetch: Fetch) -> str:
        """Return the app's token, fetched now if there is none.

        :raises Rejected, Retryable: whatever `fetch` raises; Retryable also when nobody got one in time
        """

    def drop(self, app: str, token: str) -> None:
        """Forget a token that the gateway refused, unless somebody has replaced it already."""


def app_key(base_url: str, consumer_key: str) -> str:
    """Name an app of a host, without giving its key away."""
    return hashlib.sha256(f"{base_url}|{consumer_key}".encode()).hexdigest()


class LocalTokenStore:
    """Keeps tokens in this process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tokens: dict[str, tuple[str, float]] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._naming = threading.Lock()

    def get(self, app: str, fetch: Fetch) -> str:
        with self._naming:
            lock = self._locks[app]
        with lock:
            text, until = self._tokens.get(app, ("", 0.0))
            if not text or self._clock() >= until:
                text = self.keep(app, fetch())
            return text

    def keep(self, app: str, token: NewToken) -> str:
        self._tokens[app] = (token.text, self._clock() + token.usable_seconds)
        return token.text

    def drop(self, app: str, token: str) -> None:
        if self._tokens.get(app, ("", 0.0))[0] == token:
            self._tokens.pop(app, None)


# Delete only what the caller means: another process may have stored a newer token or taken the lock over.
_DROP = "if redis.call('hget', KEYS[1], 'print') == ARGV[1] then return redis.call('del', KEYS[1]) end"
_UNLOCK = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end"


class RedisTokenStore:
    """Shares tokens through Redis; while that is away, each process keeps its own."""

    def __init__(
        self,
        redis_url: str,
        *,
        system: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._system = system
        self._shared = Shared(redis_url, clock=clock)
        self._local = LocalTokenStore(clock=clock)
        self._clock = clock
        self._sleep = sleep

    def get(self, app: str, fetch: Fetch) -> str:
        try:
            return self._find(app) or self._fetch_once(app, fetch)
        except Away:
            return self._local.get(app, fetch)

    def drop(self, app: str, token: str) -> None:
        self._local.drop(app, token)
        try:
            self._shared.ask(lambda redis: redis.eval(_DROP, 1, self._name(app), _print(token)))
        except Away:
            return  # what is still in Redis is refused once more when Redis is back, and dropped then

    def _fetch_once(self, app: str, fetch: Fetch) -> str:
        """Fetch a token, or wait for the one that somebody else is fetching."""
        deadline = self._clock() + WAIT_SECONDS
        while self._clock() < deadline:
            owner = uuid4().hex
            if self._lock(app, owner):
                try:
                    return self._find(app) or self._store(app, fetch())
                finally:
                    self._unlock(app, owner)
            self._sleep(LOOK_AGAIN_SECONDS)
            if found := self._find(app):
                return found
        raise Retryable(f"The gateway of {self._system} gave no access token in time.")

    def _find(self, app: str) -> str:
        sealed = self._shared.ask(lambda redis: redis.hget(self._name(app), "token"))
        try:
            return decrypt(str(sealed)) if sealed else ""
        except ImproperlyConfigured:  # sealed with a key that is gone
            return ""

    def _store(self, app: str, token: NewToken) -> str:
        sealed = {"token": encrypt(token.text), "print": _print(token.text)}
        try:
            self._shared.ask(lambda redis: _keep(redis, self._name(app), sealed, token.usable_seconds))
        except Away:
            self._local.keep(app, token)
        return token.text

    def _lock(self, app: str, owner: str) -> bool:
        milliseconds = int(LOCK_SECONDS * 1000)
        return bool(
            self._shared.ask(
                lambda redis: redis.set(f"{self._name(app)}:lock", owner, nx=True, px=milliseconds)
            )
        )

    def _unlock(self, app: str, owner: str) -> None:
        try:
            self._shared.ask(lambda redis: redis.eval(_UNLOCK, 1, f"{self._name(app)}:lock", owner))
        except Away:
            return  # it ends by itself

    def _name(self, app: str) -> str:
        return f"{self._system}:token:{app}"


def _keep(redis: Redis, name: str, sealed: dict[str, str], seconds: float) -> None:
    with redis.pipeline(transaction=True) as pipe:
        for field_name, value in sealed.items():
            pipe.hset(name, field_name, value)
        pipe.pexpire(name, int(seconds * 1000))
        pipe.execute()


def _print(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
