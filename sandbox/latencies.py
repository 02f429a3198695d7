"""How long the simulated systems take, set through ``/control/latency``."""

from __future__ import annotations

import math
import random

Z_95 = 1.6448536  # the 95th percentile of the standard normal distribution


class Latencies:
    """How long each operation takes: lognormal by median and 95th percentile, default nothing."""

    def __init__(self, source: random.Random) -> None:
        self._random = source
        self._set: dict[str, dict[str, float]] = {}
        self._curves: dict[str, tuple[float, float] | None] = {}

    def set(self, operation: str, *, p50_ms: float, p95_ms: float | None = None) -> None:
        """Set ``system.operation``, ``system.*`` or ``*``.

        :raises ValueError: negative, or p95 below p50
        """
        p95_ms = p50_ms if p95_ms is None else p95_ms
        if not 0 <= p50_ms <= p95_ms:
            raise ValueError(f"{operation}: 0 <= p50_ms <= p95_ms expected, not {p50_ms} and {p95_ms}")
        self._set[operation] = {"p50_ms": p50_ms, "p95_ms": p95_ms}
        self._curves.clear()

    def sample(self, operation: str) -> float:
        """Seconds to wait this time."""
        if not self._set:
            return 0.0
        if operation not in self._curves:
            self._curves[operation] = self._curve(operation)
        curve = self._curves[operation]
        return 0.0 if curve is None else self._random.lognormvariate(*curve) / 1000

    def _curve(self, operation: str) -> tuple[float, float] | None:
        for name in (operation, f"{operation.partition('.')[0]}.*", "*"):
            if name in self._set:
                p50, p95 = self._set[name]["p50_ms"], self._set[name]["p95_ms"]
                return (math.log(p50), math.log(p95 / p50) / Z_95) if p50 else None
        return None

    def as_dict(self) -> dict[str, dict[str, float]]:
        """What was set."""
        return dict(self._set)
