"""What every call of the Open Banking gateway passes: firewall, subscription key, token, fields."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiohttp import web

from sandbox.daraja.oauth import TOKEN_LETTERS, bearer
from sandbox.faults import Fault
from sandbox.ncba.state import Account, GatewayUser, Token
from sandbox.routing import Handler, answer, html, operation
from sandbox.world import World

BASE = "/ncba/api/v1"
NOTICE = (
    "<html><head><title>Security Notice</title></head><body><h1>Security Notice</h1>"
    "<p>Your request has been blocked. Contact the bank with this reference: {reference}</p></body></html>"
)
# How libraries call themselves when nobody tells them otherwise; the firewall takes them for robots.
LIBRARIES = (
    "python",
    "curl",
    "wget",
    "java",
    "okhttp",
    "apache-httpclient",
    "guzzle",
    "go-http-client",
    "axios",
    "node",
    "postman",
    "aiohttp",
)


@dataclass(slots=True, kw_only=True)
class Call:
    """A request that the gateway let through; field names in lower case."""

    user: GatewayUser
    body: dict[str, Any]
    fault: Fault | None

    def text(self, name: str) -> str:
        """A field, whatever the case of its name."""
        value = self.body.get(name.lower())
        return "" if value is None else str(value).strip()

    def missing(self, *names: str) -> list[str]:
        """Which of these fields are not there."""
        return [name for name in names if not self.text(name)]

    def account(self, world: World, number: str) -> Account | None:
        """The account, if the user may use it."""
        allowed = self.user.accounts is None or number in self.user.accounts
        return world.ncba.accounts.get(number) if allowed else None

    def plays(self, *kinds: str) -> Fault | None:
        """The fault, if it is one of these."""
        return self.fault if self.fault is not None and self.fault.kind in kinds else None


Work = Callable[[World, Call], Awaitable[web.Response]]


def error(status: int, message: str) -> web.Response:
    """The gateway's own refusal, before any system of the bank saw the request."""
    return answer({"statusCode": status, "message": message}, status)


def invalid(missing: list[str]) -> web.Response:
    """Fields that are missing or senseless."""
    errors = {name: [f"The {name} field is required or invalid."] for name in missing}
    return answer({"title": "One or more validation errors occurred.", "status": 400, "errors": errors}, 400)


async def subject(request: web.Request) -> Mapping[str, object]:
    """What a rule's ``match`` may look at: account, amount, reference, phone, shortcode."""
    return _subject(parsed(await request.read()) or {})


def _subject(body: Mapping[str, Any]) -> Mapping[str, object]:
    def first(*names: str) -> object:
        return next((body[name] for name in names if name in body), None)

    return {
        "account": first("debitaccountnumber", "senderaccountnumber", "reqdebitaccountnumber", "debitaccount")
        or first("accountno"),
        "amount": first("amount", "creditamount", "reqdebitamount", "debitamount"),
        "reference": first("transactionid", "reqtransactionreferenceno", "uniquereferencenumber"),
        "phone": first("mobilenumber", "reqmobilenumber"),
        "shortcode": first("reqpaybilltillno"),
    }


def parsed(raw: bytes) -> dict[str, Any] | None:
    """The JSON object with its names in lower case; None if it is none."""
    try:
        body = json.loads(raw)
    except ValueError:
        return None
    return {str(name).lower(): value for name, value in body.items()} if isinstance(body, dict) else None


def blocked(world: World, request: web.Request, user: GatewayUser | None, fault: Fault | None) -> bool:
    """Whether the firewall stops it: source address not listed, or a library's own User-Agent."""
    agent = request.headers.get("User-Agent", "").strip().lower()
    strange = not agent or agent.startswith(LIBRARIES)
    foreign = user is not None and user.ips is not None and request.remote not in user.ips
    return (
        foreign
        or (strange and world.ncba.switch("user_agent") == "descriptive")
        or (fault is not None and fault.kind == "security_notice")
    )


def notice(world: World) -> web.Response:
    """The firewall's page; the request was not sent on."""
    return html(NOTICE.format(reference=f"{world.random.getrandbits(64):020d}"), 403)


def _subscriber(world: World, request: web.Request) -> GatewayUser | None:
    key = request.headers.get("Ocp-Apim-Subscription-Key", "").encode()
    users = world.ncba.users.values()
    return next(
        (one for one in users if key and hmac.compare_digest(one.subscription_key.encode(), key)), None
    )


def _no_subscription(request: web.Request) -> web.Response:
    given = "Ocp-Apim-Subscription-Key" in request.headers
    wrong = "due to invalid subscription key. Make sure to provide a valid key for an active subscription."
    none = "due to missing subscription key. Make sure to include subscription key when making requests to an API."
    return error(401, f"Access denied {wrong if given else none}")


def guarded(world: World, name: str, work: Work) -> Handler:
    """A handler that lets only known callers through to ``work``."""

    async def handle(request: web.Request) -> web.StreamResponse:
        body = parsed(await request.read())
        fault = world.faults.pick("ncba", name, _subject(body or {})) if world.faults else None
        if fault is not None:
            world.tell("ncba", f"{name}: fault {fault.kind}")
        user = _subscriber(world, request)
        if blocked(world, request, user, fault):
            return notice(world)
        if user is None:
            return _no_subscription(request)
        if not _is_live(world, request, user) or (fault is not None and fault.kind == "unauthorized"):
            return error(401, "Unauthorized. Access token is missing or invalid.")
        if body is None:
            return invalid(["body"])
        return await work(world, Call(user=user, body=body, fault=fault))

    return operation(world, "ncba", name, subject=subject)(handle)


def _is_live(world: World, request: web.Request, user: GatewayUser) -> bool:
    token = world.ncba.tokens.get(bearer(request))
    return token is not None and token.user == user.user and token.expires_at > world.clock.now()


def token_handler(world: World) -> Handler:
    """``POST /api/v1/Auth/generate-token``."""

    async def give(request: web.Request) -> web.StreamResponse:
        fault = world.faults.pick("ncba", "token") if world.faults else None
        subscriber = _subscriber(world, request)
        if blocked(world, request, subscriber, fault):
            return notice(world)
        if subscriber is None:
            return _no_subscription(request)
        body = parsed(await request.read()) or {}
        refused = fault is not None and fault.kind == "unauthorized"
        if refused or not _knows(subscriber, str(body.get("userid")), str(body.get("password"))):
            return error(401, "Invalid credentials")
        return answer(_new_token(world, subscriber))

    return operation(world, "ncba", "token")(give)


def _knows(user: GatewayUser, name: str, password: str) -> bool:
    return user.user == name and hmac.compare_digest(user.password.encode(), password.encode())


def _new_token(world: World, user: GatewayUser) -> dict[str, Any]:
    state = world.ncba
    text = "".join(world.random.choices(TOKEN_LETTERS, k=120))
    ends = world.clock.now() + timedelta(seconds=state.switch("token_seconds"))
    state.tokens[text] = Token(user.user, ends)
    told = {state.switch("token_key"): text, "tokenType": "Bearer"}
    return {"data": told} if state.switch("token_place") == "data" else told
