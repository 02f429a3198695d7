"""AirTouch: ``/airtouch/sms/api/`` and its balance, the password being the MD5 of the key."""

from __future__ import annotations

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
from sandbox.damza.state import Account, same
from sandbox.damza.ultimate import subject_of
from sandbox.routing import answer, html
from sandbox.world import World

CODES = {
    AUTH: "1006",
    BAD_NUMBER: "1003",
    NO_COVERAGE: "1003",
    NO_CREDIT: "1004",
    BAD_SENDER: "1001",
    TEMPORARY: "1009",
    SPAM: "1009",
}
TEXTS = {
    "1000": "SUCCESS",
    "1001": "INCORRECT SENDER NAME",
    "1003": "INVALID PHONE NUMBER",
    "1004": "SMS BALANCE DEPLETED",
    "1006": "INVALID CREDENTIALS",
    "1011": "INVALID USER",
}


async def sms(world: World, request: web.Request) -> web.Response:
    """Send one message."""
    fields = await parameters(request)
    fault = world.faults.pick("damza", "send", subject_of("airtouch", fields)) if world.faults else None
    if fault is not None and fault.kind == "html_200":
        return html("<html><body>Service</body></html>", 200)
    account = _account(world, fields)
    if isinstance(account, str):
        return _status(account, fields)
    wanted = Wanted(
        gateway="airtouch",
        account=account,
        sender=fields.get("issn", ""),
        to=fields.get("msisdn", ""),
        text=fields.get("text", ""),
        reference=fields.get("sms_id", ""),
    )
    try:
        message = send(world, wanted, fault)
    except Refused as refused:
        code = refused.code if fault is not None and fault.kind == "code" else None
        return _status(code or CODES[refused.reason], fields)
    if fault is not None and fault.kind == "plain_text":
        return web.Response(text="OK")
    return _status("1000", fields, message_id=str(message.id))


async def balance(world: World, request: web.Request) -> web.Response:
    """The account's credits."""
    fields = await parameters(request)
    account = _account(world, fields)
    if isinstance(account, str):
        return _status(account, fields)
    return answer({str(world.switches.get("damza.airtouch_balance_key")): float(account.credits)})


def _account(world: World, fields: dict[str, str]) -> Account | str:
    """The account, or the code with which it is refused."""
    account = world.damza.account_of_user(fields.get("username", ""))
    if account is None:
        return "1011"
    return account if same(account.password_md5, fields.get("password", "").lower()) else "1006"


def _status(code: str, fields: dict[str, str], **more: str) -> web.Response:
    body: dict[str, Any] = {
        "message_id": "",
        "mobile_number": fields.get("msisdn", ""),
        "status_code": code,
        "status_desc": TEXTS.get(code, "FAILED"),
    }
    return answer(body | more)
