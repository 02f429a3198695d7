"""What M-Pesa posts to our result URLs, as plain values. Nothing here raises, whatever was posted."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from mpesa.codes import PAID, Kind, Verdict, payout_verdict, quoted, refusal_verdict
from mpesa.envelope import OUR_ID, Result, amount, parse, party, receipt
from mpesa.times import read_time

__all__ = [
    "Account",
    "Balances",
    "PayoutResult",
    "Result",
    "State",
    "StatusResult",
    "balance_result",
    "parse",
    "payout_result",
    "status_result",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutResult:
    """How a payout ended. There is a receipt exactly when the verdict is `paid`.

    Amount and recipient are what M-Pesa says, to be compared with our row, never to replace it.
    """

    verdict: Verdict
    receipt: str
    amount: Decimal | None
    recipient_phone: str = field(repr=False)
    recipient_name: str = field(repr=False)
    completed_at: datetime | None
    completed_at_raw: str
    utility_balance: Decimal | None
    working_balance: Decimal | None
    charges_paid_balance: Decimal | None


def payout_result(result: Result) -> PayoutResult:
    """Read the result of a payout (or of a transfer between shortcodes, whose parameters are fewer)."""
    said = result.parameters
    proof = receipt(said.get("TransactionReceipt", "")) or receipt(result.transaction_id)
    verdict = _payout_verdict(result, proof)
    phone, name = party(said.get("ReceiverPartyPublicName", ""))
    raw = said.get("TransactionCompletedDateTime") or said.get("TransCompletedTime", "")
    return PayoutResult(
        verdict=verdict,
        receipt=proof if verdict.kind == Kind.PAID else "",
        amount=amount(said.get("TransactionAmount") or said.get("Amount", "")),
        recipient_phone=phone,
        recipient_name=name,
        completed_at=read_time(raw),
        completed_at_raw=raw,
        utility_balance=amount(said.get("B2CUtilityAccountAvailableFunds", "")),
        working_balance=amount(said.get("B2CWorkingAccountAvailableFunds", "")),
        charges_paid_balance=amount(said.get("B2CChargesPaidAccountAvailableFunds", "")),
    )


def _payout_verdict(result: Result, proof: str) -> Verdict:
    if not result.ended:
        return payout_verdict("", f"not ended yet: {result.description}")
    if result.code == "0" and not proof:
        return payout_verdict("", "success without a receipt")
    return payout_verdict(result.code, result.description)


class State(StrEnum):
    """What M-Pesa says about a payment that was asked about. Only the first four decide anything."""

    COMPLETED = "completed"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    PENDING = "pending"  # initiated or authorised: it may still be paid
    NOT_FOUND = "not_found"  # no proof of anything: the request may still be on its way
    QUERY_FAILED = "query_failed"  # the question failed; `code` says why


_STATES = {
    "completed": State.COMPLETED,
    "declined": State.DECLINED,
    "cancelled": State.CANCELLED,
    "expired": State.EXPIRED,
    "initiated": State.PENDING,
    "authorized": State.PENDING,
    "pendingauthorized": State.PENDING,
}
_REFUSED = (State.DECLINED, State.CANCELLED, State.EXPIRED)
# 2032 is what M-PESA Ethiopia answers, of the same vendor's core; for Kenya nothing is documented.
_NOT_FOUND_TEXT = re.compile(r"(transaction|receipt|conversation).*(does not exist|not found)", re.I | re.S)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusResult:
    """The answer to a status query. The ids are those of the payment that was asked about.

    `verdict` is what the answer proves about that payment: paid, not paid and why, or unknown. A completed
    payment may come without a receipt; ask again then. `code` is the query's own.
    """

    state: State
    verdict: Verdict
    code: str
    originator_conversation_id: str
    conversation_id: str
    receipt: str
    amount: Decimal | None
    phone: str = field(repr=False)
    name: str = field(repr=False)
    charges: Decimal | None
    finalised_at: datetime | None
    reason: str


def status_result(result: Result) -> StatusResult:
    """Read the result of a status query; its code 0 only means that the query worked."""
    said = result.parameters
    state = _state(result)
    phone, name = party(said.get("CreditPartyName", ""))
    reason = said.get("TransactionReason") or said.get("TransactionStatus") or _without_state(result)
    return StatusResult(
        state=state,
        verdict=_status_verdict(state, reason),
        code=result.code,
        originator_conversation_id=next((said[key] for key in OUR_ID if key in said), ""),
        conversation_id=said.get("ConversationID", ""),
        receipt=receipt(said.get("ReceiptNo", "")) if state == State.COMPLETED else "",
        amount=amount(said.get("Amount", "")),
        phone=phone,
        name=name,
        charges=_charges(said.get("DebitPartyCharges")),
        finalised_at=read_time(said.get("FinalisedTime", "")),
        reason=reason,
    )


def _without_state(result: Result) -> str:
    return "the answer names no state" if result.code == "0" else result.description


def _state(result: Result) -> State:
    if result.code == "0" and result.ended:
        word = result.parameters.get("TransactionStatus", "").replace(" ", "").lower()
        state = _STATES.get(word, State.QUERY_FAILED)
        return State.QUERY_FAILED if state in _REFUSED and _of_a_repetition(result) else state
    if result.code == "2032" or _NOT_FOUND_TEXT.search(result.description):
        return State.NOT_FOUND
    return State.QUERY_FAILED


def _of_a_repetition(result: Result) -> bool:
    """Whether a repetition was refused because its id was known: that says nothing about the first request."""
    return "duplicate" in result.parameters.get("TransactionReason", "").lower()


def _status_verdict(state: State, reason: str) -> Verdict:
    if state == State.COMPLETED:
        return PAID
    return refusal_verdict(reason) if state in _REFUSED else payout_verdict("", f"{state}, {quoted(reason)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account of a shortcode. Only `available` can be paid out."""

    name: str
    current: Decimal
    available: Decimal
    reserved: Decimal
    uncleared: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Balances:
    """What can be paid out of each account; None for one that the shortcode does not have."""

    utility: Decimal | None
    working: Decimal | None
    charges_paid: Decimal | None
    at: datetime | None
    accounts: Mapping[str, Account]


