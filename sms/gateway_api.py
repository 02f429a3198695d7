"""Accounts at SMS providers over the API, for the platform's own keys. Credentials go in and never come out."""

from decimal import Decimal
from typing import Any

import django_filters  # type: ignore[import-untyped]
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.fields import Amount, Secret, StrictModel
from common.api.filters import YesNoFilter
from common.api.problems import Problem
from partners.api.filters import OwnedFilters
from partners.api.views import ApiView, ListView, SettingsView
from partners.models import Partner, Scope
from sms import accounts, operations
from sms.models import SmsGateway

ACCOUNTS = SmsGateway.objects.select_related("partner")


class GatewayShown(serializers.ModelSerializer[SmsGateway]):
    """An account at an SMS provider without its credentials."""

    partner = serializers.SlugRelatedField[Any](slug_field="code", read_only=True, allow_null=True)
    success_codes = serializers.ListField(child=serializers.CharField())
    attention = serializers.CharField(help_text="What a person should do about it; empty when all is well.")
    usable = serializers.BooleanField(help_text="Whether messages go out through it now.")

    class Meta:
        model = SmsGateway
        fields = (
            *("id", "name", "partner", "kind", "is_primary", "is_active", "usable", "attention", "second"),
            *(
                "base_url",
                "allow_http",
                "method",
                "sender_id",
                "partner_code",
                "msisdn_format",
                "success_codes",
            ),
            *(
                "dlr_mode",
                "rate_per_second",
                "low_mark",
                "credits",
                "credits_at",
                "stopped_at",
                "stopped_reason",
            ),
            *("created_at", "updated_at"),
        )


class GatewaySettings(StrictModel):
    """What may be changed of an account."""

    api_key = Secret(required=False, allow_blank=True)
    username = Secret(required=False, allow_blank=True)
    password = Secret(required=False, allow_blank=True)
    second = serializers.PrimaryKeyRelatedField(
        queryset=SmsGateway.objects.all(), required=False, allow_null=True, pk_field=serializers.UUIDField()
    )
    success_codes = serializers.ListField(
        child=serializers.CharField(max_length=50), max_length=50, required=False
    )
    rate_per_second = serializers.DecimalField(
        max_digits=6, decimal_places=2, min_value=Decimal("0.01"), required=False
    )
    low_mark = Amount(required=False, allow_null=True, min_value=0)

    class Meta:
        model = SmsGateway
        fields: tuple[str, ...] = (
            *("name", "is_primary", "is_active", "second", "base_url", "allow_http", "method", "api_key"),
            *(
                "username",
                "password",
                "sender_id",
                "partner_code",
                "msisdn_format",
                "success_codes",
                "dlr_mode",
            ),
            *("rate_per_second", "low_mark"),
        )


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A partner's own account at Damza",
            value={"name": "Kilimo", "partner": "kilimo", "api_key": "k", "sender_id": "KILIMO"},
            request_only=True,
        )
    ]
)
class NewGateway(GatewaySettings):
    """An account to be set up."""

    partner = serializers.CharField(
        max_length=30,
        required=False,
        allow_null=True,
        help_text="Its code. Empty: for all without their own.",
    )

    class Meta(GatewaySettings.Meta):
        fields = ("partner", "kind", *GatewaySettings.Meta.fields)


class ReportAddress(serializers.Serializer[Any]):
    """Where the provider is to push delivery reports, shown only this once."""

    report_address = serializers.CharField(
        help_text="Keep it secret. The one before stays good until the next."
    )


class GatewayFilters(OwnedFilters):
    kind = django_filters.ChoiceFilter(choices=SmsGateway.Kind.choices)
    is_primary = YesNoFilter()
    is_active = YesNoFilter()
    is_general = YesNoFilter(
        field_name="partner", lookup_expr="isnull", help_text="Those for all partners without their own."
    )


class Gateways(ListView):
    """Accounts at SMS providers: a partner's own, or the platform's for all that have none."""

    scopes = {"GET": Scope.READ, "POST": Scope.MANAGE}
    platform_only = True
    rows = ACCOUNTS
    serializer_class = GatewayShown
    filterset_class = GatewayFilters
    is_settings = True
    says = {"GET": "List SMS accounts", "POST": "Set up an SMS account"}
    takes = {"POST": NewGateway}
    gives = {"POST": (201, GatewayShown)}
    refusals = {"POST": ("conflict",)}

    def post(self, request: Request) -> Response:
        wanted = self.body()
        code = wanted.pop("partner", None)
        partner = self.partner_of(code) if code else None
        if wanted.get("is_primary", True) and wanted.get("is_active", True):
            _one_primary(partner)
        fields = wanted | {"partner": partner}
        row = operations.change_gateway(gateway=SmsGateway(), fields=fields, by=self.by, at=self.at).row
        return self.told(row, 201, location=f"/api/sms/gateways/{row.pk}")


class OneGateway(SettingsView):
    """An account at an SMS provider. Whose it is stays for good."""

    scopes = {"GET": Scope.READ, "PATCH": Scope.MANAGE}
    platform_only = True
    rows = ACCOUNTS
    serializer_class = GatewayShown
    says = {"GET": "Read an SMS account", "PATCH": "Change an SMS account"}
    takes = {"PATCH": GatewaySettings}
    refusals = {"PATCH": ("conflict",)}

    def change(self, row: SmsGateway, wanted: dict[str, Any]) -> SmsGateway:
        will_be = {name: wanted.get(name, getattr(row, name)) for name in ("is_primary", "is_active")}
        if all(will_be.values()):
            _one_primary(row.partner, but=row)
        return operations.change_gateway(gateway=row, fields=wanted, by=self.by, at=self.at).row


class RestartGateway(ApiView):
    """Let an account that was stopped send again; its messages are still waiting."""

    scopes = {"POST": Scope.MANAGE}
    platform_only = True
    rows = ACCOUNTS
    serializer_class = GatewayShown
    says = {"POST": "Start an SMS account again"}

    def post(self, request: Request, **kwargs: Any) -> Response:
        operations.restart(gateway_id=self.row().pk, at=self.at, by=self.by)
        return Response(self.show(self.row()))


class RotateReportAddress(ApiView):
    """Give an account a new address for delivery reports; the one before stays good until the next time."""

    scopes = {"POST": Scope.MANAGE}
    platform_only = True
    rows = ACCOUNTS
    says = {"POST": "Renew the address for delivery reports"}
    gives = {"POST": (200, ReportAddress)}

    def post(self, request: Request, **kwargs: Any) -> Response:
        row = operations.rotate_callback(gateway_id=self.row().pk, at=self.at, by=self.by)
        return Response(self.show({"report_address": accounts.report_address(row)}))


def _one_primary(partner: Partner | None, *, but: SmsGateway | None = None) -> None:
    others = SmsGateway.objects.filter(partner=partner, is_primary=True, is_active=True)
    standing = (others.exclude(pk=but.pk) if but else others).first()
    if standing:
        words = f"“{standing}” carries these messages already. Make it not primary, or switch it off, first."
        raise Problem("conflict", words)
