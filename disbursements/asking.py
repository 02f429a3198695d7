"""The ladder of an unknown payment: ask by our own id, resend as itself, ask again, then people."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from common import tokens
from common.gateway import GatewayError, OutcomeUnknown, Rejected, Retryable
from common.moves import LostRace
from disbursements import settling
from disbursements.applying import DAY, attempt_of, may_resend, next_question
from disbursements.models import Attempt, Disbursement
from disbursements.paying import payout
from disbursements.statuses import AttemptStatus, Status
from mpesa import codes
from mpesa import operations as mpesa


def ask(*, disbursement_id: UUID, at: datetime) -> None:
    """Take the next rung for a payment whose result has not come."""
    row = Disbursement.objects.get(pk=disbursement_id)
    if row.status not in (Status.ACCEPTED, Status.UNKNOWN):
        return
    open_ = row.attempts.filter(status__in=[AttemptStatus.ACCEPTED, AttemptStatus.UNKNOWN]).first()
    attempt = attempt_of(open_.pk) if open_ else None
    if attempt is None:
        raise LostRace(f"{row}: has no open attempt")
    if attempt.not_found > attempt.sends - 1 and may_resend(attempt, at=at):
        _resend(attempt, at=at)
    else:
        _question(attempt, at=at)


def _question(attempt: Attempt, *, at: datetime) -> None:
    _note_question(attempt, at=at)
    token = tokens.make("status", attempt.pk)
    try:
        mpesa.connect(attempt.shortcode).ask_status(
            originator_conversation_id=attempt.originator_conversation_id,
            result_url=mpesa.callback_address("status", token, "result"),
            timeout_url=mpesa.callback_address("status", token, "timeout"),
        )
    except GatewayError as exc:
        attempt.disbursement.remark(
            f"The question was not taken: {exc}. It is asked again.", at=timezone.now()
        )
        if isinstance(exc, Rejected) and exc.stop:
            settling.mind_configuration(attempt, exc.code, exc.message, at=timezone.now())


def _note_question(attempt: Attempt, *, at: datetime) -> None:
    """Write that we ask, and when next, before we do. An accepted payment without a result becomes unknown."""
    row = attempt.disbursement
    again = next_question(attempt, at=at)
    note = f"No result yet: asking M-Pesa by our own id (question {attempt.asks + 1})."
    with transaction.atomic():
        if row.status == Status.ACCEPTED:
            row.move(Status.UNKNOWN, at=at, note=note, next_step_at=again)
            attempt.move(AttemptStatus.UNKNOWN, at=at, asks=attempt.asks + 1, last_asked_at=at)
        else:
            row.remark(note, at=at)
            row.due(again)
            Attempt.objects.filter(pk=attempt.pk).update(asks=attempt.asks + 1, last_asked_at=at)
    if at - attempt.first_sent_at > DAY:
        words = "Unknown for more than a day. Look it up in M-Pesa's statement; two people can then decide."
        row.ask_for_person(words, at=at)


def _resend(attempt: Attempt, *, at: datetime) -> None:
    """Send the same request with the same id: a duplicate refusal proves that the first one arrived."""
    row = attempt.disbursement
    again = next_question(attempt, at=at)
    row.remark("M-Pesa does not know the id: sending the same request again, with the same id.", at=at)
    row.due(again)
    Attempt.objects.filter(pk=attempt.pk).update(sends=attempt.sends + 1, last_sent_at=at)
    attempt.sends += 1
    try:
        accepted = mpesa.connect(attempt.shortcode).pay(payout(attempt))
    except OutcomeUnknown as exc:
        row.remark(f"{exc}. Still unknown; asking again.", at=timezone.now())
    except Retryable as exc:
        if exc.code in codes.SLOW_DOWN:
            mpesa.pace().slow_down(attempt.shortcode.number)
        row.remark(f"{exc}. This repetition was not sent; asking again.", at=timezone.now())
    except Rejected as exc:
        # It speaks of the repetition alone; the first request may still have arrived.
        row.remark(f"M-Pesa refused the repetition: {exc}. Asking again.", at=timezone.now(), who="mpesa")
        if exc.stop:
            settling.mind_configuration(attempt, exc.code, exc.message, at=timezone.now())
    else:
        _taken(attempt, accepted.conversation_id, earlier=accepted.earlier, again=again)


def _taken(attempt: Attempt, conversation_id: str, *, earlier: bool, again: datetime) -> None:
    at = timezone.now()
    note = "The first request had arrived; waiting for its result." if earlier else "M-Pesa took it now."
    with transaction.atomic():
        attempt.disbursement.move(Status.ACCEPTED, at=at, note=note, who="mpesa", next_step_at=again)
        attempt.move(
            AttemptStatus.ACCEPTED, at=at, conversation_id=conversation_id or attempt.conversation_id
        )
