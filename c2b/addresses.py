"""The addresses that M-Pesa calls: a token names the shortcode and its version, two of which hold at a time."""

from django.conf import settings

from c2b.reading import collector_of, shortcode_of
from common import tokens
from partners.models import Shortcode

PURPOSE = "c2b"


def address(shortcode: Shortcode, what: str) -> str:
    """Return the address for `validation`, `confirmation` or `pull` of a shortcode."""
    token = tokens.make(PURPOSE, shortcode.pk, version=collector_of(shortcode).token_version)
    return f"{settings.PUBLIC_BASE_URL}/callbacks/c2b/{token}/{what}"


def called(token: str) -> Shortcode | None:
    """Return the shortcode whose address was called, or None.

    The address before the last change stays good: M-Pesa's can only be changed by hand, on the portal.
    """
    subject = tokens.read(PURPOSE, token)
    shortcode = shortcode_of(subject.id) if subject else None
    if subject is None or shortcode is None:
        return None
    newest = collector_of(shortcode).token_version
    return shortcode if subject.version in (newest, newest - 1) else None
