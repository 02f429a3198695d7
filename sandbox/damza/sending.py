"""What all gateways do with a message: check it, charge it, keep it, report on it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from aiohttp import web

from sandbox.damza.segments import size
from sandbox.damza.state import Account, Message
from sandbox.faults import Fault
from sandbox.world import World

MAGIC_CODE = "2547999901"  # + nn: code 1nn
MAGIC_REPORT = "2547999902"  # + nn
LATE_SECONDS = 4 * 3600.0
REPORTS: Mapping[int, tuple[str, str]] = {  # nn: (what the report says, how it comes)
    1: ("AbsentSubscriber", "report_late"),
    2: ("DeliveryImpossible", ""),
    3: ("SenderName Blacklisted", ""),
    4: ("SentToNetwork", "report_never"),
    5: ("Unknown", ""),
    6: ("DeliveredToTerminal", "report_late"),
    7: ("DeliveredToTerminal", "report_twice"),
    8: ("DeliveredToTerminal", "report_order"),
}
DELIVERED = "DeliveredToTerminal"
PHONE = re.compile(r"254[17][0-9]{8}\Z")

# What can be wrong, in the words of the adapter's classes; each gateway has its own codes for them.
AUTH, BAD_NUMBER, NO_COVERAGE = "auth", "bad_number", "no_coverage"
NO_CREDIT, BAD_SENDER, TEMPORARY, SPAM = "no_credit", "bad_sender", "temporary", "spam"
MAGIC_REFUSALS: Mapping[int, str] = {
    2: AUTH,
    3: BAD_NUMBER,
    4: NO_COVERAGE,
    5: NO_CREDIT,
    6: BAD_SENDER,
    8: TEMPORARY,
    11: SPAM,
}


class Refused(Exception):
    """The gateway does not take the message; ``code`` overrides the gateway's own code."""

    def __init__(self, reason: str, code: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.code = reason, code


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A message that somebody wants sent."""

    gateway: str
    account: Account
    sender: str
    to: str
    text: str
    reference: str = ""


async def parameters(request: web.Request) -> dict[str, str]:
    """Query, form and JSON fields in one."""
    given: dict[str, Any] = {**request.query, **await body_fields(request)}
    return {name: str(value) for name, value in given.items()}


async def body_fields(request: web.Request) -> dict[str, Any]:
    """The fields of a JSON object or a form; nothing if it is neither."""
    if request.method != "POST":
        return {}
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.read())
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


def canonical(phone: str) -> str:
    """Twelve digits, or the text as it is where it cannot be a Kenyan mobile number."""
    digits = re.sub(r"[\s+-]", "", phone)
    if digits.startswith("0"):
        digits = "254" + digits[1:]
    return digits if PHONE.match(digits) else phone


def send(world: World, wanted: Wanted, fault: Fault | None) -> Message:
    """Take a message and its price.

    :raises Refused: not taken, nothing charged
    """
    to = canonical(wanted.to)
    _check(world, wanted, to, fault)
    counted = size(wanted.text)
    price = Decimal(_billed(world, wanted.text, counted.segments))
    if wanted.account.credits < price:
        raise Refused(NO_CREDIT)
    wanted.account.credits -= price
    message = _keep(world, wanted, to, counted.segments, counted.encoding, fault)
    world.tell("damza", f"SMS to {to}: {wanted.text}")
    return message


def _check(world: World, wanted: Wanted, to: str, fault: Fault | None) -> None:
    if fault is not None and fault.kind == "code":
        raise Refused(TEMPORARY, str(fault.params.get("code", "108")))
    if not PHONE.match(to):
        raise Refused(BAD_NUMBER)
    if wanted.sender != wanted.account.sender_id:  # sender IDs are case-sensitive
        raise Refused(BAD_SENDER)
    number = _magic(world, to, MAGIC_CODE)
    if number is not None and 0 <= number <= 11:
        raise Refused(MAGIC_REFUSALS.get(number, TEMPORARY), f"1{number:02}")


def _magic(world: World, to: str, start: str) -> int | None:
    return int(to[10:]) if to.startswith(start) and world.switches.get("damza.magic") == "on" else None


def _billed(world: World, text: str, segments: int) -> int:
    """Some servers count ``ceil(length / 160)``, which is too little from 307 letters on."""
    if world.switches.get("damza.billing") == "ceil160":
        return max(1, math.ceil(len(text) / 160))
    return segments


def _keep(
    world: World, wanted: Wanted, to: str, segments: int, encoding: str, fault: Fault | None
) -> Message:
    number = _magic(world, to, MAGIC_REPORT)
    outcome, manner = REPORTS.get(number or 0, (DELIVERED, ""))
    if fault is not None and fault.kind.startswith("report_"):
        outcome, manner = str(fault.params.get("status", outcome)), fault.kind
    now = world.clock.now()
    delay = world.latencies.sample("damza.delivery")
    if manner == "report_late":
        delay = fault.seconds(LATE_SECONDS) if fault is not None else LATE_SECONDS
    message = Message(
        id=len(world.damza.messages) + 1,
        gateway=wanted.gateway,
        api_key=wanted.account.api_key,
        sender=wanted.sender,
        to=to,
        text=wanted.text,
        segments=segments,
        encoding=encoding,
        at=now,
        reference=wanted.reference,
        outcome=outcome,
        reported_at=None if manner == "report_never" else now + timedelta(seconds=delay),
    )
    world.damza.messages.append(message)
    if wanted.account.callback_url and manner != "report_never":
        world.later(delay, _report, world, message, wanted.account.callback_url, manner)
    return message


async def _report(world: World, message: Message, url: str, manner: str) -> None:
    """Push the delivery report, in the manner of the gateway."""
    statuses = [message.outcome]
    if manner == "report_twice":
        statuses.append(message.outcome)
    elif manner == "report_order":
        statuses.append("SentToNetwork")  # the earlier state comes after the final one
    for status in statuses:
        if message.gateway == "africastalking":
            await world.call("POST", url, data=_africastalking_form(message, status))
        else:
            await world.call("POST", url, json=_partner_body(world, message, status))


def _partner_body(world: World, message: Message, status: str) -> dict[str, Any]:
    now = world.clock.now()
    taken = int((now - message.at).total_seconds())
    return {"description": status, "messageid": message.id, "timeTaken": taken, "timestamp": now.isoformat()}


AFRICASTALKING_STATUS = {
    DELIVERED: "Success",
    "SentToNetwork": "Sent",
    "SenderName Blacklisted": "Rejected",
}
AFRICASTALKING_REASON = {
    "SenderName Blacklisted": "UserInBlacklist",
    "AbsentSubscriber": "AbsentSubscriber",
    "DeliveryImpossible": "DeliveryFailure",
    "Unknown": "DeliveryFailure",
}


def _africastalking_form(message: Message, status: str) -> dict[str, str]:
    form = {
        "id": africastalking_id(message),
        "status": AFRICASTALKING_STATUS.get(status, "Failed"),
        "phoneNumber": f"+{message.to}",
        "networkCode": "63902",
    }
    reason = AFRICASTALKING_REASON.get(status)
    return form if reason is None else form | {"failureReason": reason}


def africastalking_id(message: Message) -> str:
    """Africa's Talking's kind of id."""
    return f"ATXid_{message.id:08}"
