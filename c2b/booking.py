"""What changes in our books when Mifos has booked a part of a payment, or will not."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F

from c2b import telling
from c2b.models import C2bTransaction, Posting
from c2b.planning import Plan
from c2b.statuses import Status
from common.ids import new_id
from common.money import shown
from common.moves import LostRace
from mifos.accounts import Account, AccountKind


def booked(
    row: C2bTransaction,
    one: Posting,
    *,
    transaction_id: int | None,
    on: date | None,
    at: datetime,
    balance: Decimal | None = None,
    account: Account | None = None,
    misfit: str = "",
) -> None:
    """Note that Mifos has a part, once.

    :raises LostRace: another worker noted it
    """
    with transaction.atomic():
        open_part = Posting.objects.filter(pk=one.pk, booked_at__isnull=True, void_at__isnull=True)
        changes = {"mifos_transaction_id": transaction_id, "booked_on": on, "balance_after": balance}
        if not open_part.update(booked_at=at, in_doubt=False, **changes):
            raise LostRace(f"{one}: booked by another worker")
        C2bTransaction.objects.filter(pk=row.pk).update(booked_amount=F("booked_amount") + one.amount)
        row.booked_amount += one.amount
        row.remark(
            f"Mifos has booked {shown(one.amount)} to {one.kind} {one.account_no}.", at=at, who="mifos"
        )
        if account is not None and not row.client_name and account.client_name:
            C2bTransaction.objects.filter(pk=row.pk).update(
                client_name=account.client_name[:200], mifos_client_id=account.client_id
            )
            row.client_name, row.mifos_client_id = account.client_name[:200], account.client_id
        if misfit:
            C2bTransaction.objects.filter(pk=row.pk).update(contradiction=misfit)


def balance_after(account: Account | None, amount: Decimal) -> Decimal | None:
    """Return what a loan owes, or savings hold, after a booking; None where nobody said what it was before."""
    if account is None:
        return None
    if account.kind == AccountKind.LOAN:
        return None if account.outstanding is None else max(account.outstanding - amount, Decimal(0))
    return None if account.balance is None else account.balance + amount


def divide(row: C2bTransaction, one: Posting, plan: Plan, savings: Account | None, *, at: datetime) -> None:
    """Make a part as large as its account takes, and plan the rest for savings where there is one.

    Only for a part that is not in doubt: nothing of it can be on its way.
    """
    rest = one.amount - plan.take
    with transaction.atomic():
        if one.in_doubt:
            raise LostRace(f"{one}: in doubt, so it stays as it is")
        if plan.take:
            Posting.objects.filter(pk=one.pk, booked_at__isnull=True).update(
                amount=plan.take, why=plan.words[:300]
            )
        else:
            Posting.objects.filter(pk=one.pk, booked_at__isnull=True).update(void_at=at, why=plan.words[:300])
        where = "suspense"
        if savings is not None:
            where = f"savings account {savings.account_no}"
            Posting.objects.create(
                id=new_id(),
                transaction=row,
                mifos_partner_id=one.mifos_partner_id,
                kind=savings.kind,
                account_id=savings.id,
                account_no=savings.account_no[:50],
                client_id=savings.client_id,
                amount=rest,
                why=plan.words[:300],
                created_at=at,
            )
        elif plan.to_savings:
            where = "suspense, since the client has no single savings account"
        row.remark(f"{plan.words} {shown(rest)} go to {where}.", at=at)


def finish(row: C2bTransaction, *, at: datetime, words: str = "") -> None:
    """End a payment whose parts are all booked; what is left over goes to suspense.

    :raises LostRace: another worker did
    """
    row.refresh_from_db(fields=["booked_amount", "contradiction"])
    if row.rest:
        _rest_to_suspense(row, words, at=at)
        return
    with transaction.atomic():
        row.move(Status.POSTED, at=at, note="Mifos has booked all of it.", who="mifos", posted_at=at)
        telling.tell(row, at=at)


def give_up(row: C2bTransaction, words: str, *, at: datetime) -> None:
    """Void what is not booked and let people decide. Nothing of it may be in doubt."""
    with transaction.atomic():
        void_open(row.pk, at=at, why=words)
        _rest_to_suspense(row, words, at=at)


def void_open(transaction_id: UUID, *, at: datetime, why: str) -> None:
    """Void the parts that are neither booked nor in doubt.

    :raises LostRace: something is in doubt
    """
    rows = Posting.objects.filter(transaction_id=transaction_id, booked_at__isnull=True, void_at__isnull=True)
    if rows.filter(in_doubt=True).exists():
        raise LostRace("a part of the payment may be booked in Mifos")
    rows.update(void_at=at, why=why[:300])


def _rest_to_suspense(row: C2bTransaction, words: str, *, at: datetime) -> None:
    if not words:
        last = row.postings.filter(void_at__isnull=True).exclude(why="").last()
        words = last.why if last else "The account takes no more."
    note = f"{words} {shown(row.rest)} wait for a person."
    row.move(Status.UNMATCHED, at=at, note=note, match_words=note, attention=note, attention_at=at)
