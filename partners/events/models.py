"""What partners are told: the events themselves, where they are pushed to, and each try to push them."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import models
from django.db.models import Q

from common.crypto import EncryptedTextField
from common.ids import new_id
from common.moves import Moving
from common.network import is_private_literal
from partners.events.kinds import KINDS
from partners.models import Partner


class PartnerEvent(models.Model):
    """Something that a partner is told. Append-only (trigger).

    Its id is the id of the history row that it was copied from, so that copying twice changes nothing. `number`
    grows in the order in which events become visible: one writer at a time hands them out, so that a reader who
    has seen a number will never find a lower one that is new.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    number = models.BigIntegerField(unique=True)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="+", db_index=False)
    type = models.CharField(max_length=40)
    subject_table = models.CharField(max_length=60)
    subject_id = models.UUIDField()
    payload = models.JSONField()
    at = models.DateTimeField()  # when it happened
    told_at = models.DateTimeField()  # when it was copied here

    class Meta:
        db_table = "partner_events"
        ordering = ["-number"]
        verbose_name = "event"
        indexes = [
            models.Index(fields=["partner", "number"], name="partner_event_order"),
            models.Index(fields=["partner", "type", "number"], name="partner_event_type"),
            models.Index(fields=["subject_id"], name="partner_event_subject"),
            models.Index(fields=["told_at"], name="partner_event_told"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.number}"


class Mark(models.Model):
    """How far a history was copied: every transaction below this number is done with."""

    source = models.CharField(max_length=60, primary_key=True)
    read_up_to = models.BigIntegerField(default=0)
    moved_at = models.DateTimeField()

    class Meta:
        db_table = "event_marks"

    def __str__(self) -> str:
        return f"{self.source} up to {self.read_up_to}"


class WebhookEndpoint(models.Model):
    """Where a partner wants events pushed to. Two secrets sign at once while one is being replaced."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="webhook_endpoints")
    url = models.URLField(max_length=500, validators=[URLValidator(schemes=["https", "http"])])
    description = models.CharField(max_length=100, blank=True)
    event_types = models.JSONField(
        default=list, blank=True, help_text="Names of the events that it gets. Empty: all of them."
    )
    secret = EncryptedTextField(editable=False)
    old_secret = EncryptedTextField(blank=True, editable=False)
    old_secret_until = models.DateTimeField(null=True, editable=False)
    is_active = models.BooleanField(default=True)
    failing_since = models.DateTimeField(null=True, editable=False)  # nothing arrived since
    failures = models.PositiveIntegerField(default=0, editable=False)  # in a row
    rest_until = models.DateTimeField(null=True, editable=False)  # left alone after failures
    claimed_until = models.DateTimeField(null=True, editable=False)  # a worker drains it until then
    disabled_at = models.DateTimeField(null=True, editable=False)  # by the platform
    disabled_reason = models.CharField(max_length=300, blank=True, editable=False)
    disabled_told_at = models.DateTimeField(null=True, editable=False)  # the partner has been sent an SMS
    deleted_at = models.DateTimeField(null=True, editable=False)  # its deliveries stay as the log
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "webhook_endpoints"
        ordering = ["partner", "created_at"]
        verbose_name = "webhook endpoint"
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "url"], condition=Q(deleted_at__isnull=True), name="webhook_endpoint_once"
            )
        ]

    def __str__(self) -> str:
        return f"{urlsplit(self.url).hostname} of {self.partner}"

    @property
    def attention(self) -> str:
        """What somebody should do about it, in words; empty when all is well."""
        if self.disabled_at and not self.is_active:
            return f"Switched off: {self.disabled_reason} Mend it, switch it on, and read the rest at /api/events."
        if self.failing_since and self.failures >= 3:
            return f"Nothing has arrived for a while: {self.failures} tries in a row have failed."
        return ""

    def clean(self) -> None:
        """:raises ValidationError: an address that would leave readable, or an event that does not exist"""
        address = urlsplit(self.url)
        if not settings.ALLOW_PRIVATE_HOSTS and is_private_literal(address.hostname or ""):
            raise ValidationError({"url": "This address is not public."})
        if address.scheme != "https" and not settings.ALLOW_PRIVATE_HOSTS:
            raise ValidationError({"url": "Use https: events would travel readable."})
        if address.username or address.password or address.fragment:
            raise ValidationError({"url": "No user name, password or fragment; the signature proves us."})
        names = self.event_types
        if not isinstance(names, list) or any(not isinstance(name, str) for name in names):
            raise ValidationError({"event_types": 'A list of names, such as ["disbursement.paid"].'})
        if unknown := sorted(set(names) - set(KINDS)):
            raise ValidationError({"event_types": f"There is no event {unknown[0]}."})


class DeliveryStatus(models.TextChoices):
    PENDING = "pending", "Waiting"  # for its turn, or for another try
    SENDING = "sending", "Being sent"  # claimed by a worker; the partner may have it from now on
    DELIVERED = "delivered", "Delivered"  # the partner answered 2xx
    FAILED = "failed", "Given up"  # not taken within a day; a person may send it again


class WebhookDelivery(Moving):
    """One event on its way to one endpoint. It may arrive twice, never less than the log says."""

    NEXT: ClassVar[Mapping[str, frozenset[str]]] = MappingProxyType(
        {
            DeliveryStatus.PENDING: frozenset({DeliveryStatus.SENDING, DeliveryStatus.FAILED}),
            DeliveryStatus.SENDING: frozenset(
                {DeliveryStatus.PENDING, DeliveryStatus.DELIVERED, DeliveryStatus.FAILED}
            ),
            DeliveryStatus.DELIVERED: frozenset({DeliveryStatus.PENDING}),  # a person sends it once more
            DeliveryStatus.FAILED: frozenset({DeliveryStatus.PENDING}),
        }
    )

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries", db_index=False
    )
    event = models.ForeignKey(PartnerEvent, on_delete=models.PROTECT, related_name="deliveries")
    status = models.CharField(max_length=20, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING)
    tries = models.PositiveSmallIntegerField(default=0)  # of the present round
    next_step_at = models.DateTimeField(null=True)
    give_up_at = models.DateTimeField()
    last_status = models.PositiveSmallIntegerField(null=True)  # HTTP
    last_error = models.CharField(max_length=300, blank=True)
    delivered_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "webhook_deliveries"
        ordering = ["-created_at", "-id"]
        verbose_name = "webhook delivery"
        verbose_name_plural = "webhook deliveries"
        permissions = [("operate_webhookdelivery", "Can send an event to a partner's endpoint again")]
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="webhook_delivery_once"),
            models.CheckConstraint(
                condition=Q(status__in=DeliveryStatus.values), name="webhook_delivery_status_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "next_step_at"],
                name="webhook_delivery_due",
                condition=Q(status__in=["pending", "sending"]),
            ),
            models.Index(fields=["endpoint", "created_at"], name="webhook_delivery_log"),
            models.Index(
                fields=["give_up_at"], name="webhook_delivery_overdue", condition=Q(status="pending")
            ),
            models.Index(fields=["created_at"], name="webhook_delivery_failed", condition=Q(status="failed")),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"

    @classmethod
    def due_rows(cls) -> "models.QuerySet[WebhookDelivery]":
        """Return those with a next step, as the table is indexed."""
        waiting = [DeliveryStatus.PENDING, DeliveryStatus.SENDING]
        return cls._default_manager.filter(status__in=waiting, next_step_at__isnull=False)

    def move(self, new: str, *, at: datetime, **changes: Any) -> None:
        """Move along `NEXT`; the tries are its history."""
        self._move(new, at=at, **changes)

    def _history(self, *, old: str, new: str, at: datetime, note: str) -> None:
        """Each try leaves its own row."""


class WebhookTry(models.Model):
    """One request to an endpoint, and what came back."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.PROTECT, related_name="attempts")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)  # HTTP; empty: no answer
    milliseconds = models.PositiveIntegerField()
    answer = models.CharField(max_length=500, blank=True)  # its first bytes
    error = models.CharField(max_length=300, blank=True)  # in words; empty: delivered

    class Meta:
        db_table = "webhook_tries"
        ordering = ["at", "id"]
        verbose_name = "webhook try"
        verbose_name_plural = "webhook tries"

    def __str__(self) -> str:
        return f"{self.status or 'no answer'} at {self.at}"
