"""How a payer's number is told: plain, masked, hashed, or hashed with its middle masked."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping


def masked_spaces(number: str) -> str:
    """``2547 ***** 126``."""
    return f"{number[:4]} ***** {number[-3:]}"


def masked(number: str) -> str:
    """``25470****149``."""
    return f"{number[:5]}****{number[-3:]}"


def hashed(number: str) -> str:
    """The unsalted SHA-256 of the twelve digits, in hex."""
    return hashlib.sha256(number.encode()).hexdigest()


def half_masked(number: str) -> str:
    """The hash with its middle masked: 34 digits, ``" ***** "``, 25 digits."""
    digest = hashed(number)
    return f"{digest[:34]} ***** {digest[-25:]}"


FORMS: Mapping[str, Callable[[str], str]] = {
    "plain": str,
    "masked": masked,
    "masked_spaces": masked_spaces,
    "sha256": hashed,
    "half_masked": half_masked,
}
BY_VERSION = {"v1": "sha256", "v2": "masked_spaces"}


def told(number: str, *, form: str, version: str, receipt: str) -> str:
    """The number as a notice carries it.

    ``form``: the name of a form, ``by_version`` of the registered addresses, or ``mixed``: each payment its own.
    """
    if form == "by_version":
        form = BY_VERSION[version]
    elif form == "mixed":
        form = mixed(receipt, tuple(FORMS))
    return FORMS[form](number)


def mixed(receipt: str, choices: tuple[str, ...]) -> str:
    """One of the choices, always the same for one receipt."""
    return choices[zlib.crc32(receipt.encode()) % len(choices)]
