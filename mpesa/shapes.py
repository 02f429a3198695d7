"""What goes into and comes out of the client."""

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A shortcode with its app and its operator. `certificate` is Safaricom's, in PEM."""

    shortcode: str
    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    initiator: str
    initiator_password: str = field(repr=False)
    certificate: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """One B2C request. The id is ours, unique, committed before it is sent, and kept when it is sent again.

    `phone` is twelve digits, `amount` whole shillings; remarks and occasion lose what M-Pesa does not take.
    """

    originator_conversation_id: str
    phone: str = field(repr=False)
    amount: Decimal
    remarks: str
    occasion: str = ""
    result_url: str = field(repr=False)
    timeout_url: str = field(repr=False)
    command: str = "BusinessPayment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """M-Pesa took the request; no money has moved yet, the result comes to the result URL.

    `conversation_id` is M-Pesa's (`AG_…`), empty when it named none. `originator_conversation_id` is the one
    that it answered with: ours for a payout, the gateway's own for everything else. `earlier`: it was refused
    as a duplicate, so that an earlier request with our id had arrived.
    """

    conversation_id: str
    originator_conversation_id: str
    earlier: bool = False
