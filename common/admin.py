"""Windows on what came in and on who did what."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateTimeFilter

from common.models import AuditLine, InboundMessage
from common.windows import ReadOnlyAdmin, column


@admin.register(AuditLine)
class AuditLineAdmin(ReadOnlyAdmin):
    list_display = ["at", "actor_name", "action", "what", "reason_start"]
    list_filter = [("at", RangeDateTimeFilter), "action", "object_type"]
    list_filter_submit = True
    search_fields = ["actor_name", "action", "object_type", "object_id", "reason"]
    search_help_text = "Person, action, kind of object, its id, or words of the reason"
    fields = ["at", "actor_name", "action", "what", "object_id", "reason", "detail", "remote_address"]
    readonly_fields = ["what"]
    show_full_result_count = False

    @column(description="What", ordering="object_type")
    def what(self, line: AuditLine) -> str:
        return line.object_type.replace("_", " ")

    @column(description="Reason")
    def reason_start(self, line: AuditLine) -> str:
        return line.reason if len(line.reason) <= 60 else f"{line.reason[:59]}…"


@admin.register(InboundMessage)
class InboundMessageAdmin(ReadOnlyAdmin):
    list_display = ["received_at", "source", "kind", "state", "copies", "outcome"]
    list_filter = ["source", "kind", ("received_at", RangeDateTimeFilter)]
    list_filter_submit = True
    search_fields = ["subject_id", "correlation_id"]
    search_help_text = "Id of what it is about, or correlation id"
    readonly_fields = ["state"]
    show_full_result_count = False

    @column(description="State", label={"done": "success", "waiting": "info"})
    def state(self, message: InboundMessage) -> Any:
        return "done" if message.applied_at else "waiting"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        hidden = {"id", "body_digest", "next_step_at"}
        return [field.name for field in InboundMessage._meta.concrete_fields if field.name not in hidden]
