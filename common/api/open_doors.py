"""What may be read of the API without a key: its description, what its problems mean, and that a path is not."""

from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request

from common.api.kinds import INTERNAL, KINDS, MALFORMED, NOT_FOUND, Kind
from common.api.problems import Problem, is_api, respond


class Schema(SpectacularAPIView):
    """The description in OpenAPI 3, made once in each process."""

    metadata_class = None

    def _get_schema_response(self, request: Request) -> HttpResponse:
        renderer = request.accepted_renderer
        kind = (
            f"{renderer.media_type}; charset={renderer.charset}" if renderer.charset else renderer.media_type
        )
        answer = HttpResponse(rendered(renderer.format), content_type=kind)
        answer["Cache-Control"] = "public, max-age=300"
        return answer


@lru_cache(maxsize=8)
def rendered(form: str) -> bytes:
    """Return the whole description as it is sent: writing it takes longer than everything else about it."""
    renderer = next(one for one in Schema.renderer_classes if one.format == form)()
    written: bytes | str = renderer.render(described(), renderer.media_type, {})
    return written.encode() if isinstance(written, str) else written


@lru_cache(maxsize=1)
def described() -> dict[str, Any]:
    """Return the whole description."""
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return found


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Show the description to people; everything on the page comes from us."""
    return render(request, "common/api_docs.html")


@csrf_exempt
def problems(request: HttpRequest, code: str = "") -> HttpResponse:
    """Say what the codes mean; each problem's `type` leads here."""
    if request.method not in ("GET", "HEAD"):
        return respond(Problem("method_not_allowed", headers={"Allow": "GET, HEAD"}))
    if not code:
        return JsonResponse({"problems": [_told(kind) for kind in KINDS.values()]})
    return JsonResponse(_told(KINDS[code])) if code in KINDS else nothing(request)


@csrf_exempt
def nothing(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer for addresses that are not."""
    words = "There is no such address. See /api/docs/ for those that there are."
    if request.path.endswith("/"):
        words += " They end without a slash."
    return respond(Problem(NOT_FOUND, words))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """`handler400`: what was refused before any view saw it."""
    if is_api(request):
        return respond(Problem(MALFORMED, "The request itself cannot be read: its address, host or headers."))
    return defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """`handler500`: what failed outside the views."""
    return respond(Problem(INTERNAL)) if is_api(request) else defaults.server_error(request)


def _told(kind: Kind) -> dict[str, Any]:
    return {
        "type": kind.uri,
        "code": kind.code,
        "status": kind.status,
        "title": kind.title,
        "what_to_do": kind.advice,
    }
