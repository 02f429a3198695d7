"""The strict checks of the gateway: exact names, exact kinds; keys that it does not know are ignored."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

Check = Callable[[Any], bool]
Fields = Mapping[str, Check]

FORBIDDEN_WORDS = re.compile(r"m-?pesa|safaricom|exec?|cmd|sql|query", re.IGNORECASE)
DIGITS = re.compile(r"[0-9]+\Z")
WHOLE = re.compile(r"[1-9][0-9]{0,11}\Z")


def text(least: int = 1, most: int = 10_000) -> Check:
    """A string of that length."""
    return lambda value: isinstance(value, str) and least <= len(value.strip()) and len(value) <= most


def one_of(*allowed: str) -> Check:
    """One of these words, or the same as a number."""
    return lambda value: not isinstance(value, bool) and str(value) in allowed


def digits(least: int, most: int) -> Check:
    """Digits, as a string or a number."""

    def check(value: Any) -> bool:
        written = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
        return least <= len(written) <= most and DIGITS.match(written) is not None

    return check


def whole_shillings(value: Any) -> bool:
    """A positive whole number, as a string or a number; ``10.00`` is none."""
    return (
        isinstance(value, (str, int)) and not isinstance(value, bool) and WHOLE.match(str(value)) is not None
    )


def url(value: Any) -> bool:
    """An address that may be called back; the forbidden words are looked for apart."""
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def optional(check: Check) -> Check:
    """May be missing or empty."""
    return lambda value: value in (None, "") or check(value)


def first_wrong(fields: Fields, body: Mapping[str, Any]) -> str | None:
    """The name of the first field that is missing or wrong."""
    return next((name for name, check in fields.items() if not check(body.get(name))), None)


def first_forbidden_url(fields: Fields, body: Mapping[str, Any]) -> str | None:
    """The name of the first callback field whose address holds a forbidden word."""
    names = (name for name, check in fields.items() if check is url)
    return next((name for name in names if FORBIDDEN_WORDS.search(str(body.get(name, "")))), None)


def timestamp(value: Any) -> bool:
    """``yyyyMMddHHmmss``."""
    if not isinstance(value, str) or len(value) != 14 or not DIGITS.match(value):
        return False
    try:
        datetime.strptime(value, "%Y%m%d%H%M%S")  # noqa: DTZ007  (only its form is of interest)
    except ValueError:
        return False
    return True


def holding(**inner: Check) -> Check:
    """An object with these fields."""
    return lambda value: isinstance(value, Mapping) and first_wrong(inner, value) is None


MSISDN = digits(12, 12)
ORGANISATION = digits(5, 7)
URLS: Fields = {"QueueTimeOutURL": url, "ResultURL": url}

B2C: Fields = {
    "OriginatorConversationID": text(1, 100),
    "InitiatorName": text(),
    "SecurityCredential": text(),
    "CommandID": one_of("SalaryPayment", "BusinessPayment", "PromotionPayment"),
    "Amount": whole_shillings,
    "PartyA": ORGANISATION,
    "PartyB": MSISDN,
    "Remarks": text(2, 100),
    **URLS,
    "Occassion": optional(text(1, 100)),
}
STATUS: Fields = {
    "Initiator": text(),
    "SecurityCredential": text(),
    "CommandID": one_of("TransactionStatusQuery"),
    "PartyA": digits(5, 12),
    "Remarks": text(2, 100),
    **URLS,
    "Occasion": optional(text(1, 100)),
}
BALANCE: Fields = {
    "Initiator": text(),
    "SecurityCredential": text(),
    "CommandID": one_of("AccountBalance"),
    "PartyA": ORGANISATION,
    "IdentifierType": one_of("4"),
    "Remarks": text(2, 100),
    **URLS,
}
B2B: Fields = {
    "Initiator": text(),
    "SecurityCredential": text(),
    "CommandID": text(),
    "SenderIdentifierType": one_of("4"),
    "RecieverIdentifierType": one_of("4"),  # misspelt on purpose: the correct spelling is refused
    "Amount": whole_shillings,
    "PartyA": ORGANISATION,
    "PartyB": ORGANISATION,
    "AccountReference": text(1, 32),
    "Remarks": text(2, 100),
    **URLS,
    "Requester": optional(MSISDN),
}
REVERSAL: Fields = {
    "Initiator": text(),
    "SecurityCredential": text(),
    "CommandID": one_of("TransactionReversal"),
    "TransactionID": text(10, 10),
    "Amount": whole_shillings,
    "ReceiverParty": ORGANISATION,
    "RecieverIdentifierType": one_of("11", "4"),  # misspelt on purpose: the correct spelling is refused
    **URLS,
    "Remarks": text(2, 100),
    "Occasion": optional(text(1, 100)),
}
C2B_REGISTER: Fields = {
    "ShortCode": ORGANISATION,
    "ResponseType": lambda value: value in ("Completed", "Cancelled"),
    "ConfirmationURL": url,
    "ValidationURL": url,
}
C2B_SIMULATE: Fields = {
    "ShortCode": ORGANISATION,
    "CommandID": one_of("CustomerPayBillOnline", "CustomerBuyGoodsOnline"),
    "Amount": whole_shillings,
    "Msisdn": MSISDN,
    "BillRefNumber": optional(text(1, 20)),
}
STK: Fields = {
    "BusinessShortCode": ORGANISATION,
    "Password": text(),
    "Timestamp": timestamp,
    "TransactionType": one_of("CustomerPayBillOnline", "CustomerBuyGoodsOnline"),
    "Amount": whole_shillings,
    "PartyA": MSISDN,
    "PartyB": ORGANISATION,
    "PhoneNumber": MSISDN,
    "CallBackURL": url,
    "AccountReference": text(1, 12),
    "TransactionDesc": optional(text(1, 13)),
}
STK_QUERY: Fields = {
    "BusinessShortCode": ORGANISATION,
    "Password": text(),
    "Timestamp": timestamp,
    "CheckoutRequestID": text(),
}
PULL_REGISTER: Fields = {
    "ShortCode": ORGANISATION,
    "RequestType": one_of("Pull"),
    "NominatedNumber": digits(10, 12),
    "CallBackURL": url,
}
PULL: Fields = {
    "ShortCode": ORGANISATION,
    "StartDate": text(),
    "EndDate": text(),
    "OffSetValue": digits(1, 9),
}
HAKIKISHA: Fields = {
    "header": holding(requestID=text(), timestamp=digits(1, 20)),
    "body": holding(msisdn=MSISDN, shortcode=ORGANISATION),
}
