"""What every view of the API is made of. None can forget who may do what, or whose rows these are."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID

from django.db import transaction
from django.db.models import Model, QuerySet
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.functional import cached_property
from rest_framework.generics import GenericAPIView
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from common.api import etags, limits
from common.api.bodies import ProblemJson, StrictJson
from common.api.filters import StrictFilters, check_parameters
from common.api.pages import PARAMETERS, Pages
from common.api.problems import Problem, wrong_field
from common.changes import By
from partners.api import use
from partners.api.keys import BearerKey, Caller
from partners.models import Partner, Scope

METHODS = ("get", "post", "put", "patch", "delete")
Row = TypeVar("Row", bound=Model)


class ApiView(GenericAPIView[Any]):
    """A door of the API. Each subclass says, and is refused at import where it does not:

    `scopes`         the scope for each of its methods
    `rows`           all rows that it may ever show (a QuerySet), or None where it shows none
    `owner`          the path from a row to its partner's id; not needed where `platform_only`

    Besides, for the documentation and for itself: `serializer_class` (what it shows), `takes` (a serializer for the
    body of a method), `gives` (status and serializer of an answer that is not 200 with what it shows), `says` (one
    line for a method), `refusals` (codes besides the usual ones). The subclass's docstring is for its callers.
    """

    authentication_classes = [BearerKey]
    permission_classes = []
    parser_classes = [StrictJson]
    renderer_classes = [JSONRenderer, ProblemJson]
    filter_backends = [StrictFilters]
    pagination_class = Pages
    metadata_class = None
    lookup_field = "pk"
    lookup_url_kwarg = "id"

    scopes: ClassVar[Mapping[str, str]] = {}
    platform_only: ClassVar[bool] = False
    rows: ClassVar["QuerySet[Any] | None"] = None
    owner: ClassVar[str] = ""
    says: ClassVar[Mapping[str, str]] = {}
    takes: ClassVar[Mapping[str, Any]] = {}
    gives: ClassVar[Mapping[str, tuple[int, Any]]] = {}
    refusals: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    is_list: ClassVar[bool] = False
    is_settings: ClassVar[bool] = False
    parameters: ClassVar[Mapping[str, str]] = {}  # of a GET besides filters and pages: name and meaning
    order: ClassVar[str] = "-id"  # of a list: one column, unique and indexed (see `Pages`)

    def __init_subclass__(cls, *, abstract: bool = False, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "queryset" in cls.__dict__ or "get_queryset" in cls.__dict__:
            raise TypeError(f"{cls.__name__}: say `rows` and `owner`, so that nobody sees what is another's")
        if abstract:
            return
        methods = {name.upper() for name in METHODS if hasattr(cls, name)}
        if methods != set(cls.scopes) or not set(cls.scopes.values()) <= set(Scope.values):
            raise TypeError(f"{cls.__name__}: `scopes` must name one scope for each of {sorted(methods)}")
        known = cls.owner or cls.platform_only or cls.of_partner is not ApiView.of_partner
        if cls.rows is not None and not known:
            raise TypeError(f"{cls.__name__}: say by `owner` whose the rows are")

    @property
    def caller(self) -> Caller:
        return cast(Caller, self.request.user)

    @property
    def by(self) -> By:
        """Who the audit names: the key."""
        return self.caller.by

    @cached_property
    def at(self) -> datetime:
        """The moment of this request."""
        return timezone.now()

    def given(self, method: str) -> tuple[int, Any]:
        """Return status and serializer of a method's good answer."""
        return self.gives.get(method, (200, self.serializer_class))

    def is_money(self, method: str) -> bool:
        """Whether a method moves money and so needs an Idempotency-Key (`partners.api.money`)."""
        return hasattr(getattr(self, method.lower(), None), "moves_money")

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        filters = getattr(self, "filterset_class", None)
        listing = self.is_list and request.method in ("GET", "HEAD")
        names = {*(filters.base_filters if filters else ()), *PARAMETERS} if listing else set()
        names |= set(self.parameters) if request.method in ("GET", "HEAD") else set()
        check_parameters(request, names)

    def show(self, row: Any, *, method: str | None = None) -> dict[str, Any]:
        """Return what a caller is shown of a row: by the serializer in `gives`, else the view's own."""
        _, serializer = self.given(method or self.request.method or "GET")
        return dict(serializer(row, context=self.get_serializer_context()).data)

    def told(self, row: Any, status: int = 200, *, location: str = "") -> Response:
        """Answer with a row of settings and its tag; with nothing where the caller has it already."""
        shown = self.show(row)
        headers = {"ETag": etags.etag(shown)} | ({"Location": location} if location else {})
        if self.request.method in ("GET", "HEAD") and etags.unchanged(self.request, headers["ETag"]):
            return Response(status=304, headers=headers)
        return Response(shown, status=status, headers=headers)

    def check_permissions(self, request: Request) -> None:
        """:raises Problem: the key is not the platform's, or lacks the scope"""
        method = "GET" if request.method == "HEAD" else request.method
        scope = self.scopes.get(method or "")
        if scope is None:
            return  # the framework answers 405
        if self.platform_only and not self.caller.is_platform:
            raise Problem("platform_only")
        if not self.caller.may(scope):
            raise Problem("scope_missing", f"This needs a key with the scope “{scope}”.")

    def check_throttles(self, request: Request) -> None:
        """:raises Problem: the key has asked too often"""
        self._quota = limits.count(
            f"key:{self.caller.key_id.hex}",
            limit=self.caller.rate,
            note=use.mark(self.caller.key_id, self.at),
        )
        if self._quota and self._quota.spent:
            wait = self._quota.seconds
            words = f"This key may ask {self._quota.limit} times a minute. Wait {wait} seconds."
            raise Problem("rate_limited", words, headers={"Retry-After": str(wait)})

    def finalize_response(
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> Any:
        final = super().finalize_response(request, cast(Response, response), *args, **kwargs)
        final.headers["Cache-Control"] = "no-store"
        quota = getattr(self, "_quota", None)
        for name, value in (quota.headers() if quota else {}).items():
            final.headers[name] = value
        return final

    def get_queryset(self) -> "QuerySet[Any]":
        """Return the rows that this caller may see; the only way to rows in a view."""
        if self.rows is None:
            raise TypeError(f"{type(self).__name__} has no `rows`")
        if getattr(self, "swagger_fake_view", False):
            return self.rows.none()
        return self.own(self.rows.all())

    def own(self, rows: "QuerySet[Row]", owner: str = "") -> "QuerySet[Row]":
        """Keep those rows that are the caller's.

        :param owner: the path to the partner's id, where the rows are not the view's own
        """
        if self.caller.partner is None:
            return rows
        return (
            rows.filter(**{owner: self.caller.partner.pk})
            if owner
            else self.of_partner(rows, self.caller.partner.pk)
        )

    def of_partner(self, rows: "QuerySet[Row]", partner_id: UUID) -> "QuerySet[Row]":
        """Keep a partner's rows: by `owner`; a view whose rows are found otherwise says it here."""
        if not self.owner:
            raise TypeError(f"{type(self).__name__}: say by `owner` whose the rows are")
        return rows.filter(**{self.owner: partner_id})

    def row(self, *, lock: bool = False) -> Any:
        """Return the row that the address names.

        :param lock: against others' changes; within a transaction
        :raises Http404: there is none, or it is another's
        """
        rows = self.get_queryset()
        found = (rows.select_for_update(of=("self",)) if lock else rows).filter(pk=self.kwargs["id"]).first()
        if found is None:
            raise Problem("not_found")
        return found

    def body(self, **options: Any) -> dict[str, Any]:
        """Return what the body says, by the serializer in `takes` of this method.

        :raises ValidationError: a field is not right
        """
        takes = self.takes[self.request.method or ""]
        serializer = takes(data=self.request.data, context=self.get_serializer_context(), **options)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def partner_of(self, code: str | None) -> Partner:
        """Return whom a wish is for: a partner's key may leave it out, the platform must say it.

        :raises Problem: `invalid`, no such partner, or another's
        """
        own = self.caller.partner
        if own is not None:
            if code not in (None, own.code):
                raise wrong_field("partner", "This key is of another partner. Leave it out.", code="foreign")
            return own
        if not code:
            raise wrong_field(
                "partner", "The platform's key says for which partner, by its code.", code="required"
            )
        found = Partner.objects.filter(code=code).first()
        if found is None:
            raise wrong_field("partner", "There is no partner of this code.", code="unknown")
        return found


class ListView(ApiView, abstract=True):
    """`GET` of a list: filtered by `filterset_class`, in pages along `order`."""

    is_list = True

    def get(self, request: Request, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        _, serializer = self.given("GET")
        shown = serializer(page, many=True, context=self.get_serializer_context())
        return self.get_paginated_response(shown.data)


class DetailView(ApiView, abstract=True):
    """`GET` of one row, by the `id` in its address."""

    pagination_class = None  # type: ignore[assignment]
    filter_backends = []

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(self.show(self.row()))


class SettingsView(DetailView, abstract=True):
    """Settings that are read with an `ETag` and changed with `If-Match`.

    A subclass gives `serializer_class` (what is shown), `takes["PATCH"]` (what may be changed) and
    `change(row, wanted)`.
    """

    is_settings = True

    def get(self, request: Request, **kwargs: Any) -> Response:
        return self.told(self.row())

    def patch(self, request: Request, **kwargs: Any) -> Response:
        with transaction.atomic():
            row = self.row(lock=True)
            etags.require_match(request, etags.etag(self.show(row)))
            row = self.change(row, self.body(instance=row, partial=True))
        return self.told(row)

    def change(self, row: Any, wanted: dict[str, Any]) -> Any:
        """Change the row (it is locked) by an operation that audits it, and return it."""
        raise NotImplementedError
