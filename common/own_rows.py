"""Whose rows a page may show: people of a partner see their own partner's, and nothing else.

A window says by `partner_path` how its rows lead to their partner ("partner", "wallet__partner", "pk" for partners
themselves). A window without it is closed to partner users, so that a new page leaks nothing from its first day.
"""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib.admin import FieldListFilter, ListFilter
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseRedirect


def bound_to(user: Any) -> UUID | None:
    """Return the partner to whom a person belongs; None for people of the platform."""
    link = getattr(user, "partner_user", None)  # one query in a request: Django remembers the answer
    return link.partner_id if link is not None else None


def partner_of(request: HttpRequest) -> UUID | None:
    """Return the partner whose rows alone this request may see; None: all."""
    return bound_to(request.user)


class OwnRows:
    """A window that shows people of a partner their own partner's rows, and is closed to them without a path."""

    partner_path: ClassVar[str | None] = None

    def get_queryset(self, request: HttpRequest) -> Any:
        return self.own_rows(request, super().get_queryset(request))  # type: ignore[misc]

    def own_rows(self, request: HttpRequest, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        """Narrow rows to those that this person may see."""
        partner_id = partner_of(request)
        if partner_id is None:
            return rows
        return rows.filter(**{self.partner_path: partner_id}) if self.partner_path else rows.none()

    def has_module_permission(self, request: HttpRequest) -> bool:
        open_ = partner_of(request) is None or self.partner_path is not None
        return open_ and bool(super().has_module_permission(request))  # type: ignore[misc]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_theirs(request, obj) and bool(
            super().has_view_permission(request, obj)  # type: ignore[misc]
        )

    def _is_theirs(self, request: HttpRequest, obj: Any) -> bool:
        if partner_of(request) is None:
            return True
        if self.partner_path is None or obj is None:
            return self.partner_path is not None
        row_id = obj.pk if isinstance(obj, models.Model) else obj
        return bool(self.get_queryset(request).filter(pk=row_id).exists())

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Leave out filters whose choices would name others: relations, and values read from the whole table."""
        found = super().get_list_filter(request)  # type: ignore[misc]
        if partner_of(request) is None:
            return found
        return [one for one in found if self._names_nobody(one)]

    def _names_nobody(self, one: Any) -> bool:
        if isinstance(one, type) and issubclass(one, ListFilter) and not issubclass(one, FieldListFilter):
            return bool(getattr(one, "for_partners", False))
        name = one[0] if isinstance(one, tuple | list) else one
        try:
            field: Any = self.model._meta.get_field(str(name))  # type: ignore[attr-defined]
        except FieldDoesNotExist:
            return False
        return not field.is_relation and bool(
            field.choices or isinstance(field, models.BooleanField | models.DateField)
        )

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> Any:
        """Django leads to the first page with a sentence; to people of a partner, others' rows are not there."""
        if partner_of(request) is not None:
            raise Http404
        answer: HttpResponseRedirect = super()._get_obj_does_not_exist_redirect(  # type: ignore[misc]
            request, opts, object_id
        )
        return answer
