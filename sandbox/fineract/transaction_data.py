"""A loan's transactions, and what is to be paid next, as Fineract shows them."""

from datetime import date
from decimal import Decimal
from typing import Any

from sandbox.fineract.host import Host
from sandbox.fineract.records import Loan, Transaction
from sandbox.fineract.statuses import CURRENCY, DISBURSEMENT, REPAYMENT, TRANSACTION_TYPE, ZERO
from sandbox.fineract.wire import DateShape, Json, without_nulls


def transaction(host: Host, loan: Loan, row: Transaction, shape: DateShape) -> Json:
    """One loan transaction."""
    principal = row.amount - row.overpaid if row.kind in (DISBURSEMENT, REPAYMENT) else ZERO
    shown: dict[str, Any] = {
        "id": row.id,
        "loanId": loan.id,
        "externalLoanId": loan.external_id,
        "officeId": loan.client.office_id,
        "officeName": "Head Office",
        "type": TRANSACTION_TYPE[row.kind],
        "date": shape(row.day),
        "currency": CURRENCY,
        "paymentDetailData": payment_detail(host, row),
        "amount": row.amount,
        "netDisbursalAmount": row.net,
        "principalPortion": principal,
        "interestPortion": ZERO,
        "feeChargesPortion": row.amount if row.kind == 5 else ZERO,
        "penaltyChargesPortion": ZERO,
        "overpaymentPortion": row.overpaid,
        "unrecognizedIncomePortion": ZERO,
        "externalId": row.external_id,
        "outstandingLoanBalance": row.balance,
        "submittedOnDate": shape(row.submitted_on),
        "manuallyReversed": row.by_hand,
        "reversalExternalId": row.reversal_external_id,
        "reversedOnDate": shape(row.reversed_on),
        "loanChargePaidByList": [],
        "transactionRelations": [],
    }
    return without_nulls(shown)


def payment_detail(host: Host, row: Transaction) -> Json | None:
    """How a transaction was paid; all texts are there, empty when nothing was said."""
    payment = row.payment
    if payment is None:
        return None
    names = {kind.id: kind.name for kind in host.payment_types}
    kind = without_nulls({"id": payment.type_id, "name": names.get(payment.type_id)})
    return {
        "id": row.id,
        "paymentType": kind,
        "accountNumber": payment.account_number or "",
        "checkNumber": payment.check_number or "",
        "routingCode": payment.routing_code or "",
        "receiptNumber": payment.receipt_number or "",
        "bankNumber": payment.bank_number or "",
    }


def template(host: Host, loan: Loan, command: str) -> Json:
    """What to pay next: `disburse`, or the amount to repay."""
    shape = host.shape()
    shown: Json = {"currency": CURRENCY, "paymentTypeOptions": payment_types(host)}
    if command != "disburse":
        return shown | {
            "type": TRANSACTION_TYPE[REPAYMENT],
            "date": shape(host.today()),
            "amount": loan.outstanding,
        }
    amount, net, expected = due(loan)
    return shown | {
        "type": TRANSACTION_TYPE[DISBURSEMENT],
        "date": shape(expected),
        "amount": amount,
        "netDisbursalAmount": net,
        "availableDisbursementAmountWithOverApplied": loan.approved - loan.disbursed,
    }


def due(loan: Loan) -> tuple[Decimal, Decimal, date]:
    """Gross, net and expected date of the next disbursal."""
    rows = loan.open_tranches()
    if rows:
        return rows[0].principal, rows[0].net, rows[0].expected
    rest = loan.approved - loan.disbursed
    return rest, loan.net if not loan.disbursed else rest, loan.expected_on


def payment_types(host: Host) -> list[Json]:
    """The payment types of a host."""
    return [
        {
            "id": kind.id,
            "name": kind.name,
            "description": kind.name,
            "isCashPayment": kind.cash,
            "position": kind.id,
            "isSystemDefined": False,
        }
        for kind in host.payment_types
    ]
