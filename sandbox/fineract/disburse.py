"""Disburse a loan or its next tranche: the checks in the server's order, then the change.

Source: LoanTransactionValidatorImpl, LoanWritePlatformServiceJpaRepositoryImpl of Apache Fineract.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from sandbox.fineract.errors import domain_rule, integrity, item, loan_not_found
from sandbox.fineract.fields import PAYMENT_KEYS, Fields, need_payment_type, payment_changes
from sandbox.fineract.host import Host
from sandbox.fineract.records import Change, Loan, Note, PaymentDetail, Tranche, Transaction, User
from sandbox.fineract.statuses import AT_DISBURSEMENT, CLIENT_ACTIVE, DISBURSEMENT, LOAN_STATUS, ZERO
from sandbox.fineract.wire import Json

_TO_SAVINGS: Final = frozenset(
    {
        "actualDisbursementDate",
        "externalId",
        "note",
        "locale",
        "dateFormat",
        "transactionAmount",
        "fixedEmiAmount",
        "netDisbursalAmount",
    }
)
KEYS: Final = (
    _TO_SAVINGS | frozenset(PAYMENT_KEYS) | {"paymentTypeId", "adjustRepaymentDate", "postDatedChecks"}
)
NOT_DISBURSABLE: Final = item(
    "error.msg.loan.disbursal.account.is.not.approve.not.disbursed.state",
    "Loan Disbursal is not allowed. Loan Account is not in approved and not disbursed state.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A disbursal as asked for."""

    day: date | None
    day_text: str
    amount: Decimal | None
    external_id: str | None
    payment: PaymentDetail | None
    note: str | None


def prepare(
    host: Host,
    loan: Loan | None,
    loan_id: int,
    body: Json,
    *,
    user: User,
    develops: bool,
    to_savings: bool = False,
) -> Change:
    """Check a disbursal.

    :raises Refusal: the first rule that forbids it
    """
    if loan is None:
        raise loan_not_found(loan_id)
    fields = Fields(body, "loan.disbursement", _TO_SAVINGS if to_savings else KEYS)
    wanted = _read(fields)
    need_active_client(loan)
    _check_amount(loan, wanted, develops=develops)
    if loan.charged_off:
        code = "error.msg.loan.disbursal.not.allowed.on.charged.off"
        raise domain_rule(code, f"Loan: {loan.id} disbursement is not allowed on charged-off loan.", loan.id)
    if not loan.can_disburse():
        fields.errors.append(NOT_DISBURSABLE)
    _check_calendar(host, loan, wanted)
    need_payment_type(host, wanted.payment)
    fields.throw()
    assert wanted.day is not None
    _check_late(host, loan, wanted.day)
    if wanted.external_id and wanted.external_id in host.transactions:
        raise duplicate_row(wanted.external_id)
    return lambda: _disburse(host, loan, wanted, wanted.day or host.today(), user, body)


def _read(fields: Fields) -> Wanted:
    day = fields.date("actualDisbursementDate", required=True)
    amount = fields.number("transactionAmount")
    fields.number("netDisbursalAmount")
    fields.number("fixedEmiAmount")
    fields.date("adjustRepaymentDate")
    return Wanted(
        day=day,
        day_text=str(fields.get("actualDisbursementDate")),
        amount=amount,
        external_id=fields.text("externalId", 100),
        note=fields.text("note", 1000),
        payment=fields.payment(),
    )


def need_active_client(loan: Loan) -> None:
    """:raises Refusal: 403 unless the loan's client is active"""
    if loan.client.status != CLIENT_ACTIVE:
        code = "error.msg.client.not.active.exception"
        raise domain_rule(code, f"Client with identifier {loan.client.id} is not active", loan.client.id)


def _check_amount(loan: Loan, wanted: Wanted, *, develops: bool) -> None:
    """Rule 5. In 1.14 a repeated disbursal does not meet it and falls through to the wrong state."""
    if wanted.amount is None or (not develops and not loan.can_disburse()):
        return
    total = loan.disbursed + wanted.amount
    percentage = loan.product.over_applied_percentage
    if percentage is not None:
        most = loan.proposed * (100 + percentage) / 100
        if total > most:
            rule = "amount.can't.be.greater.than.maximum.applied.loan.amount.calculation"
            code = f"error.msg.loan.disbursal.{rule}"
            message = (
                "Loan disbursal amount can't be greater than maximum applied loan amount calculation. "
                f"Total disbursed amount: {total} Maximum disbursal amount: {most}"
            )
            raise domain_rule(code, message, total, most)
    elif total > loan.approved:
        code = "error.msg.loan.disburse.amount.must.be.less.than.approved.principal"
        message = "Loan can't be disbursed, disburse amount is exceeding approved principal."
        raise domain_rule(code, message, total, loan.approved)


