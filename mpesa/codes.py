"""What M-Pesa's codes mean for a payment, in words for a person.

The classes are advice drawn from Daraja's published codes; Safaricom publishes no full list. So a code that
is not listed here never means "not paid".
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    PAID = "paid"
    FAILED = "failed"  # not paid, and would not be paid tomorrow either
    FAILED_TODAY = "failed_today"  # not paid, because of a limit of the recipient; may be paid another day
    NO_FLOAT = "no_float"  # not paid; once there is float again, a new attempt may be
    CONFIGURATION = "configuration"  # not paid; send nothing more from this shortcode until it is mended
    RETRY = "retry"  # refused before it was looked at: send it again, with the same id
    UNKNOWN = "unknown"  # may have been paid: ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A code's meaning. `words` says what happened and what to do; `advice` is its second half alone."""

    kind: Kind
    words: str
    advice: str


def _verdict(kind: Kind, what: str, advice: str) -> Verdict:
    return Verdict(kind=kind, words=f"{what} {advice}", advice=advice)


TRY_LATER = "Nothing to do: it is sent again, more slowly."
WE_ASK = "Nothing to do yet: we ask M-Pesa what became of it, and pay nothing again until that is proved."
REPORT = "Tell the platform's engineers; the payment can be repeated once it is mended."
OPERATOR = "On the M-Pesa organisation portal, check the API operator of the shortcode"
SUPPORT = "Ask Safaricom's API support about the shortcode, then let it pay again."

PAID = _verdict(Kind.PAID, "M-Pesa paid.", "Nothing to do.")
_OUR_MISTAKE = _verdict(Kind.FAILED, "M-Pesa could not read our request; nothing was paid.", REPORT)
_BUSY = _verdict(Kind.RETRY, "M-Pesa is too busy and did not look at the request.", TRY_LATER)
_INTERNAL = _verdict(Kind.UNKNOWN, "M-Pesa had an internal error and does not say whether it paid.", WE_ASK)
_NOT_OURS = _verdict(
    Kind.UNKNOWN, "M-Pesa answered with a code that belongs to payments by phone prompt.", WE_ASK
)
_NO_ROLE = _verdict(
    Kind.CONFIGURATION,
    "M-Pesa refused: the API operator may not ask for this.",
    f"{OPERATOR}: it needs the role 'ORG B2C API initiator'.",
)

PAYOUT: dict[str, Verdict] = {
    "0": PAID,
    "1": _verdict(
        Kind.NO_FLOAT,
        "M-Pesa refused: the shortcode has too little float in its Utility account.",
        "Buy float; the payment then goes out as a new attempt.",
    ),
    "2": _verdict(
        Kind.FAILED,
        "M-Pesa refused: the amount is below the smallest that it pays.",
        "Pay the client another way.",
    ),
    "3": _verdict(
        Kind.FAILED,
        "M-Pesa refused: the amount is above the largest that it pays at once.",
        "Pay the client another way, or in parts.",
    ),
    "4": _verdict(
        Kind.FAILED_TODAY,
        "M-Pesa refused: the client's limit for one day would be exceeded.",
        "It can be tried again tomorrow.",
    ),
    "8": _verdict(
        Kind.FAILED_TODAY,
        "M-Pesa refused: the client's M-Pesa account cannot hold that much more.",
        "The client must spend or withdraw first; then it can be tried again.",
    ),
    "11": _verdict(Kind.CONFIGURATION, "M-Pesa refused: our shortcode is in an invalid state.", SUPPORT),
    "15": _verdict(Kind.UNKNOWN, "M-Pesa has seen this request before.", WE_ASK),
    "17": _INTERNAL,
    "18": _verdict(
        Kind.CONFIGURATION,
        "M-Pesa refused: the API operator's credential was not accepted.",
        f"{OPERATOR}, its password, and the certificate.",
    ),
    "20": _verdict(
        Kind.CONFIGURATION, "M-Pesa refused: it does not know the API operator.", f"{OPERATOR} and its name."
    ),
    "21": _NO_ROLE,
    "22": _verdict(
        Kind.CONFIGURATION, "M-Pesa refused: the API operator is not active.", f"{OPERATOR}: activate it."
    ),
    "24": _OUR_MISTAKE,
    "25": _OUR_MISTAKE,
    "26": _BUSY,
    "29": _OUR_MISTAKE,
    "1032": _NOT_OURS,
    "1037": _NOT_OURS,
    "2001": _verdict(
        Kind.CONFIGURATION,
        "M-Pesa refused: the name or password of the API operator is wrong, or the password has expired.",
        "Correct name, password and certificate before anything else is sent: more tries lock the operator.",
    ),
    "2006": _verdict(
        Kind.CONFIGURATION, "M-Pesa refused: our account's status does not allow this payment.", SUPPORT
    ),
    "2028": _verdict(
        Kind.CONFIGURATION, "M-Pesa refused: our shortcode's product does not include this payment.", SUPPORT
    ),
    "2040": _verdict(
        Kind.FAILED,
        "M-Pesa refused: the phone is not registered for M-Pesa.",
        "Ask the client for another number.",
    ),
    "8006": _verdict(
        Kind.CONFIGURATION,
        "M-Pesa refused: the API operator is locked.",
        f"{OPERATOR}: unlock it, set a new password, and enter that here.",
    ),
    "SFC_IC0003": _verdict(
        Kind.FAILED,
        "M-Pesa refused: it does not know this phone number.",
        "Check the number with the client, or ask for another one.",
    ),
    "TP40153": _NO_ROLE,
    "100000000": _verdict(Kind.UNKNOWN, "M-Pesa keeps the request in its queue.", WE_ASK),
    "100000001": _BUSY,
    "100000002": _BUSY,
    "100000004": _INTERNAL,
    "100000005": _OUR_MISTAKE,
    "100000007": _INTERNAL,
    "100000009": _INTERNAL,
    "100000010": _NO_ROLE,
    "100000011": _BUSY,
}

