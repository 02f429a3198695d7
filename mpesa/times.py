"""Daraja's three ways to write a moment, all in East Africa Time."""

import re
from datetime import UTC, datetime, timedelta, timezone

EAT = timezone(timedelta(hours=3), "EAT")  # no daylight saving; by practice, Safaricom names no zone

_IN_B2C_RESULTS = re.compile(r"\d{2}\.\d{2}\.\d{4} \d{2}:\d{2}:\d{2}", re.ASCII)
_COMPACT = re.compile(
    r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)", re.ASCII
)  # everything else, as text or number
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})?", re.ASCII)


def read_time(text: str) -> datetime | None:
    """Read a moment as aware UTC, or None when it is in none of the three formats.

    Pull's `2020-08-05T10:13:00Z` is taken as local time in spite of its `Z`; an explicit offset is believed.
    """
    text = text.strip()
    try:
        if digits := _COMPACT.fullmatch(text):  # every notice has one: `strptime` takes ten times as long
            year, month, day, hour, minute, second = map(int, digits.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=EAT).astimezone(UTC)
        if _IN_B2C_RESULTS.fullmatch(text):
            return datetime.strptime(text, "%d.%m.%Y %H:%M:%S").replace(tzinfo=EAT).astimezone(UTC)
        if _ISO.fullmatch(text):
            moment = datetime.fromisoformat(text.removesuffix("Z"))
            return (moment if moment.tzinfo else moment.replace(tzinfo=EAT)).astimezone(UTC)
    except (ValueError, OverflowError):  # 31 February; or the year 1, which has no three hours before it
        return None
    return None
