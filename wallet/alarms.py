"""Tell the people who run the platform. Their phones are a setting; no partner is charged for it."""

from datetime import datetime
from uuid import UUID

import structlog

from sms import operations as sms

log = structlog.get_logger("alarm")

OPERATORS = "operators:"  # how the event keys of these messages begin


def tell_operators(*, event_key: str, reason: str, partner_id: UUID | None, at: datetime) -> int:
    """Queue a system error for every operator's phone, and return how many are new. It is logged in any case.

    :param event_key: once per key and phone
    :param partner_id: whom it is about; None: the platform's own matter
    """
    log.error("needs a person", reason=reason)
    told = sms.enqueue_to_operators(
        event_key=f"{OPERATORS}{event_key}", reason=reason, partner_id=partner_id, at=at
    )
    return len(told)
