"""The kinds of admin pages: windows that only show, and set-up pages whose every change is audited."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from django import forms
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db import models
from django.forms import BaseModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince, timeuntil
from unfold.admin import ModelAdmin
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget

from common import audit
from common.changes import save_only, secret_fields
from common.export_pages import Exports
from common.network import client_address
from common.own_rows import OwnRows
from common.paging import EstimatingPaginator

Method = TypeVar("Method", bound=Callable[..., Any])

KEPT = "Set. Leave empty to keep it, or type a new one."
NOT_SET = "Not set."


class SecretsStayIn:
    """Whoever may not write a secret does not get its box: Django shows what cannot be written as text."""

    model: type[models.Model]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        found = super().get_fieldsets(request, obj)  # type: ignore[misc]
        if self.has_change_permission(request, obj):  # type: ignore[attr-defined]
            return found
        secret = secret_fields(self.model)
        parts = [(title, {**part, "fields": _without(part["fields"], secret)}) for title, part in found]
        return [(title, part) for title, part in parts if part["fields"]]


def _without(fields: Any, names: set[str]) -> list[Any]:
    rows = [
        tuple(name for name in row if name not in names) if isinstance(row, list | tuple) else row
        for row in fields
    ]
    return [row for row in rows if row and row not in names]


class ReadOnlyAdmin(Exports, OwnRows, SecretsStayIn, ModelAdmin):  # type: ignore[misc]
    """A window on a table: nothing is added, changed or deleted through it."""

    paginator = EstimatingPaginator
    show_full_result_count = False
    # A click on a column's head would sort a million rows. A short table says None, a long one names the columns
    # that an index stands behind.
    sortable_by: ClassVar[Sequence[str] | None] = ()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class WriteOnlySecretsForm(forms.ModelForm):  # type: ignore[type-arg]
    """Secrets go in and never come out: their inputs are always empty, and empty keeps what is stored."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in secret_fields(self._meta.model) & set(self.fields):
            field, stored = self.fields[name], getattr(self.instance, name, "")
            field.widget = _SecretInput()
            field.required = field.required and not stored
            field.help_text = KEPT if stored else NOT_SET
            self.initial[name] = ""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in secret_fields(self._meta.model) & set(cleaned):
            cleaned[name] = cleaned[name] or getattr(self.instance, name, "")
        return cleaned


class _SecretInput(UnfoldAdminPasswordWidget):  # type: ignore[misc]
    """A password box that never shows what it holds, not even after an error in another field."""

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "new-password"}, render_value=False)


class AuditedAdmin(OwnRows, SecretsStayIn, ModelAdmin):  # type: ignore[misc]
    """A set-up page. Every save leaves an audit line with the names of the fields that changed."""

    warn_unsaved_form = True

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # what money has gone through is switched off, never deleted

    def save_model(self, request: HttpRequest, obj: Any, form: "BaseModelForm[Any]", change: bool) -> None:
        if not change:
            obj.save()
            write_line(request, obj, "created", fields=form.changed_data)
        elif form.changed_data:
            save_only(obj, form.changed_data)
            write_line(request, obj, "changed", fields=form.changed_data)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.save(commit=False)
        for row in formset.new_objects:
            row.save()
            write_line(request, row, "created")
        for row, fields in formset.changed_objects:
            save_only(row, fields)
            write_line(request, row, "changed", fields=fields)
        for row in formset.deleted_objects:
            write_line(request, row, "deleted")
            row.delete()
        formset.save_m2m()


def write_line(
    request: HttpRequest,
    row: models.Model,
    action: str,
    *,
    fields: list[str] | None = None,
    reason: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write the audit line of something that a person did on a page."""
    audit.write(
        action=action,
        subject=row,
        at=timezone.now(),
        actor=person(request),
        reason=reason,
        detail={**(detail or {}), **({"fields": fields} if fields else {})},
        partner_id=row.pk if row._meta.db_table == "partners" else None,
        remote_address=client_address(request),
    )


def person(request: HttpRequest) -> AbstractBaseUser:
    """Return who is logged in; the admin's pages are for nobody else."""
    if not isinstance(request.user, AbstractBaseUser):
        raise PermissionDenied
    return request.user


def column(**options: Any) -> Callable[[Method], Method]:
    """Describe a column of a list: unfold's `display` (description, ordering, label), with types."""
    found: Callable[[Method], Method] = display(**options)
    return found


def button(**options: Any) -> Callable[[Method], Method]:
    """Make a method an action of a page: unfold's `action` (icon, permissions, dialog …), with types."""
    found: Callable[[Method], Method] = action(**options)
    return found


def ago(at: datetime) -> str:
    """Say how long ago something was, with the exact time in Nairobi on hover."""
    exact = timezone.localtime(at).strftime("%-d %b %Y, %H:%M:%S")
    seconds = (timezone.now() - at).total_seconds()
    words = f"{timesince(at, depth=1)} ago" if seconds >= 60 else "just now"
    if seconds < 0:
        words = f"in {timeuntil(at, depth=1)}"
    return format_html('<span title="{}" class="whitespace-nowrap">{}</span>', exact, words)


class ReasonForm(BaseDialogForm):  # type: ignore[misc]
    """Why a person does it; the reason lands in the audit."""

    reason = forms.CharField(
        max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), help_text="Others will read it."
    )


def dialog(
    title: str, description: str, submit: str, form: type[BaseDialogForm] = ReasonForm
) -> ActionDialog:
    """Describe the dialog that asks before an action: what it will do, and why it is done."""
    return ActionDialog(title=title, description=description, form_class=form, form_submit_text=submit)


def go_to(address: str) -> HttpResponse:
    """Close an action's dialog and open a page."""
    return HttpResponse(headers={"HX-Redirect": address})
