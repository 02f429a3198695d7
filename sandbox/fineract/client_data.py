"""Clients, their accounts, savings and products as Fineract shows them."""

from datetime import date
from typing import Final

from sandbox.fineract.host import Host
from sandbox.fineract.loan_data import timeline
from sandbox.fineract.records import Client, Identifier, Loan, Product, Savings, Transaction
from sandbox.fineract.statuses import (
    CLIENT_ACTIVE,
    CLIENT_STATUS,
    CURRENCY,
    DEPOSIT_TYPE,
    INDIVIDUAL,
    LOAN_STATUS,
    REPAY_MONTHLY,
    SAVINGS_STATUS,
)
from sandbox.fineract.transaction_data import payment_detail
from sandbox.fineract.wire import DateShape, Json, as_array, without_nulls

_DOCUMENT_TYPES: Final = {"national_id": (1, "National ID"), "passport": (2, "Passport")}


def client(row: Client, shape: DateShape) -> Json:
    """One client (ClientData)."""
    active = row.status == CLIENT_ACTIVE
    shown: Json = {
        "id": row.id,
        "accountNo": row.account_no,
        "externalId": row.external_id,
        "status": CLIENT_STATUS[row.status],
        "active": active,
        "activationDate": shape(row.activated_on) if active else None,
        "firstname": row.firstname,
        "lastname": row.lastname,
        "displayName": row.name,
        "mobileNo": row.mobile_no,
        "isStaff": False,
        "officeId": row.office_id,
        "officeName": "Head Office",
        "timeline": {"activatedOnDate": shape(row.activated_on)} if active else {},
        "savingsAccountId": row.savings_ids[0] if row.savings_ids else None,
        "groups": [],
    }
    return without_nulls(shown)


def found_client(row: Client, today: date) -> Json:
    """One client of `POST /v2/clients/search`: Jackson, dates as text."""
    activated = row.activated_on or today
    shown = {
        "id": row.id,
        "displayName": row.name,
        "externalId": row.external_id,
        "accountNumber": row.account_no,
        "officeId": row.office_id,
        "officeName": "Head Office",
        "mobileNo": row.mobile_no,
        "status": CLIENT_STATUS[row.status],
        "activationDate": activated.isoformat(),
        "createdDate": f"{activated.isoformat()}T00:00:00Z",
    }
    return without_nulls(shown)


def identifier(row: Identifier) -> Json:
    """One identity document."""
    number, name = _DOCUMENT_TYPES.get(row.kind, (9, row.kind))
    status = "active" if row.active else "inactive"
    return {
        "id": row.id,
        "clientId": row.client_id,
        "documentType": {"id": number, "name": name, "active": True, "mandatory": False},
        "documentKey": row.key,
        "status": f"clientIdentifierStatusType.{status}",
    }


def accounts(host: Host, row: Client) -> Json:
    """All accounts of a client; empty groups are left out."""
    shape = host.shape()
    loans = [_loan_account(host.loans[number], shape) for number in row.loan_ids]
    savings = [_savings_account(host.savings[number], shape) for number in row.savings_ids]
    shown = {"loanAccounts": loans, "savingsAccounts": savings}
    return {name: rows for name, rows in shown.items() if rows}


def _loan_account(loan: Loan, shape: DateShape) -> Json:
    shown = {
        "id": loan.id,
        "accountNo": loan.account_no,
        "externalId": loan.external_id,
        "productId": loan.product.id,
        "productName": loan.product.name,
        "shortProductName": loan.product.short_name,
        "status": LOAN_STATUS[loan.status],
        "currency": CURRENCY,
        "loanType": INDIVIDUAL,
        "loanCycle": 1,
        "timeline": timeline(loan, shape),
        "inArrears": False,
        "originalLoan": loan.approved,
        "loanBalance": loan.outstanding if loan.disbursed_on else None,
        "amountPaid": loan.repaid if loan.disbursed_on else None,
    }
    return without_nulls(shown)


