"""One id that follows a piece of work through all log lines, from the webhook to the SMS."""

from collections.abc import Callable
from contextvars import ContextVar

import structlog
from django.http import HttpRequest, HttpResponse

from common.ids import new_id

_current: ContextVar[str] = ContextVar("correlation_id", default="")


def current() -> str:
    """Return the id of the work under way, made now if there is none."""
    if not _current.get():
        bind(new_id().hex)
    return _current.get()


def bind(correlation_id: str) -> None:
    """Take up the id that a row carries."""
    _current.set(correlation_id)
    structlog.contextvars.bind_contextvars(correlation_id=correlation_id)


def forget() -> None:
    _current.set("")
    structlog.contextvars.clear_contextvars()


class CorrelationMiddleware:
    """Gives each request an id of its own and says it in the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        forget()
        correlation_id = current()
        response = self.get_response(request)
        response.headers["X-Correlation-ID"] = correlation_id
        return response
