"""The partnerID family (Advanta, Celcom, TextSMS, …) at ``/partner-id/api/services/…``."""

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
    body_fields,
    parameters,
    send,
)
from sandbox.damza.state import Account, same
from sandbox.damza.ultimate import subject_of
from sandbox.faults import Fault
from sandbox.routing import answer, html
from sandbox.world import World

CODES = {
    AUTH: 1006,
    BAD_NUMBER: 1003,
    NO_COVERAGE: 1002,
    NO_CREDIT: 1004,
    BAD_SENDER: 1001,
    TEMPORARY: 1005,
    SPAM: 4090,
}
TEXTS = {
    200: "Success",
    1000: "Success",
    1001: "Invalid sender id",
    1002: "Network not allowed",
    1003: "Invalid mobile number",
    1004: "Low bulk credits",
    1005: "Failed. System error",
    1006: "Invalid credentials",
    1008: "No Delivery Report",
    1012: "Too many messages in list",
    4090: "Internal Error. Try again after 5 minutes",
    4091: "No Partner ID is Set",
    4092: "No API KEY Provided",
    4093: "Details not found",
}
MOST_IN_LIST = 1000
REPORT_NUMBERS = {"DeliveredToTerminal": 32}
Fields = dict[str, str]


async def send_one(world: World, request: web.Request) -> web.Response:
    """``/sendsms/`` (and ``/sendotp/``): one message."""
    fields = await parameters(request)
    fault = _fault(world, fields)
    if fault is not None and fault.kind == "html_200":
        return html("<html><body>Service</body></html>", 200)
    account = _account(world, fields)
    if isinstance(account, int):
        return _error(world, account, fields)
    item = _send(world, fields, account, fault)
    if fault is not None and fault.kind == "plain_text":
        return web.Response(text="Success")
    if "messageid" not in item and world.switches.get("damza.partner_errors") == "flat":
        return answer(item)
    return answer({"responses": [item]})


async def send_bulk(world: World, request: web.Request) -> web.Response:
    """``/sendbulk/``: a list of messages, each with its own answer."""
    given = (await body_fields(request)).get("smslist")
    items = [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []
    if len(items) > MOST_IN_LIST:
        return _error(world, 1012, {})
    answers = []
    for item in items:
        fields = {name: str(value) for name, value in item.items()}
        account = _account(world, fields)
        if isinstance(account, int):
            answers.append(_item(world, account, fields))
        else:
            answers.append(_send(world, fields, account, _fault(world, fields)))
    return answer({"responses": answers})


async def delivery_report(world: World, request: web.Request) -> web.Response:
    """``/getdlr/``: what became of one message."""
    fields = await parameters(request)
    account = _account(world, fields)
    if isinstance(account, int):
        return _error(world, account, fields)
    message = world.damza.message(fields.get("messageID", ""))
    if message is None or message.api_key != account.api_key:
        return _error(world, 1008, fields)
    now = world.clock.now()
    status = message.status(now)
    return answer(
        {
            "response-code": 200,
            "message-id": message.id,
            "response-description": "Success",
            "delivery-status": REPORT_NUMBERS.get(status, 1),
            "delivery-description": status,
            "delivery-tat": f"{(now - message.at).total_seconds():.0f}",
            "delivery-networkid": "1",
            "delivery-time": now.strftime("%Y-%m-%d %H:%M:%S"),
        }
    )


async def balance(world: World, request: web.Request) -> web.Response:
    """``/getbalance/``."""
    fields = await parameters(request)
    account = _account(world, fields)
    if isinstance(account, int):
        return _error(world, account, fields)
    return answer(
        {"response-code": 200, "credit": f"{account.credits:.2f}", "partner-id": account.partner_id}
    )


def _fault(world: World, fields: Fields) -> Fault | None:
    return world.faults.pick("damza", "send", subject_of("partner_id", fields)) if world.faults else None


def _account(world: World, fields: Fields) -> Account | int:
    """The account, or the code with which it is refused."""
    if not fields.get("partnerID"):
        return 4091
    if not fields.get("apikey"):
        return 4092
    account = world.damza.account(fields["apikey"])
    if account is None:
        return 1006
    return account if same(account.partner_id, fields["partnerID"]) else 4093


def _send(world: World, fields: Fields, account: Account, fault: Fault | None) -> dict[str, Any]:
    wanted = Wanted(
        gateway="partner_id",
        account=account,
        sender=fields.get("shortcode", ""),
        to=fields.get("mobile", ""),
        text=fields.get("message", ""),
        reference=fields.get("clientsmsid", ""),
    )
    try:
        message = send(world, wanted, fault)
    except Refused as refused:
        code = refused.code if fault is not None and fault.kind == "code" else None
        return _item(world, int(code or CODES[refused.reason]), fields)
    success = int(world.switches.get("damza.partner_success"))
    item = _item(world, success, fields) | {"mobile": int(message.to), "messageid": message.id}
    client_id = {"clientsmsid": fields["clientsmsid"]} if fields.get("clientsmsid") else {}
    return item | client_id | {"networkid": "1"}


def _item(world: World, code: int, fields: Fields) -> dict[str, Any]:
    return {
        str(world.switches.get("damza.response_key")): code,
        "response-description": TEXTS.get(code, "Failed"),
        "mobile": fields.get("mobile", ""),
    }


def _error(world: World, code: int, fields: Fields) -> web.Response:
    item = _item(world, code, fields)
    flat = world.switches.get("damza.partner_errors") == "flat"
    return answer(item if flat else {"responses": [item]})
