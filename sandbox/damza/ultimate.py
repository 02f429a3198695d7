"""Damza itself: the "Ultimate SMS" script at ``/damza/sms/api``. Every answer is HTTP 200."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from aiohttp import web

from sandbox.damza.sending import (
    AUTH,
    BAD_NUMBER,
    BAD_SENDER,
    NO_COVERAGE,
    NO_CREDIT,
    SPAM,
    TEMPORARY,
    Refused,
    Wanted,
    parameters,
    send,
)
from sandbox.damza.state import Account
from sandbox.faults import Fault
from sandbox.routing import html
from sandbox.world import World

CODES = {
    AUTH: "102",
    BAD_NUMBER: "103",
    NO_COVERAGE: "104",
    NO_CREDIT: "105",
    BAD_SENDER: "106",
    TEMPORARY: "108",
    SPAM: "111",
}
TEXTS = {
    "100": "Bad gateway requested",
    "101": "Wrong action",
    "102": "Authentication failed",
    "103": "Invalid phone number",
    "104": "Phone coverage not active",
    "105": "Insufficient balance",
    "106": "Invalid Sender ID",
    "107": "Invalid SMS Type",
    "108": "SMS Gateway not active",
    "109": "Invalid Schedule Time",
    "110": "Media url required",
    "111": "SMS contain spam word. Wait for approval",
}
Fields = dict[str, str]


async def api(world: World, request: web.Request) -> web.Response:
    """All actions of the script."""
    fields = await parameters(request)
    fault = world.faults.pick("damza", "send", subject_of("ultimate_sms", fields)) if world.faults else None
    if fault is not None and fault.kind == "html_200":
        return html("<html><body><b>Warning</b>: Undefined index in <b>Sms.php</b></body></html>", 200)
    action = fields.get("action")
    if action not in ("send-sms", "check-balance", "get-inbox", "check-getdlr"):
        return _error(fields, "101")
    account = world.damza.account(fields.get("api_key", ""))
    if account is None:
        return _error(fields, "102" if fields.get("api_key") else "100")
    if action == "check-balance":
        return _balance(fields, account)
    if action == "get-inbox":
        return _answer(fields, {"code": "ok", "message": "Inbox", "data": []})
    if action == "check-getdlr":
        return _report(world, fields)
    return _send(world, fields, account, fault)


def subject_of(gateway: str, fields: Fields) -> dict[str, object]:
    """What a rule's ``match`` may look at."""
    to = fields.get("to") or fields.get("msisdn") or fields.get("mobile")
    key = fields.get("api_key") or fields.get("apikey")
    return {"gateway": gateway, "to": to, "api_key": key, "action": fields.get("action")}


def _send(world: World, fields: Fields, account: Account, fault: Fault | None) -> web.Response:
    wrong = _wrong_request(fields)
    if wrong is not None:
        return _error(fields, wrong)
    wanted = Wanted(
        gateway="ultimate_sms",
        account=account,
        sender=fields["from"],
        to=fields["to"],
        text=fields["sms"],
    )
    try:
        message = send(world, wanted, fault)
    except Refused as refused:
        return _error(fields, refused.code or CODES[refused.reason])
    if fault is not None and fault.kind == "plain_text":
        return web.Response(text="SMS queued")
    code = world.switches.get("damza.success_code")
    body: dict[str, Any] = {"code": code, "message": "Successfully Send"}
    if world.switches.get("damza.message_id") == "on":
        body |= {"balance": str(account.credits), "message_id": message.id, "recipient": message.to}
    return _answer(fields, body)


def _wrong_request(fields: Fields) -> str | None:
    if not all(fields.get(name) for name in ("to", "from", "sms")):
        return "100"
    if fields.get("unicode", "0") not in ("0", "1"):
        return "107"
    if fields.get("schedule") and not _is_time(fields["schedule"]):
        return "109"
    return "110" if fields.get("mms") == "1" and not fields.get("media_url") else None


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _balance(fields: Fields, account: Account) -> web.Response:
    if fields.get("response") != "json":
        return web.Response(text=str(account.credits))
    return _answer(fields, {"balance": f"{account.credits:.2f}"})


def _report(world: World, fields: Fields) -> web.Response:
    message = world.damza.message(fields.get("messageid", ""))
    if message is None:
        return _error(fields, "100")
    status = message.status(world.clock.now())
    return _answer(fields, {"code": "200", "message_id": message.id, "status": status})


def _error(fields: Fields, code: str) -> web.Response:
    return _answer(fields, {"code": code, "message": TEXTS.get(code, "Unknown error")})


def _answer(fields: Fields, body: dict[str, Any]) -> web.Response:
    """The script echoes JSON either way; only with ``response=json`` does it say so."""
    kind = "application/json" if fields.get("response") == "json" else "text/html"
    return web.Response(text=json.dumps(body), content_type=kind)
