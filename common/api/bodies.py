"""JSON in and out: exact numbers, no repeated names, nothing that PostgreSQL cannot keep."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any

from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer

from common.api.problems import CONTENT_TYPE, Problem

MOST_BYTES = 256 * 1024


class StrictJson(JSONParser):
    """Reads a body of `application/json`; fractions come as `Decimal`.

    :raises Problem: `malformed` or `too_large`
    """

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        raw = stream.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise Problem("too_large", f"The body has more than {MOST_BYTES // 1024} KiB. Send less at once.")
        try:
            found = json.loads(
                raw.decode(), parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_no_doubles
            )
        except (ValueError, RecursionError) as exc:
            raise Problem("malformed", f"The body is not JSON that can be read: {_words(exc)}.") from None
        if _unkeepable(found):
            raise Problem("malformed", "The body has NUL or half characters, which cannot be kept.")
        return found


class ProblemJson(JSONRenderer):
    """For callers who say that they take problems only; they get the same JSON."""

    media_type = CONTENT_TYPE
    format = "problem"


def _words(exc: Exception) -> str:
    if isinstance(exc, json.JSONDecodeError):
        return f"{exc.msg.lower()} at line {exc.lineno}, column {exc.colno}"
    if isinstance(exc, UnicodeDecodeError):
        return "it is not UTF-8"
    return "it is nested too deeply" if isinstance(exc, RecursionError) else str(exc)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _unkeepable(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, dict):
        return any(_unkeepable(name) or _unkeepable(inner) for name, inner in value.items())
    return isinstance(value, list) and any(_unkeepable(inner) for inner in value)