# Texts by which a status answer names the reason of a refusal; only of codes that prove "not paid".
_REASONS = {
    "balance is insufficient": "1",
    "less than the minimum": "2",
    "greater than the maximum": "3",
    "daily transfer limit": "4",
    "exceed the maximum balance": "8",
    "debitparty is in an invalid state": "11",
    "credential check fail": "18",
    "unresolved initiator": "20",
    "not allowed to initiate": "21",
    "initiator not active": "22",
    "initiator is not active": "22",
    "initiator information is invalid": "2001",
    "account status does not allow": "2006",
    "according to product assignment": "2028",
    "credit party customer type": "2040",
    "security credential is locked": "8006",
    "operator does not exist": "SFC_IC0003",
    "receiver party is invalid": "SFC_IC0003",
    "operator has no permission": "TP40153",
    "insufficient permissions": "100000010",
}

TOKEN_REFUSED = frozenset({"400.003.01", "401.001", "401.002.01", "401.003.01", "404.001.03"})
SLOW_DOWN = frozenset({"500.003.02", "500.003.03", "429"})  # spike arrest or busy, quota, too many requests

_TOKEN = _verdict(Kind.RETRY, "M-Pesa's gateway refused our access token twice.", TRY_LATER)
_WRONG_PATH = _verdict(
    Kind.CONFIGURATION,
    "M-Pesa's gateway does not know this address.",
    "Check MPESA_BASE_URL, and that the app has this product.",
)
GATEWAY: dict[str, Verdict] = {
    **dict.fromkeys(TOKEN_REFUSED | {"401"}, _TOKEN),
    **dict.fromkeys(SLOW_DOWN, _BUSY),
    "400.008.01": (
        _credentials := _verdict(
            Kind.CONFIGURATION,
            "M-Pesa's gateway does not accept the consumer key and secret.",
            "Correct them on the shortcode, from the app's page on the Daraja portal.",
        )
    ),
    "400.008.02": _credentials,
    "401.003.01": _verdict(
        Kind.CONFIGURATION,
        "The app on the Daraja portal does not include this product, or only another version of it.",
        "Ask Safaricom's API support to add B2C version 3 to the app.",
    ),
    **dict.fromkeys(("404.001.01", "404.002.01", "404.003.01"), _WRONG_PATH),
    **dict.fromkeys(("404.001.04", "405.001"), _OUR_MISTAKE),
}


def payout_verdict(code: str, text: str) -> Verdict:
    """Judge a ResponseCode or ResultCode of a payout; an unlisted one is unknown, with its text kept.

    A `retry` that comes in a *result* follows an acceptance: M-Pesa then knows the id, and a resend with it
    may be refused as a duplicate, which is to be answered with a status query.
    """
    if code == "1" and "timed out" in text.lower():  # the queue-timeout notice borrows code 1
        return _verdict(Kind.UNKNOWN, "The request waited too long in M-Pesa's queue.", WE_ASK)
    return PAYOUT.get(code) or _unlisted(code, text)


def gateway_verdict(code: str, text: str) -> Verdict:
    """Judge an `errorCode` of the gateway (or an HTTP status, where it gave none)."""
    listed = GATEWAY.get(code)
    if listed is not None:
        return listed
    if code.startswith("400."):
        what = f"M-Pesa's gateway refused the request as wrong ({quoted(text)}); nothing was paid."
        return _verdict(Kind.FAILED, what, REPORT)
    return _unlisted(code, text)


def verdict(code: str, text: str) -> Verdict:
    """Judge the code of a refusal, whether it is M-Pesa's own or its gateway's."""
    return payout_verdict(code, text) if code in PAYOUT else gateway_verdict(code, text)


def refusal_verdict(reason: str) -> Verdict:
    """Judge the reason of a payment that M-Pesa calls declined, cancelled or expired: never "paid"."""
    for words, code in _REASONS.items():
        if words in reason.lower():
            return PAYOUT[code]
    return _verdict(
        Kind.FAILED,
        f"M-Pesa did not pay ({quoted(reason)}).",
        "It can be paid as a new attempt once the reason is mended.",
    )


def quoted(text: str) -> str:
    """Shorten a provider's text for people, without the phone numbers and keys that may be in it."""
    text = re.sub(r"\w*\d[\w-]{8,}", "…", " ".join(text.split()))
    return (text[:149] + "…" if len(text) > 150 else text) or "no reason given"


def _unlisted(code: str, text: str) -> Verdict:
    named = f"code {code[:20]}" if code else "no code"
    return _verdict(Kind.UNKNOWN, f"M-Pesa answered unclearly ({named}: {quoted(text)}).", WE_ASK)
