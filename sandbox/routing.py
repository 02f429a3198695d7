"""Each operation of a simulated system: its latency and the faults that every system knows."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from sandbox.faults import Fault
from sandbox.world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Subject = Callable[[web.Request], Awaitable[Mapping[str, object]]]

HTML_ERROR = (
    "<html><head><title>502 Bad Gateway</title></head>"
    "<body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body></html>"
)


def answer(payload: Any, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(
        body=json.dumps(payload, separators=(",", ":")).encode(),
        status=status,
        content_type="application/json",
    )


def html(text: str = HTML_ERROR, status: int = 502) -> web.Response:
    """An HTML answer where JSON is expected."""
    return web.Response(text=text, status=status, content_type="text/html")


async def path_subject(request: web.Request) -> Mapping[str, object]:
    """What a rule's ``match`` may look at, unless the system says more: the parts of the path."""
    return request.match_info


def operation(
    world: World, system: str, name: str, *, subject: Subject = path_subject
) -> Callable[[Handler], Handler]:
    """Let a handler take its time and go wrong as the rules say."""

    def wrap(handler: Handler) -> Handler:
        full_name = f"{system}.{name}"

        @functools.wraps(handler)
        async def played(request: web.Request) -> web.StreamResponse:
            delay = world.latencies.sample(full_name)
            if delay:
                await asyncio.sleep(delay)
            if not world.faults:
                return await handler(request)
            fault = world.faults.pick(system, name, await subject(request), generic=True)
            if fault is None:
                return await handler(request)
            world.tell(system, f"{name}: fault {fault.kind}")
            return await _play(world, system, fault, handler, request)

        return played

    return wrap


async def _play(
    world: World, system: str, fault: Fault, handler: Handler, request: web.Request
) -> web.StreamResponse:
    if fault.kind in ("html_after", "lost", "slow_after"):
        return await _play_after(fault, await handler(request), request)
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds(5))
        return await handler(request)
    if fault.kind == "dropped":
        return hang_up(request)
    if fault.kind == "html":
        return html()
    if fault.kind == "refuse":
        return html("<html><body><h1>503 Service Unavailable</h1></body></html>", 503)
    if fault.kind == "empty":
        return web.Response(status=200)
    make_body: Callable[[], Any] = world.error_bodies.get(system, _boot_error)
    return answer(make_body(), 500)


async def _play_after(fault: Fault, done: web.StreamResponse, request: web.Request) -> web.StreamResponse:
    if fault.kind == "lost":
        return hang_up(request)
    if fault.kind == "html_after":
        return html()
    await asyncio.sleep(fault.seconds(5))
    return done


def hang_up(request: web.Request) -> web.Response:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()


def _boot_error() -> dict[str, Any]:
    return {"status": 500, "error": "Internal Server Error"}
