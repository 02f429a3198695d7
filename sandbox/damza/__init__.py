"""SMS gateways: Damza (Ultimate SMS), AirTouch, the partnerID family, Africa's Talking."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from sandbox.damza import africastalking, airtouch, partner_id, ultimate
from sandbox.damza.control import control_routes
from sandbox.damza.sending import parameters
from sandbox.damza.state import State, as_books
from sandbox.routing import Handler, operation
from sandbox.world import World

__all__ = ["State", "books", "control_routes", "routes"]

Work = Callable[[World, web.Request], Awaitable[web.StreamResponse]]

PATHS: tuple[tuple[str, str, str, Work], ...] = (
    ("/damza/sms/api", "send", "ultimate_sms", ultimate.api),
    ("/airtouch/sms/api", "send", "airtouch", airtouch.sms),
    ("/airtouch/users/balance-api", "balance", "airtouch", airtouch.balance),
    ("/partner-id/api/services/sendsms", "send", "partner_id", partner_id.send_one),
    ("/partner-id/api/services/sendotp", "send", "partner_id", partner_id.send_one),
    ("/partner-id/api/services/sendbulk", "send", "partner_id", partner_id.send_bulk),
    ("/partner-id/api/services/getdlr", "report", "partner_id", partner_id.delivery_report),
    ("/partner-id/api/services/getbalance", "balance", "partner_id", partner_id.balance),
    ("/africastalking/version1/messaging", "send", "africastalking", africastalking.messaging),
)


def routes(world: World) -> list[web.RouteDef]:
    """All gateways, each under its own base path, with and without the last slash."""
    made = []
    for path, name, gateway, work in PATHS:
        handler = _handler(world, name, gateway, work)
        for method in ("GET", "POST"):
            made += [web.route(method, path, handler), web.route(method, path + "/", handler)]
    return made


def _handler(world: World, name: str, gateway: str, work: Work) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await work(world, request)

    async def subject(request: web.Request) -> Mapping[str, object]:
        return ultimate.subject_of(gateway, await parameters(request))

    return operation(world, "damza", name, subject=subject)(handle)


def books(world: World) -> dict[str, Any]:
    """A snapshot of the gateways' books."""
    return as_books(world)
