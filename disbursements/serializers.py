"""How disbursements are written in JSON, and what may be asked for."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from common.api.fields import Phone, Strict, WholeAmount
from disbursements import story
from disbursements.checks import MPESA_MAXIMUM
from disbursements.models import Attempt, Disbursement, Event
from disbursements.statuses import AttemptStatus, Cause, Status


class DisbursementShown(serializers.ModelSerializer[Disbursement]):
    """A payment to a client: of an approved loan, of a tranche of it, or one that was asked for over the API."""

    partner = serializers.CharField(source="partner.code", read_only=True)
    status = serializers.ChoiceField(choices=Status.choices)
    hold_cause = serializers.ChoiceField(choices=Cause.choices, allow_blank=True)
    loan_id = serializers.IntegerField(source="mifos_loan_id", allow_null=True, help_text="In Mifos.")
    tranche_id = serializers.SerializerMethodField(help_text="In Mifos; null: the whole loan.")

    class Meta:
        model = Disbursement
        fields: tuple[str, ...] = (
            *("id", "partner", "source", "status", "reason", "hold_cause", "attention", "client_request_id"),
            *("loan_id", "tranche_id", "loan_account_no", "client_name", "phone", "amount", "gross_amount"),
            *("charge", "receipt", "recipient_name", "name_differs", "detected_at", "sent_at", "paid_at"),
            *("completed_at", "moved_at", "next_step_at"),
        )

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_tranche_id(self, row: Disbursement) -> int | None:
        return row.tranche_id or None


class DisbursementLine(serializers.ModelSerializer[Event]):
    """A line of the timeline. Where `old` and `new` are the same, it is a remark."""

    class Meta:
        model = Event
        fields = ("at", "who", "old", "new", "note")


class PayoutAttempt(serializers.ModelSerializer[Attempt]):
    """One request to M-Pesa. `id` is its OriginatorConversationID."""

    status = serializers.ChoiceField(choices=AttemptStatus.choices)
    shortcode = serializers.CharField(source="shortcode.number", read_only=True)

    class Meta:
        model = Attempt
        fields = (
            *("id", "number", "status", "shortcode", "phone", "amount", "charge", "conversation_id"),
            *("receipt", "result_code", "result_text", "first_sent_at", "last_sent_at", "sends"),
            "settled_at",
        )


class CheckShown(serializers.Serializer[Any]):
    """What one rule said when it was last asked."""

    rule = serializers.CharField()
    ok = serializers.BooleanField()
    words = serializers.CharField()


class DisbursementDetail(DisbursementShown):
    """The whole story of a payment: in a sentence, what happens next, each check, attempt and line of the timeline."""

    story = serializers.SerializerMethodField(help_text="What became of it, in a sentence or two.")
    next = serializers.SerializerMethodField(help_text="What happens next, and when.")
    checks = CheckShown(many=True)
    attempts = PayoutAttempt(many=True)
    timeline = DisbursementLine(many=True, source="events")

    class Meta(DisbursementShown.Meta):
        fields = (*DisbursementShown.Meta.fields, "story", "next", "checks", "attempts", "timeline")

    @extend_schema_field(serializers.CharField())
    def get_story(self, row: Disbursement) -> str:
        return story.headline(row, now=timezone.now())

    @extend_schema_field(serializers.CharField())
    def get_next(self, row: Disbursement) -> str:
        return story.next_words(row, now=timezone.now())


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A payout to a phone",
            value={"phone": "0708374149", "amount": "9500", "client_request_id": "refund-17"},
            request_only=True,
        )
    ]
)
class PayoutAsked(Strict):
    """A payment straight to a phone, without a loan."""

    partner = serializers.CharField(
        required=False,
        max_length=30,
        help_text="Its code. The platform's keys must say it, a partner's key may leave it out.",
    )
    phone = Phone()
    amount = WholeAmount(max_value=MPESA_MAXIMUM)
    client_name = serializers.CharField(required=False, default="", allow_blank=True, max_length=200)
    client_request_id = serializers.RegexField(
        r"^[\x21-\x7e]+$",
        required=False,
        max_length=100,
        help_text="Your own id of this payment, unique for ever. Left out, the Idempotency-Key stands for it.",
    )


class Reasoned(Strict):
    """Why it is done; it stays on the timeline and in the audit."""

    reason = serializers.CharField(max_length=500)
