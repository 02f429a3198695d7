"""The addresses that M-Pesa, Mifos and the others call, and the short way there.

Sessions, CSRF tokens and the headers of pages are for people: a machine that posts ten thousand payments in a minute
needs none of them, and their work would be a quarter of what a payment costs us.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import include, path, resolve

FIRST = "/callbacks/"

urlpatterns = [
    path("", include("c2b.urls")),
    path("", include("disbursements.urls")),
    path("", include("sms.urls")),
    path("", include("wallet.urls")),
]


class StraightToCallbacks:
    """Answers what is called under `/callbacks/` without the middleware that stands behind this one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(FIRST):
            return self.get_response(request)
        found = request.resolver_match = resolve(request.path_info, __name__)
        response: HttpResponse = found.func(request, *found.args, **found.kwargs)
        response.headers["Content-Length"] = str(len(response.content))  # else the connection is not kept
        return response
