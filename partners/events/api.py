"""Events over the API, so that a partner can catch up, and the endpoints that they are pushed to."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import django_filters  # type: ignore[import-untyped]
from django.db.models import QuerySet, Subquery
from django.db.models.functions import Coalesce
from rest_framework.request import Request
from rest_framework.response import Response

from common import nudge
from common.api.filters import AnyOfFilter, Filters, MomentFilter, YesNoFilter
from common.api.problems import Fault, Problem
from partners.api.filters import OwnedFilters, PartnerFilter
from partners.api.views import ApiView, DetailView, ListView, SettingsView
from partners.events import operations, tasks
from partners.events import serializers as shapes
from partners.events.kinds import KINDS
from partners.events.models import DeliveryStatus, PartnerEvent, WebhookDelivery, WebhookEndpoint
from partners.models import Scope

AROUND = timedelta(hours=1)  # that others' clocks may be ahead of ours
LAST = 2**63 - 1  # no event has it

ENDPOINTS = WebhookEndpoint.objects.filter(deleted_at__isnull=True).select_related("partner")
DELIVERIES = WebhookDelivery.objects.select_related("event").prefetch_related("attempts")


class EventFilters(OwnedFilters):
    after = django_filters.UUIDFilter(
        method="behind",
        help_text="The id of the last event that you have. What came later is listed, oldest first.",
    )
    type = AnyOfFilter(choices=sorted(KINDS.items()))
    subject = django_filters.UUIDFilter(field_name="subject_id", help_text="The id of what it is about.")
    at_from = MomentFilter(method="not_before")
    at_until = MomentFilter(field_name="at", lookup_expr="lt")

    def not_before(self, rows: "QuerySet[Any]", name: str, value: datetime) -> "QuerySet[Any]":
        """With the number of the first that was told since: nothing is told before it happens."""
        told = PartnerEvent.objects.filter(told_at__gte=value - AROUND).order_by("told_at")
        return rows.filter(at__gte=value, number__gte=Coalesce(Subquery(told.values("number")[:1]), LAST))

    def behind(self, rows: "QuerySet[Any]", name: str, value: UUID) -> "QuerySet[Any]":
        """Go on behind an event of the caller's own.

        :raises Problem: there is none
        """
        number = rows.model._default_manager.filter(pk=value).values_list("number", "partner_id").first()
        view = self.request.parser_context["view"]
        if number is None or view.caller.partner_id not in (None, number[1]):
            raise Problem(
                "invalid_filter", errors=[Fault(field="after", detail="There is no event of this id.")]
            )
        return rows.filter(number__gt=number[0])


class Events(ListView):
    """What happened, in the order in which it became known, the oldest first.

    Keep the id of the last event that you have handled and ask with `after`: nothing is left out and nothing moves
    between two questions, however many webhooks you missed. The history is kept for good.
    """

    scopes = {"GET": Scope.READ}
    rows = PartnerEvent.objects.select_related("partner")
    owner = "partner"
    order = "number"
    serializer_class = shapes.EventShown
    filterset_class = EventFilters
    says = {"GET": "List events"}


class OneEvent(DetailView):
    """One event."""

    scopes = {"GET": Scope.READ}
    rows = PartnerEvent.objects.select_related("partner")
    owner = "partner"
    serializer_class = shapes.EventShown
    says = {"GET": "Read an event"}


class EndpointFilters(OwnedFilters):
    is_active = YesNoFilter()


class Endpoints(ListView):
    """Where events are pushed to, signed as Standard Webhooks (https://www.standardwebhooks.com) says.

    A new one's `secret` is in the answer, this once.
    """

    scopes = {"GET": Scope.MANAGE, "POST": Scope.MANAGE}
    rows = ENDPOINTS
    owner = "partner"
    serializer_class = shapes.EndpointShown
    filterset_class = EndpointFilters
    says = {"GET": "List webhook endpoints", "POST": "Make a webhook endpoint"}
    takes = {"POST": shapes.EndpointAsked}
    gives = {"POST": (201, shapes.NewEndpointShown)}
    refusals = {"POST": ("conflict",)}

    def post(self, request: Request) -> Response:
        asked = self.body()
        partner = self.partner_of(asked.pop("partner", None))
        try:
            row, _secret = operations.make_endpoint(partner=partner, fields=asked, by=self.by, at=self.at)
        except operations.NotPossible as exc:
            raise Problem("conflict", str(exc)) from exc
        return Response(self.show(row), status=201, headers={"Location": f"/api/webhook-endpoints/{row.pk}"})


class OneEndpoint(SettingsView):
    """An endpoint. Its deliveries stay in the log when it is removed."""

    scopes = {"GET": Scope.MANAGE, "PATCH": Scope.MANAGE, "DELETE": Scope.MANAGE}
    rows = ENDPOINTS
    owner = "partner"
    serializer_class = shapes.EndpointShown
    says = {
        "GET": "Read a webhook endpoint",
        "PATCH": "Change a webhook endpoint",
        "DELETE": "Remove a webhook endpoint",
    }
    takes = {"PATCH": shapes.EndpointSettings}
    gives = {"DELETE": (204, None)}

    def change(self, row: WebhookEndpoint, wanted: dict[str, Any]) -> WebhookEndpoint:
        return operations.change_endpoint(endpoint=row, fields=wanted, by=self.by, at=self.at).row

    def delete(self, request: Request, **kwargs: Any) -> Response:
        operations.remove_endpoint(endpoint=self.row(), by=self.by, at=self.at)
        return Response(status=204)


class RotateSecret(ApiView):
    """Make a new secret. For a day both sign each message, so that you can change over at leisure."""

    scopes = {"POST": Scope.MANAGE}
    rows = ENDPOINTS
    owner = "partner"
    serializer_class = shapes.SecretShown
    says = {"POST": "Renew an endpoint's secret"}

    def post(self, request: Request, **kwargs: Any) -> Response:
        row = self.row()
        secret = operations.rotate_secret(endpoint_id=row.pk, by=self.by, at=self.at)
        until = self.at + operations.BOTH_SECRETS_FOR
        return Response(self.show({"secret": secret, "old_secret_until": until}))


class TestEndpoint(ApiView):
    """Send the event `webhook.test` to an endpoint, whatever it asked for; its delivery shows what came back."""

    scopes = {"POST": Scope.MANAGE}
    rows = ENDPOINTS
    owner = "partner"
    serializer_class = shapes.EventShown
    says = {"POST": "Test an endpoint"}
    gives = {"POST": (202, shapes.EventShown)}
    refusals = {"POST": ("conflict",)}

    def post(self, request: Request, **kwargs: Any) -> Response:
        try:
            event = operations.ping(endpoint=self.row(), by=self.by, at=self.at)
        except operations.NotPossible as exc:
            raise Problem("conflict", str(exc)) from exc
        nudge.wake(tasks.sweep)
        return Response(self.show(event), status=202)


class DeliveryFilters(Filters):
    partner = PartnerFilter(field_name="endpoint__partner", help_text="Its code.")
    endpoint = django_filters.UUIDFilter(field_name="endpoint_id")
    event = django_filters.UUIDFilter(field_name="event_id")
    status = AnyOfFilter(choices=DeliveryStatus.choices)
    created_from = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_until = MomentFilter(field_name="created_at", lookup_expr="lt")


class Deliveries(ListView):
    """The log of webhooks, the newest first: each try with its status, its time, and how the answer began."""

    scopes = {"GET": Scope.MANAGE}
    rows = DELIVERIES
    owner = "endpoint__partner"
    serializer_class = shapes.DeliveryShown
    filterset_class = DeliveryFilters
    says = {"GET": "List webhook deliveries"}


class OneDelivery(DetailView):
    """One delivery with its tries."""

    scopes = {"GET": Scope.MANAGE}
    rows = DELIVERIES
    owner = "endpoint__partner"
    serializer_class = shapes.DeliveryShown
    says = {"GET": "Read a webhook delivery"}


class ResendDelivery(ApiView):
    """Send an event to its endpoint once more, with a fresh day of tries. It keeps its `webhook-id`."""

    scopes = {"POST": Scope.MANAGE}
    rows = DELIVERIES
    owner = "endpoint__partner"
    serializer_class = shapes.DeliveryShown
    says = {"POST": "Send a webhook again"}
    gives = {"POST": (202, shapes.DeliveryShown)}
    refusals = {"POST": ("conflict",)}

    def post(self, request: Request, **kwargs: Any) -> Response:
        try:
            operations.resend(delivery_id=self.row().pk, by=self.by, at=self.at)
        except operations.NotPossible as exc:
            raise Problem("conflict", str(exc)) from exc
        nudge.wake(tasks.sweep)
        return Response(self.show(self.row()), status=202)