def _check_calendar(host: Host, loan: Loan, wanted: Wanted) -> None:
    """Rules 8 and 9: sync products, holidays, the approval date."""
    day = wanted.day
    if day is None:
        return
    expected = loan.open_tranches()[0].expected if loan.open_tranches() else loan.expected_on
    if loan.product.sync_expected_date and day != expected:
        code = "error.msg.actual.disbursement.date.does.not.match.with.expected.disbursal.date"
        message = "Actual Disbursement date does not match with expected disbursement date"
        raise domain_rule(code, message, day.isoformat(), expected.isoformat())
    if host.holidays_refused and day in host.holidays:
        code = "error.msg.loan.application.disbursement.date.on.holiday"
        raise domain_rule(code, "Disbursement date cannot be on a holiday.", day.isoformat())
    if loan.approved_on and day < loan.approved_on:
        code = "error.msg.loan.disbursal.cannot.be.before.approval.date"
        message = f"Loan disbursement date cannot be before approved date: {loan.approved_on}"
        raise domain_rule(code, message, day.isoformat(), loan.approved_on.isoformat())


def _check_late(host: Host, loan: Loan, day: date) -> None:
    """Rule 10, judged after the schedule work."""
    if loan.first_repayment_on and day > loan.first_repayment_on:
        code = "error.msg.loan.disbursal.cannot.be.after.expected.first.repayment.date"
        message = (
            f"Loan disbursement date cannot be after expected first repayment: {loan.first_repayment_on}"
        )
        raise domain_rule(code, message, day.isoformat(), loan.first_repayment_on.isoformat())
    if day > host.today():
        code = "error.msg.loan.disbursal.cannot.be.a.future.date"
        which = f"The date on which a loan with identifier : {loan.account_no}"
        message = f"{which} is disbursed cannot be in the future."
        raise domain_rule(code, message, day.isoformat())


def duplicate_row(external_id: str) -> Exception:
    """403: the row is flushed without translating the unique violation, on either database."""
    return integrity(f"Duplicate entry '{external_id}' for key 'm_loan_transaction.external_id'")


def _take_tranches(loan: Loan, wanted: Wanted, day: date) -> tuple[Decimal, Decimal]:
    """Mark the tranches that a disbursal pays; its gross amount and its charges.

    An amount takes the first open tranche, whatever that tranche's own principal; without an amount all
    that share the earliest expected date are taken.
    """
    rows = loan.open_tranches()
    if not rows:
        rest = loan.approved - loan.disbursed
        return wanted.amount or rest, loan.charge if not loan.disbursed else ZERO
    if wanted.amount is not None:
        rows = rows[:1]
        rows[0].principal = wanted.amount
    taken: list[Tranche] = [row for row in rows if row.expected == rows[0].expected]
    for row in taken:
        row.actual = day
    return sum((row.principal for row in taken), ZERO), sum((row.charge for row in taken), ZERO)


def _disburse(host: Host, loan: Loan, wanted: Wanted, day: date, user: User, body: Json) -> Json:
    amount, charge = _take_tranches(loan, wanted, day)
    row = Transaction(
        id=host.next_id("transaction"),
        kind=DISBURSEMENT,
        day=day,
        amount=amount,
        net=amount - charge,
        submitted_on=host.today(),
        external_id=wanted.external_id,
        payment=wanted.payment,
    )
    loan.disbursed += amount
    loan.stale_totals = False
    loan.disbursed_on = loan.disbursed_on or day
    host.reserve(loan, row)
    if charge > 0:
        _settle_charge(host, loan, charge, day)
    host.settle(loan)
    row.balance = loan.outstanding
    if wanted.note:
        add_note(host, loan, wanted.note, user)
    host.counts["disbursals"] += 1
    return _answer(loan, row, wanted, body)


def _settle_charge(host: Host, loan: Loan, charge: Decimal, day: date) -> None:
    row = Transaction(
        id=host.next_id("transaction"),
        kind=AT_DISBURSEMENT,
        day=day,
        amount=charge,
        submitted_on=host.today(),
    )
    host.reserve(loan, row)


def add_note(host: Host, loan: Loan, text: str, user: User) -> Note:
    """Add a note to a loan."""
    note = Note(id=host.next_id("note"), text=text, at=host.clock(), by=user.username)
    loan.notes.append(note)
    return note


def _answer(loan: Loan, row: Transaction, wanted: Wanted, body: Json) -> Json:
    changes = payment_changes(wanted.payment) | {
        "locale": body.get("locale"),
        "dateFormat": body.get("dateFormat"),
        "actualDisbursementDate": wanted.day_text,
        "status": LOAN_STATUS[loan.status],
        "note": wanted.note,
    }
    answer: Json = {
        "officeId": loan.client.office_id,
        "clientId": loan.client.id,
        "loanId": loan.id,
        "resourceId": loan.id,
        "subResourceId": row.id,
        "changes": {key: value for key, value in changes.items() if value is not None},
        "resourceExternalId": loan.external_id,
        "subResourceExternalId": wanted.external_id,
    }
    return {key: value for key, value in answer.items() if value is not None}
