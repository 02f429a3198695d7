"""Safaricom's Daraja: token, B2C v3, transaction status, account balance, B2B top-up."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.daraja import b2b, b2c, balance, errors, fields, oauth, status
from sandbox.daraja.control import control_routes
from sandbox.daraja.gateway import Work, gateway, subject
from sandbox.daraja.state import State, as_books
from sandbox.routing import operation
from sandbox.world import World

__all__ = ["State", "books", "control_routes", "routes"]

POSTS: tuple[tuple[str, str, fields.Fields, Work], ...] = (
    ("/mpesa/b2c/v3/paymentrequest", "b2c", fields.B2C, b2c.pay),
    ("/mpesa/transactionstatus/v1/query", "status", fields.STATUS, status.query),
    ("/mpesa/accountbalance/v1/query", "balance", fields.BALANCE, balance.query),
    ("/mpesa/b2b/v1/paymentrequest", "b2b", fields.B2B, b2b.transfer),
)


def routes(world: World) -> list[web.RouteDef]:
    """Daraja's API under ``/daraja``."""

    async def token(request: web.Request) -> web.Response:
        return await oauth.generate(world, request)

    async def old_version(request: web.Request) -> web.Response:
        return errors.no_product(world)

    async def wrong_path(request: web.Request) -> web.Response:
        if "/daraja" + request.match_info["path"] in known:
            return errors.refusal(world, 405, "405.001", f"{request.method} Method Not Allowed")
        return errors.refusal(world, 404, "404.001.01", "Resource not found")

    known = {"/daraja" + path for path, *_ in POSTS} | {"/daraja/oauth/v1/generate"}
    made = [
        web.post(
            "/daraja" + path,
            operation(world, "daraja", name, subject=subject)(gateway(world, name, checks, work)),
        )
        for path, name, checks, work in POSTS
    ]
    return [
        web.get("/daraja/oauth/v1/generate", operation(world, "daraja", "token")(token)),
        *made,
        web.post("/daraja/mpesa/b2c/v1/paymentrequest", old_version),
        web.route("*", "/daraja{path:/.*}", wrong_path),
    ]


def books(world: World) -> dict[str, Any]:
    """A snapshot of Daraja's books."""
    return as_books(world.daraja)
