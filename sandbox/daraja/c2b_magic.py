"""Magic phones and amounts of payments by customers: each fault of validation and confirmation at will."""

from __future__ import annotations

from collections.abc import Container, Mapping
from decimal import Decimal
from typing import Any

from sandbox.faults import Fault

MAGIC_PHONE = "2547999903"  # + nn
MAGIC_AMOUNT = 249_700  # + nn
MAGIC_FAULTS: Mapping[int, tuple[str, dict[str, Any]]] = {
    1: ("confirmation_lost", {}),
    2: ("confirmation_twice", {}),
    3: ("confirmation_late", {"seconds": 3600}),
    4: ("confirmation_early", {}),
    5: ("confirmation_out_of_order", {}),
    6: ("confirmation_garbage", {}),
    7: ("confirmation_garbage", {"body": "empty"}),
    8: ("confirmation_forged", {"TransAmount": "1.00"}),
    9: ("confirmation_forged", {"BusinessShortCode": "999999"}),
    10: ("validation_lost", {}),
    11: ("validation_twice", {}),
}


def magic(phone: str, amount: Decimal, kinds: Container[str]) -> Fault | None:
    """What a magic phone or amount asks for, if it is of these kinds; None for all ordinary ones."""
    number = 0
    if len(phone) == 12 and phone.startswith(MAGIC_PHONE):
        number = int(phone[10:])
    elif MAGIC_AMOUNT < amount < MAGIC_AMOUNT + 100 and amount == amount.to_integral_value():
        number = int(amount) - MAGIC_AMOUNT
    kind, params = MAGIC_FAULTS.get(number, ("", {}))
    return Fault(kind=kind, params=params) if kind in kinds else None
