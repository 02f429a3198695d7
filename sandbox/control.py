"""The generic part of ``/control``: reset, switches, faults, latency, clock, feed, books."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from types import ModuleType
from typing import Any

from aiohttp import web

from sandbox.routing import Handler, answer
from sandbox.world import World


class Expected(ValueError):
    """A control request that is not understood; the text says what is expected."""


@web.middleware
async def explain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a wrong control request with 400 and what is expected, never with 500."""
    if not request.path.startswith("/control"):
        return await handler(request)
    try:
        return await handler(request)
    except KeyError as exc:
        return answer({"error": f"unknown or missing: {exc.args[0] if exc.args else ''}"}, 400)
    except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError) as exc:
        return answer({"error": str(exc) or type(exc).__name__}, 400)
    except web.HTTPException as exc:
        return answer({"error": f"{exc.reason}: {request.method} {request.path}"}, exc.status)


async def read(request: web.Request) -> dict[str, Any]:
    """The JSON object in the body; an empty body is an empty object.

    :raises Expected: not JSON, or not an object
    """
    raw = await request.read()
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError as exc:
        raise Expected(f"a JSON object expected: {exc}") from exc
    if not isinstance(body, dict):
        raise Expected("a JSON object expected")
    return body


def need(body: Mapping[str, Any], *names: str) -> None:
    """Check that the body has these fields.

    :raises Expected: with the missing names
    """
    missing = [name for name in names if body.get(name) in (None, "")]
    if missing:
        raise Expected(f"missing: {', '.join(missing)}")


def money(value: Any, name: str) -> Decimal:
    """An amount from a control request.

    :raises Expected: not a number
    """
    amount = Decimal(str(value)) if not isinstance(value, bool) and str(value).strip() else None
    if amount is None or not amount.is_finite():
        raise Expected(f"{name}: an amount such as 1000.00 expected, not {value!r}")
    return amount


class Control:
    """The handlers that belong to no single system."""

    def __init__(self, world: World, systems: Mapping[str, ModuleType]) -> None:
        self.world, self.systems = world, systems

    def routes(self) -> list[web.RouteDef]:
        """All generic control routes."""
        return [
            web.post("/control/reset", self.reset),
            web.get("/control/switches", self.show_switches),
            web.put("/control/switches", self.set_switches),
            web.get("/control/faults", self.show_faults),
            web.post("/control/faults", self.add_fault),
            web.delete("/control/faults", self.remove_faults),
            web.delete("/control/faults/{id}", self.remove_faults),
            web.get("/control/latency", self.show_latency),
            web.put("/control/latency", self.set_latency),
            web.post("/control/clock", self.shift_clock),
            web.get("/control/clock", self.show_clock),
            web.get("/control/feed", self.feed),
            web.get("/control/books", self.books),
        ]

    async def reset(self, request: web.Request) -> web.Response:
        """Everything back to the start."""
        seed = int((await read(request)).get("seed", 1))
        self.world.reset(seed)
        return answer({"seed": seed})

    async def show_switches(self, request: web.Request) -> web.Response:
        """All switches."""
        return answer(self.world.switches.as_dict())

    async def set_switches(self, request: web.Request) -> web.Response:
        """Turn switches; a wrong one leaves all as they were."""
        wanted = await read(request)
        before = {name: entry["value"] for name, entry in self.world.switches.as_dict().items()}
        try:
            for name, value in wanted.items():
                self.world.switches.set(name, value)
        except ValueError:
            for name, value in before.items():
                self.world.switches.set(name, value)
            raise
        return answer(self.world.switches.as_dict())

    async def show_faults(self, request: web.Request) -> web.Response:
        """All rules with how often each was played."""
        return answer(self.world.faults.rules())

    async def add_fault(self, request: web.Request) -> web.Response:
        """Add one rule."""
        return answer(self.world.faults.add(await read(request)).as_dict())

    async def remove_faults(self, request: web.Request) -> web.Response:
        """Remove one rule, or all."""
        rule_id = request.match_info.get("id")
        self.world.faults.remove(None if rule_id is None else int(rule_id))
        return answer(self.world.faults.rules())

    async def show_latency(self, request: web.Request) -> web.Response:
        """What was set."""
        return answer(self.world.latencies.as_dict())

    async def set_latency(self, request: web.Request) -> web.Response:
        """Set the latency of operations."""
        for name, curve in (await read(request)).items():
            if (
                not isinstance(curve, dict)
                or not curve.keys() <= {"p50_ms", "p95_ms"}
                or "p50_ms" not in curve
            ):
                raise Expected(f'{name}: {{"p50_ms": .., "p95_ms": ..}} expected')
            self.world.latencies.set(name, **{key: float(value) for key, value in curve.items()})
        return answer(self.world.latencies.as_dict())

    async def shift_clock(self, request: web.Request) -> web.Response:
        """Move the clock; what waits for it moves with it."""
        body = await read(request)
        need(body, "shift_seconds")
        self.world.shift(float(body["shift_seconds"]))
        return await self.show_clock(request)

    async def show_clock(self, request: web.Request) -> web.Response:
        """The world's time."""
        return answer({"now": self.world.clock.now().isoformat()})

    async def feed(self, request: web.Request) -> web.Response:
        """Events after the given number."""
        after = int(request.query.get("after", 0))
        return answer([event for event in self.world.feed if event["n"] > after])

    async def books(self, request: web.Request) -> web.Response:
        """The books of all systems."""
        return answer({name: system.books(self.world) for name, system in self.systems.items()})
