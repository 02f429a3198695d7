"""The shortcode's page, which can ask M-Pesa whether the credentials are good."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from common.money import shown
from common.windows import AuditedAdmin, column
from partners.admin import CREDENTIALS
from partners.forms import ShortcodeForm
from partners.models import Shortcode


@admin.register(Shortcode)
class ShortcodeAdmin(AuditedAdmin):
    form = ShortcodeForm
    list_display = ["number", "kind", "owner", "utility", "balance_at", "state"]
    list_filter = ["kind", "is_active", "partner"]
    search_fields = ["number", "partner__name", "partner__code"]
    autocomplete_fields = ["partner"]
    readonly_fields = ["utility_balance", "working_balance", "balance_at"]
    fieldsets = [
        (None, {"fields": [("number", "kind"), "partner", "is_active"]}),
        (
            "Credentials of its Daraja app",
            {"fields": [tuple(CREDENTIALS[:2]), tuple(CREDENTIALS[2:4]), CREDENTIALS[4]]},
        ),
        ("Pace and collections", {"fields": [("rate_per_second", "c2b_version", "response_type")]}),
        ("As M-Pesa last told us", {"fields": [("utility_balance", "working_balance", "balance_at")]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), *(["number", "partner"] if obj else [])]

    @column(description="Owner", ordering="partner")
    def owner(self, shortcode: Shortcode) -> str:
        return str(shortcode.partner or "shared")

    @column(description="Utility balance", ordering="utility_balance")
    def utility(self, shortcode: Shortcode) -> str:
        return "–" if shortcode.utility_balance is None else shown(shortcode.utility_balance)

    @column(description="State", label={"active": "success", "off": "danger"})
    def state(self, shortcode: Shortcode) -> str:
        return "active" if shortcode.is_active else "off"
