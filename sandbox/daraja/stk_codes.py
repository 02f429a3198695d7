"""Result codes of STK pushes, and the magic phones and amounts that bring each at will.

The same number means other things here than in B2C (1, 17, 2001, 8006).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.faults import Fault

SUCCESS = "0"
TEXTS: Mapping[str, str] = {
    SUCCESS: "The service request is processed successfully.",
    "1": "The balance is insufficient for the transaction.",
    "2": "Declined due to limit rule: less than the minimum transaction amount.",
    "3": "Declined due to limit rule: greater than the maximum transaction amount.",
    "4": "Declined due to limit rule: would exceed daily transfer limit.",
    "8": "Declined due to limit rule: would exceed the maximum balance.",
    "11": "The DebitParty is in an invalid state.",
    "17": "Rule limited.",
    "26": "System busy. Please try again in few minutes.",
    "1001": "Unable to lock subscriber, a transaction is already in process for the current subscriber.",
    "1019": "Transaction has expired.",
    "1025": "An error occurred while sending a push request.",
    "1031": "Request Cancelled by user.",
    "1032": "Request Cancelled by user.",
    "1036": "SMSC ACK timeout.",
    "1037": "DS timeout user cannot be reached.",
    "2001": "The initiator information is invalid.",
    "2006": "Declined due to account rule: The account status does not allow this transaction.",
    "2028": "The request is not permitted according to product assignment.",
    "8006": "The security credential is locked.",
    "9999": "An error occurred while sending a push request.",
    "SFC_IC0003": "The operator does not exist.",
}
MAGIC_PHONE = "2547999904"  # + nn
MAGIC_AMOUNT = 249_800  # + nn
MAGIC_CODES: Mapping[int, str] = {
    1: "1",
    2: "2",
    3: "3",
    4: "4",
    8: "8",
    17: "17",
    19: "1019",
    25: "1025",
    26: "26",
    28: "2028",
    30: "2001",
    31: "1031",
    32: "1032",
    34: "8006",
    35: "SFC_IC0003",
    36: "1036",
    37: "1037",
    41: "1001",
    52: "31337",
    99: "9999",
}
MAGIC_FAULTS: Mapping[int, tuple[str, dict[str, Any]]] = {
    60: ("result_lost", {}),
    61: ("result_twice", {}),
    62: ("result_late", {"seconds": 60}),
    63: ("result_before_answer", {}),
    66: ("result_garbage", {}),
    67: ("result_contradicting", {}),
    68: ("result_code", {"code": "1037", "paid": True}),
    69: ("result_forged", {"Amount": 1.0}),
    70: ("silent", {}),
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
    kind, params = MAGIC_FAULTS.get(number, ("", {}))
    return Fault(kind=kind, params=params) if kind else None
