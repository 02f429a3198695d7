"""What a file of disbursements holds."""

from common.exporting import col
from disbursements.models import Disbursement
from disbursements.statuses import Cause, Status

COLUMNS = (
    col("Seen", "detected_at", "time"),
    col("Partner", "partner__name"),
    col("State", "status", words=Status.choices),
    col("Client", "client_name"),
    col("Phone", "phone", "phone"),
    col("Amount (KES)", "amount", "money"),
    col("Approved in Mifos (KES)", "gross_amount", "money"),
    col("Charge (KES)", "charge", "money"),
    col("M-Pesa's cost (KES)", "mpesa_cost", "money"),
    col("Receipt", "receipt"),
    col("Paid", "paid_at", "time"),
    col("Known to us", "settled_at", "time"),
    col("In Mifos", "completed_at", "time"),
    col("Loan account", "loan_account_no"),
    col("Mifos loan id", "mifos_loan_id", "number"),
    col("Mifos transaction", "mifos_transaction_id", "number"),
    col("Product", "product__product_name"),
    col("Request", "client_request_id"),
    col("From", "source", words=Disbursement.Source.choices),
    col("Held because", "hold_cause", words=Cause.choices),
    col("Why it is there", "reason"),
    col("Needs a person", "attention"),
    col("Attempts", "attempts_made", "number"),
    col("Our id", "id"),
)
