"""Ask the Mifos hosts what has been approved. The poll is the truth; a webhook only wakes it."""

import json
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Q

from common import inbound
from common.gateway import GatewayError, Rejected
from common.models import InboundMessage
from disbursements import intake
from disbursements.intake import Sighting
from disbursements.models import Disbursement, TrancheWatch
from disbursements.statuses import UNDER_WAY, Status
from mifos.client import Mifos
from mifos.hosts import busy, speaking_to
from mifos.models import LoanProduct, MifosPartner
from mifos.shapes import Loan

HANDFUL = 4  # how many of them share a message, where there are more
READ_PER_SECOND = 20  # of loans that wait already; a long list is asked for less often
LONGEST_GAP = 60.0  # seconds


def poll(*, host_id: UUID, at: datetime) -> list[UUID]:
    """Look at all loans that a host shows as approved.

    :returns: disbursements with something to do now
    """
    host = MifosPartner.objects.select_related("partner").get(pk=host_id)
    if not host.is_active or not host.partner.is_active:
        MifosPartner.objects.filter(pk=host.pk).update(next_step_at=at + timedelta(minutes=1))
        return []
    if host.resting(at):
        MifosPartner.objects.filter(pk=host.pk).update(next_step_at=host.retry_at)
        return []
    try:
        with speaking_to(host, at=at) as fineract:
            return _poll(host, fineract, at=at)
    except GatewayError as exc:
        gap = 1 if busy(exc) else host.poll_seconds
        _noted(host, str(exc), at=at, again=at + timedelta(seconds=gap))
    return []


def _poll(host: MifosPartner, fineract: Mifos, *, at: datetime) -> list[UUID]:
    paid = _products_paid(host)
    loans = [loan for loan in fineract.approved_loans(order_by=host.list_order_by) if loan.product_id in paid]
    sightings = [sighting for loan in loans if (sighting := _sight(host, fineract, loan, at=at))]
    fresh = intake.take(host=host, sightings=sightings, at=at)
    note = f"{len(loans)} approved loans of products that are paid, {len(fresh)} of them new."
    _noted(host, note, at=at, again=at + _gap(host, len(loans)))
    return fresh


def _gap(host: MifosPartner, waiting: int) -> timedelta:
    """Return when to look again: later where much waits, since what is new would wait behind it anyway."""
    return timedelta(seconds=max(host.poll_seconds, min(waiting / READ_PER_SECOND, LONGEST_GAP)))


def _products_paid(host: MifosPartner) -> set[int]:
    on = LoanProduct.objects.filter(mifos_partner=host, is_auto_disbursement_enabled=True)
    return set(on.values_list("mifos_product_id", flat=True))


def _sight(host: MifosPartner, fineract: Mifos, loan: Loan, *, at: datetime) -> Sighting | None:
    """Return what is to be paid of a listed loan; the list does not show tranches, so those loans are read."""
    if not loan.multi_disburse:
        return intake.sight(loan, today=_today(host, at))
    known = Disbursement.objects.filter(mifos_partner=host, mifos_loan_id=loan.id)
    if known.exclude(Q(status=Status.HELD)).exists():
        return None  # one tranche at a time: the next one follows from the watch
    return intake.sight(fineract.loan(loan.id, tranches=True), today=_today(host, at))


def _today(host: MifosPartner, at: datetime) -> date:
    return at.astimezone(host.zone).date()


def _noted(host: MifosPartner, note: str, *, at: datetime, again: datetime) -> None:
    MifosPartner.objects.filter(pk=host.pk).update(
        last_poll_at=at, last_poll_note=note[:300], next_step_at=again
    )


def look_at_loan(*, host: MifosPartner, loan_id: int, at: datetime) -> list[UUID]:
    """Read one loan, because a webhook named it or a later tranche may be due, and take what is to be paid.

    :raises GatewayError: Mifos could not be read
    """
    with speaking_to(host, at=at) as fineract:
        loan = fineract.loan(loan_id, tranches=True)
    sighting = intake.sight(loan, today=_today(host, at))
    if sighting is None or _earlier_tranche_open(host, loan):
        return []
    return intake.take(host=host, sightings=[sighting], at=at)


def _earlier_tranche_open(host: MifosPartner, loan: Loan) -> bool:
    """Whether a tranche of this loan is still under way: the next one waits until it is in Mifos."""
    under_way = UNDER_WAY | {Status.PAID, Status.READY, Status.DETECTED}
    rows = Disbursement.objects.filter(mifos_partner=host, mifos_loan_id=loan.id, status__in=under_way)
    return loan.multi_disburse and rows.exists()


def watch_tranches(*, watch_id: UUID, at: datetime) -> list[UUID]:
    """Read one watched loan, take the tranche that is due, and stop watching when none is left."""
    watch = TrancheWatch.objects.select_related("mifos_partner", "mifos_partner__partner").get(pk=watch_id)
    host = watch.mifos_partner
    TrancheWatch.objects.filter(pk=watch.pk).update(next_step_at=at + intake.WATCH_GAP)
    if not host.is_active:
        return []
    try:
        with speaking_to(host, at=at) as fineract:
            loan = fineract.loan(watch.mifos_loan_id, tranches=True)
    except GatewayError:
        return []  # logged by the client; the watch is due again
    if loan.next_tranche is None or not (loan.active or loan.waiting_for_disbursal):
        watch.delete()
        return []
    sighting = intake.sight(loan, today=_today(host, at))
    if sighting is None or _earlier_tranche_open(host, loan):
        return []
    return intake.take(host=host, sightings=[sighting], at=at)


def apply_hook(*, message_id: UUID, at: datetime) -> list[UUID]:
    """Read the loan that a hook names, and take what is to be paid. The hook's own words are not believed."""
    message = InboundMessage.objects.get(pk=message_id)
    loan_id = named_loan(message)
    host = _active_host(message.subject_id)
    if message.applied_at or host is None or loan_id is None:
        inbound.applied(message.pk, outcome="nothing to look at", at=at)
        return []
    try:
        fresh = look_at_loan(host=host, loan_id=loan_id, at=at)
    except Rejected as exc:
        inbound.applied(message.pk, outcome=f"Mifos does not show it: {exc}", at=at)
        return []
    except GatewayError as exc:
        inbound.postpone(message, reason=str(exc), at=at)
        return []
    inbound.applied(message.pk, outcome=f"loan {loan_id} read, {len(fresh)} taken", at=at)
    return fresh


def _active_host(host_id: UUID | None) -> MifosPartner | None:
    if host_id is None:
        return None
    return MifosPartner.objects.select_related("partner").filter(pk=host_id, is_active=True).first()


def named_loan(message: InboundMessage) -> int | None:
    """Return the loan that a Mifos hook is about; None for failed commands, checkers and anything else.

    Only `response.loanId` says that a command was done (Fineract source: SynchronousCommandProcessingService).
    """
    try:
        body = json.loads(message.body)
        loan_id = body["response"]["loanId"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return (
        loan_id
        if isinstance(loan_id, int) and not isinstance(loan_id, bool) and 0 < loan_id < 2**63
        else None
    )
