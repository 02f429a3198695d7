"""Set-up of partners by hand. Pages that can ask M-Pesa or Mifos something are in the apps above."""

from datetime import date
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from unfold.admin import StackedInline, TabularInline
from unfold.enums import ActionVariant

from common.changes import By
from common.money import shown
from common.phone import masked
from common.windows import (
    AuditedAdmin,
    ReadOnlyAdmin,
    SecretsStayIn,
    ago,
    button,
    column,
    dialog,
    go_to,
    person,
)
from partners import operations
from partners.forms import PartnerForm, ShortcodeForm
from partners.models import ApiKey, Partner, Shortcode, TariffBand

CREDENTIALS = ("consumer_key", "consumer_secret", "initiator", "initiator_password", "certificate")


class ShortcodeInline(SecretsStayIn, StackedInline):  # type: ignore[misc]
    model = Shortcode
    form = ShortcodeForm
    tab = True
    extra = 0
    show_change_link = True
    can_delete = False
    fieldsets = [
        (None, {"fields": [("number", "kind"), "is_active"]}),
        (
            "Credentials of its Daraja app",
            {
                "fields": [
                    ("consumer_key", "consumer_secret"),
                    ("initiator", "initiator_password"),
                    "certificate",
                ]
            },
        ),
        ("Pace and collections", {"fields": ["rate_per_second", ("c2b_version", "response_type")]}),
    ]


class TariffInline(TabularInline):  # type: ignore[misc]
    """Bands are added with a date; those that hold already are history and stay as they are."""

    model = TariffBand
    tab = True
    hide_title = True
    extra = 0
    fields = ["kind", "valid_from", "up_to", "fee"]
    can_delete = False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Partner)
class PartnerAdmin(AuditedAdmin):
    partner_path = "pk"
    form = PartnerForm
    list_display = ["name", "code", "numbers", "masked_phones", "state"]
    search_fields = ["name", "code"]
    list_filter = ["is_active"]
    readonly_fields = ["masked_phones", "created_at", "updated_at"]
    inlines = [ShortcodeInline, TariffInline]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        phones = "phones" if self.has_change_permission(request, obj) else "masked_phones"
        about = [("name", "code"), phones, ("language", "approval_limit"), "is_active"]
        return [(None, {"fields": about}), *([("Dates", {"fields": [_DATES]})] if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), *(["code"] if obj else [])]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("shortcodes")

    @column(description="Own shortcodes")
    def numbers(self, partner: Partner) -> str:
        return (
            ", ".join(shortcode.number for shortcode in partner.shortcodes.all())
            or "none, uses the shared one"
        )

    @column(description="SMS to")
    def masked_phones(self, partner: Partner) -> str:
        return ", ".join(masked(phone) for phone in partner.phones) or "nobody"

    @column(description="State", label={"active": "success", "off": "danger"})
    def state(self, partner: Partner) -> str:
        return "active" if partner.is_active else "off"


_DATES = ("created_at", "updated_at")


@admin.register(TariffBand)
class TariffBandAdmin(AuditedAdmin):
    partner_path = "partner"
    list_display = ["kind", "whose", "valid_from", "highest", "costs"]
    list_filter = ["kind", "partner"]
    search_fields = ["partner__name", "partner__code"]
    search_help_text = "Partner"
    list_select_related = ["partner"]
    autocomplete_fields = ["partner"]
    date_hierarchy = None

    @column(description="For", ordering="partner")
    def whose(self, band: TariffBand) -> str:
        return str(band.partner or "every partner without its own")

    @column(description="Up to", ordering="up_to")
    def highest(self, band: TariffBand) -> str:
        return shown(band.up_to)

    @column(description="Fee", ordering="fee")
    def costs(self, band: TariffBand) -> str:
        return shown(band.fee)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A band that has held for a day is history: a later one replaces it."""
        allowed = bool(super().has_change_permission(request, obj))
        return allowed and (not isinstance(obj, TariffBand) or obj.valid_from >= _today())


def _today() -> date:
    return timezone.localdate()


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    sortable_by = None
    partner_path = "partner"
    list_display = ["name", "prefix", "whose", "state", "expires_at", "used"]
    list_filter = ["partner"]
    search_fields = ["name", "prefix", "partner__name"]
    fields = ["name", "prefix", "partner", "scopes", "expires_at", "revoked_at", "last_used_at", "created_at"]
    actions_detail = ["revoke"]

    @column(description="For", ordering="partner")
    def whose(self, key: ApiKey) -> str:
        return str(key.partner or "the platform")

    @column(description="Last used", ordering="last_used_at")
    def used(self, key: ApiKey) -> str:
        return ago(key.last_used_at) if key.last_used_at else "never"

    @column(description="State", label={"in use": "success", "revoked": "danger", "expired": "warning"})
    def state(self, key: ApiKey) -> str:
        if key.revoked_at:
            return "revoked"
        return "expired" if key.expires_at and key.expires_at <= timezone.now() else "in use"

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Not named by its dotted name above: unfold would then look for it in the database at every start."""
        in_use = ApiKey.objects.filter(pk=object_id, revoked_at__isnull=True) if object_id else None
        return bool(request.user.has_perm("partners.change_apikey") and in_use and in_use.exists())

    @button(
        description="Revoke",
        icon="key_off",
        variant=ActionVariant.DANGER,
        permissions=["revoke"],
        dialog=dialog("Revoke this key", "Whoever uses it is refused from now on.", "Revoke"),
    )
    def revoke(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        key = ApiKey.objects.get(pk=object_id)
        by = By(actor=person(request), reason=form.cleaned_data["reason"])
        if operations.revoke_api_key(key=key, by=by, at=timezone.now()):
            messages.success(request, "The key is revoked.")
        return go_to(reverse("admin:partners_apikey_change", args=[object_id]))
