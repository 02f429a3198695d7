"""How messages are searched, so that a million rows are no trouble: every way is by an index."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from common.phone import BadPhone, canonical
from sms.models import SmsGateway, SmsNotification

SHOWN = 1_000  # of what one phone finds

Rows = QuerySet[SmsNotification]


def found(rows: Rows, typed: str) -> Rows:
    """Return the messages to a phone, about an event, of a provider's reference, or with our own id."""
    text = typed.strip()
    with suppress(ValueError):
        return rows.filter(pk=UUID(text))
    wanted = [
        Q(event_key=text),
        Q(gateway__in=SmsGateway.objects.values("pk"), damza_reference=text) & ~Q(damza_reference=""),
    ]
    with suppress(BadPhone):  # then it is something else
        wanted.append(Q(recipient_phone=canonical(text)))
    parts: list[Any] = [SmsNotification.objects.filter(one).order_by().values_list("pk") for one in wanted]
    return rows.filter(pk__in=[row_id for (row_id,) in parts[0].union(*parts[1:])[:SHOWN]])
