"""All that the page of one disbursement shows, gathered with a constant number of queries."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.safestring import SafeString

from common.models import AuditLine, InboundMessage
from common.money import shown
from common.phone import without_phones
from common.revealing import hidden
from common.tones import Tone, badge
from disbursements import story
from disbursements.models import Attempt, Disbursement, Event, SettlementProposal
from disbursements.statuses import AttemptStatus, Status
from disbursements.story import Step
from sms.models import SmsNotification
from sms.models import Status as SmsStatus
from wallet.models import Hold

_WHO = {"us": "Payment Vault", "mifos": "Mifos", "mpesa": "M-Pesa", "partner": "Partner, through the API"}

_ATTEMPT_TONES = {
    AttemptStatus.SENDING: Tone.MOVING,
    AttemptStatus.UNSENT: Tone.MOVING,
    AttemptStatus.ACCEPTED: Tone.WAITING,
    AttemptStatus.UNKNOWN: Tone.UNKNOWN,
    AttemptStatus.PAID: Tone.SETTLED,
    AttemptStatus.FAILED: Tone.OFF,
}
_HOLD_TONES = {
    Hold.Status.HELD: Tone.WAITING,
    Hold.Status.CAPTURED: Tone.SETTLED,
    Hold.Status.RELEASED: Tone.OFF,
}
_SMS_TONES = {
    SmsStatus.PENDING: Tone.MOVING,
    SmsStatus.SENDING: Tone.MOVING,
    SmsStatus.SENT: Tone.SETTLED,
    SmsStatus.DELIVERED: Tone.SETTLED,
    SmsStatus.FAILED: Tone.PERSON,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the timeline."""

    who: str
    words: str
    at: datetime
    after: str  # since the first line
    tone: Tone
    verdicts: list[dict[str, Any]]
    evidence: str
    times: int = 1  # said so often, `at` the last time


def gather(row: Disbursement, *, now: datetime) -> dict[str, Any]:
    """Return what the template shows. `row` comes with its partner, product and Mifos connection."""
    attempts = list(row.attempts.select_related("shortcode__partner").order_by("number"))
    messages = list(_messages(row))
    told = _told(row, messages)
    headline = story.headline(row, now=now)
    return {
        "row": row,
        "state": status_badge(row),
        "tone": story.tone(row),
        "headline": headline,
        "attention": "" if row.attention in headline else row.attention,
        "next_words": story.next_words(row, now=now),
        "steps": story.steps(row, told=told),
        "lines": _timeline(row),
        "money": _money(row),
        "attempts": _attempts(attempts),
        "holds": _holds(attempts),
        "messages_sent": [
            (one, badge(_sms_tone(one), _sms_word(one)), hidden(one, "recipient_phone")) for one in messages
        ],
        "raw": _raw(attempts),
        "proposal": open_proposal(row),
        "refused": [check for check in row.checks if not check["ok"]],
        "phone": hidden(row),
        "audit": list(_audit(row)),
    }


def status_badge(row: Disbursement) -> SafeString:
    """Show the status in the colour of what it waits for, with its word."""
    return badge(story.tone(row), row.get_status_display())


def open_proposal(row: Disbursement) -> SettlementProposal | None:
    """Return what one person has said about an unknown payment, while a second one has not decided."""
    if row.status != Status.UNKNOWN:
        return None
    rows = SettlementProposal.objects.filter(attempt__disbursement=row, decided_at__isnull=True)
    return rows.select_related("proposed_by", "attempt").first()


def event_keys(row: Disbursement) -> list[str]:
    """Return the keys of the messages that tell of this disbursement (see `settling`)."""
    failures = [f"failed:{row.pk}:{number}" for number in range(row.attempts_made + 1)]
    return [f"paid:{row.pk}", f"paid-partner:{row.pk}", *failures]


def _messages(row: Disbursement) -> Any:
    return SmsNotification.objects.filter(event_key__in=event_keys(row)).order_by("id")


def _sms_tone(message: SmsNotification) -> Tone:
    return Tone.WAITING if message.unconfirmed else _SMS_TONES[SmsStatus(message.status)]


def _sms_word(message: SmsNotification) -> str:
    return "Unconfirmed" if message.unconfirmed else str(message.get_status_display())


def _told(row: Disbursement, messages: Sequence[SmsNotification]) -> Step:
    """Sum the messages up as the last step: the worst of them decides."""
    if not messages:
        ended = row.status in (Status.PAID, Status.COMPLETED)
        return Step(name="Told", tone=Tone.OFF, words="nobody to tell" if ended else "not yet")
    for status, tone, words in (
        (SmsStatus.FAILED, Tone.PERSON, "SMS failed"),
        (SmsStatus.SENDING, Tone.MOVING, "SMS on its way"),
        (SmsStatus.PENDING, Tone.MOVING, "SMS on its way"),
        (SmsStatus.SENT, Tone.SETTLED, "SMS sent"),
    ):
        if any(message.status == status for message in messages):
            latest = max((one.sent_at for one in messages if one.sent_at), default=None)
            return Step(name="Told", tone=tone, words=words, at=latest if tone == Tone.SETTLED else None)
    return Step(
        name="Told",
        tone=Tone.SETTLED,
        words="delivered",
        at=max(one.delivered_at for one in messages if one.delivered_at),
    )


