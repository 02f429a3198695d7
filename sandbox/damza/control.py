"""``/control/damza/…``: accounts, and the messages that were sent."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.control import Expected, money, need, read
from sandbox.damza.state import Account
from sandbox.routing import answer
from sandbox.world import World

TEXTS = ("sender_id", "username", "partner_id", "callback_url")


def control_routes(world: World) -> list[web.RouteDef]:
    """Damza's control pages."""

    async def accounts(request: web.Request) -> web.Response:
        return answer(set_account(world, await read(request)))

    async def messages(request: web.Request) -> web.Response:
        to, now = request.query.get("to"), world.clock.now()
        after = int(request.query.get("after", 0))
        found = (one for one in world.damza.messages[after:] if to in (None, one.to))
        return answer([one.as_dict(now) for one in found])

    return [
        web.post("/control/damza/accounts", accounts),
        web.get("/control/damza/messages", messages),
    ]


def set_account(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Create or update; what is not named stays. The user name is the sender ID unless it is given."""
    need(body, "api_key")
    key = str(body["api_key"])
    account = world.damza.accounts.get(key)
    if account is None:
        need(body, "sender_id")
        account = Account(api_key=key, sender_id=str(body["sender_id"]), username=str(body["sender_id"]))
    changes: dict[str, Any] = {name: str(body[name]) for name in TEXTS if name in body}
    if "credits" in body:
        changes["credits"] = money(body["credits"], "credits")
        if changes["credits"] < 0:
            raise Expected("credits: not below zero")
    for name, value in changes.items():
        setattr(account, name, value)
    world.damza.accounts[key] = account
    return {"api_key": key, "sender_id": account.sender_id, "credits": str(account.credits)}
