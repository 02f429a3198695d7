"""What a product's rules do, in words, for the people who write them."""

from collections.abc import Iterator
from datetime import time, timedelta

from common.money import shown
from common.phone import masked
from mifos.rules import Rules

DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NO_RULES = "No rule of ours: only the limits of Mifos and M-Pesa hold."


def sentences(rules: Rules) -> list[str]:
    """Say what the rules do, one sentence each; one sentence where there are none."""
    return [*_limits(rules), *_hours(rules), *_cautions(rules)] or [NO_RULES]


def _limits(rules: Rules) -> Iterator[str]:
    if rules.max_per_client_per_day is not None:
        yield f"A client gets at most {_times(rules.max_per_client_per_day)} a day of this product."
    if rules.max_amount_per_client_per_day is not None:
        yield f"A client gets at most {shown(rules.max_amount_per_client_per_day)} a day of this product."
    if rules.max_per_product_per_day is not None:
        yield f"At most {_times(rules.max_per_product_per_day)} of this product go out in a day."
    if rules.max_amount_per_product_per_day is not None:
        yield f"At most {shown(rules.max_amount_per_product_per_day)} of this product go out in a day."


def _hours(rules: Rules) -> Iterator[str]:
    if rules.allowed_days is not None:
        names = [DAY_NAMES[day] for day in sorted(set(rules.allowed_days))]
        yield f"Payments go out on {_listed(names)} only; what is approved on another day waits."
    start, end = rules.allowed_from, rules.allowed_until
    if start is None and end is None:
        return
    night = " over midnight" if start and end and end <= start else ""
    yield (
        f"Payments go out from {_clock(start)} to {_clock(end)}{night}, by the tenant's clock; "
        "what is approved outside these hours waits."
    )


def _cautions(rules: Rules) -> Iterator[str]:
    if rules.minimum_approval_age_seconds:
        length = _span(timedelta(seconds=rules.minimum_approval_age_seconds))
        yield f"A loan waits {length} after its approval, so that a mistake can be undone in Mifos."
    if rules.similar_payment_minutes is not None:
        yield (
            f"The same amount to the same phone within {_count(rules.similar_payment_minutes, 'minute')} "
            "is held for a person."
        )
    if rules.name_check:
        yield "The name that M-Pesa knows is compared with the client's before paying."
    if rules.blocked_phones:
        phones = ", ".join(masked(phone) for phone in rules.blocked_phones)
        yield f"Nothing is paid to {phones}."


def _times(count: int) -> str:
    return _count(count, "payment")


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _clock(at: time | None) -> str:
    return f"{at:%H:%M}" if at else "midnight"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _span(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    if seconds % 3600 == 0:
        return _count(seconds // 3600, "hour")
    return _count(seconds // 60, "minute") if seconds % 60 == 0 else _count(seconds, "second")
