"""The `Result` envelope of every asynchronous answer, and the values that recur in it.

The fields come in any order, as text or number, as one object or a list of them, with or without `Value`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from common.money import BadAmount, kes

# Safaricom's own pages spell it in three ways.
OUR_ID = ("OriginatorConversationID", "OriginatorCoversationID", "OriginatorConverstionID")
_AMOUNT = re.compile(r"-?\d{1,12}(\.\d{1,12})?", re.ASCII)
_RECEIPT = re.compile(r"[A-Z0-9]{8,12}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The `Result` envelope. Codes are text; numbers keep the digits that were sent.

    `transaction_id` of a failed result is often a generic one (`SKE0000000`): no key, and no proof.
    """

    result_type: str
    code: str
    description: str
    originator_conversation_id: str
    conversation_id: str
    transaction_id: str
    parameters: Mapping[str, str] = field(repr=False)

    @property
    def ended(self) -> bool:
        """Whether this is the last word: type 1 announces further messages."""
        return self.result_type != "1"


def parse(body: str | bytes) -> Result | None:
    """Read a posted body; None when it is no JSON or holds no `Result` object."""
    text = body.decode("utf-8-sig", errors="replace") if isinstance(body, bytes) else body.lstrip("\ufeff")
    try:  # numbers stay the text that was sent: no binary fractions, no NaN, no huge integers
        posted = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    found = posted.get("Result") if isinstance(posted, dict) else None
    if not isinstance(found, dict):
        return None
    return Result(
        result_type=_text(found.get("ResultType")),
        code=_text(found.get("ResultCode")),
        description=_text(found.get("ResultDesc")),
        originator_conversation_id=next((_text(found[key]) for key in OUR_ID if key in found), ""),
        conversation_id=_text(found.get("ConversationID")),
        transaction_id=_text(found.get("TransactionID")),
        parameters=_parameters(found.get("ResultParameters")),
    )


def _parameters(holder: Any) -> Mapping[str, str]:
    items = holder.get("ResultParameter") if isinstance(holder, dict) else holder
    found: dict[str, str] = {}
    for item in items if isinstance(items, list) else [items]:
        if isinstance(item, dict) and (key := _text(item.get("Key")).replace(" ", "")):
            found.setdefault(key, _text(item.get("Value")))
    return found


def _text(value: Any) -> str:
    """Bring a scalar to text that a database takes; anything nested is nothing that we know."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return ""
    return value.encode(errors="replace").decode().replace("\x00", "").strip()


def receipt(text: str) -> str:
    """Return a receipt, or nothing for the generic id (`SKE0000000`) that stands where none was given."""
    return text if _RECEIPT.fullmatch(text) and not text.endswith("0000000") else ""


def amount(text: str) -> Decimal | None:
    """Read an amount in plain digits; anything else is None."""
    try:
        return kes(text) if _AMOUNT.fullmatch(text) else None
    except BadAmount:
        return None


def party(text: str) -> tuple[str, str]:
    """Split `254708374149 - John Doe` into phone and name."""
    phone, dash, name = text.partition(" - ")
    return (phone.strip(), name.strip()) if dash else (text, "") if text.isdigit() else ("", text)
