"""Say whose money in suspense is, and whether a possible duplicate is one. Above a limit it takes two people."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from common import audit
from common.money import shown
from partners.models import Partner
from wallet.bank_models import BankCredit, CreditStatus
from wallet.crediting import into_wallet, one_at_a_time
from wallet.models import Kind

OPEN = (CreditStatus.SUSPENSE, CreditStatus.POSSIBLE_DUPLICATE)


class CannotAllocate(Exception):
    """This cannot be decided like this; the message says why, in words for the person."""


def allocate(
    *, credit_id: UUID, partner_id: UUID, by: AbstractBaseUser, reason: str, at: datetime
) -> BankCredit:
    """Give money to a partner, or above the limit propose it to a second person.

    For a possible duplicate it says that the money is not the same.

    :raises CannotAllocate: no reason, settled already, or proposed already
    """
    reason = _needed(reason)
    with transaction.atomic():
        row = _open(credit_id)
        partner = Partner.objects.get(pk=partner_id)
        if row.proposed_by_id:
            raise CannotAllocate("Somebody has proposed it already; another person agrees or declines.")
        if row.amount > settings.SUSPENSE_ALLOCATION_LIMIT:
            _propose(row, partner, by=by, reason=reason, at=at)
        else:
            _give(row, partner, by=by, note=f"For {partner}: {reason}", at=at)
    return row


def agree(*, credit_id: UUID, by: AbstractBaseUser, at: datetime) -> BankCredit:
    """Agree with what somebody else proposed; the money is booked.

    :raises CannotAllocate: nothing is proposed, it is one's own proposal, or it is settled already
    """
    with transaction.atomic():
        row = _open(credit_id)
        if row.proposed_by_id is None or row.proposed_partner is None:
            raise CannotAllocate("Nothing is proposed.")
        if row.proposed_by_id == by.pk:
            raise CannotAllocate("Another person has to agree with your proposal.")
        note = f"For {row.proposed_partner}: {row.proposed_reason} (two people)"
        _give(row, row.proposed_partner, by=by, note=note, at=at)
    return row


def decline(*, credit_id: UUID, by: AbstractBaseUser, reason: str, at: datetime) -> BankCredit:
    """Take a proposal away, one's own or another's; the money waits on.

    :raises CannotAllocate: no reason, or nothing is proposed
    """
    reason = _needed(reason)
    with transaction.atomic():
        row = _open(credit_id)
        if row.proposed_by_id is None:
            raise CannotAllocate("Nothing is proposed.")
        cleared = {"proposed_partner": None, "proposed_by": None, "proposed_at": None, "proposed_reason": ""}
        BankCredit.objects.filter(pk=row.pk).update(**cleared)
        row.remark(f"Proposal declined: {reason}", at=at, who=by.get_username())
        _audit("declined an allocation", row, by=by, reason=reason, at=at)
    row.refresh_from_db()
    return row


def same_money(*, credit_id: UUID, by: AbstractBaseUser, reason: str, at: datetime) -> BankCredit:
    """Say that a possible duplicate is money that is booked already; nothing is booked for it.

    :raises CannotAllocate: no reason, or it is no possible duplicate
    """
    reason = _needed(reason)
    with transaction.atomic():
        row = _open(credit_id)
        if row.status != CreditStatus.POSSIBLE_DUPLICATE:
            raise CannotAllocate("This is no possible duplicate.")
        who = by.get_username()
        row.move(CreditStatus.IGNORED, at=at, note=f"The same money: {reason}", who=who, decided_by_id=by.pk)
        _audit("said it is the same money", row, by=by, reason=reason, at=at)
    return row


def _needed(reason: str) -> str:
    if not reason.strip():
        raise CannotAllocate("A reason is needed.")
    return reason.strip()


def _open(credit_id: UUID) -> BankCredit:
    one_at_a_time()
    row = BankCredit.objects.select_related("proposed_partner").get(pk=credit_id)
    if row.status not in OPEN:
        raise CannotAllocate(f"This is settled already: {row.get_status_display().lower()}.")
    return row


def _propose(row: BankCredit, partner: Partner, *, by: AbstractBaseUser, reason: str, at: datetime) -> None:
    proposal = {
        "proposed_partner": partner,
        "proposed_by_id": by.pk,
        "proposed_at": at,
        "proposed_reason": reason,
    }
    BankCredit.objects.filter(pk=row.pk).update(**proposal)
    row.refresh_from_db()
    words = f"{by.get_username()} says that it is {partner}'s. Another person has to agree."
    row.ask_for_person(words, at=at)
    _audit("proposed an allocation", row, by=by, reason=reason, at=at, partner=partner)


def _give(row: BankCredit, partner: Partner, *, by: AbstractBaseUser, note: str, at: datetime) -> None:
    received = row.status == CreditStatus.SUSPENSE
    changes = {"partner_id": partner.pk, "booked_at": at, "decided_by_id": by.pk}
    row.move(CreditStatus.ALLOCATED, at=at, note=note, who=by.get_username(), **changes)
    _audit("allocated", row, by=by, reason=note, at=at, partner=partner)
    into_wallet(row, partner, from_kind=Kind.SUSPENSE if received else Kind.BANK, phone="", at=at)


def _audit(
    action: str,
    row: BankCredit,
    *,
    by: AbstractBaseUser,
    reason: str,
    at: datetime,
    partner: Partner | None = None,
) -> None:
    detail = {"amount": shown(row.amount)} | ({"partner": partner.code} if partner else {})
    audit.write(action=action, subject=row, at=at, actor=by, reason=reason, detail=detail)
