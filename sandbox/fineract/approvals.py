"""The loan commands around a disbursal: approve, undo, reject, withdraw, undo of the disbursal."""

from datetime import date
from decimal import Decimal
from typing import Any, Final

from sandbox.fineract.disburse import add_note, need_active_client
from sandbox.fineract.errors import Refusal, domain_rule, invalid, item, loan_not_found
from sandbox.fineract.fields import Fields
from sandbox.fineract.host import Host
from sandbox.fineract.records import Change, Loan, Tranche, User
from sandbox.fineract.statuses import (
    ACTIVE,
    APPROVED,
    DISBURSEMENT,
    LOAN_STATUS,
    REJECTED,
    SUBMITTED,
    WITHDRAWN,
    ZERO,
)
from sandbox.fineract.wire import Json

_APPROVE_KEYS: Final = frozenset(
    {
        "approvedOnDate",
        "approvedLoanAmount",
        "expectedDisbursementDate",
        "netDisbursalAmount",
        "disbursementData",
        "note",
        "locale",
        "dateFormat",
        "loanId",
    }
)


def _state_error(code: str, message: str) -> Refusal:
    return invalid(item(code, message))


def _answer(loan: Loan, changes: Json) -> Json:
    answer: Json = {
        "officeId": loan.client.office_id,
        "clientId": loan.client.id,
        "loanId": loan.id,
        "resourceId": loan.id,
        "changes": {key: value for key, value in changes.items() if value is not None},
        "resourceExternalId": loan.external_id,
    }
    return {key: value for key, value in answer.items() if value is not None}


def approve(host: Host, loan: Loan | None, loan_id: int, body: Json, user: User) -> Change:
    """Check an approval.

    :raises Refusal: the first rule that forbids it
    """
    if loan is None:
        raise loan_not_found(loan_id)
    fields = Fields(body, "loanapplication", _APPROVE_KEYS)
    day = fields.date("approvedOnDate", required=True)
    amount = fields.number("approvedLoanAmount") or loan.proposed
    net = fields.number("netDisbursalAmount") or amount - loan.charge
    expected = fields.date("expectedDisbursementDate") or loan.expected_on
    note = fields.text("note", 1000)
    tranches = _read_tranches(body.get("disbursementData"), body)
    need_active_client(loan)
    if loan.status != SUBMITTED:
        code = "error.msg.loan.approve.account.is.not.submitted.and.pending.state"
        fields.errors.append(item(code, "Loan Account Approval is not allowed."))
    _check_approval(host, loan, amount, day)
    fields.throw()

    def change() -> Json:
        loan.approved, loan.net, loan.approved_on, loan.expected_on = amount, net, day, expected
        _expect(host, loan, tranches)
        host.move(loan, APPROVED)
        if note:
            add_note(host, loan, note, user)
        return _answer(loan, _approval_changes(loan, body) | {"note": note})

    return change


def _check_approval(host: Host, loan: Loan, amount: Decimal, day: date | None) -> None:
    if amount > loan.proposed and loan.product.over_applied_percentage is None:
        code = "error.msg.loan.approval.amount.can't.be.greater.than.loan.amount.demanded"
        raise domain_rule(code, "Loan approved amount can't be greater than loan amount demanded.", amount)
    if day is not None and day > host.today():
        code = "error.msg.loan.approval.cannot.be.a.future.date"
        text = "The date on which a loan is approved cannot be in the future."
        raise domain_rule(code, text, day.isoformat())


def _approval_changes(loan: Loan, body: Json) -> Json:
    expected = loan.expected_on
    return {
        "status": LOAN_STATUS[APPROVED],
        "approvedLoanAmount": _plain(loan.approved),
        "principal": _plain(loan.approved),
        "netDisbursalAmount": loan.net,
        "locale": body.get("locale"),
        "dateFormat": body.get("dateFormat"),
        "approvedOnDate": body.get("approvedOnDate"),
        "expectedDisbursementDate": [expected.year, expected.month, expected.day],
    }


def _plain(amount: Decimal) -> int | float:
    return int(amount) if amount == int(amount) else float(amount)


def _read_tranches(rows: Any, body: Json) -> list[tuple[date, Any]]:
    read: list[tuple[date, Any]] = []
    for row in rows or []:
        inner = {"dateFormat": body.get("dateFormat"), "locale": body.get("locale")} | row
        keys = frozenset({"dateFormat", "locale", "expectedDisbursementDate", "principal", "id", "loanId"})
        fields = Fields(inner, "loan.disbursementdetail", keys)
        expected = fields.date("expectedDisbursementDate", required=True)
        principal = fields.number("principal", required=True)
        fields.throw()
        assert expected is not None
        read.append((expected, principal))
    return read


