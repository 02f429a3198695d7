"""Kenyan mobile numbers, kept as `2547…` or `2541…`, twelve digits."""

import hashlib
import re

import phonenumbers

_CANONICAL = re.compile(r"254[17]\d{8}")
_IN_TEXT = re.compile(r"(?<!\d)(254[17]\d{8})(?!\d)")


class BadPhone(ValueError):
    """Not a Kenyan mobile number; the message says why, without repeating the number."""


def canonical(text: str) -> str:
    """Bring a number as people type it into the one form that we keep.

    Accepts `07…`, `01…`, `7…`, `1…`, `+254…`, `254…` with blanks, hyphens, dots and brackets.

    :raises BadPhone: empty, not Kenyan, a fixed line, or of the wrong length
    """
    if not text.strip():
        raise BadPhone("there is no phone number")
    if re.search(r"[^\d\s+().\-]", text):
        raise BadPhone("the phone number has characters that are no digits")
    try:
        number = phonenumbers.parse(text, "KE")
    except phonenumbers.NumberParseException:
        raise BadPhone("this is not a phone number") from None
    found = f"{number.country_code}{number.national_number}"
    if number.country_code != 254:
        raise BadPhone("this is not a Kenyan number")
    if not _CANONICAL.fullmatch(found):
        raise BadPhone("this is not a Kenyan mobile number (07…, 01…)")
    return found


def masked(phone: str) -> str:
    """Hide the middle: `2547••••123`."""
    return f"{phone[:4]}••••{phone[-3:]}" if len(phone) > 7 else "••••"


def without_phones(text: str) -> str:
    """Mask every Kenyan mobile number in a text."""
    return _IN_TEXT.sub(lambda found: masked(found[1]), text)


def sha256(phone: str) -> str:
    """Hash a number as Safaricom does in C2B notices: plain SHA-256 of the twelve digits, in hex."""
    return hashlib.sha256(phone.encode()).hexdigest()


def may_be(shown: str, phone: str) -> bool:
    """Whether what an outside system shows of a number can be this one: plain, masked, or hashed.

    Safaricom masks numbers in notices (`2547 ***** 126`, `25470****149`) and hashes them in some; anything
    that is none of these says nothing against the number.
    """
    if re.fullmatch(r"[0-9a-fA-F]{64}", shown):
        return shown.lower() == sha256(phone)
    parts = [re.sub(r"\s", "", part) for part in re.split(r"[^\d\s]+", shown)]
    if not re.match(r"\d", shown) or not all(part.isdigit() or not part for part in parts):
        return True
    return re.fullmatch(r"\d*".join(parts), phone) is not None
