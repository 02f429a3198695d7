"""What every POST passes before M-Pesa sees it: token, product, rate, JSON, fields, addresses."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.daraja import errors, ids, oauth, stk_codes
from sandbox.daraja.codes import magic
from sandbox.daraja.fields import Fields, first_forbidden_url, first_wrong
from sandbox.daraja.state import Shortcode
from sandbox.daraja.switches import CALL_KINDS, GATEWAY_KINDS
from sandbox.faults import Fault
from sandbox.routing import Handler, answer
from sandbox.world import World


@dataclass(slots=True, kw_only=True)
class Call:
    """A request that the gateway let through."""

    operation: str
    body: dict[str, Any]
    consumer_key: str
    shortcode: Shortcode
    fault: Fault | None


Work = Callable[[World, Call], Awaitable[web.Response]]
Refuse = Callable[[World, str], web.Response]
COLLECTING = ("c2b", "both")  # kinds of shortcode that customers can pay


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """One API and what is peculiar about it."""

    operation: str
    fields: Fields
    work: Work
    party: str = "PartyA"  # the field with our shortcode; a dot goes into an object
    kinds: tuple[str, ...] | None = None  # kinds of shortcode whose app has this product; None: every app
    token_code: str = ""  # how an invalid token is refused; empty: as the switch says
    unknown: Refuse = errors.invalid_field  # how a shortcode that M-Pesa does not know is refused


async def subject(request: web.Request) -> Mapping[str, object]:
    """What a rule's ``match`` may look at: phone, amount, shortcode, id."""
    return _subject(_parsed(await request.read()))


def _subject(body: dict[str, Any] | None) -> Mapping[str, object]:
    body = body or {}
    return {
        "phone": _first(body, "PhoneNumber", "Msisdn", "PartyB", "body.msisdn"),
        "amount": body.get("Amount"),
        "shortcode": _first(
            body, "BusinessShortCode", "ShortCode", "ReceiverParty", "PartyA", "body.shortcode"
        ),
        "id": _first(
            body, "OriginatorConversationID", "OriginalConversationID", "CheckoutRequestID", "TransactionID"
        ),
    }


def _first(body: Mapping[str, Any], *paths: str) -> object:
    return next((found for path in paths if (found := at(body, path))), None)


def at(body: Mapping[str, Any], path: str) -> Any:
    """The field, or with a dot the field of an object; None if there is none."""
    outer, _, inner = path.partition(".")
    found = body.get(outer)
    if not inner:
        return found
    return found.get(inner) if isinstance(found, dict) else None


def _parsed(raw: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(raw)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def gateway(world: World, api: Api) -> Handler:
    """A handler that lets only sound requests through to the API's work."""
    operation = api.operation

    async def handle(request: web.Request) -> web.StreamResponse:
        key = oauth.consumer_key(world, request)
        if key is None:
            code = api.token_code or world.switches.get("daraja.invalid_token")
            return errors.invalid_token(world, code, oauth.bearer(request))
        body = _parsed(await request.read())
        fault = _fault(world, operation, body)
        if fault is not None and (wrong := errors.played(world, fault)) is not None:
            return wrong
        refused = _unsound(world, request, api.fields, body)
        if refused is not None or body is None:
            _use_up_id(world, body)
            return refused or errors.refusal(world, 400, "400.002.05", "Invalid Request Payload")
        shortcode = world.daraja.shortcodes.get(str(at(body, api.party)))
        if shortcode is None:
            return api.unknown(world, api.party)
        if api.kinds is not None and not _has_product(world, key, api.kinds):
            return errors.no_product(world)
        call = Call(operation=operation, body=body, consumer_key=key, shortcode=shortcode, fault=fault)
        return await api.work(world, call)

    return handle


def _fault(world: World, operation: str, body: dict[str, Any] | None) -> Fault | None:
    if world.faults:
        fault = world.faults.pick("daraja", operation, _subject(body), kinds=CALL_KINDS)
        if fault is not None:
            world.tell("daraja", f"{operation}: fault {fault.kind}")
            return fault
    if body is None or operation not in ("b2c", "stk") or world.switches.get("daraja.magic") == "off":
        return None
    amount = _amount(body.get("Amount"))
    if operation == "stk":
        return stk_codes.magic(str(body.get("PhoneNumber")), amount)
    fault = magic(str(body.get("PartyB")), amount)
    # A duplicate of a magic payout must still be refused as a duplicate by the core.
    known = body.get("OriginatorConversationID") in world.daraja.payouts
    return None if fault is not None and known and fault.kind not in GATEWAY_KINDS else fault


def _amount(value: Any) -> int:
    return int(value) if str(value).isascii() and str(value).isdigit() else 0


def _unsound(
    world: World, request: web.Request, fields: Fields, body: dict[str, Any] | None
) -> web.Response | None:
    if request.content_type != "application/json":
        return errors.invalid_field(world, next(iter(fields)))
    if body is None:
        return None
    wrong = first_wrong(fields, body)
    if wrong is not None:
        return errors.invalid_field(world, wrong)
    forbidden = first_forbidden_url(fields, body)
    if forbidden is not None:
        message = str(world.switches.get("daraja.url_word_error")).replace("{field}", forbidden)
        return errors.refusal(world, 400, "400.002.02", message)
    return None


def _use_up_id(world: World, body: dict[str, Any] | None) -> None:
    if body and world.switches.get("daraja.refusal_consumes_id") == "on":
        world.daraja.refused_ids.add(str(body.get("OriginatorConversationID")))


def _has_product(world: World, key: str, kinds: tuple[str, ...]) -> bool:
    return any(
        shortcode.consumer_key == key and shortcode.kind in kinds
        for shortcode in world.daraja.shortcodes.values()
    )


def accepted(conversation_id: str, originator_conversation_id: str) -> web.Response:
    """The synchronous answer: taken, nothing has moved yet."""
    return answer(
        {
            "ConversationID": conversation_id,
            "OriginatorConversationID": originator_conversation_id,
            "ResponseCode": "0",
            "ResponseDescription": "Accept the service request successfully.",
        }
    )


def not_taken(world: World, fault: Fault) -> web.Response:
    """HTTP 200 with a ``ResponseCode`` that is not 0: M-Pesa did not take the request."""
    return answer(
        {
            "ConversationID": ids.conversation_id(world.random, world.clock.now()),
            "OriginatorConversationID": ids.gateway_id(world.random),
            "ResponseCode": str(fault.params.get("code", "1")),
            "ResponseDescription": str(fault.params.get("text", "Rejected")),
        }
    )


def internal_error_text(world: World) -> web.Response:
    """The duplicate's error code with another meaning."""
    return errors.refusal(world, 500, "500.002.1001", "System internal error.")
