"""What every address that others call checks before it reads a body: its size, and where it comes from."""

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from common import network

log = structlog.get_logger("callbacks")


def refused(request: HttpRequest, kind: str) -> HttpResponse | None:
    """Refuse what is too large, or comes from an address that is not allowed where that is enforced."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > settings.CALLBACK_MAX_BYTES:
        return refuse("size", kind, 413)
    if settings.CALLBACK_IP_MODE != "off" and settings.CALLBACK_IP_ALLOWLIST:
        address = network.client_address(request)
        if not network.on_allowlist(address):
            if settings.CALLBACK_IP_MODE == "enforce":
                return refuse("address", kind, 404)
            log.warning("caller not on the list", kind=kind, address=address)
    return None


def refuse(reason: str, kind: str, status: int) -> HttpResponse:
    """Answer with an empty page, and log why without the address that was called (it holds the token)."""
    log.warning("callback refused", kind=kind, reason=reason)
    return HttpResponse(status=status)
