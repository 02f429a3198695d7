"""What all simulated systems share: clock, switches, latencies, faults, the feed and the way out."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp

from sandbox.faults import Faults
from sandbox.latencies import Latencies
from sandbox.switches import Switches

if TYPE_CHECKING:
    from sandbox.damza import State as DamzaState
    from sandbox.daraja import State as DarajaState
    from sandbox.fineract import State as FineractState
    from sandbox.ncba import State as NcbaState

log = logging.getLogger("sandbox")

FEED_LENGTH = 500


class Clock:
    """The time of the simulated world: the machine's, moved by ``/control/clock``."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        """The moment, aware, in UTC."""
        return datetime.now(UTC) + self.offset

    def shift(self, seconds: float) -> None:
        """Move the clock; timers of the world are moved by ``World.shift``."""
        self.offset += timedelta(seconds=seconds)


class Timer:
    """Work that is due at a moment of the world's clock."""

    __slots__ = ("due", "handle", "work")

    def __init__(self, due: datetime, work: Callable[[], Awaitable[None]]) -> None:
        self.due, self.work = due, work
        self.handle: asyncio.TimerHandle | None = None


class World:
    """The one object that every handler knows."""

    daraja: DarajaState
    fineract: FineractState
    damza: DamzaState
    ncba: NcbaState

    def __init__(self, seed: int = 1) -> None:
        self.clock = Clock()
        self.switches = Switches()
        self.error_bodies: dict[str, Callable[[], Any]] = {}  # system -> JSON body of the fault error_500
        # One person has one name everywhere: who a phone belongs to, as far as any system knows.
        self.owner_of: Callable[[str], str | None] = lambda phone: None
        self._makers: dict[str, Callable[[World], Any]] = {}
        self._session: aiohttp.ClientSession | None = None
        self._timers: set[Timer] = set()
        self._running: set[asyncio.Future[None]] = set()
        self._start(seed)

    def _start(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.faults = Faults(self.random)
        self.latencies = Latencies(self.random)
        self.feed: deque[dict[str, Any]] = deque(maxlen=FEED_LENGTH)
        self.feed_count = 0
        self.clock.offset = timedelta()
        for name, maker in self._makers.items():
            setattr(self, name, maker(self))

    def add_system(self, name: str, maker: Callable[[World], Any]) -> None:
        """Set up a system's state, now and at each reset."""
        self._makers[name] = maker
        setattr(self, name, maker(self))

    def reset(self, seed: int = 1) -> None:
        """Everything back to the start; work under way is dropped."""
        for timer in self._timers:
            if timer.handle is not None:
                timer.handle.cancel()
        self._timers.clear()
        for task in self._running:
            task.cancel()
        self.switches.reset()
        self._start(seed)

    def tell(self, system: str, text: str, **extra: Any) -> None:
        """Add an event to the feed."""
        self.feed_count += 1
        event = {"n": self.feed_count, "at": self.clock.now().isoformat(), "system": system, "text": text}
        self.feed.append(event | extra)

    async def call(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
    ) -> int | None:
        """Call the product (callback or hook) and return its status, or None without an answer.

        ``timeout``: seconds for the connection and again for the answer; waiting for our own pool is not counted.
        """
        said = await self.exchange(method, url, json=json, data=data, headers=headers, timeout=timeout)
        return None if said is None else said[0]

    async def exchange(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
    ) -> tuple[int, str] | None:
        """Call like ``call``, where what is said back counts: status and text, or None without an answer."""
        limit = aiohttp.ClientTimeout(total=None, sock_connect=timeout, sock_read=timeout)
        try:
            async with self._outgoing().request(
                method, url, json=json, data=data, headers=headers, timeout=limit
            ) as answer:
                return answer.status, (await answer.read()).decode(errors="replace")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as exc:
            log.info("no answer to a %s: %s", method, type(exc).__name__)
            return None

    def _outgoing(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            # Let go of idle connections before the product's server does (2 s in gunicorn): a callback on a
            # connection that is just being closed would be lost without anybody having asked for it.
            connector = aiohttp.TCPConnector(limit=500, keepalive_timeout=1)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    def later(self, seconds: float, coroutine_function: Callable[..., Awaitable[None]], *args: Any) -> None:
        """Run it after so many seconds of the world's clock, in the background."""
        timer = Timer(self.clock.now() + timedelta(seconds=seconds), lambda: coroutine_function(*args))
        self._timers.add(timer)
        self._arm(timer, seconds)

    def _arm(self, timer: Timer, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        timer.handle = loop.call_later(max(0.0, seconds), self._fire, timer)

    def _fire(self, timer: Timer) -> None:
        self._timers.discard(timer)
        task = asyncio.ensure_future(timer.work())
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Future[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("background work failed", exc_info=task.exception())

    def shift(self, seconds: float) -> None:
        """Move the clock and everything that waits for it."""
        self.clock.shift(seconds)
        now = self.clock.now()
        for timer in self._timers:
            if timer.handle is not None:
                timer.handle.cancel()
            self._arm(timer, (timer.due - now).total_seconds())

    async def close(self) -> None:
        """Let go of the outgoing connections."""
        self.reset(self.seed)
        if self._session is not None:
            await self._session.close()
