"""Unguessable tokens for callback paths, made from an id and a key, so that none has to be stored.

A token is hex (a random base64 one could hold a word that Daraja forbids): 32 digits of the row's id, 4 of
its version, and 40 of an HMAC over purpose, id and version. Keys are derived from `VAULT_ENCRYPTION_KEYS`,
and a token made with any of them is good, so that keys can be rotated while callbacks are under way.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

_SHAPE = re.compile(r"[0-9a-f]{76}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom a good token names. The caller decides which versions it still honours."""

    id: UUID
    version: int


def make(purpose: str, row_id: UUID, *, version: int = 0) -> str:
    body = f"{row_id.hex}{version:04x}"
    return body + _mac(settings.VAULT_ENCRYPTION_KEYS[0], purpose, body)


def read(purpose: str, token: str) -> Subject | None:
    """Return whom the token names, or None for anything that we did not make for this purpose."""
    if not _SHAPE.fullmatch(token):
        return None
    body, mac = token[:36], token[36:]
    good = [hmac.compare_digest(mac, _mac(key, purpose, body)) for key in settings.VAULT_ENCRYPTION_KEYS]
    return Subject(id=UUID(hex=body[:32]), version=int(body[32:], 16)) if any(good) else None


def _mac(key: str, purpose: str, body: str) -> str:
    return hmac.new(b"callback:" + key.encode(), f"{purpose}|{body}".encode(), hashlib.sha256).hexdigest()[
        :40
    ]
