"""What every address that others call checks before it reads a body: its size, and where it comes from."""

import time

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


_MOST_COUNTED = 10_000
_counted: dict[str, int] = {}  # address that was called -> how often in this minute, in this process
_minute = 0


def flooded(request: HttpRequest, kind: str) -> HttpResponse | None:
    """Refuse one more of an address that has brought too many of these in this minute, before anything is stored.

    Only for what moves no money: what cannot be read, what carries a wrong password, hints that we would find
    out ourselves. A readable message of M-Pesa or the bank is never counted and never refused, however many
    come: it may be the only word of a payment. A stranger who knows an address is shut out by renewing it.
    """
    global _minute
    now = int(time.monotonic() / 60)
    if now != _minute or len(_counted) >= _MOST_COUNTED:
        _counted.clear()
        _minute = now
    count = _counted[request.path] = _counted.get(request.path, 0) + 1
    if count <= settings.CALLBACK_JUNK_PER_MINUTE:
        return None
    if count == settings.CALLBACK_JUNK_PER_MINUTE + 1:
        log.error("an address is flooded", kind=kind)
    return HttpResponse(status=429)


def refuse(reason: str, kind: str, status: int) -> HttpResponse:
    """Answer with an empty page, and log why without the address that was called (it holds the token)."""
    log.warning("callback refused", kind=kind, reason=reason)
    return HttpResponse(status=status)
