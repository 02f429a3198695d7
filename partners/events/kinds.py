"""What partners are told about, by stable names. A name is never reused for another meaning."""

from collections.abc import Mapping
from types import MappingProxyType

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "disbursement.created": "A loan was seen approved in Mifos, or a payout was asked for.",
        "disbursement.approved": "All checks passed; the payment waits for its turn.",
        "disbursement.held": "A check said no, or a person stopped it; `reason` says why.",
        "disbursement.sent": "The request left for M-Pesa.",
        "disbursement.unknown": "M-Pesa may have paid it or not; it is being asked. Do not pay it otherwise.",
        "disbursement.paid": "Paid, with M-Pesa's receipt.",
        "disbursement.completed": "Paid, and recorded in Mifos (a direct payout ends here too).",
        "disbursement.failed": "Proved not paid. It may be tried again by itself.",
        "disbursement.cancelled": "It will not be paid by us.",
        "payment.received": "A customer paid.",
        "payment.posted": "Every shilling of the payment is booked in Mifos.",
        "payment.suspense": "It belongs to no account yet; a person must say to which.",
        "payment.failed": "Mifos refuses the booking; a person must mend the cause.",
        "payment.reversed": "The customer got the money back.",
        "prompt.paid": "A customer who was asked on the phone has paid.",
        "prompt.failed": "A customer who was asked on the phone has not paid.",
        "topup.credited": "Money arrived in the wallet.",
        "topup.failed": "The bank refused a top-up that was asked for.",
        "topup.expired": "Nobody paid a top-up in time; a late payment is still taken.",
        "float_purchase.done": "Float was bought.",
        "float_purchase.failed": "Float was not bought; the money is back in the wallet.",
        "float_purchase.cancelled": "A float purchase was cancelled before anything was sent.",
        "wallet.low": "The wallet is at or below its threshold.",
        "webhook.test": "A test that somebody asked for; it goes to one endpoint only.",
        "webhook.disabled": "An endpoint failed for days and was switched off.",
    }
)
