"""Repayments on loans, their undo, and the replay of history.

The schedule is free of interest: outstanding is principal. Source of rules: LoanAccountServiceImpl,
LoanTransactionValidatorImpl of Apache Fineract.
"""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from sandbox.fineract.disburse import add_note, need_active_client
from sandbox.fineract.errors import Refusal, domain_rule, integrity, invalid, item, loan_not_found, not_found
from sandbox.fineract.fields import PAYMENT_KEYS, Fields, need_payment_type, payment_changes
from sandbox.fineract.host import Host
from sandbox.fineract.records import Change, Loan, PaymentDetail, Transaction, User
from sandbox.fineract.statuses import (
    ACTIVE,
    CLOSED,
    DISBURSEMENT,
    OVERPAID,
    RECOVERY,
    REPAYMENT,
    WRITTEN_OFF,
    ZERO,
)
from sandbox.fineract.wire import Json

KEYS: Final = frozenset(PAYMENT_KEYS) | {
    "transactionDate",
    "transactionAmount",
    "dateFormat",
    "locale",
    "externalId",
    "note",
    "paymentTypeId",
    "loanId",
    "numberOfRepayments",
    "interestRefundCalculation",
}
BLOCKED: Final = "block-transactions-on-closed-overpaid-loans"


def unique(host: Host, external_id: str | None, *, postgresql: bool) -> None:
    """:raises Refusal: for an external id in use: 400 on PostgreSQL, 403 with raw text on MariaDB"""
    if not external_id or external_id not in host.transactions:
        return
    if not postgresql:
        raise integrity(f"Duplicate entry '{external_id}' for key 'external_id'")
    code = "validation.msg.loan.transaction.externalId.value.must.be.unique"
    message = f"The parameter `externalId` with value `{external_id}` already exists."
    raise invalid(item(code, message, "externalId", [external_id]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A repayment or adjustment as asked for, with the body as it came."""

    day: date
    amount: Decimal
    external_id: str | None
    reversal_id: str | None
    note: str | None
    payment: PaymentDetail | None
    body: Json


def _read(host: Host, body: Json, *, adjusting: bool = False) -> Wanted:
    """:raises Refusal: 400 for the fields, 404 for an unknown payment type"""
    fields = Fields(body, "loan.transaction", KEYS | {"reversalExternalId"} if adjusting else KEYS)
    day = fields.date("transactionDate", required=True)
    amount = fields.number("transactionAmount", required=True, zero=adjusting)
    external_id, reversal_id = fields.text("externalId", 100), fields.text("reversalExternalId", 100)
    note, payment = fields.text("note", 1000), fields.payment()
    fields.throw()
    need_payment_type(host, payment)
    assert day is not None
    assert amount is not None
    return Wanted(
        day=day,
        amount=amount,
        external_id=external_id,
        reversal_id=reversal_id,
        note=note,
        payment=payment,
        body=body,
    )


def prepare(
    host: Host,
    loan: Loan | None,
    loan_id: int,
    body: Json,
    *,
    user: User,
    develops: bool,
    postgresql: bool,
    recovery: bool = False,
) -> Change:
    """Check a repayment (or the recovery of a written-off loan).

    :raises Refusal: the first rule that forbids it
    """
    if loan is None:
        raise loan_not_found(loan_id)
    wanted = _read(host, body)
    need_active_client(loan)
    _check_state(host, loan, develops=develops, recovery=recovery)
    _check_day(host, loan, wanted.day)
    _check_threshold(loan, wanted.amount)
    unique(host, wanted.external_id, postgresql=postgresql)
    return lambda: _book(host, loan, wanted, user, RECOVERY if recovery else REPAYMENT)


def _check_state(host: Host, loan: Loan, *, develops: bool, recovery: bool) -> None:
    if recovery:
        if loan.status != WRITTEN_OFF:
            code = "error.msg.loan.recovery.repayment.account.is.not.written.off"
            raise invalid(item(code, "Loan is not written off"))
        return
    if loan.status not in (ACTIVE, CLOSED, OVERPAID):
        code = "error.msg.loan.must.be.active.fully.paid.or.overpaid"
        raise invalid(item(code, "Loan must be Active, Fully Paid or Overpaid"))
    if develops and loan.status != ACTIVE and host.configurations.get(BLOCKED):
        code = "error.msg.loan.transaction.not.allowed.on.closed.or.overpaid"
        raise domain_rule(code, "Transaction is not allowed on a closed or overpaid loan", loan.id)


def _check_day(host: Host, loan: Loan, day: date) -> None:
    if day > host.today():
        code = "error.msg.loan.transaction.cannot.be.a.future.date"
        raise domain_rule(code, "The transaction date cannot be in the future.", day.isoformat())
    if loan.disbursed_on and day < loan.disbursed_on:
        code = "error.msg.loan.transaction.cannot.be.before.disbursement.date"
        message = "The transaction date cannot be before the loan disbursement date"
        raise domain_rule(code, message, day.isoformat(), loan.disbursed_on.isoformat())
    if host.holidays_refused and day in host.holidays:
        code = "error.msg.loan.application.repayment.date.on.holiday"
        raise domain_rule(code, "Repayment date cannot be on a holiday", day.isoformat())


def _check_threshold(loan: Loan, amount: Decimal) -> None:
    """Multi-disburse loans with money still to come may not be paid beyond what was given."""
    if loan.open_tranches() and amount > loan.outstanding:
        code = "error.msg.loan.transaction.amount.exceeds.threshold"
        raise domain_rule(code, "The transaction amount exceeds threshold.", amount)


def _book(host: Host, loan: Loan, wanted: Wanted, user: User, kind: int) -> Json:
    later = [row for row in _standing(loan) if row.day > wanted.day]
    row = _add_row(host, loan, wanted, kind)
    row.overpaid = max(wanted.amount - loan.outstanding, ZERO) if kind == REPAYMENT else ZERO
    loan.stale_totals = False
    if kind == REPAYMENT:
        host.settle(loan)
    row.balance = loan.outstanding
    for old in later:
        replay(host, loan, old)
    if wanted.note:
        add_note(host, loan, wanted.note, user)
    host.counts["repayments"] += 1
    return _answer(loan, row.id, wanted)


def _add_row(host: Host, loan: Loan, wanted: Wanted, kind: int) -> Transaction:
    row = Transaction(
        id=host.next_id("transaction"),
        kind=kind,
        day=wanted.day,
        amount=wanted.amount,
        submitted_on=host.today(),
        external_id=wanted.external_id,
        payment=wanted.payment,
    )
    host.reserve(loan, row)
    return row


def _standing(loan: Loan) -> list[Transaction]:
    return [row for row in loan.transactions if row.kind == REPAYMENT and not row.reversed]


def replay(host: Host, loan: Loan, old: Transaction) -> None:
    """Reverse a row and write it anew, as the engine does after a backdated change.

    The new row has a new id and takes the external id over.
    """
    new = replace(old, id=host.next_id("transaction"), balance=loan.outstanding)
    old.reversed, old.reversed_on, old.external_id = True, host.today(), None
    host.reserve(loan, new)


def _answer(loan: Loan, row_id: int, wanted: Wanted) -> Json:
    names = ("transactionDate", "transactionAmount", "locale", "dateFormat", "note", "externalId")
    body = wanted.body
    changes = {name: str(body[name]) for name in names if body.get(name) not in (None, "")}
    answer: Json = {
        "officeId": loan.client.office_id,
        "clientId": loan.client.id,
        "loanId": loan.id,
        "resourceId": row_id,
        "changes": changes | payment_changes(wanted.payment),
        "resourceExternalId": wanted.external_id,
    }
    return {key: value for key, value in answer.items() if value is not None}


def transaction_of(loan: Loan, row_id: int) -> Transaction:
    """A loan's transaction by id.

    :raises Refusal: 404
    """
    for row in loan.transactions:
        if row.id == row_id:
            return row
    text = f"Transaction with identifier {row_id} does not exist for loan with identifier {loan.id}."
    raise not_found("error.msg.loan.transaction.id.invalid", text, row_id)


def transaction_by_external_id(host: Host, loan: Loan, external_id: str) -> Transaction:
    """A loan's transaction by external id: found globally, then filtered by loan.

    :raises Refusal: 404, also for another loan's
    """
    found = host.transactions.get(external_id)
    if found is None or found[0] != loan.id:
        text = f"Transaction with external identifier {external_id} does not exist"
        raise not_found("error.msg.loan.transaction.external.id.invalid", text, external_id)
    return found[1]


def prepare_adjust(
    host: Host,
    loan: Loan | None,
    loan_id: int,
    find: Transaction | int,
    body: Json,
    *,
    user: User,
    postgresql: bool,
) -> Change:
    """Check an undo (amount 0) or a replacement (amount above 0).

    :raises Refusal: the first rule that forbids it
    """
    if loan is None:
        raise loan_not_found(loan_id)
    row = find if isinstance(find, Transaction) else transaction_of(loan, find)
    wanted = _read(host, body, adjusting=True)
    if row.kind == DISBURSEMENT or row.reversed:
        raise _not_adjustable(row)
    _check_day(host, loan, wanted.day)
    unique(host, wanted.external_id, postgresql=postgresql)
    unique(host, wanted.reversal_id, postgresql=postgresql)
    return lambda: _adjust(host, loan, row, wanted, user)


def _adjust(host: Host, loan: Loan, row: Transaction, wanted: Wanted, user: User) -> Json:
    """Reverse a row, and put another in its place if there is an amount; it keeps its external id."""
    row.reversed, row.by_hand, row.reversed_on = True, True, host.today()
    row.reversal_external_id = wanted.reversal_id
    new = _add_row(host, loan, wanted, row.kind) if wanted.amount else row
    host.settle(loan)
    new.balance = loan.outstanding
    if wanted.note:
        add_note(host, loan, wanted.note, user)
    return _answer(loan, new.id, wanted)


def _not_adjustable(row: Transaction) -> Refusal:
    code = "error.msg.loan.transaction.update.not.allowed"
    message = f"Transaction update not allowed as loan transaction {row.id} is no repayment or was reversed"
    return invalid(item(code, message, "id", [row.id]))
