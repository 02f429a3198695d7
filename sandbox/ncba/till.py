"""Interface A under ``/ncba-till``: token, STK push, its query, QR codes."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from aiohttp import web

from sandbox.daraja.oauth import TOKEN_LETTERS, basic, bearer
from sandbox.faults import Fault
from sandbox.ncba.paying import MAXIMUM, finish_stk, is_mobile, split_reference
from sandbox.ncba.qr import picture
from sandbox.ncba.state import PAYBILL, Stk, Token
from sandbox.routing import Handler, answer, operation
from sandbox.world import World

Work = Callable[[World, dict[str, Any], Fault | None], Awaitable[web.Response]]
BASE = "/ncba-till/payments/api/v1"
FIELDS = ("TelephoneNo", "Amount", "PayBillNo", "AccountNo", "Network", "TransactionType")


def routes(world: World) -> list[web.RouteDef]:
    """Interface A."""

    async def give_token(request: web.Request) -> web.Response:
        return _token(world, request)

    async def wrong_path(request: web.Request) -> web.Response:
        return _error(404, "Not Found")

    token = operation(world, "ncba", "till_token")(give_token)
    return [
        web.get(f"{BASE}/auth/token", token, allow_head=False),
        web.post(f"{BASE}/auth/token", token),
        web.post(f"{BASE}/stk-push/initiate", _guarded(world, "stk_push", _initiate)),
        web.post(f"{BASE}/stk-push/query", _guarded(world, "stk_query", _query)),
        web.post(f"{BASE}/qr/generate", _guarded(world, "qr", _qr)),
        web.route("*", "/ncba-till{path:/.*}", wrong_path),
    ]


def _error(status: int, message: str) -> web.Response:
    """The status is text in errors, a number in success."""
    return answer({"message": message, "status": str(status)}, status)


def _token(world: World, request: web.Request) -> web.Response:
    method = world.ncba.switch("till_token_method")
    if method not in ("both", request.method.lower()):
        return _error(405, "Method Not Allowed")
    user, secret = basic(request.headers.get("Authorization", "")) or ("", "")
    known = world.ncba.till_users.get(user)
    if known is None or not hmac.compare_digest(known.encode(), secret.encode()):
        return _error(401, "Invalid API credentials")
    seconds = world.ncba.switch("till_token_seconds")
    text = ".".join("".join(world.random.choices(TOKEN_LETTERS, k=length)) for length in (20, 60, 43))
    world.ncba.till_tokens[text] = Token(user, world.clock.now() + timedelta(seconds=seconds))
    return answer({"access_token": text, "token_type": "Bearer", "expires_in": seconds, "status": 200})


async def subject(request: web.Request) -> Mapping[str, object]:
    """What a rule's ``match`` may look at: phone, amount, till, id."""
    return _subject(_parsed(await request.read()) or {})


def _subject(body: Mapping[str, Any]) -> Mapping[str, object]:
    return {
        "phone": body.get("TelephoneNo"),
        "amount": body.get("Amount"),
        "till": split_reference(str(body.get("AccountNo") or body.get("till") or ""))[0],
        "id": body.get("TransactionID"),
    }


def _parsed(raw: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(raw)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _guarded(world: World, name: str, work: Work) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        token = world.ncba.till_tokens.get(bearer(request))
        if token is None or token.expires_at <= world.clock.now():
            return _error(401, "Invalid API credentials")
        body = _parsed(await request.read())
        if body is None:
            return _error(400, "Bad Request")
        fault = world.faults.pick("ncba", name, _subject(body)) if world.faults else None
        if fault is not None and fault.kind == "unauthorized":
            return _error(401, "Invalid API credentials")
        return await work(world, body, fault)

    return operation(world, "ncba", name, subject=subject)(handle)


async def _initiate(world: World, body: dict[str, Any], fault: Fault | None) -> web.Response:
    state, reference_id = world.ncba, f"{world.random.getrandbits(64):016x}"
    refused = _refusal(world, body)
    if fault is not None and fault.kind == "refused":
        refused = str(fault.params.get("text", "Request could not be processed"))
    if refused:
        state.refused += 1
        told = {"TransactionID": None, "StatusCode": "1", "StatusDescription": refused}
        return answer(told | {"ReferenceID": reference_id})
    till, code = split_reference(body["AccountNo"])
    stk = Stk(
        id=f"{world.random.getrandbits(96):024x}",
        reference_id=reference_id,
        till=till,
        code=code,
        phone=body["TelephoneNo"],
        amount=Decimal(body["Amount"]),
        at=world.clock.now(),
    )
    state.stks[stk.id] = stk
    world.later(world.latencies.sample("ncba.stk"), finish_stk, world, stk)
    world.tell("ncba", f"STK of KES {stk.amount} on {stk.phone} for {till} {code}")
    told = {"TransactionID": stk.id, "StatusCode": "0", "StatusDescription": "Success"}
    return answer(told | {"ReferenceID": reference_id})


def _refusal(world: World, body: Mapping[str, Any]) -> str | None:
    """Why the question is not put to the customer; all fields are text."""
    wrong = next((name for name in FIELDS if not isinstance(body.get(name), str) or not body[name]), None)
    if wrong:
        return f"{wrong} is required"
    checks = (
        (is_mobile(body["TelephoneNo"]), "Invalid TelephoneNo"),
        (body["Amount"].isdecimal() and 0 < int(body["Amount"]) <= MAXIMUM, "Invalid Amount"),
        (body["PayBillNo"] == PAYBILL, "Invalid PayBillNo"),
        (split_reference(body["AccountNo"])[0] in world.ncba.by_till, "Invalid AccountNo"),
        (body["Network"].lower() == "safaricom", "Invalid Network"),
        (body["TransactionType"] == "CustomerPayBillOnline", "Invalid TransactionType"),
    )
    return next((text for sound, text in checks if not sound), None)


async def _query(world: World, body: dict[str, Any], fault: Fault | None) -> web.Response:
    """SUCCESS once it is paid; FAILED before that, also while the customer still types the PIN."""
    stk = world.ncba.stks.get(str(body.get("TransactionID")))
    if stk is None:
        return answer({"status": "FAILED", "description": "Transaction not found."})
    if stk.status == "paid" and not (fault is not None and fault.kind == "query_failed"):
        return answer({"status": "SUCCESS", "description": "Success"})
    return answer({"status": "FAILED", "description": stk.description or "System internal error."})


async def _qr(world: World, body: dict[str, Any], fault: Fault | None) -> web.Response:
    """StatusCode 0, or 2 if there is no such till or the amount is no number."""
    given, amount = str(body.get("till", "")), body.get("amount")
    sound = split_reference(given)[0] in world.ncba.by_till and _is_amount(amount)
    if not sound or (fault is not None and fault.kind == "refused"):
        return answer({"StatusDescription": "Failed", "StatusCode": "2", "Base64QrCode": None})
    coded = picture(given, "" if amount is None else str(amount))
    return answer({"StatusDescription": "Success", "StatusCode": "0", "Base64QrCode": coded})


def _is_amount(value: Any) -> bool:
    if value is None:
        return True
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return False
    return not isinstance(value, bool) and amount.is_finite() and amount > 0
