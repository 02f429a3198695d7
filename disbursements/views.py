"""Where M-Pesa and Mifos call us: size, token, store, answer. What was stored is acted on, now or by the sweep."""

from datetime import timedelta

import structlog
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from common import door, inbound, nudge, tokens
from common.models import InboundMessage
from disbursements import tasks
from mifos import operations as mifos

log = structlog.get_logger("callbacks")
OURS_FOR = timedelta(seconds=5)  # a stored message is acted on at once; only what was left is the sweep's
TAKEN = {"ResultCode": 0, "ResultDesc": "Success"}  # the form of C2B; none is documented for results


@csrf_exempt
@require_POST
def daraja(request: HttpRequest, kind: str, token: str, what: str) -> HttpResponse:
    """Take a result or a timeout notice of M-Pesa. The token names what it is about; the body is a hint."""
    subject = tokens.read(kind, token)
    if subject is None or subject.version:
        return door.refuse("token", kind, 404)
    if refusal := door.refused(request, kind):
        return refusal
    if request.body[:1] != b"{" and (flood := door.flooded(request, kind)):  # M-Pesa sends JSON objects
        return flood
    at = timezone.now()
    try:
        message, fresh = inbound.receive(
            request,
            source="daraja",
            kind=f"{kind}_{what}",
            subject_id=subject.id,
            at=at,
            sweep_after=OURS_FOR,
        )
    except DatabaseError:
        log.exception("callback not stored", kind=kind)
        return HttpResponse(status=503)
    if fresh:
        _apply(message)
    return JsonResponse(TAKEN)


def _apply(message: InboundMessage) -> None:
    """Act at once: nothing outside is asked, and the money moves while the news is fresh."""
    try:
        tasks.apply_now(message, at=timezone.now())
    except Exception:
        log.exception("left for the sweep", message=str(message.pk))  # stored, and due


@csrf_exempt
@require_http_methods(["GET", "POST"])
def mifos_hook(request: HttpRequest, token: str) -> HttpResponse:
    """Take a wake-up of Mifos. Its GET is the ping at registration; its content is never believed."""
    at = timezone.now()
    try:
        host = mifos.read_webhook_token(token=token, at=at)
        if host is None:
            return door.refuse("token", "mifos", 404)
        if request.method == "GET":
            return JsonResponse({})
        if refusal := door.refused(request, "mifos") or door.flooded(request, "mifos"):
            return refusal  # a wake-up that is not heard costs the seconds until the next poll
        message, fresh = inbound.receive(
            request, source="mifos", kind="mifos_hook", subject_id=host.pk, at=at, sweep_after=OURS_FOR
        )
    except DatabaseError:
        log.exception("callback not stored", kind="mifos")
        return HttpResponse(status=503)
    if fresh:
        nudge.send(tasks.apply_hook, message.pk)
    return JsonResponse({})
