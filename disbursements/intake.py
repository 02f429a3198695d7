"""See what is to be paid: approved loans, later tranches, and direct payouts asked for through the API."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from common import correlation
from common.ids import new_id
from common.phone import canonical
from disbursements.checks import cents, payable
from disbursements.models import Disbursement, Event, TrancheWatch
from disbursements.statuses import NUDGED_FOR, Cause, Status
from mifos.models import LoanProduct, MifosPartner
from mifos.shapes import Loan, Tranche

FIRST = 20  # how many new loans of one poll are checked at once; the fair sweep brings the others
WATCH_GAP = timedelta(hours=1)  # how often a loan with later tranches is read


class RequestConflict(Exception):
    """The same client request id was used before for another phone or amount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An approved loan, or the tranche of it that comes next."""

    loan: Loan
    tranche: Tranche | None = None


def take(*, host: MifosPartner, sightings: Sequence[Sighting], at: datetime) -> list[UUID]:
    """Make a disbursement of each new sighting whose product is paid automatically; wake those that waited.

    :returns: ids with something to do now
    """
    products = {
        product.mifos_product_id: product
        for product in LoanProduct.objects.filter(mifos_partner=host, is_auto_disbursement_enabled=True)
    }
    wanted = [sighting for sighting in sightings if sighting.loan.product_id in products]
    known, waiting = _known(host, wanted)
    fresh = [_new(host, products[s.loan.product_id], s, at) for s in wanted if _key(s) not in known]
    for row in fresh[:FIRST]:
        row.next_step_at = at + NUDGED_FOR
    woken = [_wake(waiting[_key(s)], s, at) for s in wanted if _key(s) in waiting]
    return _insert(fresh, at) + woken


def _key(sighting: Sighting) -> tuple[int, int]:
    return sighting.loan.id, sighting.tranche.id if sighting.tranche else 0


Key = tuple[int, int]  # a loan and its tranche


def _known(host: MifosPartner, sightings: Iterable[Sighting]) -> tuple[set[Key], dict[Key, Disbursement]]:
    """Return which loans have a row already, and those rows that wait to be approved anew.

    A month's end shows thousands at every poll, so no more is read of them than that.
    """
    loans = {sighting.loan.id for sighting in sightings}
    rows = Disbursement.objects.filter(mifos_partner=host, mifos_loan_id__in=loans)
    undone = rows.filter(status=Status.HELD, hold_cause=Cause.APPROVAL_UNDONE)
    if not loans:
        return set(), {}
    keys = {(loan or 0, tranche) for loan, tranche in rows.values_list("mifos_loan_id", "tranche_id")}
    return keys, {(row.mifos_loan_id or 0, row.tranche_id): row for row in undone}


def _new(host: MifosPartner, product: LoanProduct, sighting: Sighting, at: datetime) -> Disbursement:
    loan, tranche = sighting.loan, sighting.tranche
    net, gross = payable(host, loan, tranche)
    row_id = new_id()
    return Disbursement(
        id=row_id,
        partner_id=host.partner_id,
        mifos_partner=host,
        product=product,
        mifos_loan_id=loan.id,
        tranche_id=tranche.id if tranche else 0,
        loan_account_no=loan.account_no,
        mifos_client_id=loan.client_id,
        client_name=loan.client_name[:200],
        amount=max(cents(net), Decimal(0)),
        gross_amount=max(cents(gross), Decimal(0)),
        approved_on=loan.approved_on,
        detected_at=at,
        moved_at=at,
        next_step_at=at,
        correlation_id=row_id.hex,
    )


def _insert(rows: list[Disbursement], at: datetime) -> list[UUID]:
    """Insert what is not there yet; another poll of the same host may have been quicker."""
    if not rows:
        return []
    with transaction.atomic():
        Disbursement.objects.bulk_create(rows, ignore_conflicts=True)
        inserted = set(
            Disbursement.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True)
        )
        Event.objects.bulk_create(
            Event(
                disbursement_id=pk,
                old="",
                new=Status.DETECTED,
                who="mifos",
                note="Seen approved in Mifos.",
                at=at,
            )
            for pk in inserted
        )
    return [row.pk for row in rows if row.pk in inserted]


def _wake(row: Disbursement, sighting: Sighting, at: datetime) -> UUID:
    """Take up again a loan whose approval had been undone, with what Mifos says now: it was approved anew."""
    assert row.mifos_partner is not None
    net, gross = payable(row.mifos_partner, sighting.loan, sighting.tranche)
    row.move(
        Status.DETECTED,
        at=at,
        note="Approved again in Mifos.",
        who="mifos",
        amount=max(cents(net), Decimal(0)),
        gross_amount=max(cents(gross), Decimal(0)),
        approved_on=sighting.loan.approved_on,
        first_approver_id=None,
        second_approver_id=None,
        waived=[],
        next_step_at=at,
    )
    return row.pk


def watch(*, host: MifosPartner, loan_ids: Iterable[int], at: datetime) -> None:
    """Remember loans whose later tranches must be read one by one."""
    TrancheWatch.objects.bulk_create(
        [TrancheWatch(mifos_partner=host, mifos_loan_id=loan_id, next_step_at=at) for loan_id in loan_ids],
        ignore_conflicts=True,
    )


def sight(loan: Loan, *, today: date) -> Sighting | None:
    """Return what of a loan is to be paid now: all of it, or the tranche that is due; None for nothing.

    An approved loan's first tranche is due at once, like any approved loan; a later one on its expected day.
    """
    if not loan.multi_disburse:
        return Sighting(loan=loan) if loan.waiting_for_disbursal else None
    tranche = loan.next_tranche
    if tranche is None:
        return Sighting(loan=loan) if loan.waiting_for_disbursal else None
    due = tranche.expected_on is None or tranche.expected_on <= today
    if loan.waiting_for_disbursal or (loan.active and due):
        return Sighting(loan=loan, tranche=tranche)
    return None


def ask_payout(
    *, partner_id: UUID, client_request_id: str, phone: str, amount: Decimal, client_name: str, at: datetime
) -> tuple[Disbursement, bool]:
    """Take a direct payout, once per client request id.

    :returns: the disbursement, and whether it is new
    :raises BadPhone: the phone is no Kenyan mobile number
    :raises RequestConflict: the id was used before for another phone or amount
    """
    row_id = new_id()
    wanted = Disbursement(
        id=row_id,
        partner_id=partner_id,
        source=Disbursement.Source.API,
        client_request_id=client_request_id,
        phone=canonical(phone),
        client_name=client_name,
        amount=amount,
        gross_amount=amount,
        detected_at=at,
        moved_at=at,
        next_step_at=at + NUDGED_FOR,
        correlation_id=correlation.current(),
    )
    with transaction.atomic():
        Disbursement.objects.bulk_create([wanted], ignore_conflicts=True)
        row = Disbursement.objects.get(partner_id=partner_id, client_request_id=client_request_id)
        if row.pk == row_id:
            note = "Asked for through the API."
            Event.objects.create(
                disbursement=row, old="", new=Status.DETECTED, who="partner", note=note, at=at
            )
    if (row.phone, row.amount) != (wanted.phone, wanted.amount):
        raise RequestConflict(f"{client_request_id} was used before for another phone or amount")
    return row, row.pk == row_id
