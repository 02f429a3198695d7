"""Builders for messages and the accounts that carry them."""

from typing import Any

from sms import operations, routes
from sms.models import SmsGateway, SmsNotification, Status
from sms.wording import SAMPLE, VARIABLES, MessageType
from tests import make

PAID = {"client": "Jane Wanjiku", "amount": "KES 9,500", "receipt": "SGH7XK2LMN", "loan": "000000123"}


def gateway(owner: Any = None, **fields: Any) -> SmsGateway:
    defaults = {"name": "Kilimo SMS", "api_key": "secret-key", "sender_id": "KILIMO", "rate_per_second": 100}
    row = SmsGateway.objects.create(**{"partner": owner} | defaults | fields)
    routes.forget()
    return row


def queued(owner: Any, key: str = "disbursement:1:paid", **fields: Any) -> SmsNotification:
    wanted = {"message_type": MessageType.DISBURSEMENT_CONFIRMATION, "phone": make.JANE, "at": make.NOW}
    wanted |= fields
    row = operations.enqueue(
        event_key=key, partner_id=owner.pk, context=context(str(wanted["message_type"])), **wanted
    )
    assert row is not None
    return row


def context(message_type: str) -> dict[str, str]:
    return {name: SAMPLE[name] for name in VARIABLES[message_type] - {"partner"}}


def in_status(owner: Any, status: str, **fields: Any) -> SmsNotification:
    """A message that is already somewhere on its way, whatever way led there."""
    row = queued(owner, key=f"made:{status}:{fields.pop('key', '')}")
    extra = {"delivered_at": make.NOW} if status == Status.DELIVERED else {}
    SmsNotification.objects.filter(pk=row.pk).update(**{"status": status} | extra | fields)
    row.refresh_from_db()
    return row
