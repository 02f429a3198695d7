"""Texts that people write in place of ours: which one holds, where it comes from, and how it is changed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db import transaction

from common import audit
from common.changes import By, Saved, put
from partners.models import Partner
from sms import routes
from sms.models import SmsTemplate
from sms.wording import TEXTS

Source = Literal["partner", "platform", "wording"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The text that holds for somebody, and what would hold without its own one."""

    text: str
    source: Source
    default: str
    own: SmsTemplate | None  # the row that may be taken back


def held(*, partner: Partner | None, message_type: str, language: str) -> Held:
    """Return the text that a partner's messages (or, with None, everybody's) are made of now."""
    rows = SmsTemplate.objects.filter(message_type=message_type, language=language)
    platform = rows.filter(partner__isnull=True).first()
    built_in = TEXTS[message_type, language]
    if partner is None:
        text, source = (platform.text, "platform") if platform else (built_in, "wording")
        return Held(text=text, source=_source(source), default=built_in, own=platform)
    own = rows.filter(partner=partner).first()
    default = platform.text if platform else built_in
    source = "partner" if own else "platform" if platform else "wording"
    return Held(text=own.text if own else default, source=_source(source), default=default, own=own)


def _source(name: str) -> Source:
    return "partner" if name == "partner" else "platform" if name == "platform" else "wording"


def put_text(
    *, partner: Partner | None, message_type: str, language: str, text: str, by: By, at: datetime
) -> Saved[SmsTemplate]:
    """Let a text hold for a partner, or (None) for everybody without an own one.

    :raises ValidationError: a text that could not be filled in later
    """
    found = SmsTemplate.objects.filter(partner=partner, message_type=message_type, language=language).first()
    row = found or SmsTemplate(partner=partner, message_type=message_type, language=language)
    wanted = {"partner": partner, "message_type": message_type, "language": language, "text": text.strip()}
    saved = put(row, wanted, by=by, at=at)
    routes.forget()
    return saved


def back_to_default(*, row: SmsTemplate, by: By, at: datetime) -> None:
    """Take an own text away, so that the next wider one holds again; the audit keeps what it said."""
    with transaction.atomic():
        audit.write(
            action="back to default",
            subject=row,
            at=at,
            actor=by.actor,
            actor_name=by.name,
            reason=by.reason,
            detail={"type": row.message_type, "language": row.language, "text": row.text},
        )
        row.delete()
    routes.forget()
