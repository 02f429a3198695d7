"""The gateway's refusals, in all the shapes that the field has seen."""

from __future__ import annotations

from aiohttp import web

from sandbox.daraja import ids
from sandbox.faults import Fault
from sandbox.routing import answer, html
from sandbox.world import World

SPIKE = "Error Occurred: Spike Arrest Violation"
BUSY = "System is busy. Please try again in few minutes."
INCAPSULA = (
    '<html style="height:100%"><head><META NAME="ROBOTS" CONTENT="NOINDEX, NOFOLLOW"></head>'
    "<body>Request unsuccessful. Incapsula incident ID: {number}</body></html>"
)


def refusal(world: World, status: int, code: str, message: str) -> web.Response:
    """The gateway's usual error body."""
    body = {"requestId": ids.gateway_id(world.random), "errorCode": code, "errorMessage": message}
    return answer(body, status)


def invalid_field(world: World, field: str) -> web.Response:
    """A field that is missing or wrong."""
    return refusal(world, 400, "400.002.02", f"Bad Request - Invalid {field}")


def invalid_token(world: World, code: str, token: str = "") -> web.Response:
    """A token that is not, or no longer, good: 400, 401 or 404 depending on the API."""
    text = "Invalid Access Token"
    if code.startswith("401.002"):
        text = f"Error Occurred - Invalid Access Token - {token}"
    return refusal(world, int(code[:3]), code, text)


def no_product(world: World) -> web.Response:
    """The app has no such API product, or the wrong version of it."""
    text = "Error Occurred - Invalid Access Token - Invalid API call as no apiproduct match found"
    return refusal(world, 401, "401.003.01", text)


def duplicate(world: World) -> web.Response:
    """The OriginatorConversationID was seen before."""
    return refusal(world, 500, "500.002.1001", "Duplicate OriginatorConversationID.")


def played(world: World, fault: Fault) -> web.Response | None:
    """The answer of a fault that the gateway plays before it looks at the request."""
    kind, params = fault.kind, fault.params
    if kind == "spike_arrest":
        status = int(world.switches.get("daraja.rate_error"))
        return refusal(world, status, "500.003.02", BUSY if params.get("text") == "busy" else SPIKE)
    if kind == "quota":
        return refusal(world, 500, "500.003.03", "Error Occurred: Quota Violation")
    if kind == "maintenance":
        return refusal(
            world, 500, "500.002.1001", "Service is currently under maintenance. Please try again later"
        )
    if kind == "token_404":
        return invalid_token(world, "404.001.03")
    if kind == "product_401":
        return no_product(world)
    if kind == "apigee_fault":
        return answer(APIGEE, int(params.get("status", 500)))
    if kind == "incapsula_html":
        number = f"{world.random.getrandbits(60)}-{world.random.getrandbits(60)}"
        return html(INCAPSULA.format(number=number), int(params.get("status", 503)))
    if kind == "html_200":
        return html("<!DOCTYPE html><html><head><title>Daraja</title></head><body></body></html>", 200)
    if kind == "error_200":
        return refusal(world, 200, "500.003.1001", "Internal Server Error")
    return None


APIGEE = {
    "fault": {
        "faultstring": "Spike arrest violation. Allowed rate : MessageRate{capacity=5, period=Seconds}",
        "detail": {"errorcode": "policies.ratelimit.SpikeArrestViolation"},
    }
}
