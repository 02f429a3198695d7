"""The requests as Daraja wants them, with its spellings: RecieverIdentifierType, Occassion."""

import re
import unicodedata
from decimal import Decimal

from common.money import whole_shillings
from mpesa.shapes import Credentials, Payout

PAYOUT_PATH = "/mpesa/b2c/v3/paymentrequest"
STATUS_PATH = "/mpesa/transactionstatus/v1/query"
BALANCE_PATH = "/mpesa/accountbalance/v1/query"
TRANSFER_PATH = "/mpesa/b2b/v1/paymentrequest"

FORBIDDEN_WORDS = ("m-pesa", "mpesa", "safaricom", "exec", "exe", "cmd", "sql", "query")
SHORTCODE = "4"  # Daraja's identifier type
REFERENCE_LENGTH = 13  # of AccountReference on the portal's paybill page

Body = dict[str, str | int]


def payout_body(payout: Payout, who: Credentials, credential: str) -> Body:
    """:raises ValueError: a callback address that Daraja refuses, or an amount with cents"""
    body: Body = {
        "OriginatorConversationID": payout.originator_conversation_id,
        "InitiatorName": who.initiator,
        "SecurityCredential": credential,
        "CommandID": payout.command,
        "Amount": whole_shillings(payout.amount),
        "PartyA": who.shortcode,
        "PartyB": payout.phone,
        "Remarks": plain(payout.remarks),
        **_callbacks(payout.result_url, payout.timeout_url),
    }
    occasion = plain(payout.occasion, otherwise="")
    return body | {"Occassion": occasion} if occasion else body


def status_body(
    who: Credentials,
    credential: str,
    *,
    originator_conversation_id: str,
    receipt: str,
    result_url: str,
    timeout_url: str,
) -> Body:
    """:raises ValueError: not exactly one of our id and the receipt, or a callback address that is refused"""
    if bool(originator_conversation_id) == bool(receipt):
        raise ValueError("ask by our own id or by the receipt, not by both or neither")
    asked = {"TransactionID": receipt} if receipt else {"OriginalConversationID": originator_conversation_id}
    return {
        "Initiator": who.initiator,
        "SecurityCredential": credential,
        "CommandID": "TransactionStatusQuery",
        **asked,
        "PartyA": who.shortcode,
        "IdentifierType": SHORTCODE,
        **_callbacks(result_url, timeout_url),
        "Remarks": "Status",
        "Occasion": "Status",
    }


def balance_body(who: Credentials, credential: str, *, result_url: str, timeout_url: str) -> Body:
    """:raises ValueError: a callback address that Daraja refuses"""
    return {
        "Initiator": who.initiator,
        "SecurityCredential": credential,
        "CommandID": "AccountBalance",
        "PartyA": who.shortcode,
        "IdentifierType": SHORTCODE,
        "Remarks": "Balance",
        **_callbacks(result_url, timeout_url),
    }


def transfer_body(
    who: Credentials,
    credential: str,
    *,
    to_shortcode: str,
    amount: Decimal,
    reference: str,
    result_url: str,
    timeout_url: str,
) -> Body:
    """:raises ValueError: a callback address that Daraja refuses, or an amount with cents"""
    return {
        "Initiator": who.initiator,
        "SecurityCredential": credential,
        "CommandID": "BusinessPayToBulk",
        "SenderIdentifierType": SHORTCODE,
        "RecieverIdentifierType": SHORTCODE,  # the right spelling is refused
        "Amount": whole_shillings(amount),
        "PartyA": who.shortcode,
        "PartyB": to_shortcode,
        "AccountReference": plain(reference)[:REFERENCE_LENGTH],
        "Remarks": "Float",
        **_callbacks(result_url, timeout_url),
    }


def plain(text: str, *, otherwise: str = "Payment") -> str:
    """Bring a text to what M-Pesa takes: `[A-Za-z0-9 ._-]`, at most 100 characters, accents dropped.

    :param otherwise: stands in where fewer than two characters are left
    """
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    cleaned = " ".join(re.sub(r"[^A-Za-z0-9 ._-]", " ", letters).split())[:100].strip()
    return cleaned if len(cleaned) >= 2 else otherwise


def check_callback_url(url: str) -> None:
    """Refuse an address that Daraja would refuse, also for its host's name.

    Source: Daraja portal, CustomerToBusinessRegisterURL; it holds for result and timeout URLs too.

    :raises ValueError: it is no http(s) address, or has a forbidden word in it
    """
    if not url.startswith(("https://", "http://")):
        raise ValueError("a callback address must begin with https:// (or http:// outside production)")
    for word in FORBIDDEN_WORDS:
        if word in url.lower():
            raise ValueError(
                f"Daraja refuses callback addresses with {word!r} in them, also in the host name"
            )


def _callbacks(result_url: str, timeout_url: str) -> dict[str, str]:
    check_callback_url(result_url)
    check_callback_url(timeout_url)
    return {"QueueTimeOutURL": timeout_url, "ResultURL": result_url}
