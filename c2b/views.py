"""Where M-Pesa tells of payments: size, token, store, answer. Everything else comes later."""

import time

import structlog
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from c2b import giving_back, prompting, receiving, tasks, validating
from c2b.addresses import called
from c2b.statuses import Channel
from common import door, inbound, nudge, tokens
from common.models import InboundMessage
from mpesa.collections import parse_notice
from partners.models import Shortcode

log = structlog.get_logger("callbacks")

SOURCE = "c2b"
TAKEN = b'{"ResultCode": 0, "ResultDesc": "Success"}'
WAKE_EVERY = 0.2  # seconds: one wake-up of the sweep is enough for all payments of this moment
_last_wake = 0.0


@csrf_exempt
@require_POST
def confirmation(request: HttpRequest, token: str) -> HttpResponse:
    """Take a payment: one statement, one commit, then the answer, which is always yes."""
    try:
        shortcode = called(token)
        if shortcode is None:
            return door.refuse("token", "c2b", 404)
        if refusal := door.refused(request, "c2b"):
            return refusal
        at = timezone.now()
        raw = request.body
        notice = parse_notice(raw)
        if notice is None or not notice.complete:
            if flood := door.flooded(request, "c2b"):
                return flood
            _keep_unreadable(request, shortcode)
        else:
            text = raw.decode(errors="replace")
            taken = receiving.take(notice, shortcode=shortcode, channel=Channel.C2B, raw=text, at=at)
            if not taken.agrees:
                log.error("a notice contradicts an earlier one", payment=str(taken.id))
    except DatabaseError:
        log.exception("payment not stored")
        return HttpResponse(status=503)
    _wake()
    return HttpResponse(TAKEN, content_type="application/json")


def _wake() -> None:
    """Wake the sweep, at most a few times a second: ten thousand payments need no ten thousand messages."""
    global _last_wake
    now = time.monotonic()
    if now - _last_wake >= WAKE_EVERY:
        _last_wake = now
        nudge.wake(tasks.sweep)


def _keep_unreadable(request: HttpRequest, shortcode: Shortcode) -> None:
    """Store what is no payment that we can read, and tell people: there may be money behind it."""
    at = timezone.now()
    message, fresh = _store(request, "c2b_unreadable", shortcode)
    if fresh:
        inbound.applied(message.pk, outcome="no payment can be read in it: compare with the statement", at=at)
        log.error("unreadable payment notice", message=str(message.pk))


def _store(request: HttpRequest, kind: str, shortcode: Shortcode) -> tuple[InboundMessage, bool]:
    at = timezone.now()
    return inbound.receive(request, source=SOURCE, kind=kind, subject_id=shortcode.pk, at=at)


@csrf_exempt
@require_POST
def validation(request: HttpRequest, token: str) -> HttpResponse:
    """Say whether a customer may pay. The same question gets the same answer."""
    try:
        shortcode = called(token)
        if shortcode is None:
            return door.refuse("token", "c2b", 404)
        if refusal := door.refused(request, "c2b"):
            return refusal
        message, fresh = _store(request, "c2b_validation", shortcode)
        if not fresh:
            earlier = InboundMessage.objects.values_list("outcome", flat=True).get(pk=message.pk)
            if earlier:
                return _verdict(earlier, message)
        at = timezone.now()
        code = validating.judge(parse_notice(request.body), shortcode=shortcode, at=at)
        inbound.applied(message.pk, outcome=code, at=at)
    except DatabaseError:
        log.exception("validation not answered")  # the default that is registered decides
        return HttpResponse(status=503)
    return _verdict(code, message)


def _verdict(code: str, message: InboundMessage) -> HttpResponse:
    if code == validating.ACCEPTED:
        return JsonResponse(
            {"ResultCode": "0", "ResultDesc": "Accepted", "ThirdPartyTransID": message.pk.hex}
        )
    return JsonResponse({"ResultCode": code, "ResultDesc": "Rejected"})


@csrf_exempt
@require_POST
def prompt_result(request: HttpRequest, token: str) -> HttpResponse:
    """Take the end of a payment that we asked for. The token names the prompt; the body is a hint."""
    subject = tokens.read(prompting.PURPOSE, token)
    if subject is None or subject.version:
        return door.refuse("token", "stk", 404)
    if refusal := door.refused(request, "stk"):
        return refusal
    at = timezone.now()
    try:
        message, fresh = inbound.receive(
            request, source=SOURCE, kind="stk_result", subject_id=subject.id, at=at
        )
    except DatabaseError:
        log.exception("callback not stored", kind="stk")
        return HttpResponse(status=503)
    if fresh:
        nudge.send(tasks.apply_prompt, message.pk)
    return HttpResponse(TAKEN, content_type="application/json")


@csrf_exempt
@require_POST
def reversal(request: HttpRequest, token: str, what: str) -> HttpResponse:
    """Take the result or the timeout notice of a reversal. The token names it; the body is a hint."""
    subject = tokens.read(giving_back.PURPOSE, token)
    if subject is None or subject.version:
        return door.refuse("token", "reversal", 404)
    if refusal := door.refused(request, "reversal"):
        return refusal
    at = timezone.now()
    try:
        message, fresh = inbound.receive(
            request, source=SOURCE, kind=f"reversal_{what}", subject_id=subject.id, at=at
        )
    except DatabaseError:
        log.exception("callback not stored", kind="reversal")
        return HttpResponse(status=503)
    if fresh:
        nudge.send(tasks.apply_reversal, message.pk)
    return HttpResponse(TAKEN, content_type="application/json")


@csrf_exempt
@require_POST
def pull_notice(request: HttpRequest, token: str) -> HttpResponse:
    """Take what M-Pesa may post to the address of a Pull registration; Pull itself is asked by us."""
    return HttpResponse(TAKEN, content_type="application/json") if called(token) else HttpResponse(status=404)
