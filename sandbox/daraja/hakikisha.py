"""``POST /mpesa/b2c/hakikisha/v1/hakikisha``: the name behind a number, at once, before paying."""

from __future__ import annotations

from aiohttp import web

from sandbox.daraja import errors
from sandbox.daraja.c2b_messages import split_name
from sandbox.daraja.gateway import Call
from sandbox.daraja.paying import MOBILE
from sandbox.routing import answer
from sandbox.world import World


async def ask(world: World, call: Call) -> web.Response:
    """The first name in small letters, the others masked; needs Safaricom's approval."""
    if world.switches.get("daraja.hakikisha") == "off":
        return errors.no_product(world)
    header, number = call.body["header"], str(call.body["body"]["msisdn"])
    world.daraja.queries += 1
    known = world.daraja.phone(number) if MOBILE.match(number) else None
    told = {"requestID": header["requestID"], "timestamp": header["timestamp"]}
    if known is None or not (known.exists and known.active and known.registered):
        refused = told | {"status": "400", "message": "Failed"}
        body = {"message": "The customer does not exist."}
        status = int(world.switches.get("daraja.hakikisha_refusal_http"))
        return answer({"header": refused, "body": body}, status)
    first, middle, last = split_name(known.name)
    names = {"firstName": first.lower(), "middleName": _masked(middle), "lastName": _masked(last)}
    return answer({"header": told | {"status": "200", "message": "Success"}, "body": names})


def _masked(name: str) -> str:
    return f"{name[0]}******" if name else ""
