"""Give a customer's payment back (TransactionReversal): the request, and what its result proves.

M-Pesa knows no id of ours here, but it gives a payment back only once: a second request is refused as already
reversed, which proves the first. So it may be asked again after any doubt. Source: Daraja portal, Reversal.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from common.money import whole_shillings
from mpesa.bodies import Body, check_callback_url
from mpesa.codes import PAYOUT, Kind, payout_verdict, quoted
from mpesa.envelope import Result, amount, receipt
from mpesa.shapes import Credentials

REVERSAL_PATH = "/mpesa/reversal/v1/request"
RECEIVER = "11"  # identifier type of the organisation that was paid; older pages have 4
ALREADY, UNKNOWN_PAYMENT = "R000001", "R000002"
_REFUSALS = {Kind.FAILED, Kind.FAILED_TODAY, Kind.NO_FLOAT, Kind.CONFIGURATION}


class Ending(StrEnum):
    GIVEN_BACK = "given_back"
    NOT_GIVEN_BACK = "not_given_back"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversed:
    """How a reversal ended. `receipt` is its own, empty where it had been given back before."""

    ending: Ending
    code: str
    words: str
    receipt: str = ""
    original: str = ""
    amount: Decimal | None = None


def reversal_body(
    who: Credentials, credential: str, *, payment: str, amount: Decimal, result_url: str, timeout_url: str
) -> Body:
    """:raises ValueError: a callback address that Daraja refuses, or an amount with cents"""
    check_callback_url(result_url)
    check_callback_url(timeout_url)
    return {
        "Initiator": who.initiator,
        "SecurityCredential": credential,
        "CommandID": "TransactionReversal",
        "TransactionID": payment,
        "Amount": str(whole_shillings(amount)),
        "ReceiverParty": who.shortcode,
        "RecieverIdentifierType": RECEIVER,  # the right spelling is refused
        "ResultURL": result_url,
        "QueueTimeOutURL": timeout_url,
        "Remarks": "Payment given back",
    }


def reversed_result(result: Result) -> Reversed:
    """Read the result of a reversal. A code that is not listed proves nothing."""
    said, code = result.parameters, result.code
    if not result.ended:
        return Reversed(ending=Ending.UNKNOWN, code=code, words="M-Pesa has not ended it yet.")
    if code == "0":
        return Reversed(
            ending=Ending.GIVEN_BACK,
            code=code,
            words="M-Pesa gave the money back.",
            receipt=receipt(result.transaction_id),
            original=said.get("OriginalTransactionID", ""),
            amount=amount(said.get("Amount", "")),
        )
    if code == ALREADY:
        return Reversed(ending=Ending.GIVEN_BACK, code=code, words="M-Pesa had given the money back before.")
    return _refused(code, result.description)


def _refused(code: str, text: str) -> Reversed:
    if code == UNKNOWN_PAYMENT:
        words = "M-Pesa does not take this receipt for a reversal. Compare it with the statement."
        return Reversed(ending=Ending.NOT_GIVEN_BACK, code=code, words=words)
    if code in PAYOUT and payout_verdict(code, text).kind in _REFUSALS:
        words = f"M-Pesa did not give it back (code {code}: {quoted(text)})."
        return Reversed(ending=Ending.NOT_GIVEN_BACK, code=code, words=words)
    words = f"M-Pesa answered unclearly (code {code[:20] or 'none'}: {quoted(text)})."
    return Reversed(ending=Ending.UNKNOWN, code=code, words=words)
