"""What a page or an action says of itself, for the gate that stands before all of them (`vault/entry/gate.py`)."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpRequest

View = TypeVar("View", bound=Callable[..., Any])
Mark = bool | Callable[[HttpRequest], bool]


def harmless(view: View, *, when: Callable[[HttpRequest], bool] | None = None) -> View:
    """Let a page or an action be pressed without a fresh second factor: no money moves, no credential changes.

    Everything else that is posted asks for the code again after `STEP_UP_MINUTES`. Use it also for what must
    never be hindered: a pause, a hold.

    :param when: only for requests of which this is true
    """
    view.harmless = when or True  # type: ignore[attr-defined]
    return view


def for_partners(view: View) -> View:
    """Open a page or a list's action to partner users; it then shows and takes their own partner's rows only."""
    view.for_partners = True  # type: ignore[attr-defined]
    return view


def is_harmless(view: Any, request: HttpRequest) -> bool:
    mark: Mark = getattr(view, "harmless", False)
    return mark(request) if callable(mark) else mark


def is_for_partners(view: Any) -> bool:
    return bool(getattr(view, "for_partners", False))
