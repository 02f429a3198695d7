"""What a file of messages holds. Their texts stay here: some are one-time codes."""

from common.exporting import col
from sms.models import Status
from sms.wording import MessageType

COLUMNS = (
    col("Written", "created_at", "time"),
    col("Partner", "partner__name"),
    col("Message", "message_type", words=MessageType.choices),
    col("To", "recipient_phone", "phone"),
    col("State", "status", words=Status.choices),
    col("Unconfirmed", "unconfirmed", "flag"),
    col("Parts", "segments", "number"),
    col("Gateway", "gateway__name"),
    col("Provider's reference", "damza_reference"),
    col("Sent", "sent_at", "time"),
    col("Delivered", "delivered_at", "time"),
    col("Tries", "tries", "number"),
    col("Charge (KES)", "charge", "money"),
    col("Last error", "last_error"),
    col("About", "event_key"),
    col("Our id", "id"),
)
