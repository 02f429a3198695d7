"""Windows on what came in and on who did what."""

from functools import lru_cache
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import RangeDateTimeFilter

from common.exporting import col
from common.models import AuditLine, InboundMessage
from common.windows import ReadOnlyAdmin, ago, column

AUDIT_COLUMNS = (
    col("When", "at", "time"),
    col("Who", "actor_name"),
    col("Did", "action"),
    col("To what", "object_type"),
    col("Its id", "object_id"),
    col("Why", "reason"),
    col("Changed", "detail", "json"),
    col("From where", "remote_address"),
)


@admin.register(AuditLine)
class AuditLineAdmin(ReadOnlyAdmin):
    list_display = ["when", "actor_name", "action", "what", "fields_changed", "reason_start"]
    list_filter = [("at", RangeDateTimeFilter), "action", "object_type"]
    list_filter_submit = True
    search_fields = ["actor_name", "action", "object_type", "object_id", "reason"]
    search_help_text = "Person, action, kind of object, its id, or words of the reason"
    fields = ["at", "actor_name", "action", "what", "object_id", "reason", "detail", "remote_address"]
    readonly_fields = ["what"]
    export_columns = AUDIT_COLUMNS

    @column(description="When", ordering="at")
    def when(self, line: AuditLine) -> str:
        return ago(line.at)

    @column(description="What", ordering="object_type")
    def what(self, line: AuditLine) -> str:
        """Name the kind of object, with a link to its page where there is one."""
        model = _models_by_table().get(line.object_type)
        words = str(model._meta.verbose_name) if model else line.object_type
        page = _page(model, line.object_id) if model else ""
        return format_html('<a href="{}" class="text-primary-600">{}</a>', page, words) if page else words

    @column(description="Fields")
    def fields_changed(self, line: AuditLine) -> str:
        names = line.detail.get("fields") or list(line.detail) if line.action == "changed" else []
        return ", ".join(str(name).replace("_", " ") for name in names)

    @column(description="Reason")
    def reason_start(self, line: AuditLine) -> str:
        return line.reason if len(line.reason) <= 60 else f"{line.reason[:59]}…"


@admin.register(InboundMessage)
class InboundMessageAdmin(ReadOnlyAdmin):
    list_display = ["received", "source", "kind", "state", "copies", "outcome"]
    list_filter = ["source", "kind", ("received_at", RangeDateTimeFilter)]
    list_filter_submit = True
    search_fields = ["subject_id", "correlation_id"]
    search_help_text = "Id of what it is about, or correlation id"
    readonly_fields = ["state"]

    @column(description="Received", ordering="received_at")
    def received(self, message: InboundMessage) -> str:
        return ago(message.received_at)

    @column(description="State", label={"done": "success", "waiting": "info"})
    def state(self, message: InboundMessage) -> Any:
        return "done" if message.applied_at else "waiting"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        hidden = {"id", "body_digest", "next_step_at"}
        return [field.name for field in InboundMessage._meta.concrete_fields if field.name not in hidden]


@lru_cache(maxsize=1)
def _models_by_table() -> dict[str, type[models.Model]]:
    return {model._meta.db_table: model for model in apps.get_models()}


def _page(model: type[models.Model], row_id: str) -> str:
    try:
        return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row_id])
    except NoReverseMatch:
        return ""
