"""Filters of the windows' lists that say what they mean, and stay quick on a long table."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date
from unfold.contrib.filters.admin import RangeDateFilter

from common.ids import first_id

AROUND = timedelta(hours=1)  # between the moment that a row carries and the making of its id


class DaysFilter(RangeDateFilter):  # type: ignore[misc]
    """Days of Nairobi, both included: unfold's own ends at the midnight with which the last one begins."""

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any] | None":
        first, last = self._day("from"), self._day("to")
        if first:
            queryset = self.since(queryset, _midnight(first))
        if last:
            queryset = self.before(queryset, _midnight(last + timedelta(days=1)))
        return queryset

    def since(self, rows: "QuerySet[Any]", moment: datetime) -> "QuerySet[Any]":
        return rows.filter(**{f"{self.field_path}__gte": moment})

    def before(self, rows: "QuerySet[Any]", moment: datetime) -> "QuerySet[Any]":
        return rows.filter(**{f"{self.field_path}__lt": moment})

    def _day(self, edge: str) -> date | None:
        typed = self.used_parameters.get(f"{self.parameter_name}_{edge}")
        try:
            found = parse_date(typed) if isinstance(typed, str) else None
        except ValueError:
            return None
        return found if found and 2000 <= found.year < 2100 else None


class WrittenFilter(DaysFilter):
    """The days on which rows were written. Their ids, which grow with time, bound the walk too."""

    def since(self, rows: "QuerySet[Any]", moment: datetime) -> "QuerySet[Any]":
        return super().since(rows, moment).filter(pk__gte=first_id(moment - AROUND))

    def before(self, rows: "QuerySet[Any]", moment: datetime) -> "QuerySet[Any]":
        return super().before(rows, moment).filter(pk__lt=first_id(moment + AROUND))


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
