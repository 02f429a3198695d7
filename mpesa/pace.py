"""How fast a shortcode may ask: never above its setting, and slower for a while after a spike arrest.

Safaricom publishes no rate; it is learned. All of this may be lost at any moment: then it begins anew.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from common.shared import Away, Shared

BURST_SECONDS = 0.2  # what may go at once: a fifth of a second's worth, at least one request
SLOWEST = 0.2  # requests per second, unless the setting is slower still
SMALLEST_SHARE = 0.01  # of the setting; below this, halving learns nothing more
ONE_ARREST_SECONDS = 1.0  # requests that were under way together are arrested together: halve once
STEP_SECONDS = 30.0
STEP = 0.1  # of the setting
FORGET_SECONDS = 3600

# `take`, inside Redis. The clock is Redis's own unless one is given, so that all processes agree on it.
_TAKE = """
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('time')
  now = time[1] + time[2] / 1000000
end
local rate, burst_seconds, slowest = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local step_seconds, step = tonumber(ARGV[5]), tonumber(ARGV[6])
local kept = redis.call('hmget', KEYS[1], 'share', 'since', 'tokens', 'at')
local since = math.min(now, tonumber(kept[2] or now))
local steps = math.floor((now - since) / step_seconds)
local share = math.min(1, tonumber(kept[1] or 1) + steps * step)
local current = math.min(rate, math.max(rate * share, slowest))
local room = math.max(1, current * burst_seconds)
local passed = math.max(0, now - tonumber(kept[4] or now))
local tokens = math.min(room, tonumber(kept[3] or room) + passed * current)
local wait = 0
if tokens >= 0.9999 then tokens = tokens - 1 else wait = math.max(0.001, (1 - tokens) / current) end
redis.call('hset', KEYS[1], 'share', string.format('%.17g', share),
  'since', string.format('%.17g', since + steps * step_seconds),
  'tokens', string.format('%.17g', tokens), 'at', string.format('%.17g', now))
redis.call('expire', KEYS[1], ARGV[7])
return string.format('%.6f', wait)
"""
_SLOW_DOWN = """
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('time')
  now = time[1] + time[2] / 1000000
end
local kept = redis.call('hmget', KEYS[1], 'share', 'arrested')
if kept[2] and math.abs(now - tonumber(kept[2])) < tonumber(ARGV[2]) then return end
local share = math.max(tonumber(kept[1] or 1) / 2, tonumber(ARGV[3]))
redis.call('hset', KEYS[1], 'share', string.format('%.17g', share),
  'since', string.format('%.17g', now), 'arrested', string.format('%.17g', now))
redis.call('expire', KEYS[1], ARGV[4])
"""


@dataclass(slots=True)
class _Bucket:
    """The same in this process, for the time without Redis."""

    at: float
    since: float
    share: float = 1.0
    tokens: float | None = None
    arrested: float | None = None

    def take(self, now: float, rate: float) -> float:
        steps = (now - self.since) // STEP_SECONDS
        self.share = min(1.0, self.share + steps * STEP)
        self.since += steps * STEP_SECONDS
        current = min(rate, max(rate * self.share, SLOWEST))
        room = max(1.0, current * BURST_SECONDS)
        before = room if self.tokens is None else self.tokens
        self.tokens = min(room, before + (now - self.at) * current)
        self.at = now
        if self.tokens < 0.9999:  # sums of fractions; and a wait must never be so short that it reads as "go"
            return max(0.001, (1 - self.tokens) / current)
        self.tokens -= 1
        return 0.0

    def slow_down(self, now: float) -> None:
        if self.arrested is not None and now - self.arrested < ONE_ARREST_SECONDS:
            return
        self.share = max(self.share / 2, SMALLEST_SHARE)
        self.since = self.arrested = now


class Pace:
    """Token buckets, one for each shortcode, shared by all processes; without Redis, one in each process.

    :param clock: seconds; None takes Redis's own clock, and this machine's for the time without it
    """

    def __init__(self, redis_url: str, *, clock: Callable[[], float] | None = None) -> None:
        self._shared = Shared(redis_url, clock=clock or time.monotonic)
        self._given = clock
        self._clock = clock or time.monotonic
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def take(self, shortcode_number: str, rate_per_second: Decimal | float) -> float:
        """Take leave for one request: 0 means go; else nothing was taken, ask again after so many seconds.

        :raises ValueError: the rate is not above zero
        """
        rate = float(rate_per_second)
        if rate <= 0:
            raise ValueError("the rate of a shortcode must be above zero")
        limits = (rate, BURST_SECONDS, SLOWEST, STEP_SECONDS, STEP, FORGET_SECONDS)
        try:
            return float(self._run(_TAKE, shortcode_number, *limits))
        except Away:
            with self._lock:
                return self._bucket(shortcode_number).take(self._clock(), rate)

    def slow_down(self, shortcode_number: str) -> None:
        """Halve the pace after a spike arrest; a tenth of the setting comes back every 30 quiet seconds."""
        limits = (ONE_ARREST_SECONDS, SMALLEST_SHARE, FORGET_SECONDS)
        try:
            self._run(_SLOW_DOWN, shortcode_number, *limits)
        except Away:
            with self._lock:
                self._bucket(shortcode_number).slow_down(self._clock())

    def _run(self, script: str, number: str, *limits: float) -> str:
        now = repr(self._given()) if self._given else ""
        values = (now, *(str(limit) for limit in limits))
        return str(self._shared.ask(lambda redis: redis.eval(script, 1, f"mpesa:pace:{number}", *values)))

    def _bucket(self, number: str) -> _Bucket:
        now = self._clock()
        return self._buckets.setdefault(number, _Bucket(at=now, since=now))
