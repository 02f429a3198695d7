"""Filters that lists of partners' rows share."""

from typing import Any

import django_filters  # type: ignore[import-untyped]
from django.db.models import QuerySet

from common.api.filters import Filters
from partners.models import Partner


class PartnerFilter(django_filters.CharFilter):  # type: ignore[misc]
    """A partner by its code. It is looked up first, so that the list itself walks along its own index."""

    def filter(self, qs: "QuerySet[Any]", value: str | None) -> "QuerySet[Any]":
        if not value:
            return qs
        found = Partner.objects.filter(code=value).values_list("pk", flat=True).first()
        return qs.filter(**{self.field_name: found}) if found else qs.none()


class OwnedFilters(Filters):
    """For rows with a `partner`."""

    partner = PartnerFilter(field_name="partner", help_text="Its code.")
