"""Who is calling, as far as our own proxies can be trusted."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """Return the caller's address: the connection's, or what our own proxy wrote.

    `TRUSTED_PROXY_HOPS` counts our proxies; only the entry that the outermost of them added to
    `X-Forwarded-For` is believed.
    """
    hops = settings.TRUSTED_PROXY_HOPS
    address = request.META.get("REMOTE_ADDR", "")
    forwarded = [
        part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()
    ]
    if hops and len(forwarded) >= hops:
        address = forwarded[-hops]
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return None


def on_allowlist(address: str | None) -> bool:
    """Whether an address is on `CALLBACK_IP_ALLOWLIST` (addresses and networks); an empty list allows all."""
    networks = [ipaddress.ip_network(entry, strict=False) for entry in settings.CALLBACK_IP_ALLOWLIST]
    return not networks or (
        address is not None and any(ipaddress.ip_address(address) in net for net in networks)
    )
