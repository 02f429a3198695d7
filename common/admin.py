"""Windows on what came in and on who did what."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib import admin
from django.db import models
from django.db.models import Q
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from unfold.contrib.filters.admin import DropdownFilter, RangeDateTimeFilter

from common.exporting import col
from common.ids import first_id
from common.list_filters import WrittenFilter
from common.models import AuditLine, InboundMessage
from common.paging import values_of
from common.phone import without_phones
from common.windows import ReadOnlyAdmin, ago, column

AROUND = timedelta(hours=1)  # between a message and what it says of itself
LATEST = 4_000_000_000.0  # seconds; an id that was not made by the clock may say anything

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


class _ValuesFilter(DropdownFilter):  # type: ignore[misc]
    """A choice among the values that a column really has."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, self.words(value)) for value in values_of(AuditLine, self.parameter_name)]

    def words(self, value: str) -> str:
        return value.capitalize()

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(**{self.parameter_name: self.value()}) if self.value() else queryset


class SourceFilter(DropdownFilter):  # type: ignore[misc]
    title = "source"
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("daraja", "M-Pesa"), ("mifos", "Mifos"), ("ncba", "NCBA Bank"), ("sms", "SMS")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(source=self.value()) if self.value() else queryset


class KindFilter(SourceFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind.replace("_", " ").capitalize()) for kind in values_of(InboundMessage, "kind")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class WhoFilter(_ValuesFilter):
    title = "person"
    parameter_name = "actor_name"

    def words(self, value: str) -> str:
        return value


class ActionFilter(_ValuesFilter):
    title = "action"
    parameter_name = "action"


class ObjectFilter(_ValuesFilter):
    title = "kind of object"
    parameter_name = "object_type"

    def words(self, value: str) -> str:
        model = _models_by_table().get(value)
        return str(model._meta.verbose_name if model else value).capitalize()


def _made(row_id: UUID) -> datetime:
    """Return when an id was made, if it is of ours."""
    return datetime.fromtimestamp(min((row_id.int >> 80) / 1000, LATEST), tz=UTC)


def told(detail: Any) -> list[tuple[str, str, str]]:
    """Return what an audit line tells, as field, before and after, for people."""
    if not isinstance(detail, dict):
        return []
    rows = []
    for name, value in detail.items():
        field = str(name).replace("_", " ").capitalize()
        if isinstance(value, dict) and value.keys() <= {"old", "new"} and "new" in value:
            rows.append((field, _said(value.get("old", "–")), _said(value["new"])))
        elif isinstance(value, dict):
            rows += [(f"{field}: {key}", "–", _said(part)) for key, part in value.items()]
        else:
            rows.append((field, "–", _said(value)))
    return rows


def _said(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_said(part) for part in value) or "nothing"
    return without_phones(str(value))


@admin.register(AuditLine)
class AuditLineAdmin(ReadOnlyAdmin):
    list_display = [
        "when",
        "actor_name",
        "action",
        "what",
        "fields_changed",
        "reason_start",
        "remote_address",
    ]
    list_filter = [WhoFilter, ActionFilter, ObjectFilter, ("at", RangeDateTimeFilter)]
    list_filter_submit = True
    search_fields = ["object_id"]  # shows the box; `get_search_results` looks
    search_help_text = "The whole id of an object, a person's name, or an address"
    fields = ["at", "actor_name", "action", "what", "object_id", "reason", "changes", "remote_address"]
    readonly_fields = ["what", "changes"]
    export_columns = AUDIT_COLUMNS

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        text = search_term.strip()
        if not text:
            return queryset, False
        tables = values_of(AuditLine, "object_type")  # as the table is indexed
        fitting = Q(object_type__in=tables, object_id=text) | Q(actor_name=text)
        with suppress(ValueError):
            fitting |= Q(remote_address=str(ip_address(text)))
        return queryset.filter(fitting), False

    @column(description="What changed")
    def changes(self, line: AuditLine) -> SafeString | str:
        """Show each field with what it was and what it became; a secret only says that it changed."""
        rows = told(line.detail)
        if not rows:
            return "Nothing was changed by it."
        head = "".join(f'<th scope="col">{title}</th>' for title in ("Field", "Before", "After"))
        return format_html(
            '<div class="pv pv-scroll"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
            mark_safe(head),  # noqa: S308 - fixed words
            format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td></tr>", rows),
        )

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
    list_filter = [SourceFilter, KindFilter, ("received_at", WrittenFilter)]
    ordering = ["-pk"]
    list_filter_submit = True
    search_fields = ["subject_id"]  # shows the box; `get_search_results` looks
    search_help_text = "Id of what it is about, or correlation id"
    readonly_fields = ["state"]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        text = search_term.strip()
        if not text:
            return queryset, False
        try:
            asked = UUID(text)
        except ValueError:
            return queryset.none(), False
        around = Q(pk__gte=first_id(_made(asked) - AROUND), pk__lt=first_id(_made(asked) + AROUND))
        known = InboundMessage.objects.filter(subject_id=asked).values("pk")
        same = InboundMessage.objects.filter(around, correlation_id=text).values("pk")
        itself = InboundMessage.objects.filter(pk=asked).values("pk")
        return queryset.filter(pk__in=known.union(same, itself)), False

    @column(description="Received")
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
