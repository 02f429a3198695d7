"""What customers pay in: registered addresses, payments, STK questions. Each payment is in one place."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

NONE = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """The pair of addresses of a shortcode, and what happens when validation does not answer."""

    shortcode: str
    version: str  # v1 | v2
    response_type: str  # Completed | Cancelled
    confirmation_url: str
    validation_url: str

    def as_dict(self) -> dict[str, str]:
        """The registration as the books show it."""
        return {
            "version": self.version,
            "response_type": self.response_type,
            "confirmation_url": self.confirmation_url,
            "validation_url": self.validation_url,
        }


@dataclass(slots=True, kw_only=True)
class Payment:
    """One payment by a customer: pending (money held), then completed or cancelled, never both."""

    receipt: str
    shortcode: str
    phone: str
    name: str
    amount: Decimal
    bill_ref: str
    channel: str  # control | simulate | stk
    at: datetime
    status: str = "pending"
    reason: str = ""  # why it was cancelled: a result code, a reject code, or "no answer"
    charge: Decimal = NONE  # what the customer pays on top
    business_charge: Decimal = NONE
    completed_at: datetime | None = None
    org_balance: Decimal = NONE  # Utility right after the payment
    validation: str = ""  # empty: not asked; "0", a reject code, "no answer" or "unreadable"
    third_party_id: str = ""
    confirmations_sent: int = 0
    confirmed: int = 0  # how many of them were answered with 2xx
    reversed_by: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The payment as the books show it."""
        return {
            "receipt": self.receipt,
            "shortcode": self.shortcode,
            "phone": self.phone,
            "name": self.name,
            "amount": f"{self.amount:.2f}",
            "bill_ref": self.bill_ref,
            "channel": self.channel,
            "status": self.status,
            "reason": self.reason,
            "charge": f"{self.charge:.2f}",
            "business_charge": f"{self.business_charge:.2f}",
            "validation": self.validation,
            "third_party_id": self.third_party_id,
            "confirmations_sent": self.confirmations_sent,
            "confirmed": self.confirmed,
            "reversed_by": self.reversed_by,
            "at": self.at.isoformat(),
            "completed_at": self.completed_at.isoformat() if self.completed_at else None,
        }


@dataclass(slots=True, kw_only=True)
class Question:
    """One STK push: a question on a phone."""

    merchant_request_id: str
    checkout_request_id: str
    business_shortcode: str
    shortcode: str  # PartyB, which gets the money
    payer: str  # PartyA
    phone: str  # where the question appears
    amount: Decimal
    kind: str  # TransactionType
    reference: str
    callback_url: str
    at: datetime
    strings: bool  # the phone numbers came as strings
    status: str = "pending"  # pending | paid | failed
    result_code: str = ""
    finished_at: datetime | None = None
    receipt: str = ""
    callbacks_sent: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The question as the books show it."""
        return {
            "checkout_request_id": self.checkout_request_id,
            "merchant_request_id": self.merchant_request_id,
            "shortcode": self.shortcode,
            "phone": self.phone,
            "payer": self.payer,
            "amount": f"{self.amount:.2f}",
            "reference": self.reference,
            "status": self.status,
            "result_code": self.result_code,
            "receipt": self.receipt,
            "callbacks_sent": self.callbacks_sent,
            "at": self.at.isoformat(),
        }


@dataclass(slots=True, eq=False)
class HeldBack:
    """A confirmation that waits until so many later ones of its shortcode were sent."""

    payment: Payment
    version: str
    left: int


class Payments:
    """All of it, by shortcode where that is how it is asked for."""

    def __init__(self) -> None:
        self.registrations: dict[str, Registration] = {}
        self.by_receipt: dict[str, Payment] = {}  # in the order in which they began
        self.completed: dict[str, list[Payment]] = {}  # shortcode -> in the order of completion
        self.questions: dict[str, Question] = {}
        self.open_questions: dict[str, Question] = {}  # phone -> the one it is asked now
        self.pullers: dict[str, str] = {}  # shortcode -> NominatedNumber
        self.reversals: list[dict[str, Any]] = []
        self.held_back: dict[str, list[HeldBack]] = {}
        self.validations = 0
        self.pulls = 0
        self.cash_brought = NONE  # what payers put on their phones because the wallet held too little

    def counts(self) -> dict[str, int]:
        """How many payments are in which state, and how often they were told."""
        payments = self.by_receipt.values()
        counted = Counter(payment.status for payment in payments)
        return {
            "all": len(self.by_receipt),
            "pending": counted["pending"],
            "completed": counted["completed"],
            "cancelled": counted["cancelled"],
            "reversed": sum(bool(payment.reversed_by) for payment in payments),
            "confirmations_sent": sum(payment.confirmations_sent for payment in payments),
            "confirmed": sum(payment.confirmed > 0 for payment in payments),
            "validations": self.validations,
        }

    def as_books(self) -> dict[str, Any]:
        """What ``/control/daraja/books`` shows of it."""
        return {
            "registrations": {number: one.as_dict() for number, one in self.registrations.items()},
            "payments": [payment.as_dict() for payment in self.by_receipt.values()],
            "payment_counts": self.counts(),
            "stk": [question.as_dict() for question in self.questions.values()],
            "reversals": self.reversals,
            "pulls": self.pulls,
            "cash_brought": f"{self.cash_brought:.2f}",
        }
