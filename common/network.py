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


def is_public(address: str) -> bool:
    """Whether an IP address is out in the Internet: no private, shared, local, multicast or translated one.

    IPv6 forms that carry an IPv4 address (mapped, NAT64, 6to4, Teredo) count as what they carry.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = [found.ipv4_mapped, found.sixtofour, *(found.teredo or ())]
        if found in _NAT64:
            inner.append(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF))
        if any(one is not None and not is_public(str(one)) for one in inner):
            return False
        if found.ipv4_mapped is not None:
            return True
    return found.is_global and not found.is_multicast


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_private_literal(host: str) -> bool:
    """Whether a host is written as an address that is not public, or as this machine."""
    try:
        return not is_public(host)
    except ValueError:
        return host.rstrip(".").lower().endswith("localhost") or not host
