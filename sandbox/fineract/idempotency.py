"""`Idempotency-Key`: one row per (action, entity, key), whatever loan, user or body it came with."""

import asyncio
from typing import Final

from aiohttp import web

from sandbox.fineract.call import Call, reply
from sandbox.fineract.errors import BootRefusal
from sandbox.fineract.records import AWAITING, FAILED, PROCESSED
from sandbox.world import World

LONGEST_KEY: Final = 50  # VARCHAR(50)


def key_of(request: web.Request) -> str | None:
    """The caller's key; the filter looks at it only in JSON requests.

    :raises BootRefusal: 500 for a key that the column cannot hold
    """
    key = request.headers.get("Idempotency-Key")
    if not key or "application/json" not in request.headers.get("Content-Type", ""):
        return None
    if len(key) > LONGEST_KEY:
        raise BootRefusal(500)
    return key


async def stored_answer(
    call: Call, action: str, entity: str, key: str, raw: str
) -> web.StreamResponse | None:
    """The answer for a key already used, or None for a new one.

    Success and error are replayed alike; a row still under processing, or waiting for a checker,
    ends in 425 with the caller's own request as body.
    """
    row = call.host.by_key.get((action, entity, key))
    if row is None:
        return None
    for wait in (*_waits(call.world), None):
        if row.status in (PROCESSED, FAILED):
            return reply(row.result, row.http_status, cached=True)
        if row.status == AWAITING and call.world.switches.get("fineract.key_awaiting") == "replay":
            return reply(row.result, cached=True)
        if wait is not None:
            await asyncio.sleep(wait)
    return reply(raw, 425, cached=True)


async def server_retries(world: World) -> None:
    """Wait as long as the server's own three attempts take."""
    for wait in _waits(world):
        await asyncio.sleep(wait)


def _waits(world: World) -> tuple[float, float]:
    first = float(world.switches.get("fineract.retry_seconds"))
    return first, first * 2
