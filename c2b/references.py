"""What a customer typed as the account: forgiving of case, blanks and hyphens, never of digits."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from common.phone import BadPhone, canonical
from mifos.accounts import AccountKind

_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015]+")
_EDGE = re.compile(r"(?<=[A-Z])(?=\d)|(?<=\d)(?=[A-Z])")
_WILD = re.compile(r"[%_\\]")  # Fineract searches by SQL LIKE
_DOCUMENT = re.compile(r"[A-Z0-9]{5,12}", re.ASCII)
_LOOKALIKES = str.maketrans("OQILSB", "001158")
MOST_SPELLINGS = 6
USUAL_LENGTH = 9  # Fineract pads account numbers with zeros


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to understand a reference: its text, and which kind of account the prefix names."""

    text: str
    kind: AccountKind | None

    @property
    def key(self) -> str:
        return key(self.text)


def key(text: str) -> str:
    """Bring a reference or an account number to the form in which two of them are compared."""
    return _SEPARATORS.sub("", text).upper()


def readings(bill_ref: str, prefixes: Mapping[str, str]) -> list[Reading]:
    """Return how a reference may be meant: without the partner's prefix, and as it stands."""
    typed = " ".join(bill_ref.split())
    found = []
    for prefix in sorted(prefixes, key=len, reverse=True):
        rest = _without(typed, prefix)
        if rest:
            found.append(Reading(text=rest, kind=AccountKind(prefixes[prefix])))
            break
    return [*found, *([Reading(text=typed, kind=None)] if key(typed) else [])]


def _without(typed: str, prefix: str) -> str:
    """Take a prefix off, however it is separated; nothing where the rest would be empty."""
    wanted, rest = key(prefix), typed
    while wanted and rest:
        letter, rest = rest[0].upper(), rest[1:]
        if key(letter) == "":
            continue
        if letter != wanted[0]:
            return ""
        wanted = wanted[1:]
    rest = rest.lstrip(" -:/#.\u2013")
    return rest if not wanted and key(rest) else ""


def spellings(text: str) -> list[str]:
    """Return how an account of this reference may be written in Mifos, which compares letter by letter."""
    return list(dict.fromkeys(_spellings(text)))[:MOST_SPELLINGS]


def _spellings(text: str) -> Iterator[str]:
    typed = " ".join(text.split())
    if _WILD.search(typed) or not key(typed):
        return
    upper = typed.upper()
    yield upper
    yield typed
    yield key(typed)
    yield upper.replace(" ", "-")
    yield _EDGE.sub("-", key(typed))
    yield key(typed).lower()


def lookalike(text: str) -> str:
    """Return what the reference would be if letters that look like digits were digits; empty if the same."""
    folded = key(text).translate(_LOOKALIKES)
    return folded if folded != key(text) and any(letter.isdigit() for letter in key(text)) else ""


def padded(text: str) -> str:
    """Return a short number with the zeros that Fineract puts before it; empty for anything else."""
    found = key(text)
    return (
        found.zfill(USUAL_LENGTH) if found.isascii() and found.isdigit() and len(found) < USUAL_LENGTH else ""
    )


def as_phone(text: str) -> str:
    """Return the phone that was typed, or nothing."""
    try:
        return canonical(text)
    except BadPhone:
        return ""


def as_document(text: str) -> str:
    """Return what may be the number of an identity document, or nothing."""
    found = key(text)
    return found if _DOCUMENT.fullmatch(found) and any(letter.isdigit() for letter in found) else ""


def phone_spellings(phone: str) -> list[str]:
    """Return how a phone may be written in Mifos, where it is free text."""
    national = phone[3:]
    return [phone, f"0{national}", f"+{phone}", national]
