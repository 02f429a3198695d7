"""How many parts a text takes on the air: GSM-7 with its extension table, or UCS-2.

A part carries 140 bytes; the parts of a long text give up six of them for their header.
"""

import math
import unicodedata
from dataclasses import dataclass
from typing import Literal

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")  # an escape and a character: two septets that stay together

_PLAIN = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′´`ʼ", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("•·‣", "*"),
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad\ufe0f", ""),
        **dict.fromkeys("\t\v\u2028\u2029\x85", " "),
        "⁄": "/",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a text costs: `units` are septets in GSM-7 and UTF-16 code units in UCS-2."""

    encoding: Literal["gsm7", "ucs2"]
    units: int
    segments: int


def measure(text: str) -> Size:
    """Count a text's units and parts; an empty text still takes one part."""
    if is_gsm7(text):
        widths = [2 if char in EXTENSION else 1 for char in text]
        return Size(encoding="gsm7", units=sum(widths), segments=_parts(widths, single=160, part=153))
    widths = [2 if ord(char) > 0xFFFF else 1 for char in text]
    return Size(encoding="ucs2", units=sum(widths), segments=_parts(widths, single=70, part=67))


def is_gsm7(text: str) -> bool:
    return all(char in BASIC or char in EXTENSION for char in text)


def _parts(widths: list[int], *, single: int, part: int) -> int:
    total = sum(widths)
    if total <= single:
        return 1
    if 2 not in widths:
        return math.ceil(total / part)
    parts, room = 1, part
    for width in widths:  # a pair that does not fit goes over whole
        if width > room:
            parts, room = parts + 1, part
        room -= width
    return parts


def transliterate(text: str) -> str:
    """Write typographic and accented characters in GSM-7 where that loses nothing a reader needs.

    What has no such form (Arabic, emoji) stays, and turns the text into UCS-2. Control characters go.
    """
    return "".join(_gsm7(char) for char in text.replace("\r\n", "\n").translate(_PLAIN))


def _gsm7(char: str) -> str:
    if char in BASIC or char in EXTENSION:
        return char
    if unicodedata.category(char) in {"Cc", "Cs", "Co", "Cn"}:
        return ""
    simple = "".join(part for part in unicodedata.normalize("NFKD", char) if not unicodedata.combining(part))
    simple = simple.translate(_PLAIN)
    return simple if simple and is_gsm7(simple) else char
