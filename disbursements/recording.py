"""Write a paid disbursement back to Mifos, and never forget one that Mifos has not taken."""

from datetime import date, datetime, timedelta
from typing import assert_never
from uuid import UUID

from common import rows
from common.gateway import GatewayError
from common.moves import LostRace
from disbursements import intake
from disbursements.checking import load
from disbursements.models import Disbursement
from disbursements.statuses import Status
from mifos import operations as mifos
from mifos.client import Mifos
from mifos.errors import Advice, advice, spends_key
from mifos.hosts import busy, speaking_to
from mifos.models import MifosPartner
from mifos.shapes import DisburseCommand, LoanTransaction

BUSY_GAP = timedelta(seconds=1)
GAPS = (2, 5, 10, 20, 40, 60, 120, 300, 900)  # seconds between tries; the last goes on for ever
ATTENTION_AFTER = 4  # tries
CHECKER_GAP = timedelta(minutes=5)
PERSON_GAP = timedelta(minutes=15)  # tried again although a person has to mend it, since nobody tells us


def record(*, disbursement_id: UUID, at: datetime) -> None:
    """Tell Mifos of one paid disbursement, and complete it when Mifos agrees.

    :raises LostRace: another worker completed it
    """
    row = load(disbursement_id)
    host = row.mifos_partner
    if row.status != Status.PAID or host is None:
        return
    if host.resting(at):
        row.due(host.retry_at)
        return
    try:
        with speaking_to(host, at=at) as fineract:
            _record(row, host, fineract, at=at)
    except GatewayError as exc:
        if busy(exc):
            row.due(at + BUSY_GAP)
        else:
            _refused(row, exc, at=at)


_TRY = rows.Statement("update disbursements set record_tries = $1 where id = $2", ("int", "uuid"))


def _record(row: Disbursement, host: MifosPartner, fineract: Mifos, *, at: datetime) -> None:
    """Look first where an earlier try may have been booked; then disburse.

    :raises GatewayError: what Mifos answered
    """
    if row.record_tries and _found(row, host, fineract, at=at):
        return
    rows.run(_TRY, [row.record_tries + 1, row.pk])
    payment_type = host.payment_type_id or mifos.resolve_payment_type(
        mifos_partner_id=host.pk, client=fineract
    )
    answer = fineract.disburse(_command(row, _date(row, host, fineract, at=at), payment_type))
    if answer.pending_checker:
        words = "Mifos waits for a checker to approve our disbursal. Approve it there; we look again by ourselves."
        row.ask_for_person(words, at=at)
        row.due(at + CHECKER_GAP)
    elif answer.done:
        _complete(row, host, answer.transaction_id, fineract, at=at)
    else:
        row.due(_again(row, at=at))


def _command(row: Disbursement, on: date, payment_type: int) -> DisburseCommand:
    """Return what we ask Mifos to book. The external id never changes; a definite refusal asks for a new key."""
    assert row.mifos_loan_id is not None
    return DisburseCommand(
        loan_id=row.mifos_loan_id,
        on=on,
        amount=row.gross_amount,
        payment_type_id=payment_type,
        receipt=row.receipt,
        external_id=str(row.pk),
        note=f"Paid by M-Pesa, receipt {row.receipt}",
        idempotency_key=f"{row.pk}-{row.record_refusals}",
    )


def _date(row: Disbursement, host: MifosPartner, fineract: Mifos, *, at: datetime) -> date:
    """Return the day of the payment where the tenant is, never before the approval or after its today."""
    today = mifos.today_in(mifos_partner=host, client=fineract, at=at, fresh=bool(row.record_refusals))
    paid_on = row.paid_at.astimezone(host.zone).date() if row.paid_at else today
    return min(max(paid_on, row.approved_on or paid_on), today)


