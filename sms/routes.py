"""What a partner's messages need, read once and remembered for seconds: language, phones, account, texts."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q

from partners.models import Partner
from sms.models import SmsGateway, SmsTemplate
from sms.wording import TEXTS

REMEMBERED_SECONDS = 5.0
_MOST_REMEMBERED = 5000
_remembered: dict[UUID, tuple[float, "Route"]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How messages of one partner go out. Without a gateway they wait until there is one."""

    name: str
    language: str
    phones: tuple[str, ...]
    gateway_id: UUID | None
    texts: Mapping[tuple[str, str], str]  # (message type, language), where they differ from the wording

    def text(self, message_type: str, language: str) -> str:
        return self.texts.get((message_type, language)) or TEXTS[(message_type, language)]


def of_partner(partner_id: UUID) -> Route:
    """Return a partner's route, at most a few seconds old.

    :raises Partner.DoesNotExist: there is no such partner
    """
    now = time.monotonic()
    known = _remembered.get(partner_id)
    if known and known[0] > now:
        return known[1]
    route = _read(partner_id)
    if len(_remembered) >= _MOST_REMEMBERED:
        _remembered.clear()
    _remembered[partner_id] = (now + REMEMBERED_SECONDS, route)
    return route


def of_operators(partner_id: UUID | None) -> Route:
    """Return how an alarm to the platform's own people goes out: `OPERATOR_PHONES`, by the platform's account.

    Without such an account it goes by that of the partner it is about, or by any: it must get out.

    :param partner_id: whom it is about; None: the platform itself
    """
    partner = Partner.objects.filter(pk=partner_id).first() if partner_id else None
    usable = SmsGateway.objects.filter(is_active=True, is_primary=True, stopped_at__isnull=True)
    last_resort = usable.order_by("created_at").values_list("pk", flat=True).first()
    texts = SmsTemplate.objects.filter(partner__isnull=True)
    return Route(
        name=partner.name if partner else "platform",
        language="en",
        phones=tuple(settings.OPERATOR_PHONES),
        gateway_id=gateway_of(None) or (gateway_of(partner_id) if partner_id else None) or last_resort,
        texts={(row.message_type, row.language): row.text for row in texts},
    )


def forget() -> None:
    """Read everything again; for the process that has just changed a text or an account."""
    _remembered.clear()


def gateway_of(partner_id: UUID | None) -> UUID | None:
    """Return the account for a partner's new messages: its own, else the platform's (None: only that one)."""
    mine = Q(partner_id=partner_id) | Q(partner__isnull=True)
    accounts = SmsGateway.objects.filter(mine, is_active=True, is_primary=True)
    ordered = accounts.order_by(F("partner").asc(nulls_last=True))
    return ordered.values_list("pk", flat=True).first()


def _read(partner_id: UUID) -> Route:
    partner = Partner.objects.get(pk=partner_id)
    mine = Q(partner_id=partner_id) | Q(partner__isnull=True)
    texts = SmsTemplate.objects.filter(mine).order_by(F("partner").asc(nulls_first=True))  # its own come last
    return Route(
        name=partner.name,
        language=partner.language,
        phones=tuple(str(phone) for phone in partner.phones),
        gateway_id=gateway_of(partner_id),
        texts={(row.message_type, row.language): row.text for row in texts},
    )
