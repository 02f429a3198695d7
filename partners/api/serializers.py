"""How partners, shortcodes and tariffs are written in JSON. Credentials go in and never come out."""

from decimal import Decimal
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from common.api.fields import Amount, Phone, Secret, Strict, StrictModel
from partners import operations
from partners.models import Partner, Shortcode, TariffBand


class PartnerShown(serializers.ModelSerializer[Partner]):
    """A partner."""

    phones = serializers.ListField(child=Phone())

    class Meta:
        model = Partner
        fields = (
            *("id", "code", "name", "phones", "language", "approval_limit", "is_active"),
            *("created_at", "updated_at"),
        )


class PartnerSettings(StrictModel):
    """What may be changed of a partner."""

    phones = serializers.ListField(child=Phone(), max_length=20, required=False)
    approval_limit = Amount(min_value=0, required=False, allow_null=True)

    class Meta:
        model = Partner
        fields: tuple[str, ...] = ("name", "phones", "language", "approval_limit", "is_active")


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A SACCO",
            value={"code": "kilimo", "name": "Kilimo SACCO", "phones": ["0711000001"], "language": "en"},
            request_only=True,
        )
    ]
)
class NewPartner(PartnerSettings):
    """A partner to be made."""

    code = serializers.RegexField(
        r"^[a-z0-9][a-z0-9-]*$", max_length=30, help_text="For good: partners top up with TILL#CODE."
    )

    class Meta(PartnerSettings.Meta):
        fields = ("code", *PartnerSettings.Meta.fields)


class ShortcodeShown(serializers.ModelSerializer[Shortcode]):
    """An M-Pesa number without its credentials."""

    partner = serializers.SlugRelatedField[Any](slug_field="code", read_only=True, allow_null=True)
    missing = serializers.SerializerMethodField(help_text="What it lacks for its kind, in sentences.")

    class Meta:
        model = Shortcode
        fields = (
            *(
                "id",
                "number",
                "kind",
                "partner",
                "initiator",
                "rate_per_second",
                "c2b_version",
                "response_type",
            ),
            *(
                "is_active",
                "missing",
                "utility_balance",
                "working_balance",
                "balance_at",
                "created_at",
                "updated_at",
            ),
        )

    def get_missing(self, shortcode: Shortcode) -> list[str]:
        return operations.missing_for(shortcode)


class ShortcodeSettings(StrictModel):
    """What may be changed of an M-Pesa number."""

    consumer_key = Secret(required=False, allow_blank=True)
    consumer_secret = Secret(required=False, allow_blank=True)
    initiator_password = Secret(required=False, allow_blank=True)
    certificate = Secret(
        required=False, allow_blank=True, max_length=20_000, help_text="Safaricom's certificate, PEM."
    )
    rate_per_second = serializers.DecimalField(
        max_digits=6, decimal_places=2, min_value=Decimal("0.01"), required=False
    )

    class Meta:
        model = Shortcode
        fields: tuple[str, ...] = (
            *("kind", "consumer_key", "consumer_secret", "initiator", "initiator_password", "certificate"),
            *("rate_per_second", "c2b_version", "response_type", "is_active"),
        )


class NewShortcode(ShortcodeSettings):
    """An M-Pesa number to be set up."""

    number = serializers.RegexField(r"^\d{5,7}$")
    partner = serializers.CharField(
        max_length=30, required=False, allow_null=True, help_text="Code of its owner. Empty: shared by all."
    )

    class Meta(ShortcodeSettings.Meta):
        fields = ("number", "partner", *ShortcodeSettings.Meta.fields)


class BandShown(serializers.ModelSerializer[TariffBand]):
    """What something costs up to an amount, from a day on."""

    partner = serializers.SlugRelatedField[Any](slug_field="code", read_only=True, allow_null=True)

    class Meta:
        model = TariffBand
        fields = ("id", "partner", "kind", "valid_from", "up_to", "fee")


class Band(Strict):
    """A band: the fee holds up to and with this amount."""

    up_to = Amount(min_value=Decimal("0.01"))
    fee = Amount(min_value=0)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Payouts",
            value={
                "partner": "kilimo",
                "kind": "payout",
                "bands": [{"up_to": "1000.00", "fee": "10.00"}, {"up_to": "250000.00", "fee": "45.00"}],
            },
            request_only=True,
        )
    ]
)
class Tariff(Strict):
    """All bands of one kind, from a day on."""

    partner = serializers.CharField(
        max_length=30, required=False, allow_null=True, help_text="Its code. Empty: all without their own."
    )
    kind = serializers.ChoiceField(choices=TariffBand.Kind.choices)
    valid_from = serializers.DateField(required=False, help_text="Today or later. Empty: today.")
    bands = serializers.ListField(child=Band(), min_length=1, max_length=100)

    def validate_valid_from(self, day: Any) -> Any:
        if day < timezone.localdate():
            raise serializers.ValidationError(
                "What held yesterday is history. Write today or later.", code="past"
            )
        return day


class TariffShown(serializers.Serializer[Any]):
    """The bands that were set, and whether they are new."""

    partner = serializers.CharField(allow_null=True)
    kind = serializers.ChoiceField(choices=TariffBand.Kind.choices)
    valid_from = serializers.DateField()
    bands = Band(many=True)
    changed = serializers.BooleanField(help_text="Whether other bands held before.")
