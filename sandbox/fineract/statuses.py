"""The enumerations that Fineract writes out as objects."""

from decimal import Decimal
from typing import Final

from sandbox.fineract.wire import Json

SUBMITTED: Final = 100
APPROVED: Final = 200
ACTIVE: Final = 300
WITHDRAWN: Final = 400
REJECTED: Final = 500
CLOSED: Final = 600
WRITTEN_OFF: Final = 601
RESCHEDULED: Final = 602
OVERPAID: Final = 700

_LOAN = {
    SUBMITTED: ("submitted.and.pending.approval", "Submitted and pending approval"),
    APPROVED: ("approved", "Approved"),
    ACTIVE: ("active", "Active"),
    303: ("transfer.in.progress", "Transfer in progress"),
    304: ("transfer.on.hold", "Transfer on hold"),
    WITHDRAWN: ("withdrawn.by.client", "Withdrawn by applicant"),
    REJECTED: ("rejected", "Rejected"),
    CLOSED: ("closed.obligations.met", "Closed (obligations met)"),
    WRITTEN_OFF: ("closed.written.off", "Closed (written off)"),
    RESCHEDULED: ("closed.reschedule.outstanding.amount", "Closed (rescheduled)"),
    OVERPAID: ("overpaid", "Overpaid"),
}


def _loan_status(status: int, code: str, value: str) -> Json:
    return {
        "id": status,
        "code": f"loanStatusType.{code}",
        "value": value,
        "pendingApproval": status == SUBMITTED,
        "waitingForDisbursal": status == APPROVED,
        "active": status == ACTIVE,
        "closedObligationsMet": status == CLOSED,
        "closedWrittenOff": status == WRITTEN_OFF,
        "closedRescheduled": status == RESCHEDULED,
        "closed": status in (CLOSED, WRITTEN_OFF, RESCHEDULED),
        "overpaid": status == OVERPAID,
    }


LOAN_STATUS: Final = {key: _loan_status(key, *names) for key, names in _LOAN.items()}

CLIENT_PENDING: Final = 100
CLIENT_ACTIVE: Final = 300
CLIENT_STATUS: Final = {
    100: {"id": 100, "code": "clientStatusType.pending", "value": "Pending"},
    300: {"id": 300, "code": "clientStatusType.active", "value": "Active"},
    303: {"id": 303, "code": "clientStatusType.transfer.in.progress", "value": "Transfer in progress"},
    304: {"id": 304, "code": "clientStatusType.transfer.on.hold", "value": "Transfer on hold"},
    600: {"id": 600, "code": "clientStatusType.closed", "value": "Closed"},
    700: {"id": 700, "code": "clientStatusType.rejected", "value": "Rejected"},
    800: {"id": 800, "code": "clientStatusType.withdraw", "value": "Withdrawn"},
}

_SAVINGS = {
    100: ("submitted.and.pending.approval", "Submitted and pending approval"),
    200: ("approved", "Approved"),
    300: ("active", "Active"),
    303: ("transfer.in.progress", "Transfer in progress"),
    304: ("transfer.on.hold", "Transfer on hold"),
    400: ("withdrawn.by.applicant", "Withdrawn by applicant"),
    500: ("rejected", "Rejected"),
    600: ("closed", "Closed"),
    700: ("pre.mature.closure", "Premature closure"),
    800: ("matured", "Matured"),
}


def _savings_status(status: int, code: str, value: str) -> Json:
    return {
        "id": status,
        "code": f"savingsAccountStatusType.{code}",
        "value": value,
        "submittedAndPendingApproval": status == 100,
        "approved": status == 200,
        "rejected": status == 500,
        "withdrawnByApplicant": status == 400,
        "active": status == 300,
        "closed": status == 600,
        "prematureClosed": status == 700,
        "transferInProgress": status == 303,
        "transferOnHold": status == 304,
        "matured": status == 800,
    }


SAVINGS_STATUS: Final = {key: _savings_status(key, *names) for key, names in _SAVINGS.items()}
SAVINGS_ACTIVE: Final = 300

DEPOSIT_TYPE: Final = {
    "savings": {"id": 100, "code": "depositAccountType.savingsDeposit", "value": "Savings"},
    "fixed": {"id": 200, "code": "depositAccountType.fixedDeposit", "value": "Fixed Deposit"},
    "recurring": {"id": 300, "code": "depositAccountType.recurringDeposit", "value": "Recurring Deposit"},
}

DISBURSEMENT: Final = 1
REPAYMENT: Final = 2
AT_DISBURSEMENT: Final = 5
RECOVERY: Final = 8

_TRANSACTION = {
    DISBURSEMENT: ("disbursement", "Disbursement", "disbursement"),
    REPAYMENT: ("repayment", "Repayment", "repayment"),
    AT_DISBURSEMENT: (
        "repaymentAtDisbursement",
        "Repayment (at time of disbursement)",
        "repaymentAtDisbursement",
    ),
    RECOVERY: ("recoveryRepayment", "Recovery Repayment", "recoveryRepayment"),
}


def _transaction_type(kind: int) -> Json:
    code, value, flag = _TRANSACTION[kind]
    flags = {names[2]: number == kind for number, names in _TRANSACTION.items()}
    flags |= {
        "contra": False,
        "waiveInterest": False,
        "waiveCharges": False,
        "accrual": False,
        "writeOff": False,
    }
    return {"id": kind, "code": f"loanTransactionType.{code}", "value": value} | flags | {flag: True}


TRANSACTION_TYPE: Final = {kind: _transaction_type(kind) for kind in _TRANSACTION}
TRANSACTION_NAME: Final = {kind: names[0] for kind, names in _TRANSACTION.items()}

CURRENCY: Final[Json] = {
    "code": "KES",
    "name": "Kenyan Shilling",
    "decimalPlaces": 2,
    "inMultiplesOf": 0,
    "displaySymbol": "KSh",
    "nameCode": "currency.KES",
    "displayLabel": "Kenyan Shilling (KSh)",
}
MONTHS: Final[Json] = {"id": 2, "code": "termFrequency.periodFrequencyType.months", "value": "Months"}
REPAY_MONTHLY: Final[Json] = {
    "id": 2,
    "code": "repaymentFrequency.periodFrequencyType.months",
    "value": "Months",
}
INDIVIDUAL: Final[Json] = {"id": 1, "code": "accountType.individual", "value": "Individual"}
CUMULATIVE: Final[Json] = {"id": 0, "code": "CUMULATIVE", "value": "Cumulative"}
ZERO: Final = Decimal(0)
