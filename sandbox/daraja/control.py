"""``/control/daraja/…``: set up shortcodes and phones, read the books, send results again."""

from __future__ import annotations

from datetime import date
from typing import Any

from aiohttp import web

from sandbox.control import Expected, money, need, read
from sandbox.daraja import results
from sandbox.daraja.b2c import delivery_of
from sandbox.daraja.c2b_control import c2b_control_routes
from sandbox.daraja.delivery import post
from sandbox.daraja.gateway import Call
from sandbox.daraja.paying import FINAL
from sandbox.daraja.state import ROLES, Phone, Shortcode, as_books
from sandbox.daraja.tariff import C2B_TARIFFS
from sandbox.routing import answer
from sandbox.world import World

KINDS = ("b2c", "c2b", "both")
STATES = ("active", "invalid", "restricted")
ORGANISATIONS = ("paybill", "till")
TEXTS = (
    "consumer_key",
    "consumer_secret",
    "initiator",
    "initiator_password",
    "name",
    "passkey",
    "head_office",
)
CHOICES: dict[str, tuple[object, ...]] = {
    "kind": KINDS,
    "state": STATES,
    "organisation": ORGANISATIONS,
    "c2b_tariff": C2B_TARIFFS,
    "external_validation": (True, False),
}
ACCOUNTS = ("utility", "working", "charges_paid")
FLAGS = ("registered", "active", "exists")


def control_routes(world: World) -> list[web.RouteDef]:
    """Daraja's control pages."""

    async def shortcodes(request: web.Request) -> web.Response:
        return answer(set_shortcode(world, await read(request)))

    async def certificate(request: web.Request) -> web.Response:
        return web.Response(text=world.daraja.key.certificate_pem, content_type="application/x-pem-file")

    async def phones(request: web.Request) -> web.Response:
        return answer(set_phone(world, await read(request)))

    async def receipts(request: web.Request) -> web.Response:
        body = await read(request)
        need(body, "after")
        return answer({"after": world.daraja.receipts_after(int(body["after"]))})

    async def tariff(request: web.Request) -> web.Response:
        return answer(add_tariff(world, await read(request)))

    async def books(request: web.Request) -> web.Response:
        return answer(as_books(world.daraja))

    async def send_result(request: web.Request) -> web.Response:
        times = int((await read(request)).get("times", 1))
        return answer(await send_again(world, request.match_info["id"], times))

    return [
        web.post("/control/daraja/shortcodes", shortcodes),
        web.get("/control/daraja/certificate", certificate),
        web.post("/control/daraja/phones", phones),
        web.post("/control/daraja/receipts", receipts),
        web.post("/control/daraja/tariff", tariff),
        web.get("/control/daraja/books", books),
        web.post("/control/daraja/payouts/{id}/result", send_result),
        *c2b_control_routes(world),
    ]


def set_shortcode(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Create or update; what is not named stays. Unlocks the operator."""
    need(body, "number")
    for name, choices in CHOICES.items():
        _check_choice(body, name, choices)
    number = str(body["number"])
    changes: dict[str, Any] = {name: str(body[name]) for name in TEXTS if name in body}
    changes |= {name: body[name] for name in CHOICES if name in body}
    changes |= {name: money(body[name], name) for name in ACCOUNTS if name in body}
    if "roles" in body:
        changes["roles"] = _roles(body["roles"])
    shortcode = world.daraja.shortcodes.setdefault(number, Shortcode(number=number))
    for name, value in (changes | {"locked": False, "wrong_credentials": 0}).items():
        setattr(shortcode, name, value)
    return {"number": number, "kind": shortcode.kind, "utility": f"{shortcode.utility:.2f}"}


def set_phone(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Create or update; what is not named stays."""
    need(body, "phone")
    number = str(body["phone"])
    for name in FLAGS:
        _check_choice(body, name, (True, False))
    changes: dict[str, Any] = {name: body[name] for name in FLAGS if name in body}
    if "name" in body:
        changes["name"] = str(body["name"])
    if "balance" in body:
        changes["balance"] = money(body["balance"], "balance")
    phone: Phone = world.daraja.phone(number)
    for name, value in changes.items():
        setattr(phone, name, value)
    return {"phone": number, "name": phone.name, "balance": f"{phone.balance:.2f}"}


def add_tariff(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """A table of fees that holds from a day on: ``{"from": "2027-01-01", "bands": [[100, 0], [250000, 20]]}``."""
    need(body, "from", "bands")
    start = date.fromisoformat(str(body["from"]))
    bands = tuple((int(limit), int(fee)) for limit, fee in body["bands"])
    if list(bands) != sorted(bands):
        raise Expected("bands: [[up to, fee], …] in rising order expected")
    kept = [entry for entry in world.daraja.fees if entry[0] != start]
    world.daraja.fees = tuple(sorted([*kept, (start, bands)]))
    return {"from": start.isoformat(), "bands": bands}


async def send_again(world: World, payout_id: str, times: int) -> dict[str, Any]:
    """Send a payout's result now, again if it was sent before; decide the payout first if it waits."""
    payout = world.daraja.payouts[payout_id]
    shortcode = world.daraja.shortcodes[payout.shortcode]
    call = Call(
        operation="b2c",
        body=payout.request,
        consumer_key=shortcode.consumer_key,
        shortcode=shortcode,
        fault=None,
    )
    delivery = delivery_of(world, payout, call)
    if payout.status in FINAL:
        code = payout.result_code or "17"  # cancelled or expired without a result of its own
        body = results.of_payout(world, payout, code=code)
    else:
        body = delivery.work(None)
    for _ in range(times):
        await post(world, delivery, body)
    return payout.as_dict()


def _check_choice(body: dict[str, Any], name: str, choices: tuple[object, ...]) -> None:
    if name in body and body[name] not in choices:
        raise Expected(f"{name}: one of {', '.join(map(str, choices))} expected, not {body[name]!r}")


def _roles(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not set(given) <= set(ROLES):
        raise Expected(f"roles: a list of {', '.join(ROLES)} expected")
    return tuple(given)
