"""Our own rules for a loan product: which approved loans may be paid without a person."""

import re
from datetime import time
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from common.money import BadAmount, kes
from common.phone import BadPhone, canonical

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


class BadRules(ValueError):
    """The rules cannot be read; the message says which and why, one per line."""


def _time(value: Any) -> Any:
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError('write a time of day as "08:00"')
    return time.fromisoformat(value)


def _day(value: Any) -> Any:
    if isinstance(value, str) and value.strip().lower()[:3] in DAYS:
        return DAYS.index(value.strip().lower()[:3])
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 6:
        raise ValueError("write a day as mon, tue, … sun, or as 0 (Monday) to 6 (Sunday)")
    return value


def _amount(value: Any) -> Any:
    try:
        amount = kes(str(value) if isinstance(value, float) else value)  # JSON has no other decimals
    except BadAmount as exc:
        raise ValueError(str(exc)) from None
    if amount <= 0:
        raise ValueError("write an amount above zero")
    return amount


def _phone(value: str) -> str:
    try:
        return canonical(value)
    except BadPhone as exc:
        raise ValueError(str(exc)) from None


Count = Annotated[int, Field(ge=1, strict=True)]
Seconds = Annotated[int, Field(ge=0, strict=True)]
Amount = Annotated[Decimal, BeforeValidator(_amount)]
TimeOfDay = Annotated[time, BeforeValidator(_time)]
Day = Annotated[int, BeforeValidator(_day)]
Phone = Annotated[str, AfterValidator(_phone)]


class Rules(BaseModel):
    """All optional; what is absent does not limit.

    Times and days are those of the partner's own time zone. `allowed_until` before `allowed_from` means over
    midnight. Amounts are shillings. `blocked_phones` are kept in the canonical form.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_per_client_per_day: Count | None = None
    max_amount_per_client_per_day: Amount | None = None
    max_per_product_per_day: Count | None = None
    max_amount_per_product_per_day: Amount | None = None
    allowed_from: TimeOfDay | None = None
    allowed_until: TimeOfDay | None = None
    allowed_days: tuple[Day, ...] | None = Field(default=None, min_length=1)
    blocked_phones: tuple[Phone, ...] = ()
    minimum_approval_age_seconds: Seconds | None = None
    similar_payment_minutes: Count | None = None
    name_check: Annotated[bool, Field(strict=True)] = False


def read_rules(written: Any) -> Rules:
    """Read the JSON of `disbursement_rules`.

    :raises BadRules: with a line in plain words for each thing that is wrong
    """
    if not isinstance(written, dict):
        raise BadRules('Write the rules as an object, such as {"max_per_client_per_day": 1}.')
    try:
        return Rules.model_validate(written)
    except ValidationError as exc:
        raise BadRules("\n".join(_words(error) for error in exc.errors(include_url=False))) from None


def _words(error: ErrorDetails) -> str:
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{name}: there is no such rule. The rules are {', '.join(Rules.model_fields)}."
    return f"{name}: {error['msg'].removeprefix('Value error, ')}."
