"""Messages to clients and partners, the accounts that carry them, and the texts."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from common.crypto import EncryptedTextField
from common.ids import new_id
from common.moves import ForbiddenMove, Moving
from common.phone import masked
from partners.models import Partner
from sms import wording
from sms.wording import LANGUAGES, MessageType


class SmsGateway(models.Model):
    """An account at an SMS provider: a partner's own, or the platform's for all that have none."""

    class Kind(models.TextChoices):
        ULTIMATE_SMS = "ultimate_sms", "Damza (Ultimate SMS)"
        AIRTOUCH = "airtouch", "AirTouch"
        PARTNER_ID = "partner_id", "partnerID family (Advanta, Celcom, TextSMS, …)"
        AFRICASTALKING = "africastalking", "Africa's Talking"

    class Reports(models.TextChoices):
        NONE = "none", "None: accepted is the last we hear"
        PULL = "pull", "We ask"
        PUSH = "push", "They call us"

    class PhoneFormat(models.TextChoices):
        PLAIN = "254", "2547…"
        PLUS = "+254", "+2547…"
        LOCAL = "0", "07…"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=60, help_text="How people call this account.")
    partner = models.ForeignKey(
        Partner,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="sms_gateways",
        help_text="Empty: the platform's account, for every partner without its own.",
    )
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.ULTIMATE_SMS)
    is_primary = models.BooleanField(
        default=True, help_text="Carries new messages. An account that only helps out is not primary."
    )
    second = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Takes over what this account provably did not send.",
    )
    base_url = models.URLField(blank=True, help_text="Empty: the platform's address for this kind.")
    allow_http = models.BooleanField(default=False, help_text="Permit plain http: the key travels readable.")
    method = models.CharField(
        max_length=4, blank=True, choices=[("get", "GET"), ("post", "POST")], help_text="Empty: as the kind."
    )
    api_key = EncryptedTextField(blank=True)
    username = EncryptedTextField(blank=True)
    password = EncryptedTextField(blank=True)
    sender_id = models.CharField(max_length=20, blank=True, help_text="As registered, capitals included.")
    partner_code = models.CharField(max_length=60, blank=True, help_text="partnerID of that family.")
    msisdn_format = models.CharField(
        max_length=4, blank=True, choices=PhoneFormat.choices, help_text="Empty: as the kind."
    )
    success_codes = models.JSONField(
        default=list, blank=True, help_text='Codes that mean accepted, such as ["ok"]. Empty: as the kind.'
    )
    dlr_mode = models.CharField(max_length=4, choices=Reports.choices, default=Reports.NONE)
    rate_per_second = models.DecimalField(
        max_digits=6, decimal_places=2, default=Decimal(5), validators=[MinValueValidator(Decimal("0.01"))]
    )
    low_mark = models.DecimalField(
        max_digits=14, decimal_places=2, null=True, blank=True, help_text="Raise attention below this credit."
    )
    credits = models.DecimalField(max_digits=14, decimal_places=2, null=True, editable=False)
    credits_at = models.DateTimeField(null=True, editable=False)
    stopped_at = models.DateTimeField(null=True, editable=False)
    stopped_reason = models.CharField(max_length=300, blank=True, editable=False)
    is_active = models.BooleanField(default=True)
    callback_version = models.PositiveIntegerField(default=0, editable=False)
    paced_until = models.DateTimeField(null=True, editable=False)  # when the pace lets the next message go
    claimed_until = models.DateTimeField(null=True, editable=False)  # a worker drains it until then
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "sms_gateways"
        ordering = ["name"]
        verbose_name = "SMS gateway"
        constraints = [
            models.UniqueConstraint(
                fields=["partner"],
                condition=Q(is_primary=True, is_active=True),
                nulls_distinct=False,
                name="sms_gateway_one_primary",
            ),
            models.CheckConstraint(condition=Q(rate_per_second__gt=0), name="sms_gateway_rate"),
            models.CheckConstraint(condition=~Q(second=models.F("id")), name="sms_gateway_second_other"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def usable(self) -> bool:
        return self.is_active and self.stopped_at is None

    @property
    def attention(self) -> str:
        """What a person should do about this account, in words; empty when all is well."""
        if self.stopped_at:
            return f"Stopped: {self.stopped_reason}. Mend it, then start it again."
        if self.low_mark is not None and self.credits is not None and self.credits < self.low_mark:
            return f"Credit is low: {self.credits} left, alarm below {self.low_mark}."
        return ""

    def clean(self) -> None:
        if self.base_url.startswith("http://") and not self.allow_http:
            raise ValidationError({"base_url": "Plain http needs “Allow http”: the key travels readable."})
        if not isinstance(self.success_codes, list) or any(
            not isinstance(code, str) for code in self.success_codes
        ):
            raise ValidationError({"success_codes": 'A list of codes as text, such as ["ok", "200"].'})
        cannot = {self.Kind.AIRTOUCH, self.Kind.AFRICASTALKING}
        if self.dlr_mode == self.Reports.PULL and self.kind in cannot:
            raise ValidationError({"dlr_mode": "This provider cannot be asked for delivery reports."})
        if self.second is not None and self.second.partner_id not in (None, self.partner_id):
            raise ValidationError({"second": "This account belongs to another partner."})


class SmsTemplate(models.Model):
    """A text that replaces the one in `sms.wording`, for everybody or for one partner."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    message_type = models.CharField(max_length=30, choices=MessageType.choices)
    language = models.CharField(max_length=2, choices=LANGUAGES, default="en")
    partner = models.ForeignKey(
        Partner, null=True, blank=True, on_delete=models.PROTECT, related_name="sms_templates"
    )
    text = models.TextField(max_length=600, help_text="Variables in braces, such as {amount}.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "sms_templates"
        ordering = ["message_type", "language", "partner"]
        verbose_name = "SMS template"
        constraints = [
            models.UniqueConstraint(
                fields=["message_type", "language", "partner"], nulls_distinct=False, name="sms_template_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_message_type_display()} ({self.language})"

    def clean(self) -> None:
        if self.message_type not in wording.VARIABLES:
            return  # the field's own check speaks
        try:
            wording.check(self.message_type, self.text)
        except wording.BadWording as exc:
            raise ValidationError({"text": str(exc)}) from exc

    def save(self, *args: Any, **kwargs: Any) -> None:
        """:raises BadWording: the text could not be filled in later"""
        wording.check(self.message_type, self.text)
        super().save(*args, **kwargs)


class Status(models.TextChoices):
    PENDING = "pending", "Pending"  # waits for its turn, or for another try
    SENDING = "sending", "Sending"  # claimed by a worker; the provider may have it from now on
    SENT = "sent", "Sent"  # the provider has it, or may have it (`unconfirmed`)
    DELIVERED = "delivered", "Delivered"  # on the phone, says the provider
    FAILED = "failed", "Failed"  # provably not delivered


class SmsNotification(Moving):
    """One message to one phone, written in the transaction of the event that it tells of.

    When the provider's answer is lost, the message may be on its way: it is then `sent` and `unconfirmed`,
    and is not sent again by itself (a second copy is worse than a doubt). A delivery report settles it, or a
    person who decides to send it again.
    """

    NEXT: ClassVar[Mapping[str, frozenset[str]]] = MappingProxyType(
        {
            Status.PENDING: frozenset({Status.SENDING, Status.FAILED}),
            Status.SENDING: frozenset({Status.PENDING, Status.SENT, Status.DELIVERED, Status.FAILED}),
            Status.SENT: frozenset({Status.DELIVERED, Status.FAILED, Status.PENDING}),
            Status.DELIVERED: frozenset(),
            Status.FAILED: frozenset({Status.PENDING}),
        }
    )

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    partner = models.ForeignKey(  # empty: the platform's own, to its operators; nobody is charged for it
        Partner, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    recipient_phone = models.CharField(max_length=20)
    message_type = models.CharField(max_length=30, choices=MessageType.choices)
    language = models.CharField(max_length=2, choices=LANGUAGES)
    message_content = models.TextField()
    encoding = models.CharField(max_length=4, choices=[("gsm7", "GSM-7"), ("ucs2", "UCS-2")])
    segments = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.PENDING)
    unconfirmed = models.BooleanField(default=False)  # the answer was lost: it may or may not have gone out
    event_key = models.CharField(max_length=150)  # what it tells of; once per phone
    gateway = models.ForeignKey(
        SmsGateway, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    on_second = models.BooleanField(default=False)  # the first gateway has given up
    damza_reference = models.CharField(max_length=100, blank=True)  # the provider's id, if it gave one
    tries = models.PositiveSmallIntegerField(default=0)  # at the present gateway
    next_step_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)  # of no use to anybody after that (one-time codes)
    last_error = models.CharField(max_length=300, blank=True)
    correlation_id = models.CharField(max_length=64, blank=True)
    cost = models.DecimalField(max_digits=10, decimal_places=4, null=True)  # as the provider told
    charge = models.DecimalField(max_digits=10, decimal_places=2, null=True)  # to the partner's wallet
    charged_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "sms_notifications"
        ordering = ["-created_at"]
        verbose_name = "SMS"
        verbose_name_plural = "SMS"
        constraints = [
            models.UniqueConstraint(fields=["event_key", "recipient_phone"], name="sms_once"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="sms_status_known"),
            models.CheckConstraint(condition=Q(segments__gte=1), name="sms_segments"),
            models.CheckConstraint(
                condition=~Q(status="delivered") | Q(delivered_at__isnull=False), name="sms_delivered_when"
            ),
            models.CheckConstraint(
                condition=Q(unconfirmed=False) | Q(status="sent"), name="sms_unconfirmed_is_sent"
            ),
        ]
        indexes = [
            models.Index(
                fields=["gateway", "partner", "next_step_at"],
                name="sms_pending",
                condition=Q(status="pending"),
            ),
            models.Index(
                fields=["status", "next_step_at"],
                name="sms_waiting",
                condition=Q(status__in=["sending", "sent"], next_step_at__isnull=False),
            ),
            models.Index(
                fields=["gateway", "damza_reference"],
                name="sms_reference",
                condition=~Q(damza_reference=""),
            ),
            models.Index(fields=["partner", "created_at"], name="sms_partner"),
            models.Index(
                fields=["partner", "message_type", "created_at"],
                name="sms_alerts",
                condition=Q(message_type__in=["balance_alert", "system_error", "disbursement_failure"]),
            ),
            models.Index(fields=["recipient_phone"], name="sms_phone"),
            models.Index(fields=["created_at"], name="sms_unconfirmed", condition=Q(unconfirmed=True)),
            models.Index(
                fields=["partner", "created_at"], name="sms_tests", condition=Q(message_type="test_message")
            ),
            models.Index(fields=["id"], name="sms_failed", condition=Q(status="failed")),
            models.Index(
                fields=["partner", "created_at"],
                name="sms_uncharged",
                condition=Q(charged_at__isnull=True, unconfirmed=False, status__in=["sent", "delivered"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.message_type} to {masked(self.recipient_phone)}"

    @classmethod
    def due_rows(cls) -> "models.QuerySet[SmsNotification]":
        """Return those with a next step, as the table is indexed."""
        on_the_way = Q(status__in=[Status.SENDING, Status.SENT], next_step_at__isnull=False)
        return cls._default_manager.filter(Q(status=Status.PENDING) | on_the_way, next_step_at__isnull=False)

    @property
    def shown_content(self) -> str:
        """The text as people who work here may read it: without a one-time code."""
        hidden = self.message_type == MessageType.ONE_TIME_CODE
        return "(a one-time code; its text is not shown)" if hidden else self.message_content

    def mark_delivered(self, *, at: datetime, note: str = "") -> None:
        self._move(
            Status.DELIVERED,
            at=at,
            note=note,
            delivered_at=at,
            unconfirmed=False,
            next_step_at=None,
            last_error="",
            updated_at=at,
        )

    def mark_undelivered(self, *, at: datetime, reason: str) -> None:
        """Note that the provider reports it as not delivered."""
        self._move(
            Status.FAILED,
            at=at,
            note=reason,
            unconfirmed=False,
            next_step_at=None,
            last_error=reason[:300],
            updated_at=at,
        )

    def send_again(self, *, gateway_id: Any, at: datetime, note: str) -> None:
        """Queue it once more, because a person says so.

        :raises ForbiddenMove: the provider has it for certain, or it is on its way
        """
        if self.message_type == MessageType.ONE_TIME_CODE:
            raise ForbiddenMove("A code is sent once, and not kept. Have a new one sent")
        if self.status != Status.FAILED and not self.unconfirmed:
            raise ForbiddenMove(f"{self} is {self.status}: a second copy would reach the phone")
        self._move(
            Status.PENDING,
            at=at,
            note=note,
            gateway_id=gateway_id,
            on_second=False,
            tries=0,
            unconfirmed=False,
            damza_reference="",
            sent_at=None,
            next_step_at=at,
            last_error="",
            updated_at=at,
        )

    def ask_later(self, *, at: datetime, gap: timedelta | None) -> None:
        """Put the next question for a delivery report off, or give up asking."""
        type(self).objects.filter(pk=self.pk, status=Status.SENT).update(
            next_step_at=at + gap if gap else None, updated_at=at
        )

    def _history(self, *, old: str, new: str, at: datetime, note: str) -> models.Model:
        return SmsEvent(notification=self, old=old, new=new, at=at, note=note[:300])


class SmsEvent(models.Model):
    """One line of a message's history."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    notification = models.ForeignKey(SmsNotification, on_delete=models.PROTECT, related_name="events")
    old = models.CharField(max_length=20)
    new = models.CharField(max_length=20)
    note = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "sms_events"
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.old} → {self.new}"
