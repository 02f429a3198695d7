"""Daraja's three ways to write a moment, all in East Africa Time."""

import re
from datetime import UTC, datetime, timedelta, timezone

EAT = timezone(timedelta(hours=3), "EAT")  # no daylight saving; by practice, Safaricom names no zone

_FORMATS = (
    (re.compile(r"\d{2}\.\d{2}\.\d{4} \d{2}:\d{2}:\d{2}", re.ASCII), "%d.%m.%Y %H:%M:%S"),  # B2C results
    (re.compile(r"\d{14}", re.ASCII), "%Y%m%d%H%M%S"),  # everything else, as text or number
)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})?", re.ASCII)


def read_time(text: str) -> datetime | None:
    """Read a moment as aware UTC, or None when it is in none of the three formats.

    Pull's `2020-08-05T10:13:00Z` is taken as local time in spite of its `Z`; an explicit offset is believed.
    """
    text = text.strip()
    try:
        for shape, layout in _FORMATS:
            if shape.fullmatch(text):
                return datetime.strptime(text, layout).replace(tzinfo=EAT).astimezone(UTC)
        if _ISO.fullmatch(text):
            moment = datetime.fromisoformat(text.removesuffix("Z"))
            return (moment if moment.tzinfo else moment.replace(tzinfo=EAT)).astimezone(UTC)
    except (ValueError, OverflowError):  # 31 February; or the year 1, which has no three hours before it
        return None
    return None
