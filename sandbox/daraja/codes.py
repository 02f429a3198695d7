"""Result codes with their texts, and the magic phones and amounts that bring each at will."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.faults import Fault

SUCCESS = "0"
SUCCESS_TEXT = "The service request is processed successfully."

TEXTS: Mapping[str, str] = {
    SUCCESS: SUCCESS_TEXT,
    "1": "The balance is insufficient for the transaction.",
    "2": "Declined due to limit rule: less than the minimum transaction amount.",
    "3": "Declined due to limit rule: greater than the maximum transaction amount.",
    "4": "Declined due to limit rule: would exceed daily transfer limit.",
    "8": "Declined due to limit rule: would exceed the maximum balance.",
    "11": "The DebitParty is in an invalid state.",
    "15": "Duplicate Detected",
    "17": "System internal error.",
    "18": "Initiator credential check failure.",
    "20": "Unresolved Initiator.",
    "21": "The initiator is not allowed to initiate this request.",
    "22": "The initiator is not active.",
    "24": "A mandatory field is missing.",
    "25": "The format of parameter null is invalid.",
    "26": "System busy. Please try again in few minutes.",
    "29": "Invalid command.",
    "1032": "Request cancelled by user.",
    "1037": "DS timeout user cannot be reached.",
    "2001": "The initiator information is invalid.",
    "2006": "Declined due to account rule: The account status does not allow this transaction.",
    "2028": "The request is not permitted according to product assignment.",
    "2032": "The transaction receipt number does not exist.",
    "2040": "Credit Party customer type (Unregistered or Registered Customer)"
    " can't be supported by the service.",
    "8006": "The security credential is locked.",
    "SFC_IC0003": "The operator does not exist.",
    "R000001": "The transaction has already been reversed.",
    "R000002": "The OriginalTransactionID is invalid.",
    "TP40153": "The operator has no permission.",
    "100000000": "Request was cached, waiting for resending.",
    "100000001": "The system is overloaded.",
    "100000002": "Throttling error.",
    "100000004": "Internal server error.",
    "100000005": "Invalid input value.",
    "100000007": "Service status is abnormal.",
    "100000009": "API status is abnormal.",
    "100000010": "Insufficient permissions.",
    "100000011": "Exceeded the request rate.",
}

MAGIC_PHONE = "2547999900"  # + nn
MAGIC_AMOUNT = 249_900  # + nn
MAGIC_CODES: Mapping[int, str] = {
    1: "1",
    2: "2",
    3: "3",
    4: "4",
    8: "8",
    11: "11",
    15: "15",
    17: "17",
    18: "18",
    20: "20",
    21: "21",
    22: "22",
    24: "24",
    25: "25",
    26: "26",
    29: "29",
    30: "2001",
    31: "2006",
    32: "2028",
    33: "2040",
    34: "8006",
    35: "SFC_IC0003",
    36: "TP40153",
    40: "100000000",
    41: "100000001",
    42: "100000002",
    43: "100000004",
    44: "100000005",
    45: "100000007",
    46: "100000009",
    47: "100000010",
    48: "100000011",
    50: "1032",
    51: "1037",
    52: "31337",
}
MAGIC_FAULTS: Mapping[int, tuple[str, dict[str, Any]]] = {
    60: ("result_lost", {}),
    61: ("result_twice", {}),
    62: ("result_late", {"seconds": 60}),
    63: ("result_before_answer", {}),
    64: ("queue_timeout", {"then": "never"}),
    65: ("queue_timeout", {"then": "result", "seconds": 2}),
    66: ("queue_timeout", {"then": "lost"}),
    67: ("result_contradicting", {}),
    68: ("result_code", {"code": "17", "paid": True}),
    69: ("duplicate_text_as_internal_error", {"accepted": True}),
    70: ("silent", {"status": "Initiated"}),
    71: ("silent", {"status": "Authorized"}),
    72: ("silent", {"status": "Pending Authorized"}),
    73: ("silent", {"status": "Cancelled"}),
    74: ("silent", {"status": "Declined"}),
    75: ("silent", {"status": "Expired"}),
    80: ("duplicate_text_as_internal_error", {}),
    81: ("spike_arrest", {}),
    82: ("spike_arrest", {"text": "busy"}),
    83: ("apigee_fault", {}),
    84: ("incapsula_html", {}),
    85: ("token_404", {}),
    86: ("product_401", {}),
    87: ("response_code", {"code": "1"}),
    88: ("html_200", {}),
}


def text_of(code: str) -> str:
    """The words that come with a result code."""
    return TEXTS.get(code, f"Unlisted result {code}.")


def magic(phone: str, amount: int) -> Fault | None:
    """What a magic phone or amount asks for; None for all ordinary ones."""
    number = 0
    if len(phone) == 12 and phone.startswith(MAGIC_PHONE):
        number = int(phone[10:])
    elif MAGIC_AMOUNT < amount < MAGIC_AMOUNT + 100:
        number = amount - MAGIC_AMOUNT
    if number in MAGIC_CODES:
        return Fault(kind="result_code", params={"code": MAGIC_CODES[number]})
    if number in MAGIC_FAULTS:
        kind, params = MAGIC_FAULTS[number]
        return Fault(kind=kind, params=params)
    return None