def _found(row: Disbursement, host: MifosPartner, fineract: Mifos, *, at: datetime) -> bool:
    """Whether Mifos has booked it already, or says something that only a person can resolve."""
    assert row.mifos_loan_id is not None
    booked = fineract.transaction_by_external_id(row.mifos_loan_id, str(row.pk))
    if booked is not None and not booked.reversed:
        _complete(row, host, booked.id, fineract, at=at, booked=booked)
        return True
    loan = fineract.loan(row.mifos_loan_id, tranches=bool(row.tranche_id))
    tranche = next((t for t in loan.tranches if t.id == row.tranche_id), None)
    taken = tranche.actual_on is not None if tranche else not loan.waiting_for_disbursal
    if not taken:
        return False
    # Somebody beside us may have booked it between the two questions.
    booked = fineract.transaction_by_external_id(row.mifos_loan_id, str(row.pk))
    if booked is not None and not booked.reversed:
        _complete(row, host, booked.id, fineract, at=at, booked=booked)
        return True
    words = (
        f"Paid with receipt {row.receipt}, but Mifos shows the loan as {loan.status_text or loan.status_id} "
        "without our transaction. Compare both, and book it there by hand if it is missing."
    )
    row.ask_for_person(words, at=at)
    row.due(at + PERSON_GAP)
    return True


def _complete(
    row: Disbursement,
    host: MifosPartner,
    transaction_id: int | None,
    fineract: Mifos,
    *,
    at: datetime,
    booked: LoanTransaction | None = None,
) -> None:
    if misfit := _misfit(row, fineract, booked):
        row.ask_for_person(misfit, at=at)
    row.move(
        Status.COMPLETED,
        at=at,
        note="Mifos has booked the disbursement.",
        who="mifos",
        completed_at=at,
        mifos_transaction_id=transaction_id,
        attention=misfit,
        attention_at=at if misfit else None,
    )
    if row.product and row.product.multi_disburse and row.mifos_loan_id:
        intake.watch(host=host, loan_ids=[row.mifos_loan_id], at=at)


def _misfit(row: Disbursement, fineract: Mifos, booked: LoanTransaction | None) -> str:
    """Say what Mifos booked differently: another amount, or another tranche than the one that we paid."""
    if booked is not None and booked.amount != row.gross_amount:
        return f"Mifos booked {booked.amount} where we paid for {row.gross_amount}. Correct it there."
    if not row.tranche_id or row.mifos_loan_id is None:
        return ""
    tranches = fineract.loan(row.mifos_loan_id, tranches=True).tranches
    ours = next((t for t in tranches if t.id == row.tranche_id), None)
    if ours is not None and ours.actual_on is None:
        return "Mifos took another tranche than the one that was paid. Compare the tranches there."
    return ""


def _refused(row: Disbursement, exc: GatewayError, *, at: datetime) -> None:
    """Decide what an answer that is no success asks for. The row stays paid whatever it was."""
    row.refresh_from_db(fields=["record_tries", "record_refusals", "status"])
    if row.status != Status.PAID:
        raise LostRace(f"{row}: no longer paid")
    if spends_key(exc):
        Disbursement.objects.filter(pk=row.pk).update(record_refusals=row.record_refusals + 1)
    row.remark(f"Mifos did not take it yet: {exc}.", at=at, who="mifos")
    what = advice(exc)
    match what:
        case Advice.FIX_DATA_OR_RIGHTS if exc.code == "error.msg.payment.type.invalid":
            MifosPartner.objects.filter(disbursements=row.pk).update(
                payment_type_id=None
            )  # found anew by name
            row.due(_again(row, at=at))
        case Advice.FIX_DATA_OR_RIGHTS | Advice.CONFIGURATION | Advice.BUSINESS_REFUSAL:
            row.ask_for_person(
                f"The client has the money, but Mifos refuses to book it: {exc}. Mend it there.", at=at
            )
            row.due(at + PERSON_GAP)
        case Advice.BUSINESS_DATE:
            row.due(at + timedelta(seconds=1))
        case Advice.READ_THE_LOAN | Advice.NEW_KEY_AFTER_READING | Advice.SAME_KEY_LATER:
            if row.record_tries >= ATTENTION_AFTER:
                row.ask_for_person(f"The client has the money, but Mifos does not have it yet: {exc}.", at=at)
            row.due(_again(row, at=at))
        case _:
            assert_never(what)


def _again(row: Disbursement, *, at: datetime) -> datetime:
    return at + timedelta(seconds=GAPS[min(row.record_tries, len(GAPS) - 1)])
