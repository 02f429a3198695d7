"""Connections to Mifos and their loan products over the API."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import django_filters  # type: ignore[import-untyped]
from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from common import audit
from common.api.filters import YesNoFilter
from common.api.problems import Problem
from common.gateway import GatewayError
from mifos import operations
from mifos import serializers as shapes
from mifos.models import LoanProduct, MifosPartner
from partners.api.filters import OwnedFilters, PartnerFilter
from partners.api.views import ApiView, ListView, SettingsView
from partners.models import Scope

TOKEN_GRACE = timedelta(days=2)
CONNECTIONS = MifosPartner.objects.select_related("partner")
PRODUCTS = LoanProduct.objects.select_related("mifos_partner__partner")


class ConnectionFilters(OwnedFilters):
    is_active = YesNoFilter()
    is_failing = YesNoFilter(field_name="failing_since", lookup_expr="isnull", exclude=True)


class MifosPartners(ListView):
    """Connections to Mifos; each partner has one. Its password is never shown."""

    scopes = {"GET": Scope.READ, "POST": Scope.MANAGE}
    rows = CONNECTIONS
    owner = "partner"
    serializer_class = shapes.MifosPartnerShown
    filterset_class = ConnectionFilters
    is_settings = True
    says = {"GET": "List connections to Mifos", "POST": "Connect a partner's Mifos"}
    takes = {"POST": shapes.NewMifosPartner}
    gives = {"POST": (201, shapes.MifosPartnerShown)}
    refusals = {"POST": ("conflict",)}

    def post(self, request: Request) -> Response:
        wanted = self.body()
        partner = self.partner_of(wanted.pop("partner", None))
        if MifosPartner.objects.filter(partner=partner).exists():
            raise Problem(
                "conflict", f"{partner} is connected already. Change the connection by its address."
            )
        row = operations.put_connection(partner=partner, fields=wanted, by=self.by, at=self.at).row
        return self.told(row, 201, location=f"/api/mifos/partners/{row.pk}")


class OneMifosPartner(SettingsView):
    """A connection to Mifos. What was learned from an earlier host or tenant is forgotten when either changes."""

    scopes = {"GET": Scope.READ, "PATCH": Scope.MANAGE}
    rows = CONNECTIONS
    owner = "partner"
    serializer_class = shapes.MifosPartnerShown
    says = {"GET": "Read a connection", "PATCH": "Change a connection"}
    takes = {"PATCH": shapes.MifosPartnerSettings}

    def change(self, row: MifosPartner, wanted: dict[str, Any]) -> MifosPartner:
        return operations.put_connection(partner=row.partner, fields=wanted, by=self.by, at=self.at).row


class TestConnection(ApiView):
    """Ask the host all that will be needed and say in words what is wrong. Nothing is changed there; it may take
    some seconds."""

    scopes = {"POST": Scope.MANAGE}
    rows = CONNECTIONS
    owner = "partner"
    says = {"POST": "Test a connection"}
    gives = {"POST": (200, shapes.ConnectionTested)}

    def post(self, request: Request, **kwargs: Any) -> Response:
        findings = operations.test_connection(mifos_partner_id=self.row().pk)
        return Response(self.show({"ok": all(found.ok for found in findings), "findings": findings}))


class SyncProducts(ApiView):
    """Take names and limits of the loan products over from Mifos. Switches and rules stay."""

    scopes = {"POST": Scope.MANAGE}
    rows = CONNECTIONS
    owner = "partner"
    says = {"POST": "Sync loan products"}
    gives = {"POST": (200, shapes.ProductsSynced)}
    refusals = {"POST": ("outside_failed",)}

    def post(self, request: Request, **kwargs: Any) -> Response:
        row = self.row()
        try:
            synced = operations.sync_products(mifos_partner_id=row.pk, at=self.at)
        except GatewayError as exc:
            raise Problem("outside_failed", operations.explained(exc)) from exc
        _note(self, row, "synced products", asdict(synced))
        return Response(self.show(asdict(synced)))


class RotateWebhookToken(ApiView):
    """Give Mifos a new address to wake us by; the one before stays good for two days. The address is shown only in
    this answer."""

    scopes = {"POST": Scope.MANAGE}
    rows = CONNECTIONS
    owner = "partner"
    says = {"POST": "Rotate the webhook's token"}
    gives = {"POST": (200, shapes.TokenRotated)}

    def post(self, request: Request, **kwargs: Any) -> Response:
        with transaction.atomic():
            row = operations.rotate_webhook_token(
                mifos_partner_id=self.row().pk, at=self.at, grace=TOKEN_GRACE
            )
            _note(self, row, "rotated webhook token")
        words = ""
        try:
            operations.register_webhook(mifos_partner_id=row.pk)
        except GatewayError as exc:
            words = operations.explained(exc)
        told = {
            "webhook_address": operations.webhook_address(row),
            "registered": not words,
            "words": words,
            "previous_until": row.webhook_previous_until,
        }
        return Response(self.show(told))


class Poll(ApiView):
    """Have Mifos asked for approved loans at once instead of at the next turn. Where the host has failed often, it
    is left alone until `retry_at` all the same."""

    scopes = {"POST": Scope.MANAGE}
    rows = CONNECTIONS
    owner = "partner"
    says = {"POST": "Poll now"}
    gives = {"POST": (202, shapes.PollAsked)}
    refusals = {"POST": ("conflict",)}

    def post(self, request: Request, **kwargs: Any) -> Response:
        row = self.row()
        if not row.is_active:
            raise Problem("conflict", "This connection is switched off. Switch it on, then poll.")
        resting = row.resting(self.at)
        next_at = row.retry_at if resting else self.at
        with transaction.atomic():
            MifosPartner.objects.filter(pk=row.pk, next_step_at__gt=next_at).update(next_step_at=next_at)
            _note(self, row, "asked for a poll")
        words = (
            "The host has failed often and is left alone until then."
            if resting
            else "It is asked within seconds."
        )
        return Response(self.show({"next_poll_at": next_at, "words": words}), status=202)


class ProductFilters(OwnedFilters):
    partner = PartnerFilter(field_name="mifos_partner__partner", help_text="Its code.")
    mifos_product_id = django_filters.NumberFilter(min_value=1, max_value=2**63 - 1, decimal_places=0)
    is_auto_disbursement_enabled = YesNoFilter()
    is_active_in_mifos = YesNoFilter()


class Products(ListView):
    """Loan products as Mifos tells them, with our switch and rules for each. New ones come by a sync."""

    scopes = {"GET": Scope.READ}
    rows = PRODUCTS
    owner = "mifos_partner__partner"
    serializer_class = shapes.ProductShown
    filterset_class = ProductFilters
    says = {"GET": "List loan products"}


class OneProduct(SettingsView):
    """A loan product: whether its loans are paid by themselves, by which rules, and whether SMS go out."""

    scopes = {"GET": Scope.READ, "PATCH": Scope.MANAGE}
    rows = PRODUCTS
    owner = "mifos_partner__partner"
    serializer_class = shapes.ProductShown
    says = {"GET": "Read a loan product", "PATCH": "Change a loan product"}
    takes = {"PATCH": shapes.ProductSettings}

    def change(self, row: LoanProduct, wanted: dict[str, Any]) -> LoanProduct:
        return operations.put_product(product=row, fields=wanted, by=self.by, at=self.at).row


def _note(view: ApiView, row: MifosPartner, action: str, detail: dict[str, Any] | None = None) -> None:
    by = view.by
    audit.write(
        action=action,
        subject=row,
        at=view.at,
        actor_name=by.name,
        remote_address=by.remote_address,
        detail=detail,
    )