def balance_result(result: Result) -> Balances | None:
    """Read the result of a balance query; None when it failed or names no account.

    A till has a Merchant Account where other shortcodes have a Utility Account.
    """
    if result.code != "0" or not result.ended:
        return None
    accounts = {account.name: account for account in _accounts(result.parameters.get("AccountBalance", ""))}
    if not accounts:
        return None
    available = {name: account.available for name, account in accounts.items()}
    return Balances(
        utility=available.get("Utility Account", available.get("Merchant Account")),
        working=available.get("Working Account"),
        charges_paid=available.get("Charges Paid Account"),
        at=read_time(result.parameters.get("BOCompletedTime", "")),
        accounts=accounts,
    )


def _accounts(text: str) -> Iterator[Account]:
    """Read `Name|KES|current|available|reserved|uncleared`, joined by `&`; leave out what is not so."""
    for part in text.split("&"):
        name, *rest = (piece.strip() for piece in part.split("|"))
        amounts = [read for piece in rest[1:] if (read := amount(piece)) is not None]
        if len(rest) == 5 and len(amounts) == 4 and rest[0] == "KES":
            current, available, reserved, uncleared = amounts
            yield Account(
                name=name, current=current, available=available, reserved=reserved, uncleared=uncleared
            )


def _charges(text: str | None) -> Decimal | None:
    """Read `Fee For B2C Payment|KES|22.40`; empty means that there was none."""
    if text is None:
        return None
    if not text:
        return Decimal("0.00")
    fees = [amount(part.rpartition("|")[2]) for part in text.split("&")]
    return None if None in fees else sum((fee for fee in fees if fee is not None), Decimal("0.00"))
