"""One colour for each kind of truth, the same on every page, and never without a word."""

from enum import StrEnum

from django.utils.html import format_html
from django.utils.safestring import SafeString


class Tone(StrEnum):
    """What a colour says. `common/static/common/house.css` has a class for each."""

    SETTLED = "settled"  # green: with evidence
    MOVING = "moving"  # blue: nothing to do
    WAITING = "waiting"  # amber: for the outside
    UNKNOWN = "unknown"  # violet: being asked
    PERSON = "person"  # red: a person must act
    OFF = "off"  # grey: cancelled, not needed, not yet


def badge(tone: Tone, words: str) -> SafeString:
    """Show a word in its colour."""
    return format_html('<span class="pv-badge pv-{}">{}</span>', tone.value, words)
