"""How connections to Mifos and loan products are written in JSON. Passwords and tokens never come out."""

import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from common.api.fields import Amount, Phone, Secret, StrictModel
from mifos.models import LoanProduct, MifosPartner
from mifos.rules import BadRules, read_rules

MOST_SECONDS = 86_400


class MifosPartnerShown(serializers.ModelSerializer[MifosPartner]):
    """A partner's connection to its Mifos, and how it is doing."""

    partner = serializers.CharField(source="partner.code", read_only=True)
    sms_phone_numbers = serializers.ListField(child=Phone())
    has_webhook = serializers.SerializerMethodField(help_text="Whether Mifos was told where to wake us.")

    class Meta:
        model = MifosPartner
        fields = (
            *(
                "id",
                "partner",
                "mifos_host_url",
                "api_endpoint",
                "mifos_tenant_id",
                "mifos_username",
                "release",
            ),
            *("timezone", "use_business_date", "payment_type", "payout_amount", "poll_seconds", "is_active"),
            *(
                "sms_notifications_enabled",
                "sms_phone_numbers",
                "has_webhook",
                "last_poll_at",
                "last_poll_note",
            ),
            *("failures", "failing_since", "failure_note", "retry_at", "created_at", "updated_at"),
        )

    def get_has_webhook(self, row: MifosPartner) -> bool:
        return row.webhook_hook_id is not None


class MifosPartnerSettings(StrictModel):
    """What may be changed of a connection."""

    mifos_password = Secret(required=False)
    sms_phone_numbers = serializers.ListField(child=Phone(), max_length=20, required=False)
    poll_seconds = serializers.IntegerField(min_value=1, max_value=MOST_SECONDS, required=False)

    class Meta:
        model = MifosPartner
        fields: tuple[str, ...] = (
            *("mifos_host_url", "api_endpoint", "mifos_tenant_id", "mifos_username", "mifos_password"),
            *("ca_certificate", "release", "timezone", "use_business_date", "payment_type", "payout_amount"),
            *("poll_seconds", "is_active", "sms_notifications_enabled", "sms_phone_numbers"),
        )


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A host",
            value={
                "partner": "kilimo",
                "mifos_host_url": "https://kilimo.example:8443",
                "mifos_tenant_id": "default",
                "mifos_username": "vault",
                "mifos_password": "secret",
            },
            request_only=True,
        )
    ]
)
class NewMifosPartner(MifosPartnerSettings):
    """A connection to be made."""

    mifos_password = Secret()
    partner = serializers.CharField(
        max_length=30,
        required=False,
        allow_null=True,
        help_text="Its code. A partner's key may leave it out.",
    )

    class Meta(MifosPartnerSettings.Meta):
        fields = ("partner", *MifosPartnerSettings.Meta.fields)


class RulesShape(serializers.Serializer[Any]):
    """Our own rules for a product; what is absent does not limit. Times and days are the partner's own."""

    max_per_client_per_day = serializers.IntegerField(min_value=1, required=False)
    max_amount_per_client_per_day = Amount(required=False)
    max_per_product_per_day = serializers.IntegerField(min_value=1, required=False)
    max_amount_per_product_per_day = Amount(required=False)
    allowed_from = serializers.RegexField(r"^([01]\d|2[0-3]):[0-5]\d$", required=False, help_text="08:00")
    allowed_until = serializers.RegexField(r"^([01]\d|2[0-3]):[0-5]\d$", required=False, help_text="17:30")
    allowed_days = serializers.ListField(
        child=serializers.ChoiceField(choices=("mon", "tue", "wed", "thu", "fri", "sat", "sun")),
        min_length=1,
        required=False,
    )
    blocked_phones = serializers.ListField(child=Phone(), required=False)
    minimum_approval_age_seconds = serializers.IntegerField(min_value=0, required=False)
    similar_payment_minutes = serializers.IntegerField(min_value=1, required=False)
    name_check = serializers.BooleanField(required=False)


@extend_schema_field(RulesShape)
class RulesField(serializers.JSONField):
    """Rules as they are kept; what cannot be read is refused line by line."""

    def to_internal_value(self, data: Any) -> Any:
        as_kept = json.loads(json.dumps(data, cls=DjangoJSONEncoder))  # fractions as text, which stay exact
        plain = super().to_internal_value(as_kept)
        try:
            read_rules(plain)
        except BadRules as exc:
            raise serializers.ValidationError(str(exc).splitlines(), code="rules") from None
        return plain


class ProductShown(serializers.ModelSerializer[LoanProduct]):
    """A Mifos loan product: its limits as Mifos tells them, our switch and our rules."""

    partner = serializers.CharField(source="mifos_partner.partner.code", read_only=True)
    disbursement_rules = RulesField()

    class Meta:
        model = LoanProduct
        fields = (
            *("id", "partner", "mifos_partner", "mifos_product_id", "product_name", "currency"),
            *("is_auto_disbursement_enabled", "min_disbursement_amount", "max_disbursement_amount"),
            *("disbursement_rules", "sms_notifications_enabled", "multi_disburse", "is_active_in_mifos"),
            *("synced_at", "created_at", "updated_at"),
        )


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Pay by itself, in office hours",
            value={
                "is_auto_disbursement_enabled": True,
                "disbursement_rules": {"allowed_from": "08:00", "allowed_until": "17:00"},
            },
            request_only=True,
        )
    ]
)
class ProductSettings(StrictModel):
    """What may be changed of a product. The rules are replaced as a whole."""

    disbursement_rules = RulesField(required=False)

    class Meta:
        model = LoanProduct
        fields = ("is_auto_disbursement_enabled", "disbursement_rules", "sms_notifications_enabled")


class FindingShown(serializers.Serializer[Any]):
    """What one step of the test showed, in words."""

    step = serializers.CharField()
    ok = serializers.BooleanField()
    words = serializers.CharField()


class ConnectionTested(serializers.Serializer[Any]):
    """How the test of a connection went."""

    ok = serializers.BooleanField(help_text="Whether all is well.")
    findings = FindingShown(many=True)


class ProductsSynced(serializers.Serializer[Any]):
    """How many products were read, and how many of them are new or no longer there."""

    seen = serializers.IntegerField()
    new = serializers.IntegerField()
    gone = serializers.IntegerField()


class TokenRotated(serializers.Serializer[Any]):
    """The new address by which Mifos wakes us, shown only this once."""

    webhook_address = serializers.CharField(
        help_text="Keep it secret. Enter it in Mifos where `registered` is false."
    )
    registered = serializers.BooleanField(help_text="Whether Mifos itself was told.")
    words = serializers.CharField(
        help_text="Why it was not, and what to do; empty where it was.", allow_blank=True
    )
    previous_until = serializers.DateTimeField(help_text="Until then the address before is good too.")


class PollAsked(serializers.Serializer[Any]):
    """When Mifos is asked next for approved loans."""

    next_poll_at = serializers.DateTimeField()
    words = serializers.CharField()
