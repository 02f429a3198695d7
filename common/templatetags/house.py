"""How templates write times and amounts: as the rest of the house does."""

from datetime import datetime
from decimal import Decimal

from django import template

from common import money

register = template.Library()


@register.filter
def ago(at: datetime | None) -> str:
    """Say how long ago it was, with the exact time in Nairobi on hover."""
    from common import windows  # it needs unfold, which looks for template tags while it is imported

    return windows.ago(at) if at else "–"


@register.filter
def shown(amount: Decimal | None) -> str:
    """Write an amount for people; a dash where there is none."""
    return "–" if amount is None else money.shown(amount)
