"""Errors of the API as `application/problem+json` (RFC 9457): never HTML, never a stack."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.core import exceptions as django
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from rest_framework import exceptions as drf

from common import correlation
from common.api.kinds import CONFLICT, INTERNAL, INVALID, KINDS, MALFORMED, NOT_FOUND, UNAVAILABLE, Kind

log = structlog.get_logger("api")

CONTENT_TYPE = "application/problem+json"
_UNIQUE = "23505"  # PostgreSQL: unique_violation, where two made the same at one moment
CHALLENGE = 'Bearer realm="Payment Vault"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with one field of a body or one query parameter."""

    field: str
    detail: str
    code: str = "invalid"


class Problem(drf.APIException):
    """Raise it to answer with a problem. What it is follows from its code (`common.api.kinds`)."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.kind: Kind = KINDS[code]
        super().__init__(detail or self.kind.advice, code)
        self.status_code = self.kind.status
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        if self.kind.status == 401:
            self.headers.setdefault("WWW-Authenticate", CHALLENGE)

    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "type": self.kind.uri,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": str(self.detail),
            "code": self.kind.code,
            "correlation_id": correlation.current(),
        }
        if self.errors:
            found["errors"] = [
                {"field": fault.field, "code": fault.code, "detail": fault.detail} for fault in self.errors
            ]
        return found


def respond(problem: Problem) -> HttpResponse:
    """Write a problem down; the same for views of the framework and for all that happens outside them."""
    text = json.dumps(problem.body(), ensure_ascii=False)
    response = HttpResponse(text, status=problem.kind.status, content_type=CONTENT_TYPE)
    for name, value in ({"Cache-Control": "no-store"} | problem.headers).items():
        response.headers[name] = value
    return response


def answer(exc: Exception, context: Mapping[str, Any] | None = None) -> HttpResponse:
    """Turn whatever a view raised into a problem (REST framework's `EXCEPTION_HANDLER`)."""
    problem = problem_of(exc)
    if problem.kind.code == INTERNAL:
        log.exception("the API failed", exc_info=exc)
    return respond(problem)


def problem_of(exc: Exception) -> Problem:
    """Say which problem an exception is; what nobody has thought of is ours."""
    if isinstance(exc, Problem):
        return exc
    if isinstance(exc, drf.ValidationError):
        return Problem(INVALID, errors=list(_faults(exc.get_full_details())))
    if isinstance(exc, django.ValidationError):
        return invalid(exc)
    if isinstance(exc, OperationalError | InterfaceError):
        log.warning("the database is away", reason=type(exc).__name__)
        return Problem(UNAVAILABLE, headers={"Retry-After": "5"})
    if isinstance(exc, IntegrityError) and getattr(exc.__cause__, "pgcode", "") == _UNIQUE:
        return Problem(CONFLICT, "There is one with these particulars already.")
    for kinds, code in _PLAIN:
        if isinstance(exc, kinds):
            return Problem(code)
    return Problem(INTERNAL)


_PLAIN: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (drf.ParseError, MALFORMED),
    ((drf.NotAuthenticated, drf.AuthenticationFailed), "key_missing"),
    ((drf.PermissionDenied, django.PermissionDenied), "scope_missing"),
    ((drf.NotFound, Http404), NOT_FOUND),
    (drf.MethodNotAllowed, "method_not_allowed"),
    (drf.NotAcceptable, "not_acceptable"),
    (drf.UnsupportedMediaType, "unsupported_media_type"),
    (drf.Throttled, "rate_limited"),
    (django.RequestDataTooBig, "too_large"),
    ((django.SuspiciousOperation, django.BadRequest, UnreadablePostError), MALFORMED),
)


def invalid(exc: django.ValidationError, *, names: Mapping[str, str] | None = None) -> Problem:
    """Name the fields that a model refused.

    :param names: how the API calls a column, where it calls it otherwise
    """
    if not hasattr(exc, "error_dict"):
        return Problem(INVALID, " ".join(exc.messages))
    faults = [
        Fault(field=(names or {}).get(name, name) if name != "__all__" else "", detail=message)
        for name, messages in exc.message_dict.items()
        for message in messages
    ]
    return Problem(INVALID, errors=faults)


def wrong_field(field: str, detail: str, *, code: str = "invalid") -> Problem:
    """Refuse a body for one field."""
    return Problem(INVALID, errors=[Fault(field=field, detail=detail, code=code)])


def _faults(details: Any, path: str = "") -> Iterator[Fault]:
    if isinstance(details, Mapping) and set(details) == {"message", "code"}:
        yield Fault(field=path, detail=str(details["message"]), code=str(details["code"]))
    elif isinstance(details, Mapping):
        for name, inner in details.items():
            here = "" if name == "non_field_errors" else str(name)
            yield from _faults(inner, ".".join(part for part in (path, here) if part))
    elif isinstance(details, list):
        plain = all(isinstance(inner, Mapping) and set(inner) == {"message", "code"} for inner in details)
        for index, inner in enumerate(details):
            yield from _faults(inner, path if plain else f"{path}.{index}".lstrip("."))


def is_api(request: HttpRequest) -> bool:
    return request.path == "/api" or request.path.startswith("/api/")
