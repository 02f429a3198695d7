"""Where NCBA tells us of money: size, token, content type, address, password, hash; store, answer, book.

The acknowledgements are the bank's own (NCBA push guide): anything else is sent again.
"""

from datetime import timedelta

import structlog
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from common import door, inbound
from common.models import InboundMessage
from wallet import bank, receiving, tasks
from wallet.bank_models import BankAccount
from wallet.notices import JSON_TYPES, XML_TYPES, Unreadable

log = structlog.get_logger("callbacks")

SWEEP_AFTER = timedelta(seconds=5)  # a fresh notice is applied here, at once

SOAP = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:ncba="http://mega.com/ncba"><soapenv:Body><ncba:NCBAPaymentNotificationResult><Result>{}</Result>'
    "</ncba:NCBAPaymentNotificationResult></soapenv:Body></soapenv:Envelope>"
)


class Refused(Exception):
    """A notice that is not taken, and why; the sender does not learn it."""


@csrf_exempt
@require_POST
def ncba(request: HttpRequest, token: str, what: str) -> HttpResponse:
    """Take a notice of NCBA: `what` is paybill (JSON or SOAP) or account (SOAP)."""
    if refusal := door.refused(request, f"ncba_{what}"):
        return refusal
    try:
        account = bank.named_by(token)
        if account is None:
            return door.refuse("token", f"ncba_{what}", 404)
        return _receive(request, account, what)
    except (DatabaseError, InterfaceError):
        log.exception("callback not stored", kind=f"ncba_{what}")
        return HttpResponse(status=503)  # it is sent again


def _receive(request: HttpRequest, account: BankAccount, what: str) -> HttpResponse:
    at = timezone.now()
    is_xml = request.content_type in XML_TYPES or what == "account"
    try:
        kind = _checked(request, account, what, is_xml=is_xml)
    except (Refused, Unreadable) as exc:
        reason = str(exc)
        if flood := door.flooded(request, f"ncba_{what}"):
            return flood
        log.warning("callback refused", kind=f"ncba_{what}", reason=reason)
        message, _ = inbound.receive(
            request, source=receiving.SOURCE, kind=receiving.REFUSED, subject_id=account.pk, at=at
        )
        receiving.refused(message, reason=reason, at=at)
        return _answer(is_xml=is_xml, taken=False)
    message, fresh = inbound.receive(
        request, source=receiving.SOURCE, kind=kind, subject_id=account.pk, at=at, sweep_after=SWEEP_AFTER
    )
    if fresh:
        _apply(message)
    return _answer(is_xml=is_xml, taken=True, words="" if fresh else ": Duplicate Notification")


def _checked(request: HttpRequest, account: BankAccount, what: str, *, is_xml: bool) -> str:
    """Let a notice through the provider's layers, and return the kind under which it is stored.

    :raises Refused: another content type, a wrong password, or a wrong hash where that is enforced
    :raises Unreadable: not a notice
    """
    if request.content_type not in (XML_TYPES if what == "account" else XML_TYPES | JSON_TYPES):
        raise Refused("content type")
    notice = receiving.read(what, request.body, is_xml=is_xml)
    if not receiving.password_is_right(account, notice):
        raise Refused("password")
    kind = f"ncba_{what}"
    if account.hash_mode == BankAccount.HashMode.OFF or receiving.hash_is_right(account, notice, what=what):
        return kind
    if account.hash_mode == BankAccount.HashMode.ENFORCE:
        raise Refused("hash")
    log.warning("hash is wrong", kind=kind, reference=notice.trans_id)
    return kind + receiving.DOUBTED


def _apply(message: InboundMessage) -> None:
    """Book at once: nothing outside is asked, and the wallet has it within the second."""
    try:
        tasks.apply_now(message, at=timezone.now())
    except Exception:
        log.exception("left for the sweep", message=str(message.pk))  # stored, and due


def _answer(*, is_xml: bool, taken: bool, words: str = "") -> HttpResponse:
    if is_xml:
        text = SOAP.format(f"OK{words}" if taken else "FAIL")
        return HttpResponse(text, content_type="text/xml; charset=utf-8")
    if taken:
        return JsonResponse({"ResultCode": "0", "ResultDesc": "Success"})
    return JsonResponse({"ResultCode": "1", "ResultDesc": "Not accepted"})
