"""What people may do: hold, release, approve, retry, cancel, and settle an unknown payment in two."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from common import audit
from common.changes import By, acting
from common.models import AuditLine
from disbursements import checks, paying, settling
from disbursements.checking import hold as put_aside
from disbursements.models import Attempt, Disbursement, SettlementProposal
from disbursements.settling import Payment
from disbursements.statuses import NEEDS_TWO, OPEN, AttemptStatus, Cause, Status
from mpesa.codes import Kind

WAIVABLE = frozenset(
    {
        Cause.DAY_LIMIT,
        Cause.OUTSIDE_HOURS,
        Cause.TOO_YOUNG,
        Cause.SIMILAR,
        Cause.BLOCKED,
    }
)


Who = AbstractBaseUser | By  # a person, or an API key

NOT_APPROVED = {"first_approver_id": None, "second_approver_id": None}  # people approve an amount, not a loan


class NotPossible(Exception):
    """This cannot be done now; the message says why, for the person who asked."""


def _find(disbursement_id: UUID) -> Disbursement:
    rows = Disbursement.objects.select_related("partner", "product", "mifos_partner")
    return rows.get(pk=disbursement_id)


def _reasoned(reason: str) -> str:
    if not reason.strip():
        raise NotPossible("Say why, in a few words; it is kept with the payment.")
    return reason.strip()


def _note(row: Disbursement, action: str, *, by: Who, reason: str, at: datetime) -> None:
    Disbursement.objects.filter(pk=row.pk).update(touched_by_person=True)
    acts = acting(by)
    audit.write(
        action=action,
        subject=row,
        at=at,
        actor=acts.actor,
        actor_name=acts.name,
        reason=reason,
        remote_address=acts.remote_address,
    )


def _is_a_persons(row: Disbursement) -> bool:
    """Whether only a person may let a held disbursement go."""
    if row.hold_cause != Cause.BY_PERSON:
        return row.hold_cause in WAIVABLE | {Cause.AMOUNT_CHANGED}
    lines = AuditLine.objects.filter(object_type=row._meta.db_table, object_id=str(row.pk), action="hold")
    last = lines.order_by("-at").first()
    return last is None or last.actor_id is not None


def hold(*, disbursement_id: UUID, by: Who, reason: str, at: datetime) -> None:
    """Stop a disbursement that is not yet on its way.

    :raises NotPossible: no reason, or it is on its way or ended
    """
    row, why = _find(disbursement_id), _reasoned(reason)
    if row.status not in OPEN:
        raise NotPossible(f"It is {row.get_status_display().lower()}; only what is not yet sent can be held.")
    if row.hold_cause == Cause.BY_PERSON:
        raise NotPossible("It is held by a person already.")
    words = f"Held by {acting(by).who}: {why}"
    with transaction.atomic():
        put_aside(row, checks.no("person", Cause.BY_PERSON, words), [], at=at)
        paying.give_up_unsent(row, at=at)
        _note(row, "hold", by=by, reason=why, at=at)


def release(*, disbursement_id: UUID, by: Who, reason: str, at: datetime) -> None:
    """Let a held disbursement go on: it is checked again, and what may be waived is waived.

    A changed amount is accepted as it was shown. Nothing else is overruled: a wrong phone stays wrong.

    What is a person's to judge is not let go by a program: what may be waived, a changed amount, and what a person
    held.

    :raises NotPossible: no reason, not held, or it waits for a person, or for a second one (use `approve`)
    """
    row, why = _find(disbursement_id), _reasoned(reason)
    if row.status != Status.HELD:
        raise NotPossible("It is not held.")
    if row.hold_cause in NEEDS_TWO:
        raise NotPossible("It waits for the approval of two people; approve it instead, on its page.")
    if acting(by).actor is None and _is_a_persons(row):
        raise NotPossible("A program cannot decide this: a person must release it, on its page.")
    accepted: dict[str, Any] = {"waived": list(row.waived)}
    if row.hold_cause in WAIVABLE:
        accepted["waived"] = [
            *row.waived,
            {"cause": row.hold_cause, "by": acting(by).who, "at": at.isoformat()},
        ]
    if row.hold_cause == Cause.AMOUNT_CHANGED and row.changed_amount is not None:  # the one that was shown
        accepted |= {"amount": row.changed_amount, "gross_amount": row.changed_gross_amount} | NOT_APPROVED
    with transaction.atomic():
        note = f"Released by {acting(by).who}: {why}"
        row.move(
            Status.DETECTED,
            at=at,
            note=note,
            who=acting(by).who,
            attention="",
            next_step_at=at,
            **accepted,
        )
        _note(row, "release", by=by, reason=why, at=at)


def approve(*, disbursement_id: UUID, by: AbstractBaseUser, reason: str, at: datetime) -> bool:
    """Approve an amount above the partner's limit: the first of two people asks, the second one lets it go.

    :returns: whether both have approved
    :raises NotPossible: it does not wait for that, or the same person tries twice
    """
    row, why = _find(disbursement_id), _reasoned(reason)
    if row.status != Status.HELD or row.hold_cause not in NEEDS_TWO:
        raise NotPossible("It does not wait for an approval.")
    if row.first_approver_id == by.pk:
        raise NotPossible("You have approved it already; another person must approve it too.")
    with transaction.atomic():
        _note(row, "approve", by=by, reason=why, at=at)
        who = by.get_username()
        if row.first_approver_id is None:
            first = Disbursement.objects.filter(pk=row.pk, status=Status.HELD, first_approver__isnull=True)
            if not first.update(first_approver=by.pk):
                raise NotPossible(
                    "Somebody else approved it a moment ago. Look again, and approve as the second."
                )
            row.remark(f"First approval by {who}: {why}", at=at, who=who)
            return False
        row.move(
            Status.DETECTED,
            at=at,
            note=f"Second approval by {who}: {why}",
            who=who,
            second_approver_id=by.pk,
            attention="",
            next_step_at=at,
        )
    return True


def retry(*, disbursement_id: UUID, by: Who, reason: str, at: datetime) -> None:
    """Try a failed or cancelled disbursement again, after new checks, as a new attempt.

    :raises NotPossible: it is neither, or an attempt of it may have been paid
    """
    row, why = _find(disbursement_id), _reasoned(reason)
    if row.status not in (Status.FAILED, Status.CANCELLED):
        raise NotPossible("Only what failed or was cancelled can be tried again.")
    if row.live_attempt is not None:
        raise NotPossible("An attempt of it may have been paid; nothing may be sent again.")
    with transaction.atomic():
        note = f"Tried again by {acting(by).who}: {why}"
        row.move(Status.DETECTED, at=at, note=note, who=acting(by).who, attention="", next_step_at=at)
        _note(row, "retry", by=by, reason=why, at=at)


def cancel(*, disbursement_id: UUID, by: Who, reason: str, at: datetime) -> None:
    """Give a disbursement up for good; nothing of it may be on its way.

    :raises NotPossible: it is on its way, or ended
    """
    row, why = _find(disbursement_id), _reasoned(reason)
    if row.status not in OPEN | {Status.FAILED}:
        raise NotPossible(f"It is {row.get_status_display().lower()} and cannot be cancelled.")
    with transaction.atomic():
        note = f"Cancelled by {acting(by).who}: {why}"
        row.move(Status.CANCELLED, at=at, note=note, who=acting(by).who, attention="")
        paying.give_up_unsent(row, at=at)
        _note(row, "cancel", by=by, reason=why, at=at)


def ask_now(*, disbursement_id: UUID, by: AbstractBaseUser, at: datetime) -> None:
    """Bring the next question to M-Pesa forward.

    :raises NotPossible: it does not wait for M-Pesa
    """
    row = _find(disbursement_id)
    if row.status not in (Status.ACCEPTED, Status.UNKNOWN):
        raise NotPossible("It does not wait for M-Pesa.")
    row.due(at)
    _note(row, "ask now", by=by, reason="", at=at)


def propose_settlement(
    *, disbursement_id: UUID, outcome: str, receipt: str, note: str, by: AbstractBaseUser, at: datetime
) -> SettlementProposal:
    """Say, with proof, what became of an unknown payment. Nothing moves until a second person agrees.

    :raises NotPossible: it is not unknown, there is a proposal already, or the proof is missing
    """
    row, why = _find(disbursement_id), _reasoned(note)
    attempt = row.attempts.filter(status=AttemptStatus.UNKNOWN).first()
    if row.status != Status.UNKNOWN or attempt is None:
        raise NotPossible("Only a payment whose outcome is unknown can be settled by people.")
    if outcome == SettlementProposal.Outcome.PAID and not receipt.strip():
        raise NotPossible("Give M-Pesa's receipt from the statement.")
    if attempt.proposals.filter(decided_at__isnull=True).exists():
        raise NotPossible("There is a proposal already; agree to it or refuse it first.")
    with transaction.atomic():
        proposal = SettlementProposal.objects.create(
            attempt=attempt,
            outcome=outcome,
            receipt=receipt.strip(),
            note=why,
            proposed_by_id=by.pk,
            proposed_at=at,
        )
        row.remark(
            f"{by.get_username()} says: {proposal.get_outcome_display().lower()}. {why}",
            at=at,
            who=by.get_username(),
        )
        _note(row, "propose settlement", by=by, reason=why, at=at)
    return proposal


def decide_settlement(
    *, proposal_id: UUID, agree: bool, by: AbstractBaseUser, reason: str, at: datetime
) -> None:
    """Agree to or refuse what another person said about an unknown payment.

    :raises NotPossible: it was decided, it is one's own, or M-Pesa has settled it meanwhile
    """
    why = _reasoned(reason)
    with transaction.atomic():
        proposal = SettlementProposal.objects.select_for_update().get(pk=proposal_id)
        if proposal.decided_at is not None:
            raise NotPossible("It was decided already.")
        if agree and proposal.proposed_by_id == by.pk:
            raise NotPossible("Another person must agree; nobody settles a payment alone.")
        proposal.decided_by_id, proposal.decided_at, proposal.agreed = by.pk, at, agree
        proposal.save(update_fields=["decided_by", "decided_at", "agreed"])
        attempt = _attempt(proposal.attempt_id)
        _note(attempt.disbursement, "agree" if agree else "refuse", by=by, reason=why, at=at)
        if agree and not _settle(proposal, attempt, by=by, at=at):
            raise NotPossible("M-Pesa has settled it meanwhile; nothing was changed.")


def _attempt(attempt_id: UUID) -> Attempt:
    rows = Attempt.objects.select_related(
        "shortcode", "disbursement", "disbursement__partner", "disbursement__product"
    )
    return rows.get(pk=attempt_id)


def _settle(proposal: SettlementProposal, attempt: Attempt, *, by: AbstractBaseUser, at: datetime) -> bool:
    who = f"{proposal.proposed_by.get_username()} and {by.get_username()}"
    evidence = {"proposal": str(proposal.pk), "note": proposal.note}
    if proposal.outcome == SettlementProposal.Outcome.PAID:
        payment = Payment(receipt=proposal.receipt, amount=attempt.amount, paid_at=at)
        return settling.paid(attempt, payment, at=at, who=who, evidence=evidence)
    words = f"Two people found that it was not paid: {proposal.note}"
    return settling.not_paid(attempt, kind=Kind.FAILED, code="", words=words, at=at, evidence=evidence)
