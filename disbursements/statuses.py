"""Where a disbursement and its attempts can be, and where each may go next."""

from collections.abc import Mapping
from datetime import timedelta

from django.db import models


class Status(models.TextChoices):
    DETECTED = "detected", "Detected"  # seen in Mifos, or asked for through the API; not yet checked
    HELD = "held", "Held"  # a check said no; `hold_cause` says which, and who or what can cure it
    READY = "ready", "Ready"  # checked, waits for its turn to be sent
    SENDING = "sending", "Sending"  # money is set aside, the request is on its way
    ACCEPTED = "accepted", "Accepted"  # M-Pesa took the request; the result is still to come
    UNKNOWN = "unknown", "Unknown"  # M-Pesa may have it or not; being asked
    PAID = "paid", "Paid"  # with M-Pesa's receipt; Mifos does not have it yet
    COMPLETED = "completed", "Completed"  # paid, and Mifos agrees
    FAILED = "failed", "Failed"  # proved not paid; tried again if `next_step_at` is set
    CANCELLED = "cancelled", "Cancelled"  # will not be paid by us


NEXT: Mapping[str, frozenset[str]] = {
    Status.DETECTED: frozenset({Status.READY, Status.HELD, Status.CANCELLED}),
    Status.HELD: frozenset({Status.DETECTED, Status.READY, Status.HELD, Status.CANCELLED}),
    Status.READY: frozenset({Status.SENDING, Status.DETECTED, Status.HELD, Status.CANCELLED}),
    Status.SENDING: frozenset({Status.READY, Status.ACCEPTED, Status.UNKNOWN, Status.PAID, Status.FAILED}),
    Status.ACCEPTED: frozenset({Status.UNKNOWN, Status.PAID, Status.FAILED}),
    Status.UNKNOWN: frozenset({Status.ACCEPTED, Status.PAID, Status.FAILED}),
    Status.PAID: frozenset({Status.COMPLETED}),
    Status.COMPLETED: frozenset(),
    Status.FAILED: frozenset({Status.DETECTED, Status.HELD, Status.CANCELLED}),
    Status.CANCELLED: frozenset({Status.DETECTED}),
}

OPEN = frozenset({Status.DETECTED, Status.HELD, Status.READY})  # no money is set aside for good yet
AT_REST = frozenset(
    {Status.HELD, Status.COMPLETED, Status.FAILED, Status.CANCELLED}
)  # for hours, or for good
UNDER_WAY = frozenset({Status.SENDING, Status.ACCEPTED, Status.UNKNOWN})


class Cause(models.TextChoices):
    """Why a disbursement is held. The first group cures itself and is looked at again by the sweep."""

    WALLET_FUNDS = "wallet_funds", "Wallet has too little money"
    FLOAT_FUNDS = "float_funds", "Float has too little money"
    MPESA_FLOAT = "mpesa_float", "M-Pesa says that the float is too low"
    OUTSIDE_HOURS = "outside_hours", "Outside the allowed hours"
    DAY_LIMIT = "day_limit", "Limit of today reached"
    TOO_YOUNG = "too_young", "Approval is too recent"
    HOST_DOWN = "host_down", "Mifos cannot be reached"
    PAUSED = "paused", "Paused"
    APPROVAL_UNDONE = "approval_undone", "Approval was undone in Mifos"
    SHORTCODE = "shortcode", "No shortcode pays for this partner"
    PARTNER_INACTIVE = "partner_inactive", "Partner is switched off"
    PRODUCT_OFF = "product_off", "Product is switched off"

    CLIENT_INACTIVE = "client_inactive", "Client is not active"
    PHONE = "phone", "Phone number cannot be used"
    AMOUNT = "amount", "Amount cannot be paid"
    AMOUNT_CHANGED = "amount_changed", "Amount changed after approval"
    BLOCKED = "blocked", "Phone is blocked"
    SIMILAR = "similar", "Looks like a payment made just before"
    SECOND_PERSON = "second_person", "Needs a second person"
    BY_PERSON = "by_person", "Held by a person"
    CONTRADICTION = "contradiction", "M-Pesa says paid, after it said not paid"
    MIFOS_ANSWER = "mifos_answer", "Mifos answered with something else"


NEEDS_TWO = frozenset({Cause.SECOND_PERSON, Cause.CONTRADICTION})  # one person alone lets none of these go

# What the sweep looks at again by itself, and after how long.
NUDGED_FOR = timedelta(seconds=2)  # a step that a worker was woken for is the sweep's only after this

RECHECK: Mapping[str, timedelta | None] = {
    Cause.WALLET_FUNDS: timedelta(minutes=1),
    Cause.FLOAT_FUNDS: timedelta(minutes=1),
    Cause.MPESA_FLOAT: timedelta(minutes=5),
    Cause.OUTSIDE_HOURS: timedelta(minutes=5),
    Cause.DAY_LIMIT: timedelta(minutes=15),
    Cause.TOO_YOUNG: timedelta(seconds=15),
    Cause.HOST_DOWN: timedelta(seconds=30),
    Cause.PAUSED: timedelta(seconds=30),
    Cause.APPROVAL_UNDONE: timedelta(hours=1),
    Cause.SHORTCODE: timedelta(minutes=5),
    Cause.PARTNER_INACTIVE: timedelta(minutes=5),
    Cause.PRODUCT_OFF: timedelta(minutes=5),
}


class AttemptStatus(models.TextChoices):
    SENDING = "sending", "Sending"  # committed before a byte leaves
    UNSENT = "unsent", "Not sent"  # provably never reached M-Pesa; goes again with the same id
    ACCEPTED = "accepted", "Accepted"
    UNKNOWN = "unknown", "Unknown"
    PAID = "paid", "Paid"
    FAILED = "failed", "Failed"  # proved not paid; its holds are released


ATTEMPT_NEXT: Mapping[str, frozenset[str]] = {
    AttemptStatus.SENDING: frozenset(
        {
            AttemptStatus.UNSENT,
            AttemptStatus.ACCEPTED,
            AttemptStatus.UNKNOWN,
            AttemptStatus.PAID,
            AttemptStatus.FAILED,
        }
    ),
    AttemptStatus.UNSENT: frozenset({AttemptStatus.SENDING, AttemptStatus.FAILED}),
    AttemptStatus.ACCEPTED: frozenset({AttemptStatus.UNKNOWN, AttemptStatus.PAID, AttemptStatus.FAILED}),
    AttemptStatus.UNKNOWN: frozenset({AttemptStatus.ACCEPTED, AttemptStatus.PAID, AttemptStatus.FAILED}),
    AttemptStatus.PAID: frozenset(),
    AttemptStatus.FAILED: frozenset(),
}
LIVE = frozenset(AttemptStatus.values) - {AttemptStatus.FAILED.value}
WAITING = frozenset({AttemptStatus.SENDING, AttemptStatus.ACCEPTED, AttemptStatus.UNKNOWN})