def _timeline(row: Disbursement) -> list[Line]:
    """Return the events as lines. A remark said again is counted, one that echoes its move is left out."""
    lines: list[Line] = []
    last: Event | None = None
    for event in row.events.order_by("id"):
        again = last is not None and (event.note, event.new, event.old) == (last.note, last.new, event.new)
        echo = again and last is not None and event.at == last.at
        if again and not echo and last is not None and (event.who, event.evidence) == (last.who, None):
            lines[-1] = replace(lines[-1], times=lines[-1].times + 1, at=event.at)
        elif not echo:
            lines.append(_line(event, began=row.detected_at))
        last = event
    return lines


def _line(event: Event, *, began: datetime) -> Line:
    found = event.evidence
    verdicts = found if isinstance(found, list) else []
    return Line(
        who=_WHO.get(event.who, event.who),
        words=event.note or f"{event.old} → {event.new}",
        at=event.at,
        after=_after((event.at - began).total_seconds()),
        tone=_tone_of_move(event),
        verdicts=verdicts,
        evidence=""
        if verdicts or not found
        else without_phones(json.dumps(found, indent=2, ensure_ascii=False)),
    )


def _after(seconds: float) -> str:
    if seconds < 60:
        return f"+{max(0.0, seconds):.1f} s"
    return f"+{story.span(timedelta(seconds=seconds))}"


def _tone_of_move(event: Event) -> Tone:
    if event.old == event.new:
        return Tone.OFF
    tones = {
        Status.UNKNOWN: Tone.UNKNOWN,
        Status.HELD: Tone.WAITING,
        Status.FAILED: Tone.PERSON,
        Status.PAID: Tone.SETTLED,
        Status.COMPLETED: Tone.SETTLED,
        Status.CANCELLED: Tone.OFF,
    }
    return tones.get(Status(event.new), Tone.MOVING)


def _money(row: Disbursement) -> list[tuple[str, str, str]]:
    """Return the lines of the sum: name, amount, and a class for a total."""
    lines: list[tuple[str, str, str]] = []
    if row.source == Disbursement.Source.MIFOS:
        fees = row.gross_amount - row.amount
        lines = [
            ("Approved in Mifos (gross)", shown(row.gross_amount), ""),
            ("Fees kept in Mifos", f"− {shown(fees)}" if fees else shown(fees), ""),
        ]
    paid = "Paid to the client" if row.receipt else "To be paid to the client"
    lines.append((paid, shown(row.amount), "pv-sum"))
    if row.changed_amount is not None and row.changed_amount != row.amount:
        lines.append(("Mifos says now", shown(row.changed_amount), ""))
    charge = "Our charge, from the wallet" if row.receipt else "Our charge, if it is paid"
    lines.append((charge, "not yet" if row.charge is None else shown(row.charge), ""))
    lines.append(("M-Pesa's cost", "not known yet" if row.mpesa_cost is None else shown(row.mpesa_cost), ""))
    return lines


def _attempts(attempts: Sequence[Attempt]) -> list[dict[str, Any]]:
    return [
        {
            "attempt": attempt,
            "state": badge(_ATTEMPT_TONES[AttemptStatus(attempt.status)], attempt.get_status_display()),
            "took": story.span(attempt.settled_at - attempt.first_sent_at) if attempt.settled_at else "",
        }
        for attempt in reversed(attempts)
    ]


def _holds(attempts: Sequence[Attempt]) -> list[tuple[Hold, SafeString, str, str]]:
    rows = Hold.objects.filter(reference__in=[attempt.pk for attempt in attempts]).order_by("held_at")
    return [
        (
            hold,
            badge(_HOLD_TONES[Hold.Status(hold.status)], hold.get_status_display()),
            shown(hold.principal),
            shown(hold.charge),
        )
        for hold in rows
    ]


def _raw(attempts: Sequence[Attempt]) -> list[tuple[InboundMessage, str]]:
    ids: list[UUID] = [attempt.pk for attempt in attempts]
    rows = InboundMessage.objects.filter(source="daraja", subject_id__in=ids).order_by("received_at")
    return [(message, without_phones(_pretty(message.body))) for message in rows[:50]]


def _pretty(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


def _audit(row: Disbursement) -> Any:
    lines = AuditLine.objects.filter(object_type=row._meta.db_table, object_id=str(row.pk))
    return lines.order_by("-at")[:50]