def _savings_account(row: Savings, shape: DateShape) -> Json:
    shown = {
        "id": row.id,
        "accountNo": row.account_no,
        "externalId": row.external_id,
        "productId": 1,
        "productName": row.product_name,
        "shortProductName": row.product_name[:4].upper(),
        "status": SAVINGS_STATUS[row.status],
        "currency": CURRENCY,
        "accountBalance": row.balance,
        "accountType": INDIVIDUAL,
        "timeline": {"activatedOnDate": shape(row.activated_on)},
        "subStatus": {"id": 0, "code": "SavingsAccountSubStatusEnum.none", "value": "None"},
        "lastActiveTransactionDate": shape(row.transactions[-1].day) if row.transactions else None,
        "depositType": DEPOSIT_TYPE[row.deposit_type],
    }
    return without_nulls(shown)


def savings(row: Savings, host: Host, *, transactions: bool = False) -> Json:
    """One savings account; its class keeps date arrays whatever the release."""
    shown: Json = {
        "id": row.id,
        "accountNo": row.account_no,
        "externalId": row.external_id,
        "depositType": DEPOSIT_TYPE[row.deposit_type],
        "clientId": row.client.id,
        "clientName": row.client.name,
        "savingsProductId": 1,
        "savingsProductName": row.product_name,
        "status": SAVINGS_STATUS[row.status],
        "timeline": {"activatedOnDate": as_array(row.activated_on)},
        "currency": CURRENCY,
        "summary": {"currency": CURRENCY, "accountBalance": row.balance, "availableBalance": row.balance},
    }
    if transactions:
        shown["transactions"] = [savings_transaction(row, entry, host) for entry in row.transactions]
    return without_nulls(shown)


def savings_transaction(account: Savings, row: Transaction, host: Host) -> Json:
    """One transaction of a savings account."""
    kind = {"id": 1, "code": "savingsAccountTransactionType.deposit", "value": "Deposit", "deposit": True}
    shown = {
        "id": row.id,
        "transactionType": kind,
        "accountId": account.id,
        "accountNo": account.account_no,
        "date": as_array(row.day),
        "currency": CURRENCY,
        "paymentDetailData": payment_detail(host, row),
        "amount": row.amount,
        "runningBalance": row.balance,
        "externalId": row.external_id,
        "reversed": row.reversed,
        "submittedOnDate": as_array(row.submitted_on),
        "interestedPostedAsOn": False,
    }
    return without_nulls(shown)


PRODUCT_FIELDS: Final = frozenset({
    "id", "name", "shortName", "description", "status", "startDate", "closeDate", "externalId",
    "currency", "principal", "minPrincipal", "maxPrincipal", "numberOfRepayments", "repaymentEvery",
    "repaymentFrequencyType", "multiDisburseLoan", "maxTrancheCount", "disallowExpectedDisbursements",
    "allowApprovedDisbursedAmountsOverApplied", "overAppliedCalculationType", "overAppliedNumber",
    "syncExpectedWithDisbursementDate", "loanScheduleType", "enableDownPayment",
})  # fmt: skip


def product(row: Product, today: date, shape: DateShape) -> Json:
    """One loan product; its status is a text code."""
    closed = row.close_date is not None and row.close_date < today
    over = row.over_applied_percentage
    shown: Json = {
        "id": row.id,
        "name": row.name,
        "shortName": row.short_name,
        "description": row.description,
        "status": "loanProduct.inActive" if closed else "loanProduct.active",
        "closeDate": shape(row.close_date),
        "externalId": row.external_id,
        "currency": CURRENCY,
        "principal": row.principal,
        "minPrincipal": row.min_principal,
        "maxPrincipal": row.max_principal,
        "numberOfRepayments": row.repayments,
        "repaymentEvery": 1,
        "repaymentFrequencyType": REPAY_MONTHLY,
        "multiDisburseLoan": row.multi_disburse,
        "maxTrancheCount": row.max_tranches,
        "disallowExpectedDisbursements": row.disallow_expected,
        "allowApprovedDisbursedAmountsOverApplied": over is not None,
        "overAppliedCalculationType": "percentage" if over is not None else None,
        "overAppliedNumber": int(over) if over is not None else None,
        "syncExpectedWithDisbursementDate": row.sync_expected_date,
        "loanScheduleType": {"id": 0, "code": "CUMULATIVE", "value": "Cumulative"},
        "enableDownPayment": False,
    }
    return without_nulls(shown)
