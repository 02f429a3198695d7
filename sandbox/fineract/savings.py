"""Deposits into savings accounts and their reversal. Date errors are 400 here, 403 on loans."""

from datetime import date
from typing import Final

from sandbox.fineract.errors import domain_rule, integrity, invalid, item, not_found, unavailable
from sandbox.fineract.fields import PAYMENT_KEYS, Fields, need_payment_type, payment_changes
from sandbox.fineract.host import Host
from sandbox.fineract.records import Change, Note, Savings, Transaction, User
from sandbox.fineract.statuses import SAVINGS_ACTIVE
from sandbox.fineract.wire import Json

_KEYS: Final = frozenset(PAYMENT_KEYS) | {
    "transactionDate",
    "transactionAmount",
    "dateFormat",
    "locale",
    "paymentTypeId",
    "note",
}


def account_not_found(savings_id: int) -> Exception:
    """404 for a savings account."""
    text = f"Savings account with identifier {savings_id} does not exist"
    return not_found("error.msg.saving.account.id.invalid", text, savings_id)


def prepare_deposit(
    host: Host, account: Savings | None, savings_id: int, body: Json, *, user: User, develops: bool
) -> Change:
    """Check a deposit; `externalId` is known in `develop` only.

    :raises Refusal: the first rule that forbids it
    """
    if account is None:
        raise account_not_found(savings_id)
    fields = Fields(body, "savingsaccount.transaction", _KEYS | {"externalId"} if develops else _KEYS)
    day = fields.date("transactionDate", required=True)
    amount = fields.number("transactionAmount", required=True)
    payment = fields.payment(required=True)
    external_id = fields.text("externalId", 100)
    note = fields.text("note", 1000)
    fields.throw()
    need_payment_type(host, payment)
    assert day is not None and amount is not None  # noqa: PT018 - blanks were thrown above
    _check(host, account, day)
    if external_id and external_id in host.savings_external_ids:
        raise integrity(f"Duplicate entry '{external_id}' for key 'uk_m_sat_external_id'")

    def change() -> Json:
        row = Transaction(
            id=host.next_id("savings_transaction"),
            kind=1,
            day=day,
            amount=amount,
            submitted_on=host.today(),
            external_id=external_id,
            payment=payment,
        )
        _add_row(host, account, row)
        if note:
            account.notes.append(Note(id=host.next_id("note"), text=note, at=host.clock(), by=user.username))
        host.counts["deposits"] += 1
        return _answer(account, row, payment_changes(payment))

    return change


def _add_row(host: Host, account: Savings, row: Transaction) -> None:
    account.balance += row.amount
    row.balance = account.balance
    account.transactions.append(row)
    if row.external_id:
        host.savings_external_ids[row.external_id] = (account.id, row)


def _answer(account: Savings, row: Transaction, changes: Json) -> Json:
    return {
        "officeId": account.client.office_id,
        "clientId": account.client.id,
        "savingsId": account.id,
        "resourceId": row.id,
        "changes": changes,
    }


def _check(host: Host, account: Savings, day: date) -> None:
    if account.deposit_type != "savings":
        code = f"error.msg.{account.deposit_type}.deposit.account.trasaction.deposit.notallowed"
        raise unavailable(code, "Deposit transaction not allowed")  # 503, misspelt: the server's
    prefix = "error.msg.savingsaccount.transaction"
    if account.status != SAVINGS_ACTIVE:
        text = "Transaction is not allowed. Account is not active."
        raise invalid(item(f"{prefix}.account.is.not.active", text, "transactionDate"))
    if day > host.today():
        text = "Transaction date cannot be in the future."
        raise invalid(item(f"{prefix}.in.the.future", text, "transactionDate"))
    if day < account.activated_on:
        text = "Transaction date cannot be before the account's activation date."
        raise invalid(item(f"{prefix}.before.activation.date", text, "transactionDate"))
    if account.blocked:
        code = "error.msg.saving.account.blocked.transaction.not.allowed"
        raise domain_rule(code, "Any transaction to the account is blocked", account.id)
    if account.credit_blocked:
        code = "error.msg.savings.account.credit.transaction.not.allowed"
        raise domain_rule(code, "Credit transactions to the account are blocked", account.id)


def transaction_of(account: Savings, row_id: int) -> Transaction:
    """A transaction of an account.

    :raises Refusal: 404
    """
    for row in account.transactions:
        if row.id == row_id:
            return row
    text = f"Savings account transaction with identifier {row_id} does not exist"
    raise not_found("error.msg.saving.account.trasaction.id.invalid", text, row_id)


def prepare_undo(host: Host, account: Savings | None, savings_id: int, find: int, body: Json) -> Change:
    """Check the undoing or reversing of a deposit; the body may be empty.

    :raises Refusal: the first rule that forbids it
    """
    if account is None:
        raise account_not_found(savings_id)
    row = transaction_of(account, find)
    if row.reversed:
        code = "error.msg.savingsaccount.transaction.already.reversed"
        raise invalid(item(code, "The transaction was reversed before."))

    def change() -> Json:
        row.reversed, row.by_hand, row.reversed_on = True, True, host.today()
        account.balance -= row.amount
        return _answer(account, row, {})

    return change
