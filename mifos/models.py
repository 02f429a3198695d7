"""A partner's connection to its Mifos host, and the Mifos loan products with our rules for them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cryptography import x509
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone as clock

from common.crypto import EncryptedTextField
from common.ids import new_id
from common.money import MoneyField
from common.phone import BadPhone, canonical
from mifos import address
from mifos.rules import BadRules, Rules, read_rules
from partners.models import Partner


class MifosPartner(models.Model):
    """One partner's Mifos host, tenant and API user, how it is polled, and how it is doing."""

    class Release(models.TextChoices):
        V1_14 = "1.14", "1.14 or older"
        DEVELOP = "develop", "Newer (mid-2026)"

    class PayoutAmount(models.TextChoices):
        NET = "net", "Net of charges (netDisbursalAmount)"
        GROSS = "gross", "Gross (principal)"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    partner = models.OneToOneField(Partner, on_delete=models.PROTECT, related_name="mifos")
    mifos_host_url = models.CharField(max_length=255, help_text="The host only: https://kilimo.example:8443")
    api_endpoint = models.CharField(max_length=255, default="/fineract-provider/api/v1")
    mifos_tenant_id = models.CharField(max_length=100, default="default")
    mifos_username = models.CharField(max_length=100)
    mifos_password = EncryptedTextField()
    ca_certificate = models.TextField(
        blank=True,
        help_text="PEM of the server's own certificate or its authority. Empty: public authorities.",
    )
    release = models.CharField(max_length=10, choices=Release.choices, default=Release.V1_14)
    timezone = models.CharField(
        max_length=50, default="Africa/Nairobi", help_text="Time zone of the Mifos tenant."
    )
    use_business_date = models.BooleanField(
        default=True, help_text="Ask Mifos for its business date where the API user may read it."
    )
    list_order_by = models.CharField(
        max_length=20, choices=[("id", "id"), ("accountNo", "accountNo")], default="id"
    )
    payment_type = models.CharField(
        max_length=100, default="M-Pesa", help_text="Name of the Mifos payment type."
    )
    payment_type_id = models.PositiveBigIntegerField(null=True, blank=True, editable=False)  # found by name
    payout_amount = models.CharField(max_length=5, choices=PayoutAmount.choices, default=PayoutAmount.NET)
    sms_notifications_enabled = models.BooleanField(default=True)
    sms_phone_numbers = models.JSONField(default=list, blank=True, help_text="A list of 2547… numbers.")
    is_active = models.BooleanField(default=True)

    webhook_url = EncryptedTextField(blank=True, editable=False)  # as Mifos was last told; holds the token
    webhook_hook_id = models.PositiveBigIntegerField(null=True, blank=True, editable=False)  # Mifos's own id
    webhook_token_version = models.PositiveSmallIntegerField(default=0, editable=False)
    webhook_previous_until = models.DateTimeField(null=True, blank=True, editable=False)

    product_wish = models.JSONField(default=dict, blank=True, editable=False)  # see `mifos/wish.py`

    poll_seconds = models.PositiveIntegerField(default=15, validators=[MinValueValidator(1)])
    next_step_at = models.DateTimeField(null=True, blank=True, default=clock.now, editable=False)  # next poll
    last_poll_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_poll_note = models.CharField(max_length=300, blank=True, editable=False)
    poll_offset = models.PositiveIntegerField(default=0, editable=False)  # where a long round goes on

    failures = models.PositiveIntegerField(default=0, editable=False)  # in a row; one success ends it
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    failure_note = models.CharField(max_length=300, blank=True, editable=False)
    retry_at = models.DateTimeField(null=True, blank=True, editable=False)  # nothing is asked before

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "mifos_partners"
        ordering = ["partner__name"]
        constraints = [
            models.UniqueConstraint(
                fields=["mifos_host_url", "api_endpoint", "mifos_tenant_id"],
                name="mifos_tenant_once",
                violation_error_message="Another partner is connected to this tenant of this host already.",
            ),
            models.CheckConstraint(condition=Q(poll_seconds__gte=1), name="mifos_poll_seconds_positive"),
            models.CheckConstraint(condition=Q(release__in=["1.14", "develop"]), name="mifos_release_known"),
            models.CheckConstraint(
                condition=Q(payout_amount__in=["net", "gross"]), name="mifos_payout_amount_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_step_at"], name="mifos_poll_due", condition=Q(next_step_at__isnull=False)
            )
        ]

    _loaded: Mapping[str, Any] = {}  # what the row held when it was read or last saved

    def __str__(self) -> str:
        return f"{self.partner} at {self.mifos_host_url}"

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Self:
        found = super().from_db(*args, **kwargs)
        found._loaded = {name: found.__dict__.get(name) for name in _FORGETS}
        return found

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        super().refresh_from_db(*args, **kwargs)
        self._loaded = {name: self.__dict__.get(name) for name in _FORGETS}

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.mifos_host_url = address.origin(self.mifos_host_url)
        self.api_endpoint = address.endpoint(self.api_endpoint)
        self._forget_what_no_longer_holds(kwargs)
        super().save(*args, **kwargs)
        self._loaded = {name: self.__dict__.get(name) for name in _FORGETS}

    def _forget_what_no_longer_holds(self, kwargs: dict[str, Any]) -> None:
        """Drop what was learned from the earlier host, tenant or payment type, whoever changed it."""
        for name, learned in _FORGETS.items():
            old = self._loaded.get(name)
            if old is None or old == getattr(self, name):
                continue
            for field, empty in learned.items():
                setattr(self, field, empty)
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], *learned}

    def clean_fields(self, exclude: Any = None) -> None:
        super().clean_fields(exclude=exclude)
        wrong: dict[str, Any] = {}
        for name, check in _CHECKS.items():
            if not exclude or name not in exclude:
                try:
                    setattr(self, name, check(getattr(self, name)))
                except ValidationError as exc:
                    wrong[name] = exc
        if wrong:
            raise ValidationError(wrong)

    @property
    def base_url(self) -> str:
        """Host and path, without a slash at the end. Tenants that share it share one server."""
        return self.mifos_host_url + self.api_endpoint

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def takes_savings_external_id(self) -> bool:
        """Whether a savings deposit may carry our `externalId`; 1.14 refuses it."""
        return self.release == self.Release.DEVELOP

    def resting(self, at: datetime) -> bool:
        """Whether the host has failed so often that nothing is asked of it for a while."""
        return self.retry_at is not None and at < self.retry_at


