"""How many messages a text really is: GSM-7 or UCS-2, in parts of 140 bytes."""

from __future__ import annotations

from dataclasses import dataclass

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("^{}\\[]~|€\f")  # two septets each


@dataclass(frozen=True, slots=True)
class Size:
    """What a text takes."""

    encoding: str  # GSM-7 | UCS-2
    segments: int


def size(text: str) -> Size:
    """Count a text's parts; an escape pair or an emoji is never split over two parts."""
    if all(letter in BASIC or letter in EXTENDED for letter in text):
        return Size("GSM-7", _parts([2 if letter in EXTENDED else 1 for letter in text], 160, 153))
    return Size("UCS-2", _parts([2 if ord(letter) > 0xFFFF else 1 for letter in text], 70, 67))


def _parts(units: list[int], single: int, part: int) -> int:
    if sum(units) <= single:
        return 1
    parts, used = 1, 0
    for unit in units:
        if used + unit > part:
            parts, used = parts + 1, 0
        used += unit
    return parts
