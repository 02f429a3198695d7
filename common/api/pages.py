"""Long lists by keyset: each page is one walk along an index, however many rows there are; nothing is counted."""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from common.api.problems import Fault, Problem

USUAL, MOST = 50, 200
PARAMETERS = ("cursor", "page_size")
FORWARD, BACK = "next", "previous"


class Pages(BasePagination):
    """Pages by one column that is unique, indexed (together with the owner) and never changes.

    The view names it as `order`: `-id` is the newest first, since ids grow with time.
    """

    def paginate_queryset(  # type: ignore[override]
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any] | None:
        self._request, self._order = request, view.order
        self._name = self._order.lstrip("-")
        size = _size(request)
        way, key = self._cursor(queryset.model)
        falling = self._order.startswith("-") != (way == BACK)
        if key is not None:
            queryset = queryset.filter(**{f"{self._name}__{'lt' if falling else 'gt'}": key})
        rows = list(queryset.order_by(f"{'-' if falling else ''}{self._name}")[: size + 1])
        more, rows = len(rows) > size, rows[:size]
        if way == BACK:
            rows.reverse()
        self._after = more if way == FORWARD else True
        self._before = more if way == BACK else key is not None
        self._rows: Sequence[Model] = rows
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "next": self._link(FORWARD, self._rows[-1]) if self._after and self._rows else None,
                "previous": self._link(BACK, self._rows[0]) if self._before and self._rows else None,
                "results": data,
            }
        )

    def _cursor(self, model: type[Model]) -> tuple[str, Any]:
        text = self._request.query_params.get("cursor")
        if text is None:
            return FORWARD, None
        try:
            order, way, key = json.loads(base64.urlsafe_b64decode(text.encode("ascii") + b"=="))
            found = model._meta.get_field(self._name).to_python(str(key))  # type: ignore[union-attr]
        except (ValueError, TypeError, RecursionError, binascii.Error, ValidationError):
            raise Problem("bad_cursor") from None
        if order != self._order or way not in (FORWARD, BACK):
            raise Problem("bad_cursor")
        return way, found

    def _link(self, way: str, row: Model) -> str:
        key = json.dumps([self._order, way, str(getattr(row, self._name))], separators=(",", ":"))
        cursor = base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")
        return replace_query_param(self._request.build_absolute_uri(), "cursor", cursor)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "From `next` or `previous` of another page of this list.",
                "schema": {"type": "string"},
            },
            {
                "name": "page_size",
                "in": "query",
                "required": False,
                "description": "How many rows a page has at most.",
                "schema": {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
            },
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }


def _size(request: Request) -> int:
    text = request.query_params.get("page_size", str(USUAL))
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MOST):
        fault = Fault(field="page_size", detail=f"Write a whole number from 1 to {MOST}.")
        raise Problem("invalid_filter", errors=[fault])
    return int(text)
