"""Where a Mifos server may live, and one spelling for each place, so that no tenant is connected twice."""

import re
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

_DEFAULT_PORTS = {"https": 443, "http": 80}
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")


def origin(text: str) -> str:
    """Return a host URL in its one spelling: `https://kilimo.example:8443`.

    :raises ValidationError: not an origin, or plain http where it is not allowed (`ALLOW_PRIVATE_HOSTS`)
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise ValidationError("This is not a web address.") from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValidationError("Write the whole address, such as https://kilimo.example:8443.")
    if parts.username is not None or parts.password is not None:
        raise ValidationError("Name and password do not belong into the address.")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValidationError("Only the host belongs here; the path goes into the API endpoint.")
    if parts.scheme == "http" and not settings.ALLOW_PRIVATE_HOSTS:
        raise ValidationError("The address must begin with https://.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname.rstrip(".")
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != _DEFAULT_PORTS[parts.scheme] else "")


def endpoint(text: str) -> str:
    """Return an API path in its one spelling: a leading slash, none at the end.

    :raises ValidationError: not a plain path
    """
    path = "/" + text.strip().strip("/")
    if not _PATH.fullmatch(path) or ".." in path.split("/") or "." in path.split("/"):
        raise ValidationError("Write a plain path, such as /fineract-provider/api/v1.")
    return path
