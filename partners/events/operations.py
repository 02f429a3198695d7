"""What can be done with endpoints and deliveries. All of it is audited."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from common import audit
from common.changes import By, Saved, put
from common.moves import ForbiddenMove
from partners.events import feed
from partners.events.models import (
    DeliveryStatus,
    PartnerEvent,
    WebhookDelivery,
    WebhookEndpoint,
)
from partners.events.signing import new_secret
from partners.models import Partner

BOTH_SECRETS_FOR = timedelta(hours=24)
MOST_ENDPOINTS = 10


class NotPossible(Exception):
    """This cannot be done now; the message says why, for the person who asked."""


def make_endpoint(
    *, partner: Partner, fields: Mapping[str, Any], by: By, at: datetime
) -> tuple[WebhookEndpoint, str]:
    """Make an endpoint; return it and its secret, which is shown this once.

    :param fields: `url`, `event_types`, `description`
    :raises ValidationError: a field is not what the model allows
    :raises NotPossible: the partner has as many as it can
    """
    with transaction.atomic():
        Partner.objects.select_for_update(no_key=True).get(pk=partner.pk)
        if WebhookEndpoint.objects.filter(partner=partner, deleted_at__isnull=True).count() >= MOST_ENDPOINTS:
            raise NotPossible(f"A partner has at most {MOST_ENDPOINTS} endpoints; remove one first.")
        secret = new_secret()
        endpoint = WebhookEndpoint(partner=partner, secret=secret)
        put(endpoint, dict(fields), by=by, at=at, partner_id=partner.pk)
    return endpoint, secret


def change_endpoint(
    *, endpoint: WebhookEndpoint, fields: Mapping[str, Any], by: By, at: datetime
) -> Saved[WebhookEndpoint]:
    """Change an endpoint's address, events or description, or switch it on or off.

    :raises ValidationError: a field is not what the model allows
    """
    with transaction.atomic():
        saved = put(endpoint, dict(fields), by=by, at=at, partner_id=endpoint.partner_id)
        if {"is_active", "url"} & set(saved.changed) and endpoint.is_active:
            forget_failures(endpoint)
    return saved


def forget_failures(endpoint: WebhookEndpoint) -> None:
    """Let an endpoint begin anew: somebody has mended it."""
    clean = {
        "failures": 0,
        "failing_since": None,
        "rest_until": None,
        "disabled_at": None,
        "disabled_reason": "",
        "disabled_told_at": None,
    }
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**clean)
    for name, value in clean.items():
        setattr(endpoint, name, value)


def remove_endpoint(*, endpoint: WebhookEndpoint, by: By, at: datetime) -> None:
    """Send nothing more to an endpoint, and show it no more; what was delivered stays in the log."""
    with transaction.atomic():
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(deleted_at=at, is_active=False)
        WebhookDelivery.objects.filter(endpoint=endpoint, status=DeliveryStatus.PENDING).update(
            status=DeliveryStatus.FAILED,
            moved_at=at,
            next_step_at=None,
            last_error="The endpoint was removed.",
        )
        _audit("removed", endpoint, by=by, at=at)


def rotate_secret(*, endpoint_id: UUID, by: By, at: datetime) -> str:
    """Give an endpoint a new secret and return it, this once; for a day both sign, so that nothing is missed."""
    with transaction.atomic():
        endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint_id)
        secret = new_secret()
        endpoint.old_secret, endpoint.secret = endpoint.secret, secret
        endpoint.old_secret_until = at + BOTH_SECRETS_FOR
        endpoint.save(update_fields=["secret", "old_secret", "old_secret_until", "updated_at"])
        _audit("secret renewed", endpoint, by=by, at=at)
    return secret


def ping(*, endpoint: WebhookEndpoint, by: By, at: datetime) -> PartnerEvent:
    """Send a test event to one endpoint, whatever events it asked for.

    :raises NotPossible: it is switched off
    """
    if not endpoint.is_active or endpoint.deleted_at:
        raise NotPossible("The endpoint is switched off; switch it on first.")
    with transaction.atomic():
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(rest_until=None)  # somebody is looking
        _audit("tested", endpoint, by=by, at=at)
        return feed.tell(
            partner_id=endpoint.partner_id,
            type="webhook.test",
            subject_table="webhook_endpoints",
            subject_id=endpoint.pk,
            payload={"id": str(endpoint.pk), "words": "This is a test. Nothing has happened."},
            at=at,
            endpoint_id=endpoint.pk,
        )


def resend(*, delivery_id: UUID, by: By, at: datetime) -> WebhookDelivery:
    """Send an event to its endpoint once more, with a fresh day of tries.

    :raises NotPossible: it is waiting or on its way, or its endpoint is off
    """
    row = WebhookDelivery.objects.select_related("endpoint", "event").get(pk=delivery_id)
    if not row.endpoint.is_active or row.endpoint.deleted_at:
        raise NotPossible("Its endpoint is switched off; switch it on first.")
    try:
        with transaction.atomic():
            row.move(
                DeliveryStatus.PENDING,
                at=at,
                tries=0,
                next_step_at=at,
                give_up_at=at + feed.GIVEN_UP_AFTER,
                last_error="",
            )
            _audit("sent again", row, by=by, at=at, partner_id=row.endpoint.partner_id)
    except ForbiddenMove:
        raise NotPossible("It is on its way already.") from None
    return row


def _audit(action: str, subject: Any, *, by: By, at: datetime, partner_id: UUID | None = None) -> None:
    audit.write(
        action=action,
        subject=subject,
        at=at,
        actor=by.actor,
        actor_name=by.name,
        reason=by.reason,
        partner_id=partner_id,
    )
