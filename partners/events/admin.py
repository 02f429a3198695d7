"""Windows on events and deliveries, and the set-up of endpoints."""

import json
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.enums import ActionVariant

from common import nudge
from common.changes import By
from common.tones import Tone, badge
from common.windows import AuditedAdmin, ReadOnlyAdmin, ago, button, column, dialog, go_to, person
from partners.events import operations, tasks
from partners.events.forms import EndpointForm
from partners.events.kinds import KINDS
from partners.events.models import DeliveryStatus, PartnerEvent, WebhookDelivery, WebhookEndpoint
from partners.events.shape import as_json
from partners.events.signing import new_secret

_ONCE = "Copy the secret now, it is not shown again: {}"
_TONES = {
    DeliveryStatus.PENDING: Tone.WAITING,
    DeliveryStatus.SENDING: Tone.MOVING,
    DeliveryStatus.DELIVERED: Tone.SETTLED,
    DeliveryStatus.FAILED: Tone.PERSON,
}


class KindFilter(admin.SimpleListFilter):
    """Events of one kind, from the list of kinds: the table is long."""

    title = "event"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in KINDS]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(type=self.value()) if self.value() else queryset


@admin.register(PartnerEvent)
class PartnerEventAdmin(ReadOnlyAdmin):
    partner_path = "partner"
    list_display = ["when", "type", "meaning", "partner", "sent"]
    list_filter = ["partner", KindFilter, ("at", RangeDateTimeFilter)]
    list_filter_submit = True
    list_select_related = ["partner"]
    search_fields = ["=id", "=subject_id"]
    search_help_text = "Id of the event, or of what it is about"
    show_full_result_count = False
    fields = ["type", "meaning", "partner", "when", "sent", "as_sent"]
    readonly_fields = ["meaning", "when", "sent", "as_sent"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("deliveries")

    @column(description="When", ordering="at")
    def when(self, event: PartnerEvent) -> str:
        return ago(event.at)

    @column(description="Meaning")
    def meaning(self, event: PartnerEvent) -> str:
        return KINDS.get(event.type, "")

    @column(description="Webhooks")
    def sent(self, event: PartnerEvent) -> str:
        """Show each delivery with a link; most partners read events or have one endpoint."""
        rows = [(_page(one), _state(one)) for one in event.deliveries.all()]
        return format_html_join(" ", '<a href="{}">{}</a>', rows) or "no endpoint wants it"

    @column(description="As partners see it")
    def as_sent(self, event: PartnerEvent) -> str:
        text = json.dumps(as_json(event), indent=2, ensure_ascii=False, default=str)
        return format_html('<pre class="whitespace-pre-wrap">{}</pre>', text)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(AuditedAdmin):
    partner_path = "partner"
    form = EndpointForm
    list_display = ["host", "partner", "wants", "state", "doing"]
    list_filter = ["partner", "is_active"]
    list_select_related = ["partner"]
    search_fields = ["url", "partner__name", "partner__code"]
    search_help_text = "Address or partner"
    autocomplete_fields = ["partner"]
    actions_detail = ["test", "rotate", "remove"]
    readonly_fields = ["state", "doing", "secrets", "log"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).filter(deleted_at__isnull=True)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        about = (None, {"fields": ["partner", "url", "description", "event_types", "is_active"]})
        how = ("How it goes", {"fields": ["state", "doing", "secrets", "log"]})
        return [about, how] if obj else [about]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), *(["partner"] if obj else [])]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.secret = new_secret()
        super().save_model(request, obj, form, change)
        if not change:
            messages.warning(request, _ONCE.format(obj.secret))
        elif {"url", "is_active"} & set(form.changed_data) and obj.is_active:
            operations.forget_failures(obj)

    @column(description="Address", ordering="url")
    def host(self, endpoint: WebhookEndpoint) -> str:
        return endpoint.url

    @column(description="Events")
    def wants(self, endpoint: WebhookEndpoint) -> str:
        return f"{len(endpoint.event_types)} kinds" if endpoint.event_types else "all"

    @column(description="State")
    def state(self, endpoint: WebhookEndpoint) -> str:
        if endpoint.disabled_at and not endpoint.is_active:
            return badge(Tone.PERSON, "switched off by us")
        if not endpoint.is_active:
            return badge(Tone.OFF, "off")
        return badge(Tone.WAITING, "failing") if endpoint.failing_since else badge(Tone.SETTLED, "on")

    @column(description="What happens next")
    def doing(self, endpoint: WebhookEndpoint) -> str:
        if endpoint.attention:
            return endpoint.attention
        if not endpoint.is_active:
            return "Nothing is sent. The partner reads events at /api/events."
        if endpoint.rest_until and endpoint.rest_until > timezone.now():
            return format_html("The last request failed; the next one goes {}.", ago(endpoint.rest_until))
        return "Events are sent as they happen."

    @column(description="Secret")
    def secrets(self, endpoint: WebhookEndpoint) -> str:
        if endpoint.old_secret_until and endpoint.old_secret_until > timezone.now():
            return format_html("Set. The one before signs too; it ends {}.", ago(endpoint.old_secret_until))
        return "Set. It was shown when it was made."

    @column(description="Log")
    def log(self, endpoint: WebhookEndpoint) -> str:
        address = reverse("admin:events_webhookdelivery_changelist")
        return format_html(
            '<a href="{}?endpoint__id__exact={}">All deliveries to it</a>', address, endpoint.pk
        )

    def has_manage_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        may = request.user.has_perm("events.change_webhookendpoint")
        return bool(object_id and may and self.get_queryset(request).filter(pk=object_id).exists())

    @button(
        description="Send a test",
        icon="send",
        permissions=["manage"],
        dialog=dialog("Send a test event", "The event webhook.test goes to this address only.", "Send"),
    )
    def test(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        try:
            operations.ping(
                endpoint=self._endpoint(request, object_id), by=_by(request, form), at=timezone.now()
            )
        except operations.NotPossible as exc:
            messages.error(request, str(exc))
            return go_to(reverse("admin:events_webhookendpoint_change", args=[object_id]))
        nudge.wake(tasks.sweep)
        messages.success(request, "It is on its way. Its delivery shows what comes back.")
        return go_to(f"{reverse('admin:events_webhookdelivery_changelist')}?endpoint__id__exact={object_id}")

    @button(
        description="New secret",
        icon="key",
        permissions=["manage"],
        dialog=dialog(
            "Make a new secret",
            "It is shown once. For a day both secrets sign, so that the partner can change over.",
            "Make it",
        ),
    )
    def rotate(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        secret = operations.rotate_secret(
            endpoint_id=self._endpoint(request, object_id).pk, by=_by(request, form), at=timezone.now()
        )
        messages.warning(request, _ONCE.format(secret))
        return go_to(reverse("admin:events_webhookendpoint_change", args=[object_id]))

    @button(
        description="Remove",
        icon="delete",
        variant=ActionVariant.DANGER,
        permissions=["manage"],
        dialog=dialog("Remove this endpoint", "Nothing more is sent to it; the log stays.", "Remove"),
    )
    def remove(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        operations.remove_endpoint(
            endpoint=self._endpoint(request, object_id), by=_by(request, form), at=timezone.now()
        )
        messages.success(request, "The endpoint is removed.")
        return go_to(reverse("admin:events_webhookendpoint_changelist"))

    def _endpoint(self, request: HttpRequest, object_id: str) -> WebhookEndpoint:
        """Return an endpoint that this person may see."""
        found: WebhookEndpoint = self.get_queryset(request).get(pk=object_id)
        return found


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    partner_path = "endpoint__partner"
    list_display = ["made", "kind", "endpoint", "state", "tries", "next_step"]
    list_filter = ["status", "endpoint"]
    list_select_related = ["endpoint__partner", "event"]
    ordering = ["-pk"]
    search_fields = ["=id", "=event__id", "=event__subject_id"]
    search_help_text = "Id of the delivery, of its event, or of what that is about"
    show_full_result_count = False
    actions_detail = ["resend"]
    fields = ["kind", "endpoint", "state", "next_step", "history", "event"]
    readonly_fields = ["kind", "state", "next_step", "history"]

    @column(description="Made", ordering="created_at")
    def made(self, row: WebhookDelivery) -> str:
        return ago(row.created_at)

    @column(description="Event")
    def kind(self, row: WebhookDelivery) -> str:
        return row.event.type

    @column(description="State", ordering="status")
    def state(self, row: WebhookDelivery) -> str:
        return _state(row)

    @column(description="What happens next")
    def next_step(self, row: WebhookDelivery) -> str:
        if row.status == DeliveryStatus.DELIVERED:
            return "Nothing more: the partner has it."
        if row.status == DeliveryStatus.FAILED:
            return "Nothing by itself. Send it again, or the partner reads it at /api/events."
        if row.next_step_at is None:
            return "It is on its way."
        why = f"{row.last_error}. " if row.last_error else ""
        when = ago(row.next_step_at) if row.next_step_at > timezone.now() else "now"
        return format_html("{}It goes out {}; it is given up {}.", why, when, ago(row.give_up_at))

    @column(description="Each try")
    def history(self, row: WebhookDelivery) -> str:
        lines = (
            (ago(one.at), one.status or "no answer", one.milliseconds, one.error or "taken", one.answer[:200])
            for one in row.attempts.all()
        )
        form = "<div>{}: {} after {} ms, {} <code>{}</code></div>"
        return format_html_join("", form, lines) or "Not yet tried."

    def has_resend_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        row = self.get_queryset(request).filter(pk=object_id).first() if object_id else None
        ended = row is not None and row.status in (DeliveryStatus.DELIVERED, DeliveryStatus.FAILED)
        return bool(ended and request.user.has_perm("events.operate_webhookdelivery"))

    @button(
        description="Send again",
        icon="replay",
        permissions=["resend"],
        dialog=dialog(
            "Send this event again",
            "The partner gets it once more, with the same id, so that it can tell.",
            "Send again",
        ),
    )
    def resend(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        row = self.get_queryset(request).get(pk=object_id)
        try:
            operations.resend(delivery_id=row.pk, by=_by(request, form), at=timezone.now())
        except operations.NotPossible as exc:
            messages.error(request, str(exc))
        else:
            nudge.wake(tasks.sweep)
            messages.success(request, "It goes out again now.")
        return go_to(_page(row))


def _by(request: HttpRequest, form: Any) -> By:
    return By(actor=person(request), reason=form.cleaned_data["reason"])


def _state(row: WebhookDelivery) -> str:
    return badge(_TONES[DeliveryStatus(row.status)], row.get_status_display())


def _page(row: WebhookDelivery) -> str:
    return reverse("admin:events_webhookdelivery_change", args=[row.pk])
