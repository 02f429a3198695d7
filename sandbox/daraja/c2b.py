"""``/mpesa/c2b/v1|v2/registerurl`` and ``/simulate``: where a paybill is told, and a payment for testing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from aiohttp import web

from sandbox.daraja import errors, ids
from sandbox.daraja.c2b_paying import begin, carry_out
from sandbox.daraja.gateway import Call, Work, not_taken
from sandbox.daraja.paying import MOBILE
from sandbox.daraja.payments import Registration
from sandbox.faults import Fault
from sandbox.routing import answer
from sandbox.world import World

SOAP_FAULT = {
    "Envelope": {
        "Body": {
            "Fault": {
                "faultcode": "soap:Server",
                "faultstring": "Execution of ServiceCallout SCO-AddURLVault failed."
                " Reason: ResponseCode 409 is treated as error",
            }
        }
    }
}


def registering(version: str) -> Work:
    """The work of ``registerurl`` in one version; the version decides how payers' numbers are told."""

    async def register(world: World, call: Call) -> web.Response:
        if world.switches.get("daraja.c2b_product") not in ("both", version):
            return errors.no_product(world)
        if call.shortcode.consumer_key != call.consumer_key:
            return errors.invalid_field(world, "ShortCode")
        refused = _refusal(world, call)
        if refused is not None:
            return refused
        body = call.body
        world.daraja.payments.registrations[call.shortcode.number] = Registration(
            shortcode=call.shortcode.number,
            version=version,
            response_type=body["ResponseType"],
            confirmation_url=body["ConfirmationURL"],
            validation_url=body["ValidationURL"],
        )
        world.tell("daraja", f"addresses of {call.shortcode.number} registered, {version}")
        return answer(_registered(world, version))

    return register


def _refusal(world: World, call: Call) -> web.Response | None:
    fault: Fault | None = call.fault
    if fault is not None and fault.kind == "response_code":
        return not_taken(world, fault)
    if fault is not None and fault.kind == "soap_fault":
        return answer(SOAP_FAULT, 500)
    if fault is not None and fault.kind == "duplicate_notification":
        text = "Duplicate notification info, SP ID is 107031, correlator is 1070310001"
        return errors.refusal(world, 500, "500.003.1001", text)
    known = call.shortcode.number in world.daraja.payments.registrations
    if known and world.switches.get("daraja.c2b_overwrite") == "off":
        return errors.refusal(world, 500, "500.003.1001", "Urls are already registered.")
    return None


def _registered(world: World, version: str) -> dict[str, Any]:
    """The key of the id lacks an "n" at Safaricom's; the oldest answers had no ``ResponseCode``."""
    text = "success" if version == "v1" else "Success"
    made = {"OriginatorCoversationID": ids.gateway_id(world.random)}
    if world.switches.get("daraja.c2b_register_answer") == "old":
        return made | {"ConversationID": "", "ResponseDescription": text}
    return made | {"ResponseCode": "0", "ResponseDescription": text}


async def simulate(world: World, call: Call) -> web.Response:
    """A payment for testing; Safaricom offers this on its own sandbox only."""
    if world.switches.get("daraja.c2b_simulate") == "off":
        return errors.refusal(world, 404, "404.001.01", "Resource not found")
    if call.fault is not None and call.fault.kind == "response_code":
        return not_taken(world, call.fault)
    body, paybill = call.body, call.body["CommandID"] == "CustomerPayBillOnline"
    if paybill is (call.shortcode.organisation == "till"):
        return errors.invalid_field(world, "CommandID")
    phone = str(body["Msisdn"])
    if not MOBILE.match(phone):
        return errors.invalid_field(world, "Msisdn")
    payment = begin(
        world,
        shortcode=call.shortcode,
        phone=phone,
        amount=Decimal(str(body["Amount"])),
        bill_ref=str(body.get("BillRefNumber") or ""),
        channel="simulate",
    )
    world.later(world.latencies.sample("daraja.c2b_simulate_result"), carry_out, world, payment)
    return answer(
        {
            "OriginatorCoversationID": ids.gateway_id(world.random),
            "ResponseCode": "0",
            "ResponseDescription": "Accept the service request successfully.",
        }
    )
