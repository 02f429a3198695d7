"""References and times as NCBA writes them; each interface has its own format."""

from __future__ import annotations

from datetime import date, datetime

from sandbox.daraja.ids import NAIROBI

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PLACES = 36**5
STRIDE = 28_999_957  # shares no factor with 36, so that each number gives another tail


def core_reference(at: datetime, number: int) -> str:
    """The core banking reference, such as ``FT26154ABCDE``: year, day of the year, five letters or digits."""
    mixed = number * STRIDE % PLACES
    tail = "".join(LETTERS[mixed // 36**place % 36] for place in (4, 3, 2, 1, 0))
    return f"FT{at.astimezone(NAIROBI):%y%j}{tail}"


def push_b_time(at: datetime) -> str:
    """``yyyyMMddHHmmss``, East Africa Time."""
    return at.astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")


def push_c_time(at: datetime) -> str:
    """``yyMMddHHmm``, East Africa Time."""
    return at.astimezone(NAIROBI).strftime("%y%m%d%H%M")


def statement_day(at: datetime) -> str:
    """``ddMMyyyy``."""
    return at.astimezone(NAIROBI).strftime("%d%m%Y")


def status_time(at: datetime) -> str:
    """``M/d/yyyy h:mm:ss AM``, which only the status query uses."""
    local = at.astimezone(NAIROBI)
    return f"{local.month}/{local.day}/{local.year} {local.hour % 12 or 12}:{local:%M:%S %p}"


def day_of(text: str) -> date:
    """The day in ``ddMMyyyy``.

    :raises ValueError: not such a day
    """
    if len(text) != 8 or not text.isdecimal():
        raise ValueError(f"ddMMyyyy expected, not {text!r}")
    return date(int(text[4:]), int(text[2:4]), int(text[:2]))
