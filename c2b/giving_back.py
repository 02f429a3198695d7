"""Ask M-Pesa to give a payment back, and follow it to its end.

M-Pesa gives a payment back once, whoever asks how often: after any doubt it is asked again, and "already
reversed" is the proof.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from c2b.models import C2bTransaction, Decision
from c2b.reversals import Reversal, ReversalStatus
from c2b.statuses import Status
from common import inbound, tokens
from common.gateway import OutcomeUnknown, Rejected, Retryable
from common.models import InboundMessage
from common.moves import ForbiddenMove, LostRace
from mpesa import callbacks, reversing
from mpesa import operations as mpesa
from mpesa.reversing import Ending, Reversed

PURPOSE = "reversal"
LEASE = timedelta(minutes=2)
ASK_GAPS = (600, 1800, 3600, 6 * 3600)  # seconds; a result usually takes some of them
RETRY_GAP = timedelta(seconds=30)
ATTENTION_AFTER = 3  # requests without an end


def order(payment: C2bTransaction, decision: Decision, *, at: datetime) -> None:
    """Note that a payment is to be given back, inside the transaction of the decision."""
    Reversal.objects.create(transaction=payment, decision=decision, asked_at=at, moved_at=at, next_step_at=at)


def send(*, reversal_id: UUID, at: datetime) -> None:
    """Ask M-Pesa, for the first time or again.

    :raises LostRace: another worker has it
    """
    row = _load(reversal_id)
    if row.status == ReversalStatus.SENDING:  # we died while asking
        row.move(ReversalStatus.UNKNOWN, at=at, note="Nobody knows whether M-Pesa was asked.")
    if row.status not in (ReversalStatus.WANTED, ReversalStatus.ACCEPTED, ReversalStatus.UNKNOWN):
        return
    payment = row.transaction
    with transaction.atomic(durable=True):  # committed before a single byte leaves us
        row.move(
            ReversalStatus.SENDING,
            at=at,
            note="M-Pesa is asked.",
            tries=row.tries + 1,
            next_step_at=at + LEASE,
        )
    token = tokens.make(PURPOSE, row.pk)
    again = at + timedelta(seconds=ASK_GAPS[min(row.tries, len(ASK_GAPS)) - 1])
    try:
        mpesa.connect(payment.shortcode).reverse(
            payment=payment.mpesa_receipt,
            amount=payment.amount,
            result_url=mpesa.callback_address(PURPOSE, token, "result"),
            timeout_url=mpesa.callback_address(PURPOSE, token, "timeout"),
        )
    except Rejected as exc:
        _fail(row, f"M-Pesa refused: {exc}", code=exc.code, at=at)
    except Retryable as exc:
        _retry(row, str(exc), at=at)
    except OutcomeUnknown as exc:
        _doubt(row, f"M-Pesa may be doing it or not: {exc}", again=again, at=at)
    else:
        _quietly(row, ReversalStatus.ACCEPTED, at=at, note="M-Pesa took the request.", next_step_at=again)
    if row.tries >= ATTENTION_AFTER and row.status in (ReversalStatus.ACCEPTED, ReversalStatus.UNKNOWN):
        payment.ask_for_person(f"The reversal has not ended: {row.reason}", at=at)


def _load(reversal_id: UUID) -> Reversal:
    return Reversal.objects.select_related("transaction__shortcode", "transaction__partner").get(
        pk=reversal_id
    )


def _quietly(row: Reversal, new: str, *, at: datetime, note: str, **changes: object) -> None:
    """Move it, unless its result was quicker than its acknowledgement."""
    try:
        row.move(new, at=at, note=note, **changes)
    except LostRace:
        row.refresh_from_db()


def _retry(row: Reversal, words: str, *, at: datetime) -> None:
    """Ask later: this request never arrived. An earlier one may have, so that only a first goes back to wanted."""
    new = ReversalStatus.WANTED if row.tries == 1 else ReversalStatus.UNKNOWN
    changes = {"tries": 0} if new == ReversalStatus.WANTED else {}
    _quietly(row, new, at=at, note=words, next_step_at=at + RETRY_GAP, **changes)


def _doubt(row: Reversal, words: str, *, again: datetime, at: datetime) -> None:
    _quietly(row, ReversalStatus.UNKNOWN, at=at, note=words, next_step_at=again)


def _fail(row: Reversal, words: str, *, code: str, at: datetime) -> None:
    """End it: the money stays in suspense and can be decided about anew."""
    _quietly(row, ReversalStatus.FAILED, at=at, note=words, result_code=code[:20], ended_at=at)
    if row.status == ReversalStatus.FAILED:
        row.transaction.ask_for_person(f"It was not given back. {words}", at=at)


def apply(*, message: InboundMessage, at: datetime) -> None:
    """Act on a stored result or timeout notice, once."""
    if message.applied_at is not None or message.subject_id is None:
        return
    row = Reversal.objects.filter(pk=message.subject_id).first()
    found = callbacks.parse(message.body)
    if row is None:
        inbound.applied(message.pk, outcome="for no reversal of ours", at=at)
        return
    said = reversing.reversed_result(found) if found and message.kind == "reversal_result" else None
    try:
        outcome = _settle(_load(row.pk), said, at=at)
    except (LostRace, ForbiddenMove) as exc:
        inbound.postpone(message, reason=f"the row moved meanwhile: {exc}", at=at)
        return
    inbound.applied(message.pk, outcome=outcome, at=at)


def _settle(row: Reversal, said: Reversed | None, *, at: datetime) -> str:
    """Note how it ended; what proves nothing leaves it to be asked again."""
    payment = row.transaction
    if said is None or said.ending == Ending.UNKNOWN:
        return said.words if said else "no result in it: asked again"
    if said.original and said.original != payment.mpesa_receipt:
        return "it names another payment: asked again"
    if row.status in (ReversalStatus.DONE, ReversalStatus.FAILED):
        if (row.status == ReversalStatus.DONE) != (said.ending == Ending.GIVEN_BACK):
            words = f"A later result of its reversal says otherwise: {said.words}"
            C2bTransaction.objects.filter(pk=payment.pk).update(contradiction=words)
        return "it had ended before"
    if said.ending == Ending.NOT_GIVEN_BACK:
        _fail(row, said.words, code=said.code, at=at)
        return "not given back"
    _end(row, said, at=at)
    return "given back"


def _end(row: Reversal, said: Reversed, *, at: datetime) -> None:
    payment = row.transaction
    with transaction.atomic():
        row.move(
            ReversalStatus.DONE,
            at=at,
            note=said.words,
            receipt=said.receipt,
            result_code=said.code[:20],
            ended_at=at,
        )
        named = f", reversal {said.receipt}" if said.receipt else ""
        payment.move(
            Status.REVERSED,
            at=at,
            note=f"The customer has the money back{named}.",
            who="mpesa",
            evidence={
                "code": said.code,
                "receipt": said.receipt,
                "amount": str(said.amount or ""),
            },
        )
