"""What a disbursement's row means, in sentences: where it is, why, what happens next and when. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.money import shown
from common.phone import masked
from common.tones import Tone
from disbursements.checks import NAIROBI
from disbursements.models import Disbursement
from disbursements.statuses import NEEDS_TWO, RECHECK, Cause, Status

_TONES: Mapping[str, Tone] = {
    Status.DETECTED: Tone.MOVING,
    Status.READY: Tone.MOVING,
    Status.SENDING: Tone.MOVING,
    Status.ACCEPTED: Tone.WAITING,
    Status.UNKNOWN: Tone.UNKNOWN,
    Status.PAID: Tone.WAITING,  # for Mifos
    Status.COMPLETED: Tone.SETTLED,
    Status.CANCELLED: Tone.OFF,
}

_CURES: Mapping[str, str] = {
    Cause.WALLET_FUNDS: "It goes on once the wallet is topped up",
    Cause.FLOAT_FUNDS: "It goes on once there is float",
    Cause.MPESA_FLOAT: "It goes on once M-Pesa has float on the shortcode",
    Cause.OUTSIDE_HOURS: "It goes on when payments are allowed again",
    Cause.DAY_LIMIT: "It goes on when the limit allows it, tomorrow at the latest",
    Cause.TOO_YOUNG: "It goes on when the approval is old enough",
    Cause.HOST_DOWN: "It goes on when Mifos answers",
    Cause.PAUSED: "It goes on when the pause is lifted",
    Cause.APPROVAL_UNDONE: "It goes on when the loan is approved again in Mifos",
    Cause.SHORTCODE: "It goes on when a shortcode can pay",
    Cause.PARTNER_INACTIVE: "It goes on when the partner is switched on",
    Cause.PRODUCT_OFF: "It goes on when the product is switched on",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of the six steps of a payment, with its state in a word or two."""

    name: str
    tone: Tone
    words: str
    at: datetime | None = None

    @property
    def todo(self) -> bool:
        return self.tone == Tone.OFF


def tone(row: Disbursement) -> Tone:
    """Return the kind of truth of a row: who or what it waits for."""
    if row.attention:
        return Tone.PERSON
    if row.status in (Status.HELD, Status.FAILED):
        return Tone.WAITING if row.next_step_at else Tone.PERSON
    return _TONES[row.status]


