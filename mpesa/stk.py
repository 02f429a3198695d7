"""What M-Pesa says about a payment that we asked a customer for. Nothing here raises.

The codes are those of STK alone: 1, 17, 2001 and 8006 mean other things in payouts.
Source: Daraja portal, MpesaExpressSimulate.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from mpesa.collections import Payer, amount, payer, receipt, text
from mpesa.times import read_time

PENDING = "500.001.1001"  # "The transaction is being processed", with HTTP 500

WORDS = {
    "0": "The customer has paid",
    "1": "The customer has too little money",
    "2": "The amount is below M-Pesa's minimum",
    "3": "The amount is above M-Pesa's maximum",
    "4": "The customer has reached the limit of the day",
    "8": "The receiving account has reached its limit",
    "17": "M-Pesa refuses the same amount from the same customer within two minutes",
    "1019": "The request expired",
    "1025": "The request could not be shown on the phone",
    "1032": "The customer cancelled",
    "1037": "The phone could not be reached",
    "2001": "The customer typed a wrong PIN",
    "2028": "M-Pesa does not allow this for the shortcode",
    "8006": "The customer's PIN is locked",
}


class Outcome(StrEnum):
    PAID = "paid"
    NOT_PAID = "not_paid"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """How a request ended. The account reference is not told; the caller knows it by `checkout_id`."""

    outcome: Outcome
    code: str
    words: str
    checkout_id: str
    receipt: str = ""
    amount: Decimal | None = None
    payer: Payer = field(default_factory=Payer)
    paid_at: datetime | None = None


def parse_callback(raw: str | bytes) -> Push | None:
    """Read `Body.stkCallback`; None for anything else."""
    try:
        posted = json.loads(raw, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    body = posted.get("Body") if isinstance(posted, dict) else None
    said = body.get("stkCallback") if isinstance(body, dict) else None
    if not isinstance(said, dict):
        return None
    items = _items(said.get("CallbackMetadata"))
    proof, code = receipt(items.get("MpesaReceiptNumber")), text(said.get("ResultCode"))
    return Push(
        outcome=judged(code, paid=bool(proof)),
        code=code,
        words=_words(code, text(said.get("ResultDesc"))),
        checkout_id=text(said.get("CheckoutRequestID"))[:60],
        receipt=proof,
        amount=amount(items.get("Amount")),
        payer=payer(text(items.get("PhoneNumber"))),
        paid_at=read_time(text(items.get("TransactionDate"))),
    )


def parse_answer(body: Mapping[str, Any]) -> Push:
    """Read the answer to a question. It has no receipt: a success is a hint, the callback or Pull proves it."""
    code = text(body.get("ResultCode"))
    return Push(
        outcome=judged(code, paid=False),
        code=code,
        words=_words(code, text(body.get("ResultDesc"))),
        checkout_id=text(body.get("CheckoutRequestID"))[:60],
    )


def judged(code: str, *, paid: bool) -> Outcome:
    """Return what a code proves; one that nobody lists proves nothing."""
    if code == "0":
        return Outcome.PAID if paid else Outcome.UNKNOWN
    return Outcome.NOT_PAID if code in WORDS else Outcome.UNKNOWN


def _words(code: str, said: str) -> str:
    return WORDS.get(code) or (f"M-Pesa says: {said}" if said else "M-Pesa gave no reason")


def _items(metadata: Any) -> dict[str, Any]:
    listed = metadata.get("Item") if isinstance(metadata, dict) else None
    rows = listed if isinstance(listed, list) else [listed]
    return {str(row["Name"]): row.get("Value") for row in rows if isinstance(row, dict) and "Name" in row}
