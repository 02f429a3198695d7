"""Delivery reports as providers push them: JSON or a form, each with its own names and words."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

from sms import africastalking, gateways, partner_id
from sms.gateways import Report

_IDS = ("messageid", "message_id", "message-id", "id")
_WORDS = ("delivery-description", "description", "delivery_status", "status")
_FINAL: Mapping[str, tuple[frozenset[str], frozenset[str]]] = MappingProxyType(  # kind: delivered, failed
    {
        "africastalking": (africastalking.DELIVERED, africastalking.UNDELIVERED),
        "partner_id": (gateways.DELIVERED, partner_id.UNDELIVERED),
        "ultimate_sms": (gateways.DELIVERED, gateways.UNDELIVERED),
        "airtouch": (gateways.DELIVERED, gateways.UNDELIVERED),
    }
)


def parse(kind: str, body: str) -> Report | None:
    """Read a pushed report of a provider of this kind, or None when it names no message or says nothing."""
    fields = _fields(body)
    message_id, words = gateways.first(fields, *_IDS), gateways.first(fields, *_WORDS)
    if not message_id or not words:
        return None
    delivered, failed = _FINAL[kind]
    reason = gateways.first(fields, "failureReason")
    return Report(
        message_id=message_id[:100],
        fate=gateways.fate(words, delivered=delivered, failed=failed),
        words=(f"{words}: {reason}" if reason else words)[:100],
    )


def _fields(body: str) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return dict(parse_qsl(body))
    return parsed if isinstance(parsed, dict) else {}
