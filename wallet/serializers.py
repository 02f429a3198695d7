"""How balances, statement lines, top-ups and float purchases are written in JSON."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from common.api.fields import Amount, Phone, Strict, WholeAmount
from wallet.bank_models import TopUp, TopUpEvent
from wallet.models import WalletTransaction
from wallet.purchases import FloatPurchase, FloatPurchaseEvent

FOR_PARTNER = "Its code. The platform's keys must say it, a partner's key may leave it out."


class WalletShown(serializers.Serializer[Any]):
    """The prepaid money: charges are taken from it, and float is bought with it."""

    available = Amount(help_text="Free to be used.")
    held = Amount(help_text="Set aside for payouts and purchases under way.")
    low_balance_threshold = Amount(allow_null=True)
    last_topup_at = serializers.DateTimeField(allow_null=True)
    last_topup_amount = Amount(allow_null=True)


class FloatShown(serializers.Serializer[Any]):
    """A partner's part of the money that can be paid out through a shortcode."""

    shortcode = serializers.CharField(source="number")
    available = Amount()
    held = Amount()


class BalanceShown(serializers.Serializer[Any]):
    """All that a partner has with us, at one moment."""

    partner = serializers.CharField()
    currency = serializers.CharField()
    wallet = WalletShown()
    floats = FloatShown(many=True)


class LineShown(serializers.ModelSerializer[WalletTransaction]):
    """A line of the wallet's statement. A payment is above zero, what was taken below."""

    partner = serializers.CharField(source="wallet.partner.code", read_only=True)

    class Meta:
        model = WalletTransaction
        fields = (
            *("id", "partner", "number", "transaction_type", "amount", "balance_after", "reference"),
            *("description", "event_at", "created_at"),
        )


class TopUpEventShown(serializers.ModelSerializer[TopUpEvent]):
    class Meta:
        model = TopUpEvent
        fields = ("at", "old", "new", "note")


class TopUpShown(serializers.ModelSerializer[TopUp]):
    """A question on a phone. `credited` only when the bank has told of the money."""

    partner = serializers.CharField(source="partner.code", read_only=True)

    class Meta:
        model = TopUp
        fields = (
            *("id", "partner", "status", "amount", "phone", "reference", "reason", "attention"),
            *("asked_at", "expires_at", "moved_at"),
        )


class TopUpDetail(TopUpShown):
    """A top-up with its timeline."""

    timeline = TopUpEventShown(source="events", many=True, read_only=True)

    class Meta(TopUpShown.Meta):
        fields = (*TopUpShown.Meta.fields, "timeline")  # type: ignore[assignment]


@extend_schema_serializer(
    examples=[
        OpenApiExample("Ask a phone", value={"amount": "5000.00", "phone": "0711000001"}, request_only=True)
    ]
)
class TopUpAsked(Strict):
    """Ask a phone for money for the wallet."""

    amount = WholeAmount()
    phone = Phone(help_text="Who is asked for the M-Pesa PIN.")
    partner = serializers.CharField(max_length=30, required=False, allow_null=True, help_text=FOR_PARTNER)


class PurchaseEventShown(serializers.ModelSerializer[FloatPurchaseEvent]):
    class Meta:
        model = FloatPurchaseEvent
        fields = ("at", "old", "new", "note")


class PurchaseShown(serializers.ModelSerializer[FloatPurchase]):
    """A purchase of float: money leaves the wallet and can then be paid out through the shortcode."""

    partner = serializers.CharField(source="partner.code", read_only=True)
    shortcode = serializers.CharField(source="shortcode.number", read_only=True)

    class Meta:
        model = FloatPurchase
        fields = (
            *("id", "partner", "shortcode", "status", "amount", "charge", "reference", "reason", "confirm"),
            *(
                "code_expires_at",
                "receipt",
                "result_text",
                "attention",
                "asked_at",
                "confirmed_at",
                "settled_at",
            ),
        )


class PurchaseDetail(PurchaseShown):
    """A float purchase with its timeline."""

    timeline = PurchaseEventShown(source="events", many=True, read_only=True)

    class Meta(PurchaseShown.Meta):
        fields = (*PurchaseShown.Meta.fields, "timeline")  # type: ignore[assignment]


@extend_schema_serializer(
    examples=[
        OpenApiExample("Buy", value={"amount": "500000.00", "reason": "Month's end"}, request_only=True)
    ]
)
class PurchaseAsked(Strict):
    """Turn money of the wallet into float."""

    amount = WholeAmount()
    reason = serializers.CharField(max_length=200, required=False, default="")
    partner = serializers.CharField(max_length=30, required=False, allow_null=True, help_text=FOR_PARTNER)


@extend_schema_serializer(examples=[OpenApiExample("By code", value={"code": "123456"}, request_only=True)])
class Confirmation(Strict):
    """The code that the partner's phone was sent; nothing where a second key or person is to agree."""

    code = serializers.RegexField(r"^\d{6}$", required=False, help_text="Six digits.")


class Reason(Strict):
    """Why."""

    reason = serializers.CharField(max_length=200, required=False, default="")
