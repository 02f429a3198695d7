"""Payments that came in, as M-Pesa tells of them: C2B notices and rows of Pull. Nothing here raises.

Any field may be missing, empty, text or number; an amount may be written `5.00`, `10` or `1,000.00`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from common.money import BadAmount, kes
from common.phone import BadPhone, canonical, masked, sha256
from mpesa.times import read_time

_RECEIPT = re.compile(r"[A-Z0-9]{6,20}", re.ASCII)
_PLAIN = re.compile(r"254[17]\d{8}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
_CURRENCY = re.compile(r"^(kes|ksh|kshs)\.?\s*|\s+(?=\d)", re.IGNORECASE)
_NAMES = ("FirstName", "MiddleName", "LastName")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """Who paid, as far as M-Pesa tells: a phone, or its SHA-256, or only what may be shown.

    `shown` is what was written, a plain number masked; `head` and `tail` are the digits outside a mask.
    """

    phone: str = field(default="", repr=False)
    digest: str = field(default="", repr=False)
    shown: str = ""
    head: str = ""
    tail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One payment. `receipt` is its key over all channels; `amount` is None where it cannot be read."""

    receipt: str
    amount: Decimal | None
    shortcode: str
    bill_ref: str
    kind: str
    payer: Payer
    name: str = field(repr=False)
    paid_at: datetime | None
    validation_id: str = ""

    @property
    def complete(self) -> bool:
        """Whether there is a payment in it at all: a receipt, and an amount above zero."""
        return bool(self.receipt) and self.amount is not None and self.amount > 0


def parse_notice(raw: str | bytes) -> Notice | None:
    """Read a C2B validation or confirmation; None where it is no JSON object.

    Source: Daraja portal, CustomerToBusinessRegisterURL.
    """
    try:
        posted = json.loads(raw, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    if not isinstance(posted, dict):
        return None
    return Notice(
        receipt=receipt(posted.get("TransID")),
        amount=amount(posted.get("TransAmount")),
        shortcode=text(posted.get("BusinessShortCode"))[:10],
        bill_ref=" ".join(text(posted.get("BillRefNumber")).split())[:100],
        kind=text(posted.get("TransactionType"))[:60],
        payer=payer(text(posted.get("MSISDN"))),
        name=" ".join(" ".join(text(posted.get(name)) for name in _NAMES).split())[:200],
        paid_at=read_time(text(posted.get("TransTime"))),
        validation_id=text(posted.get("ThirdPartyTransID"))[:64],
    )


def pulled(row: Mapping[str, Any], *, shortcode: str) -> Notice:
    """Read one row of a Pull answer. Its keys are in lower case, and its `Z` is local time.

    Source: Daraja portal, PullTransactions.
    """
    said = {str(key).lower(): value for key, value in row.items()}
    return Notice(
        receipt=receipt(said.get("transactionid")),
        amount=amount(said.get("amount")),
        shortcode=shortcode,
        bill_ref=" ".join(text(said.get("billreference")).split())[:100],
        kind=text(said.get("transactiontype"))[:60],
        payer=payer(text(said.get("msisdn"))),
        name=" ".join(text(said.get("sender")).split())[:200],
        paid_at=read_time(text(said.get("trxdate"))),
    )


def payer(written: str) -> Payer:
    """Take an MSISDN apart: plain, masked with or without blanks, hashed, or a hash with a masked middle.

    Source: Daraja portal, CustomerToBusiness (v2: mask, v1: SHA-256); the half-masked hash is seen in the field.
    """
    if _PLAIN.fullmatch(written):
        return Payer(phone=written, digest=sha256(written), shown=masked(written))
    if _HASH.fullmatch(written.lower()):
        return Payer(digest=written.lower(), shown=f"{written[:6]}…")
    if "*" in written:
        head, tail = written.split("*", 1)[0].strip(), written.rsplit("*", 1)[1].strip()
        digits = head.isdigit() and tail.isdigit()
        return Payer(
            shown=written[:40] if digits else f"{head[:6]}…{tail[-4:]}",
            head=head if digits else "",
            tail=tail if digits else "",
        )
    try:
        phone = canonical(written)
    except BadPhone:
        return Payer(shown=f"{written[:6]}…" if len(written) > 6 else written)
    return Payer(phone=phone, digest=sha256(phone), shown=masked(phone))


def fits(who: Payer, phone: str) -> bool:
    """Whether a payer can be the owner of a phone: sure by number or hash, a hint by mask."""
    if who.phone or who.digest:
        return who.phone == phone or who.digest == sha256(phone)
    return bool(who.head and who.tail) and phone.startswith(who.head) and phone.endswith(who.tail)


def amount(value: Any) -> Decimal | None:
    """Read an amount exactly, however it is spelled; None for what is no amount."""
    written = _CURRENCY.sub("", text(value))
    if _THOUSANDS.fullmatch(written):
        written = written.replace(",", "")
    try:
        return kes(written)
    except BadAmount:
        return None


def receipt(value: Any) -> str:
    """Return a receipt in capitals, or nothing where there is none that can be a key."""
    written = text(value).upper()
    return written if _RECEIPT.fullmatch(written) else ""


def text(value: Any) -> str:
    """Bring a scalar to text that a database takes; anything nested is nothing that we know."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return ""
    return str(value).encode(errors="replace").decode().replace("\x00", "").strip()
