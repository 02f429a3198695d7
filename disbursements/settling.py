"""End an attempt on evidence: capture or release its money, and tell people. A contradiction changes nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from common import money
from common.gateway import Rejected
from common.phone import masked, may_be
from disbursements.checking import load
from disbursements.models import Attempt, Disbursement
from disbursements.statuses import NUDGED_FOR, OPEN, AttemptStatus, Cause, Status
from mpesa import codes
from mpesa.codes import Kind
from partners import pausing
from partners.models import PauseDial
from sms import operations as sms
from wallet import operations as wallet

DEFINITE = frozenset({Kind.FAILED, Kind.FAILED_TODAY, Kind.NO_FLOAT, Kind.CONFIGURATION})  # proved not paid
FLOAT_GAP = timedelta(minutes=5)
NEXT_DAY = timedelta(hours=20)
RETRY_GAPS = (60, 600, 3600)  # seconds before a new attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Evidence that the money went out."""

    receipt: str
    amount: Decimal | None
    recipient_name: str = ""
    phone: str = ""
    paid_at: datetime
    cost: Decimal | None = None


def paid(attempt: Attempt, payment: Payment, *, at: datetime, who: str, evidence: Any = None) -> bool:
    """Settle an attempt as paid, once.

    :returns: False when it was settled before, or the evidence does not fit; attention is raised where needed
    """
    row = attempt.disbursement
    if attempt.status in (AttemptStatus.PAID, AttemptStatus.FAILED):
        _compare_paid(attempt, payment, at=at, evidence=evidence)
        return False
    if misfit := _misfit(attempt, payment):
        row.ask_for_person(
            f"M-Pesa reports a payment that does not fit: {misfit}. Nothing was changed.", at=at
        )
        return False
    with transaction.atomic():
        _arrived_after_all(attempt, at=at)
        _book_paid(attempt, payment, at=at, who=who, evidence=evidence)
    return True


def _arrived_after_all(attempt: Attempt, *, at: datetime) -> None:
    """Correct what we took for never sent, when M-Pesa has a result for it."""
    if attempt.status == AttemptStatus.UNSENT:
        attempt.disbursement.move(
            Status.SENDING, at=at, note="The request reached M-Pesa after all.", who="mpesa"
        )
        attempt.move(AttemptStatus.SENDING, at=at)


def _misfit(attempt: Attempt, payment: Payment) -> str:
    if not payment.receipt:
        return "there is no receipt"
    if payment.amount is not None and payment.amount != attempt.amount:
        return f"the amount is {money.shown(payment.amount)}, we asked for {money.shown(attempt.amount)}"
    if payment.phone and not may_be(payment.phone, attempt.phone):
        return f"the phone is {masked(payment.phone)}, we asked for {masked(attempt.phone)}"
    return ""


def _book_paid(attempt: Attempt, payment: Payment, *, at: datetime, who: str, evidence: Any) -> None:
    row = attempt.disbursement
    cost = attempt.mpesa_cost if payment.cost is None else payment.cost
    direct = row.source == Disbursement.Source.API
    note = f"{money.shown(attempt.amount)} paid to {payment.recipient_name or 'the client'}, receipt {payment.receipt}."
    row.move(
        Status.PAID,
        at=at,
        note=note,
        who=who,
        evidence=evidence,
        receipt=payment.receipt,
        recipient_name=payment.recipient_name[:200],
        name_differs=names_differ(row.client_name, payment.recipient_name),
        mpesa_cost=cost,
        paid_at=payment.paid_at,
        settled_at=at,
        outside_ms=row.outside_ms + max(0, round((at - attempt.last_sent_at).total_seconds() * 1000)),
        next_step_at=None if direct else at + NUDGED_FOR,
        attention="",
    )
    attempt.move(
        AttemptStatus.PAID, at=at, receipt=payment.receipt, result_code="0", settled_at=at, mpesa_cost=cost
    )
    _tell_paid(row, at=at)
    if direct:
        row.move(
            Status.COMPLETED, at=at, note="A direct payout: Mifos has nothing to record.", completed_at=at
        )
    wallet.capture(
        reference=attempt.pk, at=at, event_at=payment.paid_at, receipt=payment.receipt, mpesa_cost=cost
    )  # last: the wallet's row stays locked until the commit


def _tell_paid(row: Disbursement, *, at: datetime) -> None:
    told = {
        "amount": money.shown(row.amount),
        "receipt": row.receipt,
        "client": row.client_name,
    }
    told |= {"loan": row.loan_account_no or row.client_request_id or ""}
    if row.product is None or row.product.sms_notifications_enabled:
        sms.enqueue(
            event_key=f"paid:{row.pk}",
            message_type="disbursement_confirmation",
            partner_id=row.partner_id,
            phone=row.phone,
            context=told,
            at=at,
        )
    sms.enqueue_to_partner(
        event_key=f"paid-partner:{row.pk}",
        message_type="disbursement_success",
        partner_id=row.partner_id,
        context=told,
        at=at,
    )


def _compare_paid(attempt: Attempt, payment: Payment, *, at: datetime, evidence: Any) -> None:
    row = attempt.disbursement
    if attempt.status == AttemptStatus.PAID and attempt.receipt == payment.receipt:
        return  # the same news again
    before = (
        f"paid with receipt {attempt.receipt}" if attempt.receipt else "not paid, and its money was released"
    )
    words = f"M-Pesa now reports receipt {payment.receipt} for attempt {attempt.number}, which was settled as {before}."
    row.remark(words, at=at, who="mpesa", evidence=evidence)
    words = f"{words} Compare with M-Pesa's statement before anything is paid again."
    if attempt.status == AttemptStatus.FAILED and row.status in OPEN | {Status.FAILED}:
        row.move(  # or the next attempt would pay a second time
            Status.HELD,
            at=at,
            note=words,
            hold_cause=Cause.CONTRADICTION,
            first_approver_id=None,
            second_approver_id=None,
        )
    row.ask_for_person(words, at=at)


