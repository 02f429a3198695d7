"""Where SMS providers push their delivery reports."""

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from common.inbound import receive
from sms import accounts
from sms.following import REPORT


@csrf_exempt
@require_POST
def delivery_report(request: HttpRequest, token: str) -> HttpResponse:
    """Store one report and answer; the sweep applies it within a second or so.

    Whatever can be stored is answered alike, known message or not, so that nothing can be learnt here.
    """
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.CALLBACK_MAX_BYTES:
        return HttpResponse(status=413)
    try:
        account = accounts.named_by(token)
        if account is None:
            return HttpResponse(status=404)
        receive(request, source="sms", kind=REPORT, subject_id=account.pk, at=timezone.now())
    except DatabaseError:  # psycopg2 calls a connection that was cut by more than one name
        return HttpResponse(status=503)
    return JsonResponse({"status": "ok"})
