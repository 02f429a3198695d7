"""What partner users may see: their own partner's rows, and nothing that has not been opened to them."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def refuse(request: HttpRequest, view: Any, kwargs: dict[str, Any]) -> HttpResponse | None:
    """Refuse a page that is not for partner users, or an object that is not theirs."""
    return None