def refused(attempt: Attempt, exc: Rejected, *, at: datetime) -> None:
    """Settle an attempt that M-Pesa or its gateway refused outright: nothing was paid."""
    verdict = codes.verdict(exc.code, exc.message)
    kind = Kind.CONFIGURATION if exc.stop else verdict.kind
    if kind not in DEFINITE:
        kind = Kind.FAILED  # a refusal before processing is definite, even where its code says little
    words = verdict.words if verdict.kind == kind else f"M-Pesa refused: {exc.message}"
    not_paid(attempt, kind=kind, code=exc.code, words=words, at=at)


def not_paid(
    attempt: Attempt, *, kind: Kind, code: str, words: str, at: datetime, evidence: Any = None
) -> bool:
    """Settle an attempt as proved not paid, once: release its money and decide what comes next.

    :param kind: one of `DEFINITE`
    :returns: False when it was settled before
    """
    row = attempt.disbursement
    if attempt.status in (AttemptStatus.PAID, AttemptStatus.FAILED):
        _compare_not_paid(attempt, words, at=at, evidence=evidence)
        return False
    shown = f"{words} (Code {code}.)" if code else words
    with transaction.atomic():
        _arrived_after_all(attempt, at=at)
        row.move(
            Status.FAILED,
            at=at,
            note=f"{shown} The money was released.",
            who="mpesa",
            evidence=evidence,
            settled_at=at,
        )
        attempt.move(AttemptStatus.FAILED, at=at, result_code=code[:20], result_text=words, settled_at=at)
        _after_failure(row, attempt, kind, words, at=at)
        wallet.release(reference=attempt.pk, at=at, reason=shown)  # last: it locks the wallet's row
    return True


def _compare_not_paid(attempt: Attempt, words: str, *, at: datetime, evidence: Any) -> None:
    if attempt.status == AttemptStatus.FAILED:
        return
    row = attempt.disbursement
    note = f"M-Pesa now says that attempt {attempt.number} failed ({words}), but it has receipt {attempt.receipt}."
    row.remark(note, at=at, who="mpesa", evidence=evidence)
    row.ask_for_person(f"{note} Compare with M-Pesa's statement.", at=at)


def _after_failure(row: Disbursement, attempt: Attempt, kind: Kind, words: str, *, at: datetime) -> None:
    if kind == Kind.CONFIGURATION:
        reason = f"M-Pesa refuses what shortcode {attempt.shortcode.number} asks: {words}"
        _stop_shortcode(attempt, reason, at=at)
        row.move(
            Status.HELD, at=at, note=reason, hold_cause=Cause.PAUSED, next_step_at=at + timedelta(seconds=30)
        )
    elif kind == Kind.NO_FLOAT:
        row.move(Status.HELD, at=at, note=words, hold_cause=Cause.MPESA_FLOAT, next_step_at=at + FLOAT_GAP)
        _alert(row, f"float-low:{attempt.shortcode_id}", words, at=at)
    elif kind == Kind.FAILED_TODAY and row.attempts_made < settings.MAX_PAYOUT_ATTEMPTS:
        row.due(at + NEXT_DAY)
    else:
        _final(row, words, at=at)


def _final(row: Disbursement, words: str, *, at: datetime) -> None:
    row.ask_for_person(words, at=at)
    sms.enqueue_to_partner(
        event_key=f"failed:{row.pk}:{row.attempts_made}",
        message_type="disbursement_failure",
        partner_id=row.partner_id,
        context={
            "amount": money.shown(row.amount),
            "client": row.client_name,
            "loan": row.loan_account_no or row.client_request_id or "",
            "reason": words,
        },
        at=at,
    )


def mind_configuration(attempt: Attempt, code: str, words: str, *, at: datetime) -> None:
    """Stop the shortcode when even a question about a payment is refused for credentials or roles."""
    if codes.verdict(code, words).kind == Kind.CONFIGURATION:
        _stop_shortcode(
            attempt, f"M-Pesa refuses what shortcode {attempt.shortcode.number} asks: {words} ({code})", at=at
        )


def _stop_shortcode(attempt: Attempt, reason: str, *, at: datetime) -> None:
    """Open the circuit of a shortcode at its first credential or role error; repeats would lock the operator."""
    dial = pausing.pause_by_platform(
        scope=PauseDial.Scope.SHORTCODE, target_id=attempt.shortcode_id, reason=reason, at=at
    )
    if dial:
        _alert(attempt.disbursement, f"shortcode-stopped:{dial.pk}", reason, at=at)


def _alert(row: Disbursement, event_key: str, reason: str, *, at: datetime) -> None:
    sms.enqueue_to_partner(
        event_key=event_key,
        message_type="system_error",
        partner_id=row.partner_id,
        context={"reason": reason},
        at=at,
        quiet=timedelta(hours=1),
    )


def try_again(*, disbursement_id: UUID, at: datetime) -> None:
    """Take up a failed disbursement whose pause is over, as a new attempt after new checks."""
    row = load(disbursement_id)
    if row.status == Status.FAILED:
        row.move(Status.DETECTED, at=at, note="Trying again with a new attempt.", next_step_at=at)


def names_differ(ours: str, theirs: str) -> bool:
    """Whether two spellings of a person's name have no word in common. M-Pesa may mask or shorten names."""
    mine, other = set(ours.casefold().split()), set(theirs.casefold().replace("*", " ").split())
    return bool(mine and other and not mine & other)
