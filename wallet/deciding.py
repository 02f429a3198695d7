"""Two people decide what became of a purchase that no evidence settles: one proposes, another one agrees."""

from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from common import audit
from wallet import evidence
from wallet.asking import CannotBuy
from wallet.purchases import FloatPurchase, PurchaseStatus

DECIDED = frozenset({PurchaseStatus.ACCEPTED, PurchaseStatus.UNKNOWN})


def propose(
    *, purchase_id: UUID, outcome: str, receipt: str, note: str, by: AbstractBaseUser, at: datetime
) -> FloatPurchase:
    """Say what became of an open purchase, for another person to agree with. A new proposal replaces the last.

    :param outcome: `bought` or `failed`
    :param receipt: what proves it (the bank's or M-Pesa's reference); needed for `bought`
    :raises CannotBuy: it is not open, or the receipt or the note is missing
    """
    if outcome not in (PurchaseStatus.BOUGHT, PurchaseStatus.FAILED):
        raise CannotBuy("It was bought, or it was not.")
    if outcome == PurchaseStatus.BOUGHT and not receipt.strip():
        raise CannotBuy("Name the bank's or M-Pesa's reference that proves it.")
    if not note.strip():
        raise CannotBuy("Say how you know.")
    with transaction.atomic():
        row = _locked(purchase_id)
        row.proposed_outcome, row.proposed_receipt = outcome, receipt.strip()[:40]
        row.proposed_note, row.proposed_by_id, row.proposed_at = note.strip()[:300], by.pk, at
        row.save(update_fields=_PROPOSAL)
        row.remark(f"Proposed: {outcome}. {note}", at=at, who=by.get_username())
        _audit("proposed float outcome", row, by=by, at=at)
    return row


def agree(*, purchase_id: UUID, by: AbstractBaseUser, at: datetime) -> FloatPurchase:
    """Agree with another person's proposal, which settles the purchase.

    :raises CannotBuy: there is no proposal, it is one's own, or the purchase is settled
    """
    with transaction.atomic():
        row = _proposed(purchase_id)
        if row.proposed_by_id == by.pk:
            raise CannotBuy("You proposed it, so another person must agree.")
        words = f"Decided by {row.proposed_by} and {by}: {row.proposed_note}"
        if row.proposed_outcome == PurchaseStatus.BOUGHT:
            proof = evidence.Evidence(
                source="people", receipt=row.proposed_receipt, event_at=row.last_sent_at or at, words=words
            )
            _bought(row, proof, at=at)
        else:
            evidence.not_bought(row, words, at=at, who="people")
        FloatPurchase.objects.filter(pk=row.pk).update(attention="")
        _audit("agreed with float outcome", row, by=by, at=at)
    return row


def refuse(*, purchase_id: UUID, by: AbstractBaseUser, note: str, at: datetime) -> FloatPurchase:
    """Take a proposal off the table, one's own or another person's.

    :raises CannotBuy: there is none
    """
    with transaction.atomic():
        row = _proposed(purchase_id)
        row.proposed_outcome = row.proposed_receipt = row.proposed_note = ""
        row.proposed_by_id = row.proposed_at = None
        row.save(update_fields=_PROPOSAL)
        row.remark(f"Proposal refused: {note}", at=at, who=by.get_username())
        _audit("refused float outcome", row, by=by, at=at)
    return row


def put_aside(*, purchase_id: UUID, by: AbstractBaseUser, note: str, at: datetime) -> FloatPurchase:
    """Note that a person has cleared up what an ended purchase was marked for.

    :raises CannotBuy: it is still open, where only its end clears it, or it is not marked
    """
    with transaction.atomic():
        row = FloatPurchase.objects.select_for_update(no_key=True, of=("self",)).get(pk=purchase_id)
        if row.NEXT[row.status] or not row.attention:
            raise CannotBuy("There is nothing to put aside.")
        row.remark(f"Cleared up: {note} (it was: {row.attention})", at=at, who=by.get_username())
        FloatPurchase.objects.filter(pk=row.pk).update(attention="")
        _audit("put float attention aside", row, by=by, at=at, reason=note)
    return row


def _bought(row: FloatPurchase, proof: evidence.Evidence, *, at: datetime) -> None:
    try:
        with transaction.atomic():
            evidence.bought(row, proof, at=at)
    except IntegrityError:
        raise CannotBuy(f"{proof.receipt} is the proof of another purchase already.") from None


_PROPOSAL = ["proposed_outcome", "proposed_receipt", "proposed_note", "proposed_by", "proposed_at"]


def _locked(purchase_id: UUID) -> FloatPurchase:
    row = FloatPurchase.objects.select_for_update(no_key=True, of=("self",)).get(pk=purchase_id)
    if row.status not in DECIDED:
        raise CannotBuy(f"It is {row.get_status_display().lower()}: there is nothing to decide.")
    return row


def _proposed(purchase_id: UUID) -> FloatPurchase:
    row = _locked(purchase_id)
    if not row.proposed_outcome:
        raise CannotBuy("Nobody has proposed anything.")
    return row


def _audit(action: str, row: FloatPurchase, *, by: AbstractBaseUser, at: datetime, reason: str = "") -> None:
    audit.write(
        action=action,
        subject=row,
        at=at,
        actor=by,
        reason=reason or row.proposed_note,
        detail={"reference": row.reference, "outcome": row.proposed_outcome},
    )
