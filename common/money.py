"""Amounts in Kenyan shillings: exact, two places inside, whole shillings at the M-Pesa edge."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import models

CENT = Decimal("0.01")
LARGEST = Decimal("999999999999.99")


class BadAmount(ValueError):
    """Not an amount of money that we can hold exactly."""


def kes(value: Any) -> Decimal:
    """Read an amount exactly.

    :param value: text, int or Decimal; a float is refused, since it is no longer exact
    :raises BadAmount: not a number, more than two decimal places, or out of range
    """
    if isinstance(value, float | bool) or value is None:
        raise BadAmount(f"{value!r} is not an exact amount")
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        raise BadAmount(f"{value!r} is not an amount") from None
    if not amount.is_finite() or amount.copy_abs() > LARGEST:
        raise BadAmount(f"{value!r} is out of range")
    if amount != amount.quantize(CENT):
        raise BadAmount(f"{value!r} has parts of a cent")
    return amount.quantize(CENT)


def whole_shillings(amount: Decimal) -> int:
    """Return the amount as M-Pesa takes it.

    :raises BadAmount: it has cents; they are never rounded away
    """
    if amount != amount.to_integral_value():
        raise BadAmount(f"KES {amount} has cents, and M-Pesa pays whole shillings only")
    return int(amount)


def shown(amount: Decimal) -> str:
    """Write an amount for people: `KES 9,500` or `KES 9,500.50`."""
    return f"KES {amount:,.0f}" if amount == amount.to_integral_value() else f"KES {amount:,.2f}"


class MoneyField(models.DecimalField):  # type: ignore[type-arg]
    """Shillings with two places."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_digits": 14, "decimal_places": 2} | options)
