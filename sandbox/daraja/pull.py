"""``/pulltransactions/v1/…``: the payments to a shortcode in the last 48 hours, a thousand rows at a time."""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from sandbox.daraja import errors, ids, msisdn
from sandbox.daraja.gateway import Call
from sandbox.daraja.payments import Payment
from sandbox.routing import answer
from sandbox.world import World

# The portal's own sample has "8:36:00" and "10:10:000".
MOMENT = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2}) (\d{1,2}):(\d{1,2}):(\d{1,3})\Z")
NOTHING = "[[]]"


def invalid_shortcode(world: World, party: str) -> web.Response:
    """How Pull refuses a shortcode that it does not know or that is not registered."""
    return errors.refusal(world, 400, "400.001", "Invalid ShortCode")


async def register(world: World, call: Call) -> web.Response:
    """Make the shortcode known to Pull; in production the answer's key was seen with a space."""
    if call.shortcode.consumer_key != call.consumer_key:
        return invalid_shortcode(world, "ShortCode")
    number, pullers = call.shortcode.number, world.daraja.payments.pullers
    known = number in pullers
    pullers[number] = str(call.body["NominatedNumber"])
    key = str(world.switches.get("daraja.pull_status_key"))
    text = "ShortCode already Registered" if known else "Shortcode Registered Successfully"
    return answer(
        {
            "ResponseRefID": ids.gateway_id(world.random),
            key: "1001" if known else "1000",
            "ShortCode": number,
            "ResponseDescription": text,
        }
    )


async def query(world: World, call: Call) -> web.Response:
    """Answer one page of payments; the offset counts rows."""
    body, payments = call.body, world.daraja.payments
    payments.pulls += 1
    number = call.shortcode.number
    if number not in payments.pullers or call.shortcode.consumer_key != call.consumer_key:
        return invalid_shortcode(world, "ShortCode")
    start, end = moment(body["StartDate"]), moment(body["EndDate"])
    if start is None or end is None or end < start:
        return errors.invalid_field(world, "StartDate" if start is None else "EndDate")
    rows = _between(world, payments.completed.get(number, []), start, end)
    offset, size = int(body["OffSetValue"]), int(world.switches.get("daraja.pull_page"))
    page = rows[offset : offset + size]
    if not page or (call.fault is not None and call.fault.kind == "pull_empty"):
        return _none(world)
    return _answered(world, "1000", [[_row(world, payment) for payment in page]])


def moment(text: str) -> datetime | None:
    """The moment that ``yyyy-M-d H:m:s`` means in Nairobi; None if it is none."""
    found = MOMENT.match(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=ids.NAIROBI).astimezone(UTC)
    except ValueError:
        return None


def _between(world: World, rows: list[Payment], start: datetime, end: datetime) -> list[Payment]:
    """What is older than 48 hours is not told any more."""
    oldest = world.clock.now() - timedelta(hours=world.switches.get("daraja.pull_hours"))
    first = bisect_left(rows, max(start, oldest), key=_completed_at)
    return rows[first : bisect_right(rows, end + timedelta(seconds=1), key=_completed_at)]


def _completed_at(payment: Payment) -> datetime:
    return payment.completed_at or payment.at


def _none(world: World) -> web.Response:
    how = world.switches.get("daraja.pull_none")
    if how == "error":
        return errors.refusal(world, 500, "500", "No transactions found")
    return _answered(world, "1001", NOTHING if how == "text" else [[]])


def _answered(world: World, code: str, response: Any) -> web.Response:
    if world.switches.get("daraja.pull_shape") == "text" and not isinstance(response, str):
        response = json.dumps(response)
    return answer(
        {
            "ResponseRefID": ids.gateway_id(world.random),
            "ResponseCode": code,
            "ResponseMessage": "Success",
            "Response": response,
        }
    )


def _row(world: World, payment: Payment) -> dict[str, Any]:
    till = world.daraja.shortcodes[payment.shortcode].organisation == "till"
    return {
        "transactionId": payment.receipt,
        "trxDate": _trx_date(world, _completed_at(payment)),
        "msisdn": _number(world, payment),
        "sender": payment.name,
        "transactiontype": "c2b-buy-goods-debit" if till else "c2b-pay-bill-debit",
        "billreference": payment.bill_ref,
        "amount": f"{payment.amount:.2f}",
        "organizationname": world.daraja.shortcodes[payment.shortcode].name,
    }


def _trx_date(world: World, at: datetime) -> str:
    """Local time in spite of its Z, unless the switch says otherwise."""
    zone = ids.NAIROBI if world.switches.get("daraja.pull_trxdate") == "local" else UTC
    return at.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%SZ")


def _number(world: World, payment: Payment) -> int | str:
    wanted = world.switches.get("daraja.pull_msisdn")
    if wanted == "short":
        return int(payment.phone.removeprefix("254"))
    if wanted == "full":
        return int(payment.phone)
    registration = world.daraja.payments.registrations.get(payment.shortcode)
    return msisdn.told(
        payment.phone,
        form=world.switches.get("daraja.msisdn_form"),
        version=registration.version if registration else "v2",
        receipt=payment.receipt,
    )
