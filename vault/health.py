"""What machines ask: does the process answer, can it do its work, what are the figures."""

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from vault import metrics, readiness


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer at all: touches neither database nor Redis, whose failure no restart of ours would cure."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Say what works, in JSON; 503 when requests would fail. `?of=work` is 503 for work left lying, too."""
    report = readiness.look(at=timezone.now(), work_stops=request.GET.get("of") == "work")
    answer = {"status": report.status, "down": report.down, "checks": report.checks}
    return JsonResponse(answer, status=503 if report.down else 200)


@require_safe
@never_cache
def figures(request: HttpRequest) -> HttpResponse:
    """Give Prometheus its gauges; 503 without a database, so that the scrape counts as failed."""
    try:
        body = metrics.exposition(at=timezone.now())
    except DatabaseError as exc:
        return HttpResponse(
            f"# no figures: {type(exc).__name__}\n", status=503, content_type="text/plain; charset=utf-8"
        )
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)
