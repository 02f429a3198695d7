"""Windows on messages, and set-up of texts and of the accounts that carry them."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from unfold.enums import ActionVariant

from common.changes import By
from common.gateway import GatewayError
from common.moves import ForbiddenMove, LostRace
from common.phone import BadPhone
from common.revealing import hidden
from common.windows import AuditedAdmin, ReadOnlyAdmin, ago, button, column, dialog, go_to, person
from sms import accounts, delivery_pages, exported, operations, routes, sweeping, template_pages, wording
from sms.forms import GatewayForm, TemplateForm
from sms.listing import found
from sms.models import SmsGateway, SmsNotification, SmsTemplate, Status
from sms.segments import Size, measure

LABELS = {
    "Pending": "info",
    "Sending": "info",
    "Sent": "success",
    "Unconfirmed": "warning",
    "Delivered": "success",
    "Failed": "danger",
}


@admin.register(SmsNotification)
class SmsNotificationAdmin(ReadOnlyAdmin):
    partner_path = "partner"
    list_display = [
        "created_at",
        "type_shown",
        "phone",
        "partner",
        "state",
        "segments",
        "gateway",
        "last_error",
    ]
    list_filter = ["status", "unconfirmed", "message_type", "gateway", "partner"]
    list_select_related = ["partner", "gateway"]
    ordering = ["-pk"]
    search_fields = ["recipient_phone"]  # shows the box; `get_search_results` looks
    search_help_text = "Phone, event, the provider's reference, or our own id"
    export_columns = exported.COLUMNS
    phone_fields = ("recipient_phone",)
    actions = ["resend_many"]
    actions_detail = ["resend"]
    readonly_fields = ["state", "type_shown", "phone", "content", "size", "next_step", "history"]
    fieldsets = [
        (None, {"fields": ["state", "type_shown", "phone", "partner", "content", "size"]}),
        ("What happens next", {"fields": ["next_step", "last_error", "tries", "gateway", "damza_reference"]}),
        ("History", {"fields": ["history", "created_at", "sent_at", "delivered_at"]}),
        ("Why", {"fields": ["event_key", "correlation_id"]}),
    ]

    @column(description="Message", ordering="message_type")
    def type_shown(self, row: SmsNotification) -> str:
        return row.get_message_type_display()

    @column(description="To")
    def phone(self, row: SmsNotification) -> str:
        return hidden(row, "recipient_phone")

    @column(description="State", ordering="status", label=LABELS)
    def state(self, row: SmsNotification) -> str:
        return "Unconfirmed" if row.unconfirmed else str(row.get_status_display())

    @column(description="Text")
    def content(self, row: SmsNotification) -> str:
        return row.shown_content

    @column(description="Size")
    def size(self, row: SmsNotification) -> str:
        return f"{_parts(row.segments)}, {row.get_encoding_display()}"

    @column(description="Next")
    def next_step(self, row: SmsNotification) -> str:
        if row.unconfirmed:
            return (
                "The provider's answer was lost, so it may have gone out. It is not sent again by itself; "
                "a delivery report settles it, or you do."
            )
        words = {Status.PENDING: "Goes out", Status.SENDING: "In doubt", Status.SENT: "We ask for its report"}
        if row.next_step_at is None:
            return "Nothing more."
        return format_html("{} {}.", words[Status(row.status)], ago(row.next_step_at))

    @column(description="History")
    def history(self, row: SmsNotification) -> str:
        lines = ((ago(one.at), one.old, one.new, one.note) for one in row.events.all())
        return format_html_join("", "<div>{}: {} → {} {}</div>", lines) or "Waiting since it was written."

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        return (found(queryset, search_term) if search_term.strip() else queryset), False

    def get_custom_urls(self) -> Any:
        return (
            *super().get_custom_urls(),
            ("delivery/", "sms_smsnotification_delivery", delivery_pages.page),
            ("again/", "sms_smsnotification_again", delivery_pages.again),
        )

    def has_send_permission(self, request: HttpRequest) -> bool:
        return delivery_pages.may_send(request)

    @admin.action(description="Send again…", permissions=["send"])
    def resend_many(self, request: HttpRequest, rows: Any) -> HttpResponse:
        """Show what would go out again, and ask why."""
        return delivery_pages.confirm(request, self, list(rows))

    def has_resend_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        row = SmsNotification.objects.filter(pk=object_id).first() if object_id else None
        again = row is not None and (row.unconfirmed or row.status == Status.FAILED)
        return bool(again and request.user.has_perm("sms.change_smsnotification"))

    @button(
        description="Send again",
        icon="send",
        permissions=["resend"],
        dialog=dialog(
            "Send this message again",
            "If it is unconfirmed, the phone may get it a second time.",
            "Send again",
        ),
    )
    def resend(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        by = By(actor=person(request), reason=form.cleaned_data["reason"])
        row = SmsNotification.objects.get(pk=object_id)
        try:
            operations.resend(notification_id=row.pk, at=timezone.now(), by=by)
        except (BadPhone, ForbiddenMove, LostRace) as exc:
            messages.error(request, f"It was not sent again: {exc}.")
        else:
            messages.success(request, "It goes out with the next sweep, within a second or two.")
        return go_to(reverse("admin:sms_smsnotification_change", args=[object_id]))


@admin.register(SmsTemplate)
class SmsTemplateAdmin(AuditedAdmin):
    partner_path = "partner"
    form = TemplateForm
    list_display = ["message_type", "language", "whose", "preview", "size"]
    list_filter = ["message_type", "language", "partner"]
    search_fields = ["text", "partner__name"]
    autocomplete_fields = ["partner"]
    readonly_fields = ["preview", "size", "variables"]
    fieldsets = [
        (None, {"fields": [("message_type", "language"), "partner", "text", "variables"]}),
        ("Preview with sample values, as saved", {"fields": ["preview", "size"]}),
    ]

    @column(description="For", ordering="partner")
    def whose(self, row: SmsTemplate) -> str:
        return str(row.partner or "every partner without its own")

    @column(description="Preview")
    def preview(self, row: SmsTemplate) -> str:
        return _filled_in(row) or "Save it to see it."

    @column(description="Size")
    def size(self, row: SmsTemplate) -> str:
        text = _filled_in(row)
        return _said(measure(text)) if text else "-"

    @column(description="Variables")
    def variables(self, row: SmsTemplate) -> str:
        types = [row.message_type] if row.message_type else list(wording.VARIABLES)
        lines = (
            (
                wording.MessageType(one).label,
                ", ".join(f"{{{name}}}" for name in sorted(wording.VARIABLES[one])),
            )
            for one in types
        )
        return format_html_join("", "<div>{}: {}</div>", lines)

    def get_custom_urls(self) -> Any:
        return (
            *super().get_custom_urls(),
            ("desk/", "sms_smstemplate_desk", template_pages.desk),
            ("weigh/", "sms_smstemplate_weigh", template_pages.weigh),
        )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        routes.forget()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A text may go: the next wider one holds again."""
        return bool(request.user.has_perm("sms.delete_smstemplate"))


