"""Tell M-Pesa where to send notices of payments, and set up how a shortcode collects."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from c2b import addresses
from c2b.models import CollectionRule, Collector
from c2b.reading import shortcode_of
from common import audit
from common.changes import By, Saved, put
from common.gateway import GatewayError
from mpesa import operations as mpesa
from mpesa.collecting import Registered
from partners.models import Partner, Shortcode


def collector_for(shortcode: Shortcode) -> Collector:
    """Return the row that says how a shortcode collects, made now if there is none."""
    return Collector.objects.get_or_create(shortcode=shortcode)[0]


def register_urls(*, shortcode_id: UUID, at: datetime, by: By) -> Registered:
    """Register our validation and confirmation addresses for a shortcode, and keep what M-Pesa said.

    :raises ValueError: our own address has a word in it that M-Pesa refuses
    :raises Rejected, Retryable: M-Pesa has not taken them; the note says why
    """
    shortcode = Shortcode.objects.get(pk=shortcode_id)
    row = collector_for(shortcode)
    try:
        answer = mpesa.connect(shortcode).register_urls(
            confirmation=addresses.address(shortcode, "confirmation"),
            validation=addresses.address(shortcode, "validation"),
            response_type=shortcode.response_type,
            version=shortcode.c2b_version,
        )
    except GatewayError as exc:
        Collector.objects.filter(pk=row.pk).update(registered_note=f"Not registered: {exc}"[:300])
        raise
    words = "M-Pesa has our addresses."
    if answer.earlier:
        words = (
            "M-Pesa had addresses for this shortcode before and keeps those. If they are not ours, delete them "
            "on the portal (Self Services, URL Management) and register again."
        )
    with transaction.atomic():
        Collector.objects.filter(pk=row.pk).update(
            registered_at=at, registered_version=row.token_version, registered_note=words
        )
        audit.write(
            action="addresses registered",
            subject=row,
            at=at,
            actor=by.actor,
            actor_name=by.name,
            reason=by.reason,
            partner_id=shortcode.partner_id,
            detail={"earlier": answer.earlier, "version": shortcode.c2b_version},
        )
    return answer


def rotate_token(*, shortcode_id: UUID, at: datetime, by: By) -> None:
    """Give a shortcode new addresses; those before stay good until the next time. Register them afterwards."""
    with transaction.atomic():
        made = collector_for(Shortcode.objects.get(pk=shortcode_id))
        row = Collector.objects.select_for_update().get(pk=made.pk)
        row.token_version += 1
        row.registered_note = "The addresses are new: register them."
        row.save(update_fields=["token_version", "registered_note", "updated_at"])
        audit.write(
            action="callback addresses renewed",
            subject=row,
            at=at,
            actor=by.actor,
            actor_name=by.name,
            reason=by.reason,
        )


def put_rule(*, partner: Partner, fields: Mapping[str, Any], by: By, at: datetime) -> Saved[CollectionRule]:
    """Make or update how a partner's payments are handled.

    :raises ValidationError: a field is not what the model allows
    """
    row = CollectionRule.objects.filter(partner=partner).first() or CollectionRule(partner=partner)
    return put(row, {"partner": partner} | dict(fields), by=by, at=at, quiet={"blocked_phones"})


def put_collector(
    *, shortcode: Shortcode, fields: Mapping[str, Any], by: By, at: datetime
) -> Saved[Collector]:
    """Make or update how a shortcode collects.

    :raises ValidationError: a field is not what the model allows
    """
    row = Collector.objects.filter(shortcode=shortcode).first() or Collector(shortcode=shortcode)
    wanted = {"shortcode": shortcode} | dict(fields)
    return put(row, wanted, by=by, at=at, partner_id=shortcode.partner_id)


def start_pull(*, shortcode_id: UUID, at: datetime) -> None:
    """Let the hourly Pull of a shortcode begin now, or end, as its row says."""
    rows = Collector.objects.filter(shortcode_id=shortcode_id)
    rows.filter(pull_enabled=True).update(next_step_at=at)
    rows.filter(pull_enabled=False).update(next_step_at=None)


def callbacks(shortcode: Shortcode) -> dict[str, str]:
    """Return the addresses that M-Pesa is to call for a shortcode."""
    found = shortcode_of(shortcode.pk)
    if found is None:
        return {}
    return {what: addresses.address(found, what) for what in ("validation", "confirmation")}
