"""What files of payments and of prompts hold."""

from c2b.statuses import Channel, MatchedBy, PromptStatus, Status, TransactionType
from common.exporting import col

PAYMENTS = (
    col("Paid", "paid_at", "time"),
    col("Partner", "partner__name"),
    col("State", "status", words=Status.choices),
    col("Receipt", "mpesa_receipt"),
    col("Amount (KES)", "amount", "money"),
    col("Booked in Mifos (KES)", "booked_amount", "money"),
    col("Booked at", "posted_at", "time"),
    col("Payer, as M-Pesa says", "customer_name"),
    col("Phone", "customer_phone", "phone"),
    col("Typed", "bill_ref"),
    col("Account", "account_no"),
    col("Client", "client_name"),
    col("For", "transaction_type", words=TransactionType.choices),
    col("Matched by", "matched_by", words=MatchedBy.choices),
    col("Paybill", "shortcode__number"),
    col("Heard through", "channel", words=Channel.choices),
    col("SMS sent", "sms_sent", "flag"),
    col("Why it is there", "reason"),
    col("Needs a person", "attention"),
    col("Our id", "id"),
)

PROMPTS = (
    col("Asked", "sent_at", "time"),
    col("Partner", "partner__name"),
    col("State", "status", words=PromptStatus.choices),
    col("Amount (KES)", "amount", "money"),
    col("Account", "account_no"),
    col("Phone", "phone", "phone"),
    col("Receipt", "mpesa_receipt"),
    col("Asked by", "asked_by"),
    col("Why it is there", "reason"),
    col("Checkout id", "checkout_id"),
    col("Our id", "id"),
)