class LoanProduct(models.Model):
    """A Mifos loan product: its limits as Mifos tells them, our switch and our rules."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    mifos_partner = models.ForeignKey(MifosPartner, on_delete=models.PROTECT, related_name="products")
    mifos_product_id = models.PositiveBigIntegerField()
    product_name = models.CharField(max_length=150)
    is_auto_disbursement_enabled = models.BooleanField(
        default=False, help_text="Pay approved loans of this product without a person."
    )
    min_disbursement_amount = MoneyField(null=True, blank=True, editable=False)
    max_disbursement_amount = MoneyField(null=True, blank=True, editable=False)
    disbursement_rules = models.JSONField(default=dict, blank=True)
    currency = models.CharField(max_length=3, default="KES", editable=False)
    multi_disburse = models.BooleanField(default=False, editable=False)
    is_active_in_mifos = models.BooleanField(default=True, editable=False)
    synced_at = models.DateTimeField(null=True, blank=True, editable=False)
    sms_notifications_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "loan_products"
        ordering = ["mifos_partner", "product_name"]
        constraints = [
            models.UniqueConstraint(fields=["mifos_partner", "mifos_product_id"], name="loan_product_once")
        ]

    def __str__(self) -> str:
        return self.product_name

    @property
    def rules(self) -> Rules:
        """:raises BadRules: what is stored cannot be read, so nothing may be paid by it"""
        return read_rules(self.disbursement_rules)

    def clean(self) -> None:
        try:
            read_rules(self.disbursement_rules)
        except BadRules as exc:
            raise ValidationError({"disbursement_rules": str(exc).splitlines()}) from None


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValidationError("There is no such time zone; write one such as Africa/Nairobi.") from None
    return text


def _phones(numbers: Any) -> list[str]:
    if not isinstance(numbers, list) or not all(isinstance(number, str) for number in numbers):
        raise ValidationError('Write a list of numbers, such as ["254711000001"].')
    try:
        return [canonical(number) for number in numbers]
    except BadPhone as exc:
        raise ValidationError(f"One of the numbers: {exc}.") from None


def _pem(text: str) -> str:
    try:
        if text.strip():
            x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise ValidationError("This is not a certificate in PEM form.") from None
    return text.strip()


_CHECKS = {
    "mifos_host_url": address.origin,
    "api_endpoint": address.endpoint,
    "timezone": _zone,
    "sms_phone_numbers": _phones,
    "ca_certificate": _pem,
}

# What a change of the one makes the other worthless: ids and health belong to one tenant of one server.
_LEARNED = {"payment_type_id": None, "webhook_url": "", "webhook_hook_id": None, "poll_offset": 0}
_HEALTH = {"failures": 0, "failing_since": None, "failure_note": "", "retry_at": None}
_FORGETS: dict[str, dict[str, Any]] = {
    "mifos_host_url": _LEARNED | _HEALTH,
    "api_endpoint": _LEARNED | _HEALTH,
    "mifos_tenant_id": _LEARNED | _HEALTH,
    "payment_type": {"payment_type_id": None},
}
