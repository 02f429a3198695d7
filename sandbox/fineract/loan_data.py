"""A loan and its transactions as Fineract shows them (LoanAccountData, LoanTransactionData)."""

from datetime import date
from typing import Final

from sandbox.fineract import transaction_data
from sandbox.fineract.host import OFFICER, Host
from sandbox.fineract.records import Loan, Tranche
from sandbox.fineract.statuses import (
    ACTIVE,
    CUMULATIVE,
    CURRENCY,
    INDIVIDUAL,
    LOAN_STATUS,
    MONTHS,
    REPAYMENT,
    ZERO,
)
from sandbox.fineract.wire import DateShape, Json, without_nulls

# What no field of ours decides; interest and amortisation are there because the server shows them.
_FIXED: Final[Json] = {
    "isLoanProductLinkedToFloatingRate": False,
    "loanType": INDIVIDUAL,
    "currency": CURRENCY,
    "termPeriodFrequencyType": MONTHS,
    "repaymentEvery": 1,
    "repaymentFrequencyType": MONTHS,
    "interestRatePerPeriod": ZERO,
    "annualInterestRate": ZERO,
    "amortizationType": {
        "id": 1,
        "code": "amortizationType.equal.installments",
        "value": "Equal installments",
    },
    "interestType": {"id": 1, "code": "interestType.flat", "value": "Flat"},
    "transactionProcessingStrategyCode": "mifos-standard-strategy",
    "syncDisbursementWithMeeting": False,
    "canDefineInstallmentAmount": False,
    "canUseForTopup": False,
    "isTopup": False,
    "fraud": False,
    "inArrears": False,
    "isNPA": False,
    "isInterestRecalculationEnabled": False,
    "enableDownPayment": False,
    "loanScheduleType": CUMULATIVE,
}

FIELDS: Final = frozenset(_FIXED) | {
    "id",
    "accountNo",
    "externalId",
    "status",
    "clientId",
    "clientAccountNo",
    "clientName",
    "clientExternalId",
    "clientOfficeId",
    "loanProductId",
    "loanProductName",
    "loanProductDescription",
    "principal",
    "approvedPrincipal",
    "proposedPrincipal",
    "netDisbursalAmount",
    "termFrequency",
    "numberOfRepayments",
    "disallowExpectedDisbursements",
    "timeline",
    "feeChargesAtDisbursementCharged",
    "multiDisburseLoan",
    "chargedOff",
    "summary",
    "totalOverpaid",
    "transactions",
    "disbursementDetails",
    "charges",
    "notes",
    "repaymentSchedule",
    "delinquent",
    "group",
    "loanOfficerId",
    "loanOfficerName",
    "loanPurposeName",
    "meeting",
    "guarantors",
    "collateral",
    "linkedAccount",
    "emiAmountVariations",
    "originalSchedule",
}


def _person(verb: str) -> Json:
    return {
        f"{verb}ByUsername": OFFICER.username,
        f"{verb}ByFirstname": "App",
        f"{verb}ByLastname": "Administrator",
    }


def _months_after(day: date, months: int) -> date:
    year, month = divmod(day.month - 1 + months, 12)
    return date(day.year + year, month + 1, min(day.day, 28))


def timeline(loan: Loan, shape: DateShape) -> Json:
    """The dates of a loan's life so far."""
    shown: Json = {"submittedOnDate": shape(loan.submitted_on)} | _person("submitted")
    if loan.approved_on:
        shown |= {"approvedOnDate": shape(loan.approved_on)} | _person("approved")
    shown["expectedDisbursementDate"] = shape(loan.expected_on)
    if loan.disbursed_on:
        shown |= {"actualDisbursementDate": shape(loan.disbursed_on)} | _person("disbursed")
    start = loan.disbursed_on or loan.expected_on
    shown["expectedMaturityDate"] = shape(_months_after(start, loan.product.repayments))
    if loan.closed_on:
        verb = {400: "withdrawn", 500: "rejected"}.get(loan.status, "closed")
        shown |= {f"{verb}OnDate": shape(loan.closed_on)} | _person(verb)
    return shown


def list_item(loan: Loan, shape: DateShape) -> Json:
    """A loan as in the list; no association is in it."""
    client, product = loan.client, loan.product
    shown = {
        "id": loan.id,
        "accountNo": loan.account_no,
        "externalId": loan.external_id,
        "status": LOAN_STATUS[loan.status],
        "clientId": client.id,
        "clientAccountNo": client.account_no,
        "clientName": client.name,
        "clientExternalId": client.external_id,
        "clientOfficeId": client.office_id,
        "loanProductId": product.id,
        "loanProductName": product.name,
        "loanProductDescription": product.description,
        "principal": loan.disbursed or loan.approved,
        "approvedPrincipal": loan.approved,
        "proposedPrincipal": loan.proposed,
        "netDisbursalAmount": loan.net,
        "termFrequency": product.repayments,
        "numberOfRepayments": product.repayments,
        "disallowExpectedDisbursements": product.disallow_expected,
        "timeline": timeline(loan, shape),
        "feeChargesAtDisbursementCharged": loan.charge,
        "multiDisburseLoan": product.multi_disburse,
        "chargedOff": loan.charged_off,
        "totalOverpaid": loan.overpaid or None,
    }
    return without_nulls(shown) | _FIXED


