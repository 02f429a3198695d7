"""Real values for a preview, read back out of the last message of a type by the text that it was made of."""

import re
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from uuid import UUID

from django.db.models import QuerySet

from sms import texts
from sms.models import SmsNotification
from sms.segments import transliterate
from sms.wording import LANGUAGES, SAMPLE, VARIABLES, MessageType

LOOKED_AT = 500  # of the newest messages; a rare type may not be among them
TRIED = 5  # of the type: where they cannot be read, the text was changed, and older ones cannot be either
_VARIABLE = re.compile(r"\\\{([a-z_]+)\\\}")  # as `re.escape` leaves it


def of_last(*, message_type: str, partner_id: UUID | None) -> tuple[Mapping[str, str], datetime | None]:
    """Return values for all variables of a type, and when the message was written that has them.

    Where no message can be read (none yet, or its text was changed since), and for one-time codes always, they
    are sample values and no moment.
    """
    sample = {name: SAMPLE[name] for name in VARIABLES[message_type]}
    if message_type == MessageType.ONE_TIME_CODE:
        return sample, None
    of_type = (row for row in _newest(partner_id) if row.partner and row.message_type == message_type)
    for row in islice(of_type, TRIED):
        if row.partner and (found := _read(row)):
            return sample | found | {"partner": row.partner.name}, row.created_at
    return sample, None


def _newest(partner_id: UUID | None) -> "QuerySet[SmsNotification]":
    """Return the newest messages by index, of one partner or of all."""
    rows = SmsNotification.objects.select_related("partner")
    if partner_id:
        return rows.filter(partner_id=partner_id).order_by("-created_at")[:LOOKED_AT]
    return rows.order_by("-pk")[:LOOKED_AT]


def _read(row: SmsNotification) -> dict[str, str]:
    for language in {row.language: None, **dict.fromkeys(code for code, _ in LANGUAGES)}:
        text = texts.held(partner=row.partner, message_type=row.message_type, language=language).text
        if found := pattern(text).fullmatch(row.message_content):
            return found.groupdict()
    return {}


def pattern(text: str) -> re.Pattern[str]:
    """Return what matches every message made of a text, with a group for each variable."""
    seen: set[str] = set()

    def group(found: re.Match[str]) -> str:
        name = found[1]
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return f"(?P<{name}>.+?)"

    return re.compile(_VARIABLE.sub(group, re.escape(transliterate(text).strip())), re.DOTALL)
