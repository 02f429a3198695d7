"""What a status query tells about a payment by a customer."""

from __future__ import annotations

from sandbox.daraja import ids
from sandbox.daraja.payments import Payment
from sandbox.daraja.results import Parameter, parameter
from sandbox.world import World

STATUSES = {"pending": "Authorized", "completed": "Completed", "cancelled": "Cancelled"}


def parameters(world: World, payment: Payment, status: str | None) -> list[Parameter]:
    """The parameters; ``status``: another ``TransactionStatus`` than the true one."""
    shortcode = world.daraja.shortcodes[payment.shortcode]
    finished = [ids.compact(payment.completed_at)] if payment.completed_at else []
    till = shortcode.organisation == "till"
    return [
        parameter("DebitPartyName", f"{payment.phone} - {payment.name}"),
        parameter("CreditPartyName", f"{shortcode.number} - {shortcode.name}"),
        parameter("OriginatorConversationID", ""),
        parameter("InitiatedTime", ids.compact(payment.at)),
        parameter("CreditAccountType", "Utility Account"),
        parameter("DebitPartyCharges", f"Pay Bill Charge|KES|{payment.charge:.2f}" if payment.charge else ""),
        parameter("TransactionReason"),
        parameter("ReasonType", "Customer Buy Goods Online" if till else "Pay Bill Online"),
        parameter("TransactionStatus", status or STATUSES[payment.status]),
        parameter("FinalisedTime", *finished),
        parameter("Amount", str(payment.amount)),
        parameter("ConversationID", ""),
        parameter("ReceiptNo", payment.receipt),
    ]
