"""The questions that operators ask of the list again and again, by name; the overview counts by the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from disbursements.checks import NAIROBI
from disbursements.statuses import UNDER_WAY, Cause, Status

FUNDS = (Cause.WALLET_FUNDS, Cause.FLOAT_FUNDS, Cause.MPESA_FLOAT)
ON_THE_WAY = sorted({Status.DETECTED.value, Status.READY.value, *(status.value for status in UNDER_WAY)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A question with its name, and what it means for somebody who sees it for the first time."""

    label: str
    meaning: str
    where: Callable[[datetime], Q]


def midnight(at: datetime) -> datetime:
    """Return when today began in Nairobi."""
    return at.astimezone(NAIROBI).replace(hour=0, minute=0, second=0, microsecond=0)


SAVED: Mapping[str, Saved] = {
    "on-the-way": Saved(
        label="On the way",
        meaning="Seen, and neither paid nor ended nor held.",
        where=lambda at: Q(status__in=ON_THE_WAY),
    ),
    "held-for-funds": Saved(
        label="Held for funds",
        meaning="They go on by themselves when there is money.",
        where=lambda at: Q(status=Status.HELD, hold_cause__in=FUNDS),
    ),
    "unknown": Saved(
        label="Unknown",
        meaning="M-Pesa may have paid them or not; it is being asked.",
        where=lambda at: Q(status=Status.UNKNOWN),
    ),
    "failed-today": Saved(
        label="Failed today",
        meaning="Proved not paid since midnight in Nairobi.",
        where=lambda at: Q(status=Status.FAILED, settled_at__gte=midnight(at)),
    ),
    "not-in-mifos": Saved(
        label="Paid but not in Mifos",
        meaning="The client has the money; Mifos has not booked it yet.",
        where=lambda at: Q(status=Status.PAID),
    ),
    "needs-a-person": Saved(
        label="Needs a person",
        meaning="Only a person can move them on.",
        where=lambda at: ~Q(attention=""),
    ),
    "paid-today": Saved(
        label="Paid today",
        meaning="Paid since midnight in Nairobi, recorded in Mifos or not.",
        where=lambda at: Q(status__in=[Status.PAID, Status.COMPLETED], settled_at__gte=midnight(at)),
    ),
}