def summary(loan: Loan) -> Json:
    """The totals of a loan from status 300 on; stale ones still show the loan as not disbursed."""
    disbursed = ZERO if loan.stale_totals else loan.disbursed
    outstanding = ZERO if loan.stale_totals else loan.outstanding
    paid = loan.repaid - loan.overpaid
    return {
        "currency": CURRENCY,
        "principalDisbursed": disbursed,
        "principalPaid": paid,
        "principalOutstanding": outstanding,
        "principalOverdue": ZERO,
        "interestCharged": ZERO,
        "interestOutstanding": ZERO,
        "feeChargesDueAtDisbursementCharged": loan.charge,
        "feeChargesOutstanding": ZERO,
        "penaltyChargesOutstanding": ZERO,
        "totalExpectedRepayment": disbursed,
        "totalRepayment": paid,
        "totalOutstanding": outstanding,
        "totalOverdue": ZERO,
    }


def one(host: Host, loan: Loan, associations: frozenset[str]) -> Json:
    """A loan read alone, with the associations asked for."""
    shape = host.shape()
    shown = list_item(loan, shape)
    everything = "all" in associations
    if loan.status >= ACTIVE and loan.disbursed_on:
        shown["summary"] = summary(loan)
    if (everything or "multiDisburseDetails" in associations) and loan.tranches:
        rows = sorted(loan.tranches, key=lambda row: (row.expected, row.id))
        shown["disbursementDetails"] = [tranche(loan, row, shape) for row in rows]
    if (everything or "transactions" in associations) and loan.transactions:
        rows_shown = [row for row in loan.transactions if not row.reversed or row.by_hand]
        shown["transactions"] = [transaction_data.transaction(host, loan, row, shape) for row in rows_shown]
    if (everything or "charges" in associations) and loan.charge:
        shown["charges"] = charges(loan)
    if everything or "notes" in associations:
        shown["notes"] = [note_text(loan, number) for number in range(len(loan.notes))]
    if (everything or "collection" in associations) and loan.disbursed_on:
        shown["delinquent"] = delinquent(loan, shape)
    return shown


def note_text(loan: Loan, number: int) -> Json:
    """A note inside a loan."""
    note = loan.notes[number]
    return {"id": note.id, "loanId": loan.id, "note": note.text, "createdByUsername": note.by}


def tranche(loan: Loan, row: Tranche, shape: DateShape) -> Json:
    """One entry of `disbursementDetails`; without `actualDisbursementDate` until it was disbursed."""
    shown = {
        "id": row.id,
        "loanId": loan.id,
        "expectedDisbursementDate": shape(row.expected),
        "actualDisbursementDate": shape(row.actual),
        "principal": row.principal,
        "netDisbursalAmount": row.net,
        "chargeAmount": row.charge or None,
    }
    return without_nulls(shown)


def charges(loan: Loan) -> list[Json]:
    """The charge at disbursement."""
    kind = {"id": 1, "code": "chargeTimeType.disbursement", "value": "Disbursement"}
    paid = loan.charge if loan.disbursed_on else ZERO
    return [
        {
            "id": loan.id,
            "chargeId": 1,
            "name": "Processing fee",
            "chargeTimeType": kind,
            "currency": CURRENCY,
            "amount": loan.charge,
            "amountPaid": paid,
            "amountOutstanding": loan.charge - paid,
            "penalty": False,
            "paid": bool(paid),
        }
    ]


def delinquent(loan: Loan, shape: DateShape) -> Json:
    """The association `collection`."""
    paid = [row for row in loan.transactions if row.kind == REPAYMENT and not row.reversed]
    available = loan.approved - loan.disbursed
    shown: Json = {
        "availableDisbursementAmount": available,
        "availableDisbursementAmountWithOverApplied": available,
        "pastDueDays": 0,
        "nextPaymentAmount": loan.outstanding,
        "delinquentDays": 0,
        "delinquentAmount": ZERO,
        "lastPaymentDate": shape(paid[-1].day) if paid else None,
        "lastPaymentAmount": paid[-1].amount if paid else None,
        "lastRepaymentDate": shape(paid[-1].day) if paid else None,
        "lastRepaymentAmount": paid[-1].amount if paid else None,
    }
    return without_nulls(shown)