def _expect(host: Host, loan: Loan, tranches: list[tuple[date, Any]]) -> None:
    if tranches:
        loan.tranches = [
            Tranche(id=host.next_id("tranche"), expected=expected, principal=principal)
            for expected, principal in tranches
        ]


def undo_approval(host: Host, loan: Loan | None, loan_id: int, body: Json, user: User) -> Change:
    """Check the undoing of an approval.

    :raises Refusal: the first rule that forbids it
    """
    if loan is None:
        raise loan_not_found(loan_id)
    note = Fields(body, "loanapplication", frozenset({"note"})).text("note", 1000)
    if loan.status != APPROVED:
        code = "error.msg.loan.undo.approval.account.is.not.approved"
        raise _state_error(
            code, "Loan Account Undo Approval is not allowed. Loan Account is not in approved state."
        )

    def change() -> Json:
        loan.approved, loan.net, loan.approved_on = loan.proposed, loan.proposed - loan.charge, None
        host.move(loan, SUBMITTED)
        if note:
            add_note(host, loan, note, user)
        return _answer(loan, {"status": LOAN_STATUS[SUBMITTED], "approvedOnDate": ""})

    return change


def close_unpaid(
    host: Host, loan: Loan | None, loan_id: int, body: Json, user: User, *, withdrawn: bool
) -> Change:
    """Check a rejection or a withdrawal by the applicant.

    :raises Refusal: the first rule that forbids it
    """
    if loan is None:
        raise loan_not_found(loan_id)
    key = "withdrawnOnDate" if withdrawn else "rejectedOnDate"
    fields = Fields(body, "loanapplication", frozenset({key, "note", "locale", "dateFormat"}))
    day = fields.date(key, required=True)
    note = fields.text("note", 1000)
    fields.throw()
    if loan.status != SUBMITTED:
        verb = "withdrawal" if withdrawn else "reject"
        code = f"error.msg.loan.{verb}.account.is.not.submitted.pending.approval.state"
        raise _state_error(code, "Loan application is not in submitted and pending approval state.")

    def change() -> Json:
        loan.closed_on = day
        host.move(loan, WITHDRAWN if withdrawn else REJECTED)
        if note:
            add_note(host, loan, note, user)
        changes = {
            "status": LOAN_STATUS[loan.status],
            "locale": body.get("locale"),
            "dateFormat": body.get("dateFormat"),
            key: body.get(key),
        }
        return _answer(loan, changes)

    return change


def undo_disbursal(
    host: Host, loan: Loan | None, loan_id: int, body: Json, user: User, *, last_only: bool = False
) -> Change:
    """Check the undoing of a disbursal, of the whole loan or of its last tranche.

    :raises Refusal: the first rule that forbids it
    """
    if loan is None:
        raise loan_not_found(loan_id)
    note = Fields(body, "loan.disbursement", frozenset({"note", "locale", "dateFormat"})).text("note", 1000)
    if loan.charged_off:
        code = "error.msg.loan.undo.disbursal.not.allowed.on.charged.off"
        raise domain_rule(
            code, f"Loan: {loan.id} undo disbursal is not allowed on charged-off loan.", loan.id
        )
    if loan.status != ACTIVE:
        code = "error.msg.loan.undo.disbursal.account.is.not.active"
        raise _state_error(code, "Undo disbursal is not allowed. Loan account is not active.")

    def change() -> Json:
        paid = [row for row in loan.transactions if row.kind == DISBURSEMENT and not row.reversed]
        if last_only and len(paid) > 1:
            _undo_last(host, loan)
        else:
            _undo_all(host, loan)
        if note:
            add_note(host, loan, note, user)
        return _answer(loan, {"status": LOAN_STATUS[loan.status], "actualDisbursementDate": "", "note": note})

    return change


def _undo_all(host: Host, loan: Loan) -> None:
    """Reverse every transaction. The rows keep their external ids, which stay taken."""
    for row in loan.transactions:
        row.reversed, row.reversed_on = True, host.today()
    for tranche in loan.tranches:
        tranche.actual = None
    loan.disbursed = loan.outstanding = loan.overpaid = ZERO
    loan.disbursed_on = None
    host.move(loan, APPROVED)


def _undo_last(host: Host, loan: Loan) -> None:
    last = next(row for row in reversed(loan.transactions) if row.kind == DISBURSEMENT and not row.reversed)
    last.reversed, last.reversed_on = True, host.today()
    done = [tranche for tranche in loan.tranches if tranche.actual is not None]
    if done:
        max(done, key=lambda tranche: (tranche.expected, tranche.id)).actual = None
    loan.disbursed -= last.amount
    host.settle(loan)
