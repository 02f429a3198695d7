"""Builders with fixed people and times. A test names only what it is about."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from partners.models import Partner, Shortcode, TariffBand

NOW = datetime(2026, 6, 3, 7, 0, tzinfo=UTC)  # a Wednesday, 10:00 in Nairobi
JANE = "254708374149"


def partner(code: str = "kilimo", **fields: Any) -> Partner:
    return Partner.objects.create(
        **{"code": code, "name": f"{code.title()} SACCO", "phones": ["254711000001"]} | fields
    )


def shortcode(number: str = "600992", **fields: Any) -> Shortcode:
    defaults = {
        "kind": Shortcode.Kind.B2C,
        "consumer_key": "key",
        "consumer_secret": "secret",
        "initiator": "testapi",
        "initiator_password": "password",
    }
    return Shortcode.objects.create(**{"number": number} | defaults | fields)


def tariff(
    owner: Partner | None = None, kind: str = "payout", *, bands: list[tuple[int, int]] | None = None
) -> None:
    for up_to, fee in bands or [(1000, 10), (10000, 25), (250000, 45)]:
        TariffBand.objects.create(
            partner=owner, kind=kind, valid_from=NOW.date(), up_to=Decimal(up_to), fee=Decimal(fee)
        )
