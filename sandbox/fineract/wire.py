"""How Fineract writes values: decimals with six places, dates as arrays or text, nulls left out."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

Json = dict[str, Any]
DateShape = Callable[[date | None], Any]

# A Decimal travels through the C encoder as a marked string; the mark and quotes are then taken off,
# because the encoder itself can only write floats in their shortest form.
_MARK = "\ue000"
_MARKED = re.compile(r'"\\ue000([^"]*)"')


def _mark(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{_MARK}{value:.6f}"
    raise TypeError(f"{type(value).__name__} has no place in an answer")


_ENCODE = json.JSONEncoder(default=_mark, separators=(",", ":")).encode


def dumps(value: Any) -> str:
    """Write JSON with every Decimal as a bare number with six places (DECIMAL(19,6))."""
    text = _ENCODE(value)
    return _MARKED.sub(r"\1", text) if "\\ue000" in text else text


def as_array(day: date | None) -> list[int] | None:
    """Write a date as Gson does."""
    return None if day is None else [day.year, day.month, day.day]


def as_text(day: date | None) -> str | None:
    """Write a date as Jackson does."""
    return None if day is None else day.isoformat()


def without_nulls(value: Json) -> Json:
    """Drop keys without a value at the top level, as Gson does."""
    return {key: item for key, item in value.items() if item is not None}


def only(value: Json, fields: frozenset[str] | None) -> Json:
    """Keep the asked fields; None keeps all."""
    return value if fields is None else {key: item for key, item in value.items() if key in fields}


def boot_time(at: datetime) -> str:
    """Write a moment as Spring Boot's error JSON does."""
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+00:00"


def iso_time(at: datetime) -> str:
    """Write a moment with Z, as hook deliveries do."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
