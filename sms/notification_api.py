"""Messages over the API: seen with their history, and sent again."""

from typing import Any

import django_filters  # type: ignore[import-untyped]
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common import nudge
from common.api.filters import AnyOfFilter, MomentFilter, PhoneFilter, YesNoFilter
from common.api.problems import Problem
from common.moves import ForbiddenMove, LostRace
from common.phone import BadPhone
from partners.api.filters import OwnedFilters
from partners.api.views import ApiView, DetailView, ListView
from partners.models import Scope
from sms import operations, tasks
from sms.models import SmsEvent, SmsNotification, Status
from sms.wording import MessageType

ROWS = SmsNotification.objects.select_related("partner")


class MessageShown(serializers.ModelSerializer[SmsNotification]):
    """A message to one phone. `unconfirmed`: the provider's answer was lost, so it may have gone out."""

    partner = serializers.CharField(source="partner.code", read_only=True)
    status = serializers.ChoiceField(choices=Status.choices)
    message_content = serializers.CharField(source="shown_content", help_text="Not of one-time codes.")

    class Meta:
        model = SmsNotification
        fields: tuple[str, ...] = (
            *("id", "partner", "recipient_phone", "message_type", "language", "message_content", "encoding"),
            *("segments", "status", "unconfirmed", "tries", "last_error", "charge", "next_step_at"),
            *("created_at", "sent_at", "delivered_at"),
        )


class MessageLine(serializers.ModelSerializer[SmsEvent]):
    class Meta:
        model = SmsEvent
        fields = ("at", "old", "new", "note")


class MessageDetail(MessageShown):
    """A message with its history."""

    timeline = MessageLine(many=True, source="events")

    class Meta(MessageShown.Meta):
        fields = (*MessageShown.Meta.fields, "timeline")


class MessageFilters(OwnedFilters):
    status = AnyOfFilter(choices=Status.choices)
    unconfirmed = YesNoFilter()
    message_type = django_filters.ChoiceFilter(choices=MessageType.choices)
    phone = PhoneFilter(field_name="recipient_phone")
    created_from = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_until = MomentFilter(field_name="created_at", lookup_expr="lt")


class Messages(ListView):
    """Messages to clients and to the partner, the newest first."""

    scopes = {"GET": Scope.READ}
    rows = ROWS
    owner = "partner"
    serializer_class = MessageShown
    filterset_class = MessageFilters
    says = {"GET": "List messages"}


class OneMessage(DetailView):
    """A message with its history."""

    scopes = {"GET": Scope.READ}
    rows = ROWS.prefetch_related("events")
    owner = "partner"
    serializer_class = MessageDetail
    says = {"GET": "Read a message"}


class ResendMessage(ApiView):
    """Send a failed or unconfirmed message once more. An unconfirmed one may then reach the phone twice."""

    scopes = {"POST": Scope.MANAGE}
    rows = ROWS.prefetch_related("events")
    owner = "partner"
    serializer_class = MessageDetail
    says = {"POST": "Send a message again"}
    gives = {"POST": (202, MessageDetail)}
    refusals = {"POST": ("conflict", "refused")}

    def post(self, request: Request, **kwargs: Any) -> Response:
        row = self.row()
        try:
            sent = operations.resend(notification_id=row.pk, at=self.at, by=self.by)
        except BadPhone as exc:
            raise Problem("refused", f"No SMS can reach this number: {exc}.") from exc
        except ForbiddenMove:
            words = "It waits, is on its way, or arrived: a second copy would reach the phone."
            raise Problem("conflict", words) from None
        except LostRace:
            raise Problem("conflict", "It moved on a moment ago. Read it again before you go on.") from None
        if sent.gateway_id:
            nudge.send(tasks.deliver, sent.gateway_id)
        return Response(self.show(self.row()), status=202)