@admin.register(SmsGateway)
class SmsGatewayAdmin(AuditedAdmin):
    partner_path = "partner"
    form = GatewayForm
    list_display = ["name", "whose", "kind", "sender_id", "state", "credit", "waiting"]
    list_filter = ["kind", "is_active", "partner"]
    list_select_related = ["partner", "second"]
    search_fields = ["name", "sender_id", "partner__name"]
    autocomplete_fields = ["partner"]
    readonly_fields = ["state", "attention_shown", "credit", "reports_to"]
    actions_detail = ["check_balance", "start_again", "renew_address"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "state",
                    "attention_shown",
                    ("name", "kind"),
                    "partner",
                    ("is_primary", "is_active"),
                ]
            },
        ),
        ("Credentials", {"fields": [("api_key", "sender_id"), ("username", "password"), "partner_code"]}),
        ("Reports", {"fields": ["dlr_mode", "reports_to"]}),
        ("Credit and pace", {"fields": ["credit", ("low_mark", "rate_per_second"), "second"]}),
        (
            "Where this provider differs",
            {"fields": [("base_url", "allow_http"), ("method", "msisdn_format"), "success_codes"]},
        ),
    ]

    @column(description="For", ordering="partner")
    def whose(self, row: SmsGateway) -> str:
        return str(row.partner or "every partner without its own")

    @column(
        description="State",
        label={"In use": "success", "Stopped": "danger", "Off": "default", "Credit low": "warning"},
    )
    def state(self, row: SmsGateway) -> str:
        if row.stopped_at:
            return "Stopped"
        if not row.is_active:
            return "Off"
        return "Credit low" if row.attention else "In use"

    @column(description="What to do")
    def attention_shown(self, row: SmsGateway) -> str:
        return row.attention or "Nothing."

    @column(description="Credit")
    def credit(self, row: SmsGateway) -> str:
        if row.credits is None or row.credits_at is None:
            return "Not asked yet."
        return format_html("{}, {}", row.credits, ago(row.credits_at))

    @column(description="Waiting")
    def waiting(self, row: SmsGateway) -> int:
        return SmsNotification.objects.filter(gateway=row, status=Status.PENDING).count()

    @column(description="Delivery reports go to")
    def reports_to(self, row: SmsGateway) -> str:
        return accounts.report_address(row) if row.created_at else "Save it to see the address."

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        found = super().get_fieldsets(request, obj)
        if self.has_change_permission(request, obj):
            return found
        return [part for part in found if part[0] != "Reports"]  # the address is a secret

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        routes.forget()

    def has_run_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("sms.change_smsgateway"))

    def has_restart_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        stopped = SmsGateway.objects.filter(pk=object_id, stopped_at__isnull=False) if object_id else None
        return bool(self.has_run_permission(request) and stopped and stopped.exists())

    @button(description="Check balance", icon="account_balance_wallet", permissions=["run"])
    def check_balance(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = SmsGateway.objects.get(pk=object_id)
        try:
            row = sweeping.check_credit(gateway_id=row.pk, at=timezone.now())
        except GatewayError as exc:
            messages.error(request, f"The balance could not be had: {exc}.")
        else:
            messages.success(request, f"{row.name} has {row.credits} left.")
        return redirect("admin:sms_smsgateway_change", object_id)

    @button(
        description="Start again",
        icon="play_arrow",
        variant=ActionVariant.PRIMARY,
        permissions=["restart"],
        dialog=dialog("Start this account again", "What waits goes out at its pace.", "Start"),
    )
    def start_again(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        row = SmsGateway.objects.get(pk=object_id)
        by = By(actor=person(request), reason=form.cleaned_data["reason"])
        if operations.restart(gateway_id=row.pk, at=timezone.now(), by=by):
            messages.success(request, "It sends again.")
        return go_to(reverse("admin:sms_smsgateway_change", args=[object_id]))

    @button(
        description="New address for reports",
        icon="autorenew",
        permissions=["run"],
        dialog=dialog(
            "Make a new address for delivery reports",
            "Tell it to the provider. The present one stays good until you do this again.",
            "Make it",
        ),
    )
    def renew_address(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        row = SmsGateway.objects.get(pk=object_id)
        by = By(actor=person(request), reason=form.cleaned_data["reason"])
        operations.rotate_callback(gateway_id=row.pk, at=timezone.now(), by=by)
        messages.success(request, "The new address is shown below.")
        return go_to(reverse("admin:sms_smsgateway_change", args=[object_id]))


def _filled_in(row: SmsTemplate) -> str:
    """Fill in a text with sample values; nothing where the form has just refused it."""
    try:
        wording.check(row.message_type, row.text)
    except (wording.BadWording, KeyError):
        return ""
    return wording.render(row.text, wording.SAMPLE)


def _said(size: Size) -> str:
    return f"{_parts(size.segments)}, {'GSM-7' if size.encoding == 'gsm7' else 'UCS-2'}, {size.units} units"


def _parts(segments: int) -> str:
    return "1 part" if segments == 1 else f"{segments} parts"
