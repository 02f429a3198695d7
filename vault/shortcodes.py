"""The shortcode's page, which can ask M-Pesa whether the credentials are good."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.forms import BaseDialogForm

from common.gateway import GatewayError
from common.marks import harmless
from common.money import shown
from common.windows import AuditedAdmin, ago, button, column, dialog, go_to, write_line
from mpesa.operations import connect
from partners.admin import CREDENTIALS
from partners.forms import ShortcodeForm
from partners.models import Shortcode
from partners.operations import missing_for


@admin.register(Shortcode)
class ShortcodeAdmin(AuditedAdmin):
    partner_path = "partner"
    form = ShortcodeForm
    list_display = ["number", "kind", "owner", "utility", "told", "state"]
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
        ("Pace and collections", {"fields": ["rate_per_second", ("c2b_version", "response_type")]}),
        ("As M-Pesa last told us", {"fields": [("utility_balance", "working_balance"), "balance_at"]}),
    ]

    actions_detail = ["check_credentials"]

    def has_check_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(self.has_change_permission(request))

    @harmless
    @button(
        description="Check credentials",
        icon="verified_user",
        permissions=["check"],
        dialog=dialog(
            "Check the credentials",
            "M-Pesa is asked for an access token with the consumer key and secret. No money moves.",
            "Check",
            BaseDialogForm,
        ),
    )
    def check_credentials(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        shortcode = Shortcode.objects.get(pk=object_id)
        good, words = examine(shortcode)
        for line in words:
            messages.add_message(request, messages.SUCCESS if good else messages.ERROR, line)
        write_line(request, shortcode, "checked credentials", detail={"good": good})
        return go_to(reverse("admin:partners_shortcode_change", args=[object_id]))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), *(["number", "partner"] if obj else [])]

    @column(description="Owner", ordering="partner")
    def owner(self, shortcode: Shortcode) -> str:
        return str(shortcode.partner or "shared")

    @column(description="Utility balance", ordering="utility_balance")
    def utility(self, shortcode: Shortcode) -> str:
        return "–" if shortcode.utility_balance is None else shown(shortcode.utility_balance)

    @column(description="Balance told", ordering="balance_at")
    def told(self, shortcode: Shortcode) -> str:
        return ago(shortcode.balance_at) if shortcode.balance_at else "–"

    @column(description="State", label={"active": "success", "off": "danger"})
    def state(self, shortcode: Shortcode) -> str:
        return "active" if shortcode.is_active else "off"


def examine(shortcode: Shortcode) -> tuple[bool, list[str]]:
    """Say whether a shortcode is complete and M-Pesa accepts its app, in words."""
    words = missing_for(shortcode)
    if not (shortcode.consumer_key and shortcode.consumer_secret):
        return False, words
    try:
        connect(shortcode).log_in()
    except GatewayError as exc:
        return False, [*words, f"M-Pesa gave no access token: {exc}"]
    if words:
        return False, ["M-Pesa accepts the consumer key and secret.", *words]
    if shortcode.kind == Shortcode.Kind.C2B:
        return True, ["M-Pesa accepts the consumer key and secret."]
    return True, [
        "M-Pesa accepts the consumer key and secret, and the password can be sealed with the certificate. "
        "Whether it accepts the initiator shows when it is asked for the balance, or at the first payout."
    ]
