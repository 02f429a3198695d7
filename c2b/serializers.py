"""How customers' payments and prompts are written in JSON, and what may be asked for."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from c2b import waiting
from c2b.models import C2bEvent, C2bTransaction, Decision, Posting, PromptEvent, StkPush
from c2b.prompting import LARGEST
from c2b.statuses import Channel, PromptStatus, Status
from common.api.fields import Amount, Phone, Strict, WholeAmount
from mifos.accounts import AccountKind

KINDS = [(kind.value, kind.name.title()) for kind in AccountKind]
LARGEST_ID = 2**63 - 1


class PaymentShown(serializers.ModelSerializer[C2bTransaction]):
    """A customer's payment, once per M-Pesa receipt."""

    partner = serializers.CharField(source="partner.code", default=None, read_only=True, allow_null=True)
    shortcode = serializers.CharField(source="shortcode.number", read_only=True)
    status = serializers.ChoiceField(choices=Status.choices)
    channel = serializers.ChoiceField(choices=Channel.choices)

    class Meta:
        model = C2bTransaction
        fields: tuple[str, ...] = (
            *("id", "partner", "shortcode", "channel", "status", "reason", "attention", "contradiction"),
            *("mpesa_receipt", "amount", "booked_amount", "bill_ref", "customer_phone", "customer_name"),
            *(
                "transaction_type",
                "mifos_account_id",
                "account_no",
                "client_name",
                "matched_by",
                "confidence",
            ),
            *("match_words", "sms_sent", "paid_at", "matched_at", "posted_at", "moved_at", "next_step_at"),
        )


class PaymentLine(serializers.ModelSerializer[C2bEvent]):
    """A line of the timeline. Where `old` and `new` are the same, it is a remark."""

    class Meta:
        model = C2bEvent
        fields = ("at", "who", "old", "new", "note")


class PostingShown(serializers.ModelSerializer[Posting]):
    """A booking in Mifos of a payment, or of a part of it. Its id is the external id there."""

    class Meta:
        model = Posting
        fields = (
            *("id", "kind", "account_id", "account_no", "amount", "why", "tries", "in_doubt"),
            *("mifos_transaction_id", "balance_after", "booked_on", "booked_at", "void_at"),
        )


class WishPart(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=KINDS)
    account_id = serializers.IntegerField()
    amount = Amount()


class WaitingDecision(serializers.ModelSerializer[Decision]):
    """What somebody wants done with money in suspense; another person must agree, on its page."""

    asked_by = serializers.CharField(source="asker")
    parts = WishPart(many=True)

    class Meta:
        model = Decision
        fields = ("id", "what", "parts", "reason", "asked_by", "asked_at")


class PaymentDetail(PaymentShown):
    """A payment with its bookings, its timeline, and what waits for a second person."""

    waits_for_approval = serializers.SerializerMethodField(
        help_text="What an approver must agree to on its page; null: nothing."
    )
    next = serializers.SerializerMethodField(help_text="What it waits for, in words; empty: it has ended.")
    postings = PostingShown(many=True)
    timeline = PaymentLine(many=True, source="events")

    class Meta(PaymentShown.Meta):
        fields = (*PaymentShown.Meta.fields, "next", "waits_for_approval", "postings", "timeline")

    @extend_schema_field(serializers.CharField())
    def get_next(self, row: C2bTransaction) -> str:
        return waiting.why(row, at=timezone.now())

    @extend_schema_field(WaitingDecision(allow_null=True))
    def get_waits_for_approval(self, row: C2bTransaction) -> dict[str, Any] | None:
        open_ones = [one for one in row.decisions.all() if one.decided_at is None]
        return dict(WaitingDecision(open_ones[0]).data) if open_ones else None


class ShareAsked(Strict):
    """A part of the payment, for one account in Mifos."""

    kind = serializers.ChoiceField(choices=KINDS)
    account_id = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)
    amount = Amount(min_value=0)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "All of it to one loan",
            value={
                "shares": [{"kind": "loan", "account_id": 17, "amount": "500.00"}],
                "reason": "The customer mistyped the account",
            },
            request_only=True,
        )
    ]
)
class AllocationAsked(Strict):
    """Where money in suspense is to be booked: all of it, to one account or to several."""

    shares = serializers.ListField(child=ShareAsked(), min_length=1, max_length=20)
    reason = serializers.CharField(max_length=500)


class PromptShown(serializers.ModelSerializer[StkPush]):
    """A customer asked on the phone to pay. `paid` is proved by M-Pesa's receipt."""

    partner = serializers.CharField(source="partner.code", read_only=True)
    shortcode = serializers.CharField(source="shortcode.number", read_only=True)
    status = serializers.ChoiceField(choices=PromptStatus.choices)
    account_kind = serializers.ChoiceField(choices=KINDS, source="kind")

    class Meta:
        model = StkPush
        fields: tuple[str, ...] = (
            *("id", "partner", "shortcode", "status", "reason", "phone", "amount", "account_kind"),
            *("account_id", "account_no", "client_request_id", "mpesa_receipt", "result_code", "sent_at"),
            *("settled_at", "moved_at"),
        )


class PromptLine(serializers.ModelSerializer[PromptEvent]):
    class Meta:
        model = PromptEvent
        fields = ("at", "old", "new", "note")


class PromptDetail(PromptShown):
    """A prompt with its timeline."""

    timeline = PromptLine(many=True, source="events")

    class Meta(PromptShown.Meta):
        fields = (*PromptShown.Meta.fields, "timeline")


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "An instalment",
            value={"phone": "0708374149", "amount": "500", "account_kind": "loan", "account_id": 17},
            request_only=True,
        )
    ]
)
class PromptAsked(Strict):
    """A question on a customer's phone: pay so much for this account, with your PIN."""

    partner = serializers.CharField(
        required=False,
        max_length=30,
        help_text="Its code. The platform's keys must say it, a partner's key may leave it out.",
    )
    phone = Phone()
    amount = WholeAmount(max_value=LARGEST)
    account_kind = serializers.ChoiceField(choices=KINDS)
    account_id = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, help_text="In Mifos.")
    client_request_id = serializers.RegexField(
        r"^[\x21-\x7e]+$",
        required=False,
        max_length=100,
        help_text="Your own id of this question, unique for ever. Left out, the Idempotency-Key stands for it.",
    )
