"""Settings rows that every loan needs are read once and remembered for a moment.

A switch that a person turns is obeyed within `REMEMBER_SECONDS`; a pause dial is never remembered.
"""

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from django.conf import settings

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

MOST = 5000


class Remembered(Generic[Key, Value]):
    """A function's answers, each for a moment. What it returns is shared: read it, do not change it.

    :param seconds: how long, where it is not `REMEMBER_SECONDS`; where that is zero, nothing is remembered
    :param most: how many answers are kept
    """

    def __init__(
        self, read: Callable[[Key], Value], *, seconds: float | None = None, most: int = MOST
    ) -> None:
        self._read, self._seconds, self._most = read, seconds, most
        self._known: dict[Key, tuple[float, Value]] = {}

    def __call__(self, key: Key) -> Value:
        now = time.monotonic()
        known = self._known.get(key)
        if known and known[0] > now:
            return known[1]
        value = self._read(key)
        if len(self._known) >= self._most:
            self._known.clear()
        seconds = settings.REMEMBER_SECONDS and (self._seconds or settings.REMEMBER_SECONDS)
        self._known[key] = (now + seconds, value)
        return value