def span(length: timedelta) -> str:
    """Write a length of time as people say it: `8 s`, `2 min 5 s`, `3 h 10 min`, `4 days`."""
    seconds = max(0, round(length.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return (
            f"{seconds // 60} min {seconds % 60} s"
            if seconds % 60 and seconds < 600
            else f"{seconds // 60} min"
        )
    if seconds < 172_800:
        hours, minutes = divmod(seconds // 60, 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{seconds // 86_400} days"


def clock(at: datetime, *, now: datetime) -> str:
    """Write a moment in Nairobi; the day only where it is not today."""
    local = at.astimezone(NAIROBI)
    same_day = local.date() == now.astimezone(NAIROBI).date()
    return f"{local:%H:%M:%S}" if same_day else f"{local:%-d %b %H:%M}"


def when(row: Disbursement, *, now: datetime) -> str:
    """Say when the next step is taken."""
    if row.queued_at is not None:
        return "now (a worker has it)"
    if row.next_step_at is None:
        return ""
    if row.next_step_at <= now:
        return "now"
    return f"in {span(row.next_step_at - now)} ({clock(row.next_step_at, now=now)})"


def who_and_how_much(row: Disbursement) -> str:
    """Name the payment: amount, client, masked phone."""
    return f"{shown(row.amount)} for {row.client_name or 'the client'}{_phone(row)}"


def _phone(row: Disbursement) -> str:
    return f" ({masked(row.phone)})" if row.phone else ""


def headline(row: Disbursement, *, now: datetime) -> str:
    """Tell the whole story in one or two sentences."""
    if row.status in (Status.PAID, Status.COMPLETED):
        return _paid_headline(row)
    what = who_and_how_much(row)
    said = row.reason and row.reason not in row.attention  # else the page says it right below
    reason = f" {_sentence(row.reason)}" if said else ""
    waited = span(now - row.moved_at)
    match row.status:
        case Status.DETECTED:
            return f"{what}: {_seen(row)} {span(now - row.detected_at)} ago. The checks come next."
        case Status.HELD:
            return f"{what} has been held for {waited}.{reason}"
        case Status.READY:
            return f"{what} is checked and waits for its turn.{reason if row.attempts_made else ''}"
        case Status.SENDING:
            return f"{what} is being sent to M-Pesa."
        case Status.ACCEPTED:
            return f"{what}: M-Pesa took the request {waited} ago. Its result is still to come."
        case Status.UNKNOWN:
            return f"{what}: M-Pesa may have paid it or not. We have been asking for {waited}."
        case Status.FAILED:
            return f"{what} was not paid.{reason}"
        case _:
            return f"{what} will not be paid by us.{reason}"


def _seen(row: Disbursement) -> str:
    return "asked for" if row.source == Disbursement.Source.API else "seen approved in Mifos"


def _paid_headline(row: Disbursement) -> str:
    to = row.recipient_name or row.client_name or "the client"
    said = f"{shown(row.amount)} paid to {to}{_phone(row)}, receipt {row.receipt}"
    if row.settled_at:
        began = "it was asked for" if row.source == Disbursement.Source.API else "the approval was seen"
        said += f", {span(row.settled_at - row.detected_at)} after {began}"
    if row.source == Disbursement.Source.API:
        return f"{said}."
    if row.completed_at and row.settled_at:
        later = row.completed_at - row.settled_at
        return (
            f"{said}. Mifos updated {'at once' if later < timedelta(seconds=1) else f'{span(later)} later'}."
        )
    return f"{said}. Mifos does not have it yet."


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def next_words(row: Disbursement, *, now: datetime) -> str:
    """Say what happens next, and when, or that nothing does until a person acts."""
    at = when(row, now=now)
    match row.status:
        case Status.DETECTED:
            return f"The checks run {at or 'with the next sweep'}."
        case Status.HELD:
            return _next_of_held(row, at)
        case Status.READY:
            return f"It is sent to M-Pesa {at}."
        case Status.SENDING:
            return f"M-Pesa's answer is due within seconds. If the worker stopped, M-Pesa is asked {at}."
        case Status.ACCEPTED:
            return f"M-Pesa's result comes within seconds as a rule. If not, we ask {at}."
        case Status.UNKNOWN:
            return f"M-Pesa is asked again {at}. Nothing is sent or released without evidence."
        case Status.PAID:
            again = "again " if row.record_tries else ""
            return f"Mifos is told {again}{at}, and again until it agrees."
        case Status.FAILED if row.next_step_at:
            return f"A new attempt is made {at}, after new checks."
        case Status.FAILED:
            return "Nothing by itself. Mend the cause, then try again; or cancel."
        case Status.CANCELLED:
            return "Nothing. A person can try it again."
        case _:
            return "Nothing more."


def _next_of_held(row: Disbursement, at: str) -> str:
    if row.hold_cause in NEEDS_TWO:
        missing = (
            "One person has approved; another one must."
            if row.first_approver_id
            else "Two people must approve it."
        )
        return f"Nothing by itself. {missing}"
    if row.hold_cause in RECHECK and row.next_step_at:
        return f"{_CURES[row.hold_cause]}. Looked at again {at}."
    return "Nothing by itself. Mend the cause, then release; or cancel."


def steps(row: Disbursement, *, told: Step) -> list[Step]:
    """Return the six steps with their states.

    :param told: the last one, which the messages decide
    """
    approved = Step(
        name="Asked for" if row.source == Disbursement.Source.API else "Approved",
        tone=Tone.SETTLED,
        words="seen",
        at=row.detected_at,
    )
    found = [approved, _checked(row), _sent(row), _paid(row), _recorded(row), told]
    if row.status != Status.CANCELLED:
        return found
    return [step if step.tone == Tone.SETTLED else _not(step.name, "cancelled") for step in found]


def _not(name: str, words: str = "not yet") -> Step:
    return Step(name=name, tone=Tone.OFF, words=words)


def _checked(row: Disbursement) -> Step:
    if row.status == Status.DETECTED:
        return Step(name="Checked", tone=Tone.MOVING, words="next")
    if row.status == Status.HELD:
        return Step(name="Checked", tone=tone(row), words="held")
    if row.checked_at is None:  # cancelled before its checks
        return _not("Checked")
    return Step(name="Checked", tone=Tone.SETTLED, words="passed", at=row.checked_at)


def _sent(row: Disbursement) -> Step:
    if row.status == Status.READY:
        return Step(name="Sent", tone=Tone.MOVING, words="next")
    if row.status == Status.SENDING:
        return Step(name="Sent", tone=Tone.MOVING, words="under way")
    if row.status in (Status.DETECTED, Status.HELD) or row.sent_at is None:
        return _not("Sent")
    return Step(name="Sent", tone=Tone.SETTLED, words="sent", at=row.sent_at)


def _paid(row: Disbursement) -> Step:
    waits = {
        Status.ACCEPTED: (Tone.WAITING, "waiting for M-Pesa"),
        Status.UNKNOWN: (Tone.UNKNOWN, "unknown, being asked"),
        Status.FAILED: (tone(row), "not paid"),
    }
    if row.receipt:
        return Step(name="Paid", tone=Tone.SETTLED, words="paid", at=row.paid_at or row.settled_at)
    colour, words = waits.get(Status(row.status), (Tone.OFF, "not yet"))
    return Step(name="Paid", tone=colour, words=words)


def _recorded(row: Disbursement) -> Step:
    name = "In Mifos"
    if row.source == Disbursement.Source.API:
        return _not(name, "not needed")
    if row.status == Status.COMPLETED:
        return Step(
            name=name,
            tone=Tone.PERSON if row.attention else Tone.SETTLED,
            words="recorded",
            at=row.completed_at,
        )
    if row.status == Status.PAID:
        return Step(name=name, tone=tone(row), words="waiting for Mifos")
    return _not(name)
