"""Texts of messages over the API: own ones instead of ours, checked and measured before they hold."""

from typing import Any
from uuid import UUID

import django_filters  # type: ignore[import-untyped]
from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.fields import Strict
from common.api.filters import YesNoFilter
from common.api.problems import Problem, wrong_field
from partners.api.filters import OwnedFilters
from partners.api.views import ApiView, ListView, Row, SettingsView
from partners.models import Scope
from sms import texts, wording
from sms.models import SmsTemplate
from sms.segments import measure
from sms.wording import LANGUAGES, MessageType


def sized(message_type: str, text: str, partner: str) -> dict[str, Any]:
    """Fill a checked text with sample values and measure it."""
    filled = wording.render(text, {**wording.SAMPLE, "partner": partner})
    size = measure(filled)
    return {"preview": filled, "encoding": size.encoding, "segments": size.segments}


class TextShown(serializers.ModelSerializer[SmsTemplate]):
    """A text that replaces ours: for one partner, or (without one) for all that have no own."""

    partner = serializers.SlugRelatedField[Any](slug_field="code", read_only=True, allow_null=True)
    language = serializers.ChoiceField(choices=LANGUAGES)
    variables = serializers.SerializerMethodField(help_text="What may stand in braces.")
    preview = serializers.SerializerMethodField(help_text="With sample values.")
    encoding = serializers.SerializerMethodField()
    segments = serializers.SerializerMethodField(help_text="How many parts the preview is sent in.")

    class Meta:
        model = SmsTemplate
        fields = (
            *("id", "partner", "message_type", "language", "text", "variables", "preview", "encoding"),
            *("segments", "created_at", "updated_at"),
        )

    def _size(self, row: SmsTemplate) -> dict[str, Any]:
        return sized(
            row.message_type, row.text, row.partner.name if row.partner else wording.SAMPLE["partner"]
        )

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_variables(self, row: SmsTemplate) -> list[str]:
        return sorted(wording.VARIABLES[row.message_type])

    @extend_schema_field(serializers.CharField())
    def get_preview(self, row: SmsTemplate) -> str:
        return str(self._size(row)["preview"])

    @extend_schema_field(serializers.ChoiceField(choices=["gsm7", "ucs2"]))
    def get_encoding(self, row: SmsTemplate) -> str:
        return str(self._size(row)["encoding"])

    @extend_schema_field(serializers.IntegerField())
    def get_segments(self, row: SmsTemplate) -> int:
        return int(self._size(row)["segments"])


class TextSettings(Strict):
    """A new wording. Its variables are checked."""

    text = serializers.CharField(max_length=600, help_text="Variables in braces, such as {amount}.")


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A receipt in Kiswahili",
            value={
                "message_type": "payment_receipt",
                "language": "sw",
                "text": "{client}, tumepokea {amount} kwa {account}. {receipt} {partner}",
            },
            request_only=True,
        )
    ]
)
class TextAsked(TextSettings):
    """An own text of one type in one language."""

    partner = serializers.CharField(
        required=False,
        allow_null=True,
        max_length=30,
        help_text="Its code. A partner's key may leave it out; of the platform's, empty means for all.",
    )
    message_type = serializers.ChoiceField(choices=MessageType.choices)
    language = serializers.ChoiceField(choices=LANGUAGES)


class TextFilters(OwnedFilters):
    message_type = django_filters.ChoiceFilter(choices=MessageType.choices)
    language = django_filters.ChoiceFilter(choices=LANGUAGES)
    is_general = YesNoFilter(
        field_name="partner", lookup_expr="isnull", help_text="Those for all partners without their own."
    )


class _Texts(ApiView, abstract=True):
    """A partner sees its own texts and the general ones that hold without them; it changes its own."""

    rows = SmsTemplate.objects.select_related("partner")
    serializer_class = TextShown

    def of_partner(self, rows: "QuerySet[Row]", partner_id: UUID) -> "QuerySet[Row]":
        shown = Q(partner_id=partner_id)
        return rows.filter(
            shown | Q(partner__isnull=True) if self.request.method in ("GET", "HEAD") else shown
        )


class Templates(_Texts, ListView):
    """Texts that replace the built-in ones. The narrowest holds: a partner's own, then the general one, then ours."""

    scopes = {"GET": Scope.READ, "POST": Scope.MANAGE}
    filterset_class = TextFilters
    says = {"GET": "List texts", "POST": "Write an own text"}
    takes = {"POST": TextAsked}
    gives = {"POST": (201, TextShown)}
    refusals = {"POST": ("conflict",)}

    def post(self, request: Request) -> Response:
        asked = self.body()
        code = asked.get("partner")
        partner = self.partner_of(code) if code or self.caller.partner else None
        same = {"partner": partner, "message_type": asked["message_type"], "language": asked["language"]}
        if SmsTemplate.objects.filter(**same).exists():
            raise Problem("conflict", "There is an own text of this type and language. Change that one.")
        check(asked["message_type"], asked["text"])
        row = texts.put_text(**same, text=asked["text"], by=self.by, at=self.at).row
        return self.told(row, 201, location=f"/api/sms/templates/{row.pk}")


class OneTemplate(_Texts, SettingsView):
    """An own text. Without it, the next wider one holds again."""

    scopes = {"GET": Scope.READ, "PATCH": Scope.MANAGE, "DELETE": Scope.MANAGE}
    says = {"GET": "Read a text", "PATCH": "Change a text", "DELETE": "Go back to the usual text"}
    takes = {"PATCH": TextSettings}
    gives = {"DELETE": (204, None)}

    def change(self, row: SmsTemplate, wanted: dict[str, Any]) -> SmsTemplate:
        if "text" not in wanted:
            return row
        check(row.message_type, wanted["text"])
        return texts.put_text(
            partner=row.partner,
            message_type=row.message_type,
            language=row.language,
            text=wanted["text"],
            by=self.by,
            at=self.at,
        ).row

    def delete(self, request: Request, **kwargs: Any) -> Response:
        texts.back_to_default(row=self.row(), by=self.by, at=self.at)
        return Response(status=204)


def check(message_type: str, text: str) -> None:
    """:raises Problem: the text could not be filled in later"""
    try:
        wording.check(message_type, text)
    except wording.BadWording as exc:
        raise wrong_field("text", str(exc), code="wording") from exc


class PreviewAsked(TextSettings):
    """A text to be tried."""

    message_type = serializers.ChoiceField(choices=MessageType.choices)


class PreviewShown(serializers.Serializer[Any]):
    """The text with sample values, and what it costs in parts."""

    preview = serializers.CharField()
    encoding = serializers.ChoiceField(choices=["gsm7", "ucs2"])
    segments = serializers.IntegerField()


class PreviewTemplate(ApiView):
    """Check a text and count its parts, without keeping it."""

    scopes = {"POST": Scope.READ}
    serializer_class = PreviewShown
    says = {"POST": "Try a text"}
    takes = {"POST": PreviewAsked}

    def post(self, request: Request) -> Response:
        asked = self.body()
        check(asked["message_type"], asked["text"])
        partner = self.caller.partner.name if self.caller.partner else wording.SAMPLE["partner"]
        return Response(self.show(sized(asked["message_type"], asked["text"], partner)))
