"""How events, endpoints and deliveries are written in JSON."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from common.api.fields import StrictModel
from partners.events import shape
from partners.events.kinds import KINDS
from partners.events.models import (
    DeliveryStatus,
    PartnerEvent,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookTry,
)

_DATA = {
    "object": "disbursement",
    "id": "01972f4e-8d11-7a52-9f3e-0b1c2d3e4f50",
    "status": "paid",
    "amount": "9500.00",
    "currency": "KES",
    "loan_id": 123,
    "phone": "2547••••149",
    "receipt": "SGH7XK2LMN",
}


@extend_schema_field({"type": "object", "additionalProperties": {}, "example": _DATA})
class _Data(serializers.DictField):
    """The facts of an event; each kind has its own."""


class EventShown(serializers.Serializer[PartnerEvent]):
    """Something that happened. `data` holds its facts as they were then; phones are masked."""

    id = serializers.UUIDField(help_text="Also the `webhook-id`; give it as `after` to go on behind it.")
    type = serializers.ChoiceField(choices=sorted(KINDS.items()))
    timestamp = serializers.CharField(help_text="When it happened, in UTC.")
    partner = serializers.CharField()
    data = _Data()  # type: ignore[assignment]

    def to_representation(self, event: PartnerEvent) -> dict[str, Any]:
        return shape.as_json(event)


class EndpointShown(serializers.ModelSerializer[WebhookEndpoint]):
    """Where events are pushed to, and how that goes. The secret is shown only when it is made."""

    partner = serializers.CharField(source="partner.code", read_only=True)
    event_types = serializers.ListField(child=serializers.CharField(), help_text="Empty: all.")
    attention = serializers.CharField(help_text="What somebody should do about it; empty when all is well.")

    class Meta:
        model = WebhookEndpoint
        fields: tuple[str, ...] = (
            *(
                "id",
                "partner",
                "url",
                "description",
                "event_types",
                "is_active",
                "attention",
                "failing_since",
            ),
            *("disabled_at", "disabled_reason", "old_secret_until", "created_at", "updated_at"),
        )


class NewEndpointShown(EndpointShown):
    """An endpoint with its secret, which is shown only this once."""

    secret = serializers.CharField(help_text="Keep it now: `whsec_…`, for checking signatures.")

    class Meta(EndpointShown.Meta):
        fields = (*EndpointShown.Meta.fields, "secret")


class EndpointSettings(StrictModel):
    """What may be changed of an endpoint. Switched on again, it begins anew."""

    event_types = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(KINDS)),
        required=False,
        max_length=len(KINDS),
        help_text="Empty: all.",
    )

    class Meta:
        model = WebhookEndpoint
        fields: tuple[str, ...] = ("url", "description", "event_types", "is_active")
        validators: list[Any] = []  # the operation refuses a second one of the same address


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Only what was paid",
            value={"url": "https://hooks.example.com/vault", "event_types": ["disbursement.paid"]},
            request_only=True,
        )
    ]
)
class EndpointAsked(EndpointSettings):
    """A new endpoint."""

    partner = serializers.CharField(
        required=False,
        max_length=30,
        help_text="Its code. The platform's keys must say it, a partner's key may leave it out.",
    )

    class Meta(EndpointSettings.Meta):
        fields = ("partner", "url", "description", "event_types")


class SecretShown(serializers.Serializer[Any]):
    """A new secret, shown only this once. The one before signs too until `old_secret_until`."""

    secret = serializers.CharField()
    old_secret_until = serializers.DateTimeField()


class TryShown(serializers.ModelSerializer[WebhookTry]):
    """One request, and the first bytes of what came back."""

    class Meta:
        model = WebhookTry
        fields = ("at", "status", "milliseconds", "answer", "error")


class DeliveryShown(serializers.ModelSerializer[WebhookDelivery]):
    """An event on its way to an endpoint, with every try."""

    endpoint = serializers.UUIDField(source="endpoint_id")
    event = serializers.UUIDField(source="event_id")
    type = serializers.SerializerMethodField()
    status = serializers.ChoiceField(choices=DeliveryStatus.choices)
    attempts = TryShown(many=True)

    class Meta:
        model = WebhookDelivery
        fields = (
            *("id", "endpoint", "event", "type", "status", "tries", "last_status", "last_error"),
            *("next_step_at", "give_up_at", "delivered_at", "created_at", "attempts"),
        )

    @extend_schema_field(serializers.ChoiceField(choices=sorted(KINDS.items())))
    def get_type(self, row: WebhookDelivery) -> str:
        return row.event.type
