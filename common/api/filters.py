"""Filters of lists. What is unknown, empty, given twice or makes no sense is refused by name."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import django_filters  # type: ignore[import-untyped]
from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django_filters.rest_framework import DjangoFilterBackend  # type: ignore[import-untyped]
from rest_framework.request import Request

from common.api.problems import Fault, Problem
from common.ids import first_id
from common.phone import BadPhone, canonical

AROUND = timedelta(hours=1)  # between the moment that a row carries and the making of its id
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class _MomentField(forms.CharField):
    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            moment = parse_datetime(text.replace(" ", "+"))  # a plus sign that nobody encoded
        except ValueError:
            moment = None
        if moment is None:
            raise forms.ValidationError("Write a date or a moment in ISO 8601: 2026-06-03T10:00:00+03:00.")
        if timezone.is_naive(moment):
            moment = timezone.make_aware(moment)
        if not EARLIEST.year < moment.year < LATEST.year:
            raise forms.ValidationError("Write a moment between the years 2001 and 2099.")
        return moment


class _PhoneField(forms.CharField):
    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        try:
            return canonical(text.replace(" ", "+", 1) if text.startswith(" 254") else text) if text else None
        except BadPhone as exc:
            raise forms.ValidationError(f"{exc}.".capitalize()) from None


class MomentFilter(django_filters.IsoDateTimeFilter):  # type: ignore[misc]
    """A moment in ISO 8601; without a zone it is Nairobi's."""

    field_class = _MomentField


class WrittenFilter(MomentFilter):
    """The moment at which a row was written, `gte` or `lt`. Its id, which grows with time, bounds the walk too.

    So an old day of a million rows is found by the index along which the list is shown.
    """

    def filter(self, qs: QuerySet[Any], value: datetime | None) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().filter(qs, value)
        if value is None:
            return rows
        if self.lookup_expr == "gte":
            return rows.filter(pk__gte=first_id(value - AROUND))
        return rows.filter(pk__lt=first_id(value + AROUND))


class PhoneFilter(django_filters.CharFilter):  # type: ignore[misc]
    """A Kenyan mobile number in any way that people write it."""

    field_class = _PhoneField


class AmountFilter(django_filters.NumberFilter):  # type: ignore[misc]
    """Shillings, with at most two places."""

    def __init__(self, *args: Any, **options: Any) -> None:
        bounds = {"max_digits": 14, "decimal_places": 2, "min_value": Decimal(0)}
        super().__init__(*args, **bounds | options)


class _YesNoField(forms.CharField):
    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if text and text not in _YES_NO:
            raise forms.ValidationError("Write true or false.")
        return _YES_NO[text] if text else None


_YES_NO = {"true": True, "false": False}


class YesNoFilter(django_filters.BooleanFilter):  # type: ignore[misc]
    """`true` or `false`; the library's own ignores whatever else is written."""

    field_class = _YesNoField


class AnyOfFilter(django_filters.BaseInFilter, django_filters.ChoiceFilter):  # type: ignore[misc]
    """One of these words, or several with commas between them."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"help_text": "One, or several with commas between them."} | options)


class _EndsForm(forms.Form):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name, low in list(cleaned.items()):
            for first, last in (("_from", "_until"), ("_min", "_max")):
                other = name.removesuffix(first) + last
                high = cleaned.get(other) if name.endswith(first) else None
                if low is None or high is None:
                    continue
                if low > high or (first == "_from" and low == high):
                    self.add_error(name, f"{name} is not before {other}: nothing can fit.")
        return cleaned


class Filters(django_filters.FilterSet):  # type: ignore[misc]
    """The filters of one list. Ends are named `…_from` (included) and `…_until` (not), `…_min` and `…_max`."""

    def get_form_class(self) -> type[forms.Form]:
        fields = {name: found.field for name, found in self.filters.items()}
        return type(f"{type(self).__name__}Form", (_EndsForm,), fields)


class StrictFilters(DjangoFilterBackend):  # type: ignore[misc]
    """Filters by the view's `filterset_class`.

    :raises Problem: `invalid_filter`
    """

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        found = self.get_filterset(request, queryset, view)
        if found is None:
            return queryset
        empty = [
            name for name in found.filters if name in request.query_params and not request.query_params[name]
        ]
        faults = [Fault(field=name, detail="It is empty. Leave it out or give it a value.") for name in empty]
        if not found.is_valid():
            faults += [
                Fault(field=name, detail=str(error["message"]), code=str(error["code"] or "invalid"))
                for name, errors in found.form.errors.get_json_data().items()
                for error in errors
            ]
        if faults:
            raise Problem("invalid_filter", errors=faults)
        result: QuerySet[Any] = found.qs
        return result


def check_parameters(request: Request, allowed: set[str]) -> None:
    """Refuse query parameters that mean nothing here, or stand twice.

    :raises Problem: `unknown_parameter`
    """
    known = ", ".join(sorted(allowed)) or "none"
    faults = [
        Fault(field=name[:100], detail=f"There is no such parameter here. Known: {known}.", code="unknown")
        for name in request.query_params
        if name not in allowed
    ]
    twice = [name for name, values in request.query_params.lists() if name in allowed and len(values) > 1]
    faults += [Fault(field=name, detail="It is given more than once.", code="repeated") for name in twice]
    if faults:
        names = ", ".join(fault.field for fault in faults)
        raise Problem("unknown_parameter", f"These query parameters cannot be used: {names}.", errors=faults)
