"""Africa's Talking at ``/africastalking/version1/messaging``: a form in, JSON out, HTTP 201."""

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
    africastalking_id,
    parameters,
    send,
)
from sandbox.damza.state import Account, same
from sandbox.damza.ultimate import subject_of
from sandbox.faults import Fault
from sandbox.routing import answer, html
from sandbox.world import World

CODES = {
    AUTH: (401, "RiskHold"),
    BAD_NUMBER: (403, "InvalidPhoneNumber"),
    NO_COVERAGE: (404, "UnsupportedNumberType"),
    NO_CREDIT: (405, "InsufficientBalance"),
    BAD_SENDER: (402, "InvalidSenderId"),
    TEMPORARY: (501, "GatewayError"),
    SPAM: (502, "RejectedByGateway"),
}


async def messaging(world: World, request: web.Request) -> web.Response:
    """Send to one or several phones."""
    fields = await parameters(request)
    fault = world.faults.pick("damza", "send", subject_of("africastalking", fields)) if world.faults else None
    if fault is not None and fault.kind == "html_200":
        return html("<html><body>Service</body></html>", 200)
    key = request.headers.get("apiKey", "")
    account = world.damza.account(key)
    if account is None or not same(account.username, fields.get("username", "")):
        return web.Response(status=401, text="The supplied authentication is invalid")
    if not fields.get("to") or not fields.get("message"):
        return web.Response(status=400, text="Request is missing required form field 'to'")
    recipients = [_send(world, account, fields, to, fault) for to in fields["to"].split(",")]
    if fault is not None and fault.kind == "plain_text":
        return web.Response(text="Sent")
    sent = sum(one["statusCode"] == 101 for one in recipients)
    text = f"Sent to {sent}/{len(recipients)} Total Cost: KES {sent}.0000"
    return answer({"SMSMessageData": {"Message": text, "Recipients": recipients}}, 201)


def _send(
    world: World, account: Account, fields: dict[str, str], to: str, fault: Fault | None
) -> dict[str, Any]:
    wanted = Wanted(
        gateway="africastalking",
        account=account,
        sender=fields.get("from", account.sender_id),
        to=to.strip(),
        text=fields["message"],
    )
    try:
        message = send(world, wanted, fault)
    except Refused as refused:
        code, status = CODES[refused.reason]
        if fault is not None and fault.kind == "code":
            code = int(refused.code or code)
        return {"statusCode": code, "number": to, "status": status, "cost": "0", "messageId": "None"}
    return {
        "statusCode": 101,
        "number": f"+{message.to}",
        "status": "Success",
        "cost": f"KES {message.segments}.0000",
        "messageId": africastalking_id(message),
    }
