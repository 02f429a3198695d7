"""Act on stored messages of M-Pesa and Mifos: each at most once, in any order, however late."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from common import correlation, inbound, rows
from common.models import InboundMessage
from common.moves import ForbiddenMove, LostRace
from disbursements import settling
from disbursements.checking import furnish
from disbursements.models import Attempt
from disbursements.settling import Payment
from disbursements.statuses import WAITING, AttemptStatus, Status
from mpesa import callbacks
from mpesa.callbacks import PayoutResult, Result, State, StatusResult
from mpesa.codes import Kind
from partners.models import Shortcode
from wallet import balances, evidence

DAY = timedelta(days=1)
ASK_GAPS = (15, 30, 60, 120, 300, 600, 1800, 3600)  # seconds between questions; the last repeats for a day
LATE_GAP = timedelta(hours=6)  # after a day: still asked, while people look too


def apply(*, message: InboundMessage, at: datetime) -> UUID | None:
    """Act on one stored message, if nobody has yet. A message that cannot be applied now is due again later.

    :returns: the disbursement that it settled as paid, whose write-back is the next step
    """
    if message.applied_at is not None:
        return None
    attempt = attempt_of(message.subject_id)
    try:
        outcome = _apply(message, attempt, at=at)
    except (LostRace, ForbiddenMove) as exc:
        inbound.postpone(message, reason=f"the row moved meanwhile: {exc}", at=at)
        return None
    inbound.applied(message.pk, outcome=outcome, at=at)
    return attempt.disbursement_id if attempt and outcome == "paid" else None


def _apply(message: InboundMessage, attempt: Attempt | None, *, at: datetime) -> str:
    if message.kind == "balance_result":
        return _balance(message, at=at)
    if message.kind.startswith("b2b_"):
        return evidence.apply_result(message=message, at=at)
    if attempt is None:
        return "for no attempt of ours"
    correlation.bind(attempt.disbursement.correlation_id)
    result = callbacks.parse(message.body)
    if message.kind.endswith("_timeout"):
        return _timeout(message, attempt, result, at=at)
    if result is None:
        attempt.disbursement.remark(
            "M-Pesa sent a result that nobody can read; asking instead.", at=at, who="mpesa"
        )
        ask_soon(attempt, at=at)
        return "not readable"
    if message.kind == "status_result":
        return _status(attempt, callbacks.status_result(result), result, at=at)
    return _payout(attempt, callbacks.payout_result(result), result, message, at=at)


def attempt_of(attempt_id: UUID | None) -> Attempt | None:
    """Read an attempt with all that settling it needs."""
    if attempt_id is None:
        return None
    try:
        attempt = rows.read_with(Attempt, attempt_id, "disbursement")
    except Attempt.DoesNotExist:
        return None
    furnish(attempt.disbursement)
    return attempt


def _payout(
    attempt: Attempt, said: PayoutResult, result: Result, message: InboundMessage, *, at: datetime
) -> str:
    balances.observe(
        shortcode_id=attempt.shortcode_id,
        utility=said.utility_balance,
        working=said.working_balance,
        at=min(said.completed_at or message.received_at, message.received_at),  # it may come long after
    )
    evidence = _evidence(result)
    if said.verdict.kind == Kind.PAID:
        payment = Payment(
            receipt=said.receipt,
            amount=said.amount,
            recipient_name=said.recipient_name,
            phone=said.recipient_phone,
            paid_at=said.completed_at or message.received_at,
        )
        return (
            "paid"
            if settling.paid(attempt, payment, at=at, who="mpesa", evidence=evidence)
            else "settled before"
        )
    if said.verdict.kind in settling.DEFINITE:
        done = settling.not_paid(
            attempt,
            kind=said.verdict.kind,
            code=result.code,
            words=said.verdict.words,
            at=at,
            evidence=evidence,
        )
        return "not paid" if done else "settled before"
    return _doubt(attempt, f"{said.verdict.words} ({result.code})", at=at, evidence=evidence)


def _status(attempt: Attempt, said: StatusResult, result: Result, *, at: datetime) -> str:
    evidence = _evidence(result)
    if said.state == State.COMPLETED and said.receipt:
        payment = Payment(
            receipt=said.receipt,
            amount=said.amount,
            recipient_name=said.name,
            phone=said.phone,
            paid_at=said.finalised_at or at,
            cost=said.charges,
        )
        return (
            "paid"
            if settling.paid(attempt, payment, at=at, who="mpesa", evidence=evidence)
            else "settled before"
        )
    if said.state in (State.DECLINED, State.CANCELLED, State.EXPIRED):
        kind = said.verdict.kind if said.verdict.kind in settling.DEFINITE else Kind.FAILED
        done = settling.not_paid(
            attempt, kind=kind, code="", words=said.verdict.words, at=at, evidence=evidence
        )
        return "not paid" if done else "settled before"
    if attempt.status not in WAITING:
        return "settled before"
    if said.state == State.NOT_FOUND:
        return _not_found(attempt, at=at, evidence=evidence)
    attempt.disbursement.remark(
        f"M-Pesa says: {said.state.replace('_', ' ')}. {said.reason}", at=at, who="mpesa", evidence=evidence
    )
    settling.mind_configuration(attempt, said.code, said.reason, at=at)
    return str(said.state)


def _not_found(attempt: Attempt, *, at: datetime, evidence: Any) -> str:
    """Note that M-Pesa does not know the id. It proves nothing; within the window the request goes again."""
    Attempt.objects.filter(pk=attempt.pk).update(not_found=F("not_found") + 1)
    row = attempt.disbursement
    row.remark(
        "M-Pesa does not know this payment yet. That alone releases no money.",
        at=at,
        who="mpesa",
        evidence=evidence,
    )
    if may_resend(attempt, at=at):
        row.due(at)
    return "not found"


def may_resend(attempt: Attempt, *, at: datetime) -> bool:
    """Whether the same request may go again with the same id: soon after the first try only."""
    window = timedelta(seconds=settings.RESEND_WINDOW_SECONDS)
    return attempt.status == AttemptStatus.UNKNOWN and at - attempt.first_sent_at <= window


def _timeout(message: InboundMessage, attempt: Attempt, result: Result | None, *, at: datetime) -> str:
    """A queue-timeout notice is doubt, never failure: ask. One about a question only means: ask again."""
    if message.kind != "b2c_timeout":
        ask_soon(attempt, at=at)
        return "asking again"
    evidence = _evidence(result) if result else None
    return _doubt(
        attempt, "M-Pesa's queue timed out before the payment was looked at.", at=at, evidence=evidence
    )


def _doubt(attempt: Attempt, words: str, *, at: datetime, evidence: Any) -> str:
    row = attempt.disbursement
    if attempt.status not in (AttemptStatus.SENDING, AttemptStatus.ACCEPTED):
        row.remark(words, at=at, who="mpesa", evidence=evidence)
        ask_soon(attempt, at=at)
        return "in doubt"
    with transaction.atomic():
        row.move(
            Status.UNKNOWN,
            at=at,
            note=words,
            who="mpesa",
            evidence=evidence,
            next_step_at=at + timedelta(seconds=1),
        )
        attempt.move(AttemptStatus.UNKNOWN, at=at, result_text=words)
    return "in doubt"


def ask_soon(attempt: Attempt, *, at: datetime) -> None:
    """Bring the next question forward, where the payment is still open."""
    if attempt.status in WAITING:
        attempt.disbursement.due(at + timedelta(seconds=1))


def next_question(attempt: Attempt, *, at: datetime) -> datetime:
    """Return when to ask next: in growing gaps for a day, then every few hours while people look."""
    if at - attempt.first_sent_at > DAY:
        return at + LATE_GAP
    return at + timedelta(seconds=ASK_GAPS[min(attempt.asks, len(ASK_GAPS) - 1)])


def _balance(message: InboundMessage, *, at: datetime) -> str:
    result = callbacks.parse(message.body)
    said = callbacks.balance_result(result) if result else None
    shortcode = Shortcode.objects.filter(pk=message.subject_id).first() if message.subject_id else None
    if said is None or shortcode is None:
        return "no balance in it"
    held_at = min(said.at or message.received_at, message.received_at)  # it may come long after
    balances.observe(shortcode_id=shortcode.pk, utility=said.utility, working=said.working, at=held_at)
    return "balance noted"


def _evidence(result: Result) -> dict[str, Any]:
    """Return what of a result may be shown to people: no phone, no name."""
    private = ("PublicName", "PartyName", "Phone", "MSISDN")
    shown = {key: value for key, value in result.parameters.items() if not key.endswith(private)}
    evidence = {
        "code": result.code,
        "text": result.description,
        "id": result.transaction_id,
        "parameters": shown,
    }
    return dict(json.loads(json.dumps(evidence, default=str)))
