"""Windows on the Mifos connections and loan products; actions call operations."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminPasswordWidget

from common import audit
from common.gateway import GatewayError
from common.marks import harmless
from common.own_rows import OwnRows
from mifos import operations
from mifos.models import LoanProduct, MifosPartner

if TYPE_CHECKING:
    PartnerForm = forms.ModelForm[MifosPartner]
else:
    PartnerForm = forms.ModelForm

TOKEN_GRACE = timedelta(days=2)


class MifosPartnerForm(PartnerForm):
    """The password goes in and never comes out: empty keeps the present one."""

    new_password = forms.CharField(
        label="Mifos password",
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="Never shown. Leave it empty to keep the present one.",
    )

    class Meta:
        model = MifosPartner
        exclude = ["mifos_password"]

    def clean_new_password(self) -> str:
        written = str(self.cleaned_data["new_password"])
        if not written and not self.instance.mifos_password:
            raise forms.ValidationError("A new connection needs a password.")
        return written


@admin.register(MifosPartner)
class MifosPartnerAdmin(OwnRows, ModelAdmin):  # type: ignore[misc]
    partner_path = "partner"
    form = MifosPartnerForm
    list_display = ["partner", "mifos_host_url", "mifos_tenant_id", "is_active", "health", "last_poll_at"]
    list_filter = ["is_active", "release"]
    search_fields = ["partner__name", "partner__code", "mifos_host_url"]
    readonly_fields = [
        "health",
        "last_poll_at",
        "last_poll_note",
        "payment_type_id",
        "created_at",
        "updated_at",
    ]
    actions = ["test_connection", "sync_products", "register_webhook", "rotate_webhook_token"]
    fieldsets = [
        (None, {"fields": ["partner", "is_active", "health", "last_poll_at", "last_poll_note"]}),
        (
            "Connection",
            {
                "fields": [
                    ("mifos_host_url", "api_endpoint"),
                    ("mifos_tenant_id", "release"),
                    ("mifos_username", "new_password"),
                    "ca_certificate",
                    "poll_seconds",
                ]
            },
        ),
        (
            "How it works there",
            {
                "fields": [
                    ("timezone", "use_business_date"),
                    ("payment_type", "payment_type_id"),
                    ("payout_amount", "list_order_by"),
                ]
            },
        ),
        ("SMS to the partner", {"fields": ["sms_notifications_enabled", "sms_phone_numbers"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*self.readonly_fields, "partner"] if obj else self.readonly_fields

    @admin.display(description="Health")
    def health(self, row: MifosPartner) -> str:
        if row.failing_since is None:
            return "No failures"
        since = timezone.localtime(row.failing_since).strftime("%d %b %H:%M")
        return f"{row.failures} failures in a row since {since}: {row.failure_note}"

    def save_model(self, request: HttpRequest, obj: MifosPartner, form: Any, change: bool) -> None:
        """Save only what was changed: workers write the other columns meanwhile."""
        changed = [name for name in form.changed_data if name != "new_password"]
        if form.cleaned_data["new_password"]:
            obj.mifos_password = form.cleaned_data["new_password"]
            changed.append("mifos_password")
        with transaction.atomic():
            obj.save(update_fields=[*changed, "updated_at"] if change else None)
            audit.write(
                action="mifos.changed" if change else "mifos.connected",
                subject=obj,
                at=timezone.now(),
                actor=_actor(request),
                detail={"fields": sorted(changed)},
            )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # history hangs on it; switch it off instead

    @harmless
    @admin.action(description="Test connection", permissions=["change"])
    def test_connection(self, request: HttpRequest, rows: "QuerySet[MifosPartner]") -> None:
        for row in rows.select_related("partner"):
            for finding in operations.test_connection(mifos_partner_id=row.pk):
                level = messages.SUCCESS if finding.ok else messages.ERROR
                self.message_user(request, f"{row.partner}, {finding.step}: {finding.words}", level)

    @harmless
    @admin.action(description="Sync products", permissions=["change"])
    def sync_products(self, request: HttpRequest, rows: "QuerySet[MifosPartner]") -> None:
        def sync(row_id: UUID) -> str:
            synced = operations.sync_products(mifos_partner_id=row_id, at=timezone.now())
            return f"{synced.seen} products read, {synced.new} new, {synced.gone} no longer there."

        self._each(request, rows, sync)

    @admin.action(description="Register webhook", permissions=["change"])
    def register_webhook(self, request: HttpRequest, rows: "QuerySet[MifosPartner]") -> None:
        def register(row_id: UUID) -> str:
            return f"Mifos wakes us by its hook {operations.register_webhook(mifos_partner_id=row_id)}."

        self._each(request, rows, register, action="mifos.webhook_registered")

    @admin.action(description="Rotate webhook token", permissions=["change"])
    def rotate_webhook_token(self, request: HttpRequest, rows: "QuerySet[MifosPartner]") -> None:
        def rotate(row_id: UUID) -> str:
            operations.rotate_webhook_token(mifos_partner_id=row_id, at=timezone.now(), grace=TOKEN_GRACE)
            hook_id = operations.register_webhook(mifos_partner_id=row_id)
            return f"The token is new, hook {hook_id} uses it; the old one is good for two more days."

        self._each(request, rows, rotate, action="mifos.webhook_token_rotated")

    def _each(
        self,
        request: HttpRequest,
        rows: Iterable[MifosPartner],
        act: Callable[[UUID], str],
        *,
        action: str = "",
    ) -> None:
        for row in rows:
            if action:
                audit.write(action=action, subject=row, at=timezone.now(), actor=_actor(request))
            try:
                self.message_user(request, f"{row}: {act(row.pk)}", messages.SUCCESS)
            except GatewayError as exc:
                self.message_user(request, f"{row}: {operations.explained(exc)}", messages.ERROR)


@admin.register(LoanProduct)
class LoanProductAdmin(OwnRows, ModelAdmin):  # type: ignore[misc]
    partner_path = "mifos_partner__partner"
    list_display = [
        "product_name",
        "mifos_partner",
        "is_auto_disbursement_enabled",
        "min_disbursement_amount",
        "max_disbursement_amount",
        "is_active_in_mifos",
        "synced_at",
    ]
    list_filter = ["is_auto_disbursement_enabled", "is_active_in_mifos", "mifos_partner"]
    list_select_related = ["mifos_partner__partner"]
    search_fields = ["product_name", "mifos_partner__partner__name"]
    fields = [
        "mifos_partner",
        ("product_name", "mifos_product_id"),
        ("min_disbursement_amount", "max_disbursement_amount", "currency"),
        ("multi_disburse", "is_active_in_mifos", "synced_at"),
        "is_auto_disbursement_enabled",
        "disbursement_rules",
        "sms_notifications_enabled",
    ]
    readonly_fields = [
        "mifos_partner",
        "product_name",
        "mifos_product_id",
        "min_disbursement_amount",
        "max_disbursement_amount",
        "currency",
        "multi_disburse",
        "is_active_in_mifos",
        "synced_at",
    ]

    def save_model(self, request: HttpRequest, obj: LoanProduct, form: Any, change: bool) -> None:
        """Save only what was changed, with an audit line of before and after."""
        detail = {
            name: {"before": form.initial.get(name), "after": form.cleaned_data[name]}
            for name in form.changed_data
        }
        with transaction.atomic():
            obj.save(update_fields=[*form.changed_data, "updated_at"])
            audit.write(
                action="loan_product.changed",
                subject=obj,
                at=timezone.now(),
                actor=_actor(request),
                detail=detail,
                partner_id=obj.mifos_partner.partner_id,
            )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # products come from Mifos

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _actor(request: HttpRequest) -> Any:
    return request.user
