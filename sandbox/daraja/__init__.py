"""Safaricom's Daraja: B2C v3, status, balance, B2B top-up; C2B, STK, Pull, reversal, Hakikisha."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.daraja import (
    b2b,
    b2c,
    balance,
    c2b,
    errors,
    fields,
    hakikisha,
    oauth,
    pull,
    reversal,
    status,
    stk,
)
from sandbox.daraja.control import control_routes
from sandbox.daraja.gateway import COLLECTING, Api, gateway, subject
from sandbox.daraja.state import State, as_books
from sandbox.routing import operation
from sandbox.world import World

__all__ = ["State", "books", "control_routes", "routes"]

PAYING = ("b2c", "both")
REGISTER = {
    v: Api(
        operation="c2b_register",
        fields=fields.C2B_REGISTER,
        work=c2b.registering(v),
        party="ShortCode",
        kinds=COLLECTING,
        token_code="400.003.01",
    )
    for v in ("v1", "v2")
}
SIMULATE = Api(
    operation="c2b_simulate",
    fields=fields.C2B_SIMULATE,
    work=c2b.simulate,
    party="ShortCode",
    kinds=COLLECTING,
    token_code="400.003.01",
)
PULL_QUERY = Api(
    operation="pull",
    fields=fields.PULL,
    work=pull.query,
    party="ShortCode",
    kinds=COLLECTING,
    token_code="401.001",
    unknown=pull.invalid_shortcode,
)
APIS: dict[str, Api] = {
    "/mpesa/b2c/v3/paymentrequest": Api(operation="b2c", fields=fields.B2C, work=b2c.pay, kinds=PAYING),
    "/mpesa/transactionstatus/v1/query": Api(operation="status", fields=fields.STATUS, work=status.query),
    "/mpesa/accountbalance/v1/query": Api(operation="balance", fields=fields.BALANCE, work=balance.query),
    "/mpesa/b2b/v1/paymentrequest": Api(
        operation="b2b", fields=fields.B2B, work=b2b.transfer, kinds=("b2c", "c2b", "both")
    ),
    "/mpesa/reversal/v1/request": Api(
        operation="reversal",
        fields=fields.REVERSAL,
        work=reversal.request,
        party="ReceiverParty",
        kinds=COLLECTING,
        token_code="404.001.03",
    ),
    "/mpesa/c2b/v1/registerurl": REGISTER["v1"],
    "/mpesa/c2b/v2/registerurl": REGISTER["v2"],
    "/mpesa/c2b/v1/simulate": SIMULATE,
    "/mpesa/c2b/v2/simulate": SIMULATE,
    "/mpesa/stkpush/v1/processrequest": Api(
        operation="stk",
        fields=fields.STK,
        work=stk.push,
        party="BusinessShortCode",
        kinds=COLLECTING,
        token_code="404.001.03",
        unknown=stk.no_merchant,
    ),
    "/mpesa/stkpushquery/v1/query": Api(
        operation="stk_query",
        fields=fields.STK_QUERY,
        work=stk.query,
        party="BusinessShortCode",
        kinds=COLLECTING,
        token_code="404.001.03",
        unknown=stk.no_merchant,
    ),
    "/mpesa/b2c/hakikisha/v1/hakikisha": Api(
        operation="hakikisha",
        fields=fields.HAKIKISHA,
        work=hakikisha.ask,
        party="body.shortcode",
        token_code="401.001",
    ),
    "/pulltransactions/v1/register": Api(
        operation="pull_register",
        fields=fields.PULL_REGISTER,
        work=pull.register,
        party="ShortCode",
        kinds=COLLECTING,
        token_code="401.001",
        unknown=pull.invalid_shortcode,
    ),
    "/pulltransactions/v1/query": PULL_QUERY,
}


def routes(world: World) -> list[web.RouteDef]:
    """Daraja's API under ``/daraja``."""

    async def token(request: web.Request) -> web.Response:
        return await oauth.generate(world, request)

    async def old_version(request: web.Request) -> web.Response:
        return errors.no_product(world)

    async def wrong_path(request: web.Request) -> web.Response:
        path = request.match_info["path"]
        if path in APIS or path == "/oauth/v1/generate":
            return errors.refusal(world, 405, "405.001", f"{request.method} Method Not Allowed")
        return errors.refusal(world, 404, "404.001.01", "Resource not found")

    handlers = {
        path: operation(world, "daraja", api.operation, subject=subject)(gateway(world, api))
        for path, api in APIS.items()
    }

    async def pulled(request: web.Request) -> web.StreamResponse:
        """The portal's text says GET with a body, its header and every client POST."""
        if world.switches.get("daraja.pull_method") not in ("both", request.method.lower()):
            return errors.refusal(world, 405, "405.001", f"{request.method} Method Not Allowed")
        return await handlers["/pulltransactions/v1/query"](request)

    return [
        web.get("/daraja/oauth/v1/generate", operation(world, "daraja", "token")(token)),
        web.post("/daraja/pulltransactions/v1/query", pulled),
        web.get("/daraja/pulltransactions/v1/query", pulled),
        *(web.post("/daraja" + path, handler) for path, handler in handlers.items()),
        web.post("/daraja/mpesa/b2c/v1/paymentrequest", old_version),
        web.route("*", "/daraja{path:/.*}", wrong_path),
    ]


def books(world: World) -> dict[str, Any]:
    """A snapshot of Daraja's books."""
    return as_books(world.daraja)
