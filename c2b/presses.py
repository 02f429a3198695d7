"""What a press of a button on the suspense desk does: read the form, call one operation, say what happened."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest

from c2b import desk
from c2b.desk import NotPossible, Share
from c2b.models import C2bTransaction
from common.money import kes
from common.own_rows import partner_of
from common.windows import person
from mifos.accounts import AccountKind
from partners.models import Partner


def other_partners(request: HttpRequest) -> "QuerySet[Partner]":
    """Return to whom a payment can be given; people of a partner know of no other."""
    active = Partner.objects.filter(is_active=True)
    return active if partner_of(request) is None else active.none()


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "")


def _allocate(request: HttpRequest, row: C2bTransaction, at: datetime) -> str:
    shares = []
    said = zip(
        request.POST.getlist("kind"),
        request.POST.getlist("account_id"),
        request.POST.getlist("amount"),
        strict=True,
    )
    for kind, account_id, amount in said:
        if account_id.strip():
            if not account_id.strip().isdigit():
                raise NotPossible("The account is Mifos's own id, a number.")
            share = Share(kind=AccountKind(kind), account_id=int(account_id), amount=kes(amount))
            shares.append(share)
    done = desk.allocate(
        transaction_id=row.pk, shares=shares, by=person(request), reason=_reason(request), at=at
    )
    return "It is being booked." if done else "Noted. Another person must agree before it is booked."


def _send(request: HttpRequest, row: C2bTransaction, at: datetime) -> str:
    chosen = request.POST.get("partner", "")
    partner = other_partners(request).filter(pk=UUID(chosen)).first() if chosen else None
    if partner is None:
        raise NotPossible("Choose the partner whose customer paid.")
    done = desk.send_to_partner(
        transaction_id=row.pk, partner=partner, by=person(request), reason=_reason(request), at=at
    )
    return f"It is {partner}'s now." if done else "Noted. Another person must agree."


def _returned(request: HttpRequest, row: C2bTransaction, at: datetime) -> str:
    done = desk.mark_returned(
        transaction_id=row.pk,
        reference=request.POST.get("reference", ""),
        by=person(request),
        reason=_reason(request),
        at=at,
    )
    return "Noted as returned." if done else "Noted. Another person must agree."


def _give_back(request: HttpRequest, row: C2bTransaction, at: datetime) -> str:
    desk.give_back(transaction_id=row.pk, by=person(request), reason=_reason(request), at=at)
    return "Noted. Another person must agree before M-Pesa is asked."


def _agree(request: HttpRequest, row: C2bTransaction, at: datetime) -> str:
    desk.agree(transaction_id=row.pk, by=person(request), reason=_reason(request), at=at)
    return "Agreed, and done."


def _refuse(request: HttpRequest, row: C2bTransaction, at: datetime) -> str:
    desk.refuse(transaction_id=row.pk, by=person(request), reason=_reason(request), at=at)
    return "Refused. The money stays in suspense."


def _look_again(request: HttpRequest, row: C2bTransaction, at: datetime) -> str:
    desk.look_again(transaction_id=row.pk, by=person(request), reason=_reason(request), at=at)
    return "It is being matched again."


def _take_back(request: HttpRequest, row: C2bTransaction, at: datetime) -> str:
    desk.take_back(transaction_id=row.pk, by=person(request), reason=_reason(request), at=at)
    return "It is in suspense now."


def _settle(request: HttpRequest, row: C2bTransaction, at: datetime) -> str:
    desk.settle_contradiction(transaction_id=row.pk, by=person(request), reason=_reason(request), at=at)
    return "Noted."


PRESSES = {
    "allocate": ("operate", _allocate),
    "send": ("operate", _send),
    "returned": ("operate", _returned),
    "give_back": ("operate", _give_back),
    "look_again": ("operate", _look_again),
    "take_back": ("operate", _take_back),
    "settle": ("operate", _settle),
    "agree": ("approve", _agree),
    "refuse": ("approve", _refuse),
}
