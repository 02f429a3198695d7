"""Tell the people who run the platform. Their phones are a setting; no partner is charged for it."""

from datetime import datetime
from uuid import UUID

import structlog
from django.conf import settings

from partners.models import Partner
from sms import operations as sms

log = structlog.get_logger("alarm")

OPERATORS = "operators:"  # how the event keys of these messages begin


def tell_operators(*, event_key: str, reason: str, partner_id: UUID | None, at: datetime) -> int:
    """Queue a system error for every operator's phone, and return how many are new. It is logged in any case.

    :param event_key: once per key and phone
    :param partner_id: whom it is about; the messages of the platform's own matters go by its oldest partner
    """
    log.error("needs a person", reason=reason)
    carrier = partner_id or Partner.objects.order_by("created_at").values_list("pk", flat=True).first()
    if carrier is None:
        return 0
    told = [
        sms.enqueue(
            event_key=f"{OPERATORS}{event_key}",
            message_type="system_error",
            partner_id=carrier,
            phone=phone,
            context={"reason": reason},
            at=at,
        )
        for phone in settings.OPERATOR_PHONES
    ]
    return len([one for one in told if one])
