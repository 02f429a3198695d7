"""NCBA's notices: a payment to the till (B, JSON or SOAP) and a line on our account (C, SOAP), as values.

The bank names the same fields differently by layout, so each is looked for under all its names, whatever their
case (NCBA push guide, as quoted by five integrators).
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

from common.money import BadAmount, kes
from wallet.ncba_answers import LONGEST_REFERENCE
from wallet.ncba_shapes import NAIROBI

ALIASES: Mapping[str, tuple[str, ...]] = {
    "Mobile": ("Mobile", "PhoneNr"),
    "PhoneNr": ("PhoneNr", "Mobile"),
    "Name": ("name", "CustomerName"),
    "CustomerName": ("CustomerName", "name"),
    "Username": ("Username", "User"),
    "Hash": ("Hash", "HashVal", "SecretKey"),
}
JSON_TYPES = frozenset({"application/json", "text/json"})
XML_TYPES = frozenset({"application/xml", "text/xml", "application/soap+xml"})
_TIMES = {14: "%Y%m%d%H%M%S", 10: "%y%m%d%H%M"}  # B and C
_WORD = re.compile(r"[A-Z0-9]+")


class Unreadable(Exception):
    """Not a notice of NCBA; the message says what is wrong, and repeats nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """The fields of a notice as they were sent, by any of their names."""

    sent: Mapping[str, str] = field(repr=False)  # names in small letters

    def text(self, name: str) -> str:
        """Return a field as sent, or nothing."""
        found = (self.sent.get(alias.lower()) for alias in ALIASES.get(name, (name,)))
        return next((value for value in found if value is not None), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One line of the bank, as a notice tells it. The amount is signed: below zero, money left."""

    trans_id: str
    core_reference: str  # FTRef in B, TransID in C; empty where B has none
    receipt: str  # M-Pesa's, in B
    amount: Decimal
    event_at: datetime | None  # None: its time cannot be read
    bill_reference: str
    narrative: str
    phone: str  # a number, its SHA-256, or an account number
    payer: str
    fields: Fields


def read_paybill(body: bytes, *, is_xml: bool) -> Notice:
    """Read a notice of a payment to the till (B).

    :raises Unreadable: with what is wrong
    """
    found = _fields(body, is_xml=is_xml)
    receipt = _reference(found, "TransID")
    return _notice(found, core=_reference(found, "FTRef", needed=False), receipt=receipt)


def read_account(body: bytes) -> Notice:
    """Read a notice of a line on our account (C).

    :raises Unreadable: with what is wrong
    """
    found = _fields(body, is_xml=True)
    return _notice(found, core=_reference(found, "TransID"), receipt="")


def _notice(found: Fields, *, core: str, receipt: str) -> Notice:
    try:
        amount = kes(found.text("TransAmount"))
    except BadAmount:
        raise Unreadable("the amount is no amount") from None
    extra = found.text("FtCrNarration")
    return Notice(
        trans_id=receipt or core,
        core_reference=core,
        receipt=receipt,
        amount=amount,
        event_at=moment(found.text("TransTime")),
        bill_reference=found.text("BillRefNumber").strip(),
        narrative=" ".join(part.strip() for part in (found.text("Narrative"), extra) if part.strip()),
        phone=found.text("Mobile").strip(),
        payer=found.text("Name").strip(),
        fields=found,
    )


def _reference(found: Fields, name: str, *, needed: bool = True) -> str:
    text = found.text(name).strip().upper()
    if (needed and not text) or len(text) > LONGEST_REFERENCE:
        raise Unreadable(f"{name} is missing or too long")
    return text


def moment(text: str) -> datetime | None:
    """Read a time of B (`yyyyMMddHHmmss`) or C (`yyMMddHHmm`), which are East Africa Time; return it in UTC."""
    text = text.strip()
    form = _TIMES.get(len(text))
    if form is None or not text.isdecimal():
        return None
    try:
        return datetime.strptime(text, form).replace(tzinfo=NAIROBI).astimezone(UTC)
    except ValueError:
        return None


def hash_is_sound(found: Fields, *, secret: str, names: tuple[str, ...], known: Mapping[str, str]) -> bool:
    """Whether the hash of a notice was made with our secret.

    It is Base64 of the *hex text* of a SHA-256 over the secret and the fields; a published sample carries one
    `=` too many, so the padding is not compared.

    :param names: the fields in their order; a name that is no field and not in `known` stands for itself
    :param known: what fills names that the notice does not carry, such as CreditAccount
    """
    parts = [_part(found, name, known) for name in names]
    digest = hashlib.sha256("".join([secret, *parts]).encode()).hexdigest()
    ours = base64.b64encode(digest.encode()).rstrip(b"=")
    theirs = "".join(found.text("Hash").split()).rstrip("=").encode()
    return hmac.compare_digest(ours, theirs)


def _part(found: Fields, name: str, known: Mapping[str, str]) -> str:
    if name in known:
        return known[name]
    return name if name.isdecimal() else found.text(name)


def words(text: str) -> frozenset[str]:
    """Return the words of a text in capitals, to look a reference up in."""
    return frozenset(_WORD.findall(text.upper()))


def _fields(body: bytes, *, is_xml: bool) -> Fields:
    if b"\x00" in body:
        raise Unreadable("the body is in an encoding that we do not take")
    sent = _from_xml(body) if is_xml else _from_json(body)
    if any("\x00" in value for value in sent.values()):
        raise Unreadable("a field holds a character that no text has")
    return Fields(sent=sent)


def _from_json(body: bytes) -> dict[str, str]:
    try:
        parsed = json.loads(body.decode("utf-8-sig"), parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        raise Unreadable("the body is no JSON") from None
    if not isinstance(parsed, dict):
        raise Unreadable("the body is no JSON object")
    return {str(name).lower(): _plain(value) for name, value in parsed.items() if value is not None}


def _plain(value: Any) -> str:
    if not isinstance(value, str):
        raise Unreadable("a field is neither text nor number")
    return value.encode(errors="replace").decode()  # halves of a character, which no database takes


def _from_xml(body: bytes) -> dict[str, str]:
    try:
        root = fromstring(body, forbid_dtd=True)
    except DefusedXmlException:
        raise Unreadable("the XML has a DOCTYPE or entities") from None
    except (ParseError, ValueError, LookupError, RecursionError):
        raise Unreadable("the body is no XML") from None
    holder = next((one for one in root.iter() if any(_name(child) == "transid" for child in one)), None)
    if holder is None:
        raise Unreadable("the XML holds no notice")
    return {_name(child): child.text or "" for child in holder}


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2].lower()
