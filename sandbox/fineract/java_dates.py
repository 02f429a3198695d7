"""Dates and numbers as Fineract reads them: Java patterns, and separators of a locale."""

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

# Java pattern letters -> strptime. Java is lenient about leading zeros, and so is strptime.
_TOKENS: Final = {
    "yyyy": "%Y",
    "uuuu": "%Y",
    "yy": "%y",
    "uu": "%y",
    "MMMM": "%B",
    "MMM": "%b",
    "MM": "%m",
    "M": "%m",
    "dd": "%d",
    "d": "%d",
    "HH": "%H",
    "mm": "%M",
    "ss": "%S",
}
_TOKEN: Final = re.compile(r"([A-Za-z])\1*|'[^']*'")

# Grouping and decimal separators; a language that is not here is written as in English.
_COMMA_DECIMALS: Final = {"de", "es", "it", "nl", "pt", "id", "tr", "da"}
_SPACE_GROUPS: Final = {"fr", "ru", "pl", "cs", "sv", "nb", "no", "fi", "uk"}
_LANGUAGE: Final = re.compile(r"[a-zA-Z]{2,3}([_-][A-Za-z0-9]+)*")


class BadPattern(ValueError):
    """A dateFormat that Java would not take."""


@lru_cache(maxsize=256)
def _strptime_pattern(pattern: str) -> str:
    def token(found: re.Match[str]) -> str:
        text = found.group()
        if text.startswith("'"):
            return text[1:-1].replace("%", "%%") or "'"
        if text not in _TOKENS:
            raise BadPattern(pattern)
        return _TOKENS[text]

    return _TOKEN.sub(token, pattern)


@lru_cache(maxsize=4096)
def read_date(text: str, pattern: str) -> date:
    """Read a date by a Java pattern, without regard to case.

    :raises BadPattern: the pattern itself
    :raises ValueError: the text does not fit, or is no day of the calendar
    """
    shape = _strptime_pattern(pattern)
    return datetime.strptime(text.strip(), shape).date()  # noqa: DTZ007 - a day has no zone


@lru_cache(maxsize=1024)
def write_date(day: date, pattern: str) -> str:
    """Write a date by a Java pattern."""
    return day.strftime(_strptime_pattern(pattern))


def known_locale(locale: str) -> bool:
    """Whether a text looks like a locale."""
    return _LANGUAGE.fullmatch(locale) is not None


def read_number(value: object, locale: str) -> Decimal:
    """Read a number from its text with the separators of the locale.

    :raises ValueError: no number
    """
    text = str(value).strip()
    language = re.split("[_-]", locale)[0].lower()
    if language in _COMMA_DECIMALS:
        text = text.replace(".", "").replace(",", ".")
    elif language in _SPACE_GROUPS:
        text = text.replace(" ", "").replace("\u00a0", "").replace("\u202f", "").replace(",", ".")
    else:
        text = text.replace(",", "")
    try:
        number = Decimal(text)
    except InvalidOperation as exc:
        raise ValueError(text) from exc
    if not number.is_finite():
        raise ValueError(text)
    return number
