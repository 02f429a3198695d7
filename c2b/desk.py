"""The suspense desk: what people may do with money that belongs to no account yet. All of it is audited."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from c2b import giving_back
from c2b.booking import void_open
from c2b.models import C2bTransaction, Decision, Posting
from c2b.reading import host_of, rule_of
from c2b.reversals import under_way
from c2b.statuses import CONFIDENCE, MatchedBy, Status
from common import audit
from common.changes import By, acting
from common.gateway import GatewayError
from common.ids import new_id
from common.money import shown
from mifos.accounts import Account, AccountKind
from mifos.hosts import speaking_to
from mifos.models import MifosPartner
from partners.models import Partner

TYPES = {AccountKind.LOAN.value: "loan_repayment", AccountKind.SAVINGS.value: "savings_deposit"}


class NotPossible(Exception):
    """This cannot be done now; the message says why, for the person who asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of a payment, for one account."""

    kind: AccountKind
    account_id: int
    amount: Decimal

    def as_json(self, account: Account) -> dict[str, Any]:
        return {
            "kind": self.kind.value,
            "account_id": self.account_id,
            "amount": str(self.amount),
            "account_no": account.account_no[:50],
            "client_id": account.client_id,
            "client_name": account.client_name[:200],
        }


def allocate(
    *,
    transaction_id: UUID,
    shares: Sequence[Share],
    by: AbstractBaseUser | By,
    reason: str,
    at: datetime,
    request_id: str = "",
) -> bool:
    """Book money from suspense to one account, or split it over several.

    :param request_id: the caller's own of this wish; the same one again changes nothing
    :returns: whether it is on its way; False when a second person has to agree first
    :raises NotPossible: not in suspense, too much, or Mifos does not know an account
    """
    earlier = Decision.objects.filter(request_id=request_id).first() if request_id else None
    if earlier is not None:
        return earlier.decided_at is not None
    row = _in_suspense(transaction_id)
    total = sum((share.amount for share in shares), Decimal(0))
    if not shares or any(share.amount <= 0 for share in shares):
        raise NotPossible("Say how much goes to which account.")
    if total != row.rest:
        raise NotPossible(
            f"{shown(row.rest)} are in suspense, and {shown(total)} were divided. Divide all of it."
        )
    if len({(share.kind, share.account_id) for share in shares}) != len(shares):
        raise NotPossible("Each account can be named once.")
    accounts = _read(row, shares, at=at)
    parts = [share.as_json(account) for share, account in zip(shares, accounts, strict=True)]
    return _decide(
        row, Decision.What.ALLOCATE, by=by, reason=reason, at=at, parts=parts, request_id=request_id
    )


def send_to_partner(
    *, transaction_id: UUID, partner: Partner, by: AbstractBaseUser, reason: str, at: datetime
) -> bool:
    """Give a payment to the partner whose customer paid; it is matched anew by that one's rule.

    :returns: whether it was done; False when a second person has to agree first
    :raises NotPossible: not in suspense, a part is booked already, or it is that partner's
    """
    row = _in_suspense(transaction_id)
    if row.booked_amount:
        raise NotPossible(
            "A part of it is booked in this partner's Mifos; only all of a payment can be sent on."
        )
    if row.partner_id == partner.pk:
        raise NotPossible(f"It is {partner}'s already.")
    return _decide(row, Decision.What.SEND, by=by, reason=reason, at=at, to_partner=partner)


def mark_returned(
    *, transaction_id: UUID, reference: str, by: AbstractBaseUser, reason: str, at: datetime
) -> bool:
    """Note that the customer got the money back, by a reversal on M-Pesa's portal or in another way.

    :param reference: the receipt of the reversal
    :returns: whether it was done; False when a second person has to agree first
    :raises NotPossible: not in suspense, a part is booked already, or no reference
    """
    row = _in_suspense(transaction_id)
    if row.booked_amount:
        raise NotPossible("A part of it is booked in Mifos. Undo that there, or allocate the rest.")
    if not reference.strip():
        raise NotPossible("Write the receipt of the reversal, so that it can be found on M-Pesa's statement.")
    return _decide(row, Decision.What.RETURN, by=by, reason=reason, at=at, reference=reference.strip()[:100])


def give_back(*, transaction_id: UUID, by: AbstractBaseUser | By, reason: str, at: datetime) -> None:
    """Let M-Pesa give a payment back to the customer, once a second person agrees, whatever the amount.

    :raises NotPossible: not in suspense, a part is booked already, or the shortcode has no API operator
    """
    row = _in_suspense(transaction_id)
    if row.booked_amount:
        raise NotPossible("A part of it is booked in Mifos. Undo that there, or allocate the rest.")
    if not (row.shortcode.initiator and row.shortcode.initiator_password and row.shortcode.certificate):
        raise NotPossible(
            "The shortcode has no API operator set up. Reverse it on M-Pesa's portal and mark it as returned."
        )
    if row.amount != row.amount.to_integral_value():
        raise NotPossible("M-Pesa reverses whole shillings only. Reverse it on the portal, and mark it.")
    _decide(row, Decision.What.REVERSE, by=by, reason=reason, at=at)


def agree(*, transaction_id: UUID, by: AbstractBaseUser, reason: str, at: datetime) -> None:
    """Agree to what another person wants done; it is done at once.

    :raises NotPossible: nothing waits for that, or it is one's own wish
    """
    with transaction.atomic():
        row, wanted = _open_decision(transaction_id)
        if wanted.asked_by_id == by.pk:
            raise NotPossible("You asked for it yourself; another person must agree.")
        _note(row, f"agreed: {wanted.what}", by=by, reason=_reasoned(reason), at=at)
        _close(wanted, by=by, agreed=True, at=at)
        _carry_out(row, wanted, by=by, at=at)


def refuse(*, transaction_id: UUID, by: AbstractBaseUser, reason: str, at: datetime) -> None:
    """Refuse what another person wants done, or take back one's own wish. The money stays in suspense.

    :raises NotPossible: nothing waits for that
    """
    with transaction.atomic():
        row, wanted = _open_decision(transaction_id)
        _note(row, f"refused: {wanted.what}", by=by, reason=_reasoned(reason), at=at)
        _close(wanted, by=by, agreed=False, at=at)
        row.remark(f"{by.get_username()} refused it: {reason.strip()}", at=at, who=by.get_username())


def look_again(*, transaction_id: UUID, by: AbstractBaseUser, reason: str, at: datetime) -> None:
    """Match a payment in suspense once more, as after the account was made in Mifos.

    :raises NotPossible: it is not in suspense, or a part of it is booked
    """
    row = _in_suspense(transaction_id)
    if row.booked_amount:
        raise NotPossible("A part of it is booked; allocate the rest.")
    with transaction.atomic():
        note = f"Looked at again by {by.get_username()}: {_reasoned(reason)}"
        row.move(Status.RECEIVED, at=at, note=note, who=by.get_username(), next_step_at=at)
        _note(row, "looked at again", by=by, reason=reason, at=at)


def take_back(*, transaction_id: UUID, by: AbstractBaseUser, reason: str, at: datetime) -> None:
    """Put a payment that Mifos refuses into suspense, so that it can be allocated to another account.

    :raises NotPossible: Mifos has not refused it, or may have booked it
    """
    row = C2bTransaction.objects.get(pk=transaction_id)
    if row.status != Status.FAILED:
        raise NotPossible("Only what Mifos has refused can be taken back.")
    if row.postings.filter(in_doubt=True, booked_at__isnull=True, void_at__isnull=True).exists():
        raise NotPossible("Mifos may have booked it; nothing may be decided before that is known.")
    with transaction.atomic():
        words = f"Taken back by {by.get_username()}: {_reasoned(reason)}"
        void_open(row.pk, at=at, why=words)
        row.move(Status.UNMATCHED, at=at, note=words, who=by.get_username(), attention=words, attention_at=at)
        _note(row, "taken back", by=by, reason=reason, at=at)


def settle_contradiction(*, transaction_id: UUID, by: AbstractBaseUser, reason: str, at: datetime) -> None:
    """Note that somebody has looked at a contradiction; the payment stays as it is.

    :raises NotPossible: there is none
    """
    row = C2bTransaction.objects.get(pk=transaction_id)
    if not row.contradiction:
        raise NotPossible("Nothing contradicts this payment.")
    with transaction.atomic():
        row.remark(
            f"{by.get_username()} looked at it: {_reasoned(reason)} ({row.contradiction})",
            at=at,
            who=by.get_username(),
        )
        C2bTransaction.objects.filter(pk=row.pk).update(contradiction="")
        _note(row, "contradiction settled", by=by, reason=reason, at=at)


def _in_suspense(transaction_id: UUID) -> C2bTransaction:
    row = C2bTransaction.objects.select_related("partner", "shortcode").get(pk=transaction_id)
    if row.status != Status.UNMATCHED:
        raise NotPossible(f"It is not in suspense: {row.get_status_display().lower()}.")
    if under_way(row):
        raise NotPossible("M-Pesa may be giving it back to the customer; wait until that has ended.")
    return row


def _open_decision(transaction_id: UUID) -> tuple[C2bTransaction, Decision]:
    rows = Decision.objects.select_for_update().filter(transaction_id=transaction_id, decided_at__isnull=True)
    wanted = rows.first()
    if wanted is None:
        raise NotPossible("Nothing waits for a second person.")
    return _in_suspense(transaction_id), wanted


def _reasoned(reason: str) -> str:
    if not reason.strip():
        raise NotPossible("Say why, in a few words; it is kept with the payment.")
    return reason.strip()


def _note(row: C2bTransaction, action: str, *, by: AbstractBaseUser | By, reason: str, at: datetime) -> None:
    C2bTransaction.objects.filter(pk=row.pk).update(touched_by_person=True)
    acts = acting(by)
    audit.write(
        action=action,
        subject=row,
        at=at,
        actor=acts.actor,
        actor_name=acts.name,
        reason=reason,
        partner_id=row.partner_id,
        remote_address=acts.remote_address,
    )


def _decide(
    row: C2bTransaction, what: str, *, by: AbstractBaseUser | By, reason: str, at: datetime, **wish: Any
) -> bool:
    """Keep a wish; carry it out at once where one person may."""
    why, acts = _reasoned(reason), acting(by)
    second = row.partner_id is None or row.rest > rule_of(row.partner_id).second_person_above
    second = second or what == Decision.What.REVERSE
    with transaction.atomic():
        locked = C2bTransaction.objects.select_for_update().get(pk=row.pk)
        if locked.status != Status.UNMATCHED or locked.rest != row.rest:
            raise NotPossible("Somebody else has just decided about it. Look at it again.")
        if under_way(locked):
            raise NotPossible("M-Pesa may be giving it back to the customer; wait until that has ended.")
        if locked.decisions.filter(decided_at__isnull=True).exists():
            raise NotPossible(
                "Another wish about it waits for a second person; agree to it or refuse it first."
            )
        wanted = Decision.objects.create(
            transaction=row,
            what=what,
            reason=why,
            asked_by_id=acts.actor.pk if acts.actor else None,
            asked_by_name=acts.who[:150],
            asked_at=at,
            needs_second=second,
            **wish,
        )
        _note(row, f"asked: {what}" if second else str(what), by=by, reason=why, at=at)
        if second:
            who = acts.who
            row.remark(
                f"{who} wants: {wanted.get_what_display()}. Another person must agree.", at=at, who=who
            )
            return False
        _close(wanted, by=by, agreed=True, at=at)
        _carry_out(row, wanted, by=by, at=at)
    return True


def _close(wanted: Decision, *, by: AbstractBaseUser | By, agreed: bool, at: datetime) -> None:
    actor = acting(by).actor
    wanted.decided_by_id, wanted.decided_at, wanted.agreed = actor.pk if actor else None, at, agreed
    wanted.save(update_fields=["decided_by", "decided_at", "agreed"])


def _carry_out(row: C2bTransaction, wanted: Decision, *, by: AbstractBaseUser | By, at: datetime) -> None:
    who, why = acting(by).who, wanted.reason
    match wanted.what:
        case Decision.What.ALLOCATE:
            _allocate(row, wanted, who=who, at=at)
        case Decision.What.SEND:
            row.move(
                Status.RECEIVED,
                at=at,
                note=f"Given to {wanted.to_partner} by {who}: {why}",
                who=who,
                partner_id=wanted.to_partner_id,
                business_shortcode="",
                next_step_at=at,
            )
        case Decision.What.REVERSE:
            giving_back.order(row, wanted, at=at)
        case _:
            row.move(
                Status.REVERSED,
                at=at,
                note=f"Returned to the customer, reference {wanted.reference}. {who}: {why}",
                who=who,
            )


def _allocate(row: C2bTransaction, wanted: Decision, *, who: str, at: datetime) -> None:
    """Plan the bookings that a person chose, and let them go; Mifos showed the accounts when it was asked for."""
    host = _host(row)
    first = not row.postings.exists()
    for number, part in enumerate(wanted.parts):
        Posting.objects.create(
            id=row.pk if first and number == 0 else new_id(),
            transaction=row,
            mifos_partner=host,
            kind=part["kind"],
            account_id=part["account_id"],
            account_no=part["account_no"],
            client_id=part["client_id"],
            amount=Decimal(part["amount"]),
            by_person=True,
            why=f"Chosen by {who}: {wanted.reason}"[:300],
            created_at=at,
        )
    main = wanted.parts[0]
    words = f"Chosen by {who}: {parts_in_words(wanted)}"
    row.move(
        Status.MATCHED,
        at=at,
        note=f"{words}. {wanted.reason}",
        who=who,
        transaction_type=TYPES[main["kind"]],
        mifos_account_id=main["account_id"],
        account_no=main["account_no"],
        mifos_client_id=main["client_id"],
        client_name=main["client_name"],
        matched_by=MatchedBy.PERSON,
        confidence=CONFIDENCE[MatchedBy.PERSON],
        match_words=words,
        matched_at=at,
        next_step_at=at,
    )


def parts_in_words(wanted: Decision) -> str:
    """Say how a payment is divided."""
    return ", ".join(
        f"{shown(Decimal(part['amount']))} to {part['kind']} {part['account_no']} of "
        f"{part['client_name'] or 'a group'}"
        for part in wanted.parts
    )


def _host(row: C2bTransaction) -> MifosPartner:
    host = host_of(row.partner_id) if row.partner_id else None
    if host is None:
        raise NotPossible(
            "It belongs to no partner with a Mifos connection yet; send it to its partner first."
        )
    return host


def _read(row: C2bTransaction, shares: Sequence[Share], *, at: datetime) -> list[Account]:
    """Return the accounts as Mifos has them now.

    :raises NotPossible: Mifos does not know one of them, or cannot be asked
    """
    try:
        with speaking_to(_host(row), at=at) as fineract:
            return [fineract.account(share.kind, share.account_id) for share in shares]
    except GatewayError as exc:
        raise NotPossible(f"Mifos did not show the account: {exc}.") from exc
