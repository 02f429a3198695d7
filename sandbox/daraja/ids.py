"""Ids and times as M-Pesa writes them."""

from __future__ import annotations

import random
from datetime import datetime
from zoneinfo import ZoneInfo

NAIROBI = ZoneInfo("Africa/Nairobi")
RECEIPT_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
DAYS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"


def conversation_id(source: random.Random, at: datetime) -> str:
    """``AG_`` + day + 20 hex digits."""
    return f"AG_{at.astimezone(NAIROBI):%Y%m%d}_{source.getrandbits(80):020x}"


def gateway_id(source: random.Random) -> str:
    """The gateway's own kind of id, such as ``53e3-4aa8-9fe0-8fb5e4092cdd3533373``."""
    bits = source.getrandbits(96)
    head = f"{bits & 0xFFFF:04x}-{bits >> 16 & 0xFFFF:04x}-{bits >> 32 & 0xFFFF:04x}"
    return f"{head}-{bits >> 48:012x}{source.randrange(1_000_000, 10_000_000)}"


def receipt(source: random.Random, at: datetime, number: int) -> str:
    """Ten upper-case letters and digits; the first three are the day, ``number`` makes it unique."""
    local = at.astimezone(NAIROBI)
    tail = "".join(RECEIPT_LETTERS[number // 36**place % 36] for place in (4, 3, 2, 1, 0))
    return _day(local) + "".join(source.choices(RECEIPT_LETTERS, k=2)) + tail


def generic_receipt(at: datetime) -> str:
    """What failed results carry at times: an id that says nothing, such as ``SKE0000000``."""
    return _day(at.astimezone(NAIROBI)) + "0000000"


def _day(local: datetime) -> str:
    return chr(ord("A") + (local.year - 2006) % 26) + chr(ord("A") + local.month - 1) + DAYS[local.day]


def compact(at: datetime) -> str:
    """``yyyyMMddHHmmss``, Nairobi time."""
    return at.astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")


def dotted(at: datetime) -> str:
    """``dd.MM.yyyy HH:mm:ss``, which only B2C results use."""
    return at.astimezone(NAIROBI).strftime("%d.%m.%Y %H:%M:%S")
