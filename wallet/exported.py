"""What files of the wallet's lists hold."""

from common.exporting import col
from wallet.bank_models import Channel, CreditStatus, TopUpStatus
from wallet.models import Hold, Kind, TransferType
from wallet.purchases import PurchaseStatus, Route

LINES = (
    col("Happened", "event_at", "time"),
    col("Written", "created_at", "time"),
    col("Partner", "wallet__partner__name"),
    col("What", "transaction_type", words=TransferType.choices),
    col("Amount (KES)", "amount", "money"),
    col("Balance after (KES)", "balance_after", "money"),
    col("Reference", "reference"),
    col("Description", "description"),
    col("Hold", "hold_status", words=Hold.Status.choices),
    col("SMS sent", "sms_sent", "flag"),
    col("Number", "number", "number"),
)

FLOAT_LINES = (
    col("Happened", "event_at", "time"),
    col("Partner", "account__partner__name"),
    col("Shortcode", "account__shortcode__number"),
    col("Account", "account__kind", words=Kind.choices),
    col("What", "transfer__type", words=TransferType.choices),
    col("Reference", "transfer__reference"),
    col("Amount (KES)", "amount", "money"),
    col("Balance after (KES)", "balance_after", "money"),
    col("Number", "number", "number"),
)

TRANSFERS = (
    col("Happened", "event_at", "time"),
    col("Written", "created_at", "time"),
    col("What", "type", words=TransferType.choices),
    col("Reference", "reference"),
    col("From", "from_account__kind", words=Kind.choices),
    col("From partner", "from_account__partner__name"),
    col("To", "to_account__kind", words=Kind.choices),
    col("To partner", "to_account__partner__name"),
    col("Amount (KES)", "amount", "money"),
    col("Description", "description"),
    col("Our id", "id"),
)

HOLDS = (
    col("Held", "held_at", "time"),
    col("Partner", "partner__name"),
    col("Shortcode", "shortcode__number"),
    col("For", "purpose", words=Hold.Purpose.choices),
    col("Principal (KES)", "principal", "money"),
    col("Charge (KES)", "charge", "money"),
    col("State", "status", words=Hold.Status.choices),
    col("Ended", "settled_at", "time"),
    col("Receipt", "receipt"),
    col("Why released", "reason"),
    col("Reference", "reference"),
)

PURCHASES = (
    col("Asked", "asked_at", "time"),
    col("Partner", "partner__name"),
    col("Shortcode", "shortcode__number"),
    col("Reference", "reference"),
    col("State", "status", words=PurchaseStatus.choices),
    col("Amount (KES)", "amount", "money"),
    col("Charge (KES)", "charge", "money"),
    col("Bank's fee (KES)", "bank_cost", "money"),
    col("Way", "route", words=Route.choices),
    col("Bank's reference", "bank_reference"),
    col("Evidence", "receipt"),
    col("Settled", "settled_at", "time"),
    col("Asked by", "asked_by__username"),
    col("Confirmed by", "confirmed_by__username"),
    col("Why", "reason"),
    col("Needs a person", "attention"),
)

TOPUPS = (
    col("Asked", "asked_at", "time"),
    col("Partner", "partner__name"),
    col("State", "status", words=TopUpStatus.choices),
    col("Amount (KES)", "amount", "money"),
    col("Phone", "phone", "phone"),
    col("Reference", "reference"),
    col("NCBA's id", "transaction_id"),
    col("Bank's reference", "credit__core_reference"),
    col("Why it is there", "reason"),
    col("Our id", "id"),
)

CREDITS = (
    col("Came in", "event_at", "time"),
    col("Partner", "partner__name"),
    col("State", "status", words=CreditStatus.choices),
    col("Amount (KES)", "amount", "money"),
    col("Bank's reference", "core_reference"),
    col("M-Pesa receipt", "receipt"),
    col("Payer", "payer"),
    col("Named", "named"),
    col("Told first by", "source", words=Channel.choices),
    col("In the wallet since", "booked_at", "time"),
    col("Needs a person", "attention"),
    col("Our id", "id"),
)

DEBITS = (
    col("Left", "event_at", "time"),
    col("Amount (KES)", "amount", "money"),
    col("Bank's reference", "core_reference"),
    col("Narrative", "narrative"),
    col("Fee", "is_fee", "flag"),
    col("Told by", "source", words=Channel.choices),
    col("Evidence of", "matched_table"),
    col("Outcome", "outcome"),
    col("Our id", "id"),
)
