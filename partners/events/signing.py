"""Signatures of webhooks (Standard Webhooks: symmetric, `v1`). Pure."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime

PREFIX = "whsec_"
BYTES = 32


def new_secret() -> str:
    """Make a secret as the standard writes it: `whsec_` and Base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(BYTES)).decode()


def headers(*, message_id: str, at: datetime, body: bytes, keys: Iterable[str]) -> dict[str, str]:
    """Return the headers that prove a message: its id, its moment, and one signature for each secret.

    The receiver takes the message if any of the signatures fits, so that a secret can be replaced at leisure.
    """
    moment = str(int(at.timestamp()))
    signed = f"{message_id}.{moment}.".encode() + body
    signatures = " ".join(f"v1,{_sign(key, signed)}" for key in keys)
    return {"webhook-id": message_id, "webhook-timestamp": moment, "webhook-signature": signatures}


def _sign(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
