"""The desk where texts are written: variables as chips, a preview on a phone, and what it costs, all from here."""

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from common.changes import By
from common.marks import harmless
from common.money import shown
from common.windows import ago, person
from partners.models import Partner, TariffBand, fee
from sms import recent_values, texts, wording
from sms.models import SmsGateway, SmsTemplate
from sms.segments import is_gsm7, measure
from sms.wording import LANGUAGES, MessageType

NAIROBI = ZoneInfo("Africa/Nairobi")
_ONE = Decimal(1)  # a fee for SMS has one band
LONGEST = 600
SOURCES = {
    "partner": "its own text",
    "platform": "the platform's text",
    "wording": "the text that Payment Vault comes with",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a text becomes: on the phone, in parts, and in money; or why it cannot be used."""

    ok: bool
    words: str  # why it cannot be used; empty when it can
    text: str = ""
    size: str = ""
    cost: str = ""
    note: str = ""  # what makes it longer than it need be


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which text the page is about."""

    partner: Partner | None
    message_type: str
    language: str

    @property
    def query(self) -> str:
        return urlencode(
            {
                "type": self.message_type,
                "language": self.language,
                "partner": self.partner.code if self.partner else "",
            }
        )


def preview(chosen: Chosen, text: str, *, at: datetime) -> Preview:
    """Fill a text in with real or sample values, and say what it costs."""
    try:
        wording.check(chosen.message_type, text)
    except wording.BadWording as exc:
        return Preview(ok=False, words=str(exc))
    if len(text) > LONGEST:
        return Preview(ok=False, words=f"It has {len(text)} characters; {LONGEST} is the most.")
    values, _told_at = values_for(chosen)
    filled = wording.render(text, values)
    size = measure(filled)
    parts = "1 part" if size.segments == 1 else f"{size.segments} parts"
    alphabet = "GSM-7" if size.encoding == "gsm7" else "UCS-2"
    return Preview(
        ok=True,
        words="",
        text=filled,
        size=f"{parts}, {size.units} characters in {alphabet}",
        cost=_cost(chosen, size.segments, at=at),
        note=_note(filled, size.encoding),
    )


def values_for(chosen: Chosen) -> tuple[dict[str, str], datetime | None]:
    """Return the values of the preview, and when the message was written that they are of."""
    found, told_at = recent_values.of_last(
        message_type=chosen.message_type, partner_id=chosen.partner.pk if chosen.partner else None
    )
    values = dict(found)
    if chosen.partner:
        values["partner"] = chosen.partner.name
    return values, told_at


def _cost(chosen: Chosen, segments: int, *, at: datetime) -> str:
    on = at.astimezone(NAIROBI).date()
    one = fee(
        TariffBand.Kind.SMS, partner_id=chosen.partner.pk if chosen.partner else None, amount=_ONE, on=on
    )
    if one is None:
        return "Nothing is charged: no tariff has a fee for SMS."
    return f"{shown(one * segments)} for each message ({shown(one)} a part)."


def _note(filled: str, encoding: str) -> str:
    if encoding == "gsm7":
        return ""
    odd = "".join(dict.fromkeys(char for char in filled if not is_gsm7(char)))
    return f"These characters make a part hold 70 instead of 160: {odd[:20]}"


def desk(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Show one text with everything around it; save it, or go back to the default."""
    if not request.user.has_perm("sms.view_smstemplate"):
        raise PermissionDenied
    chosen = _chosen(request)
    may_write = request.user.has_perm("sms.change_smstemplate")
    held = texts.held(partner=chosen.partner, message_type=chosen.message_type, language=chosen.language)
    text, refused = held.text, ""
    if request.method == "POST":
        if not may_write:
            raise PermissionDenied
        text = request.POST.get("text", "").replace("\r\n", "\n")
        refused = _press(request, chosen, held, text)
        if not refused:
            return HttpResponseRedirect(f"{reverse('admin:sms_smstemplate_desk')}?{chosen.query}")
    context = model_admin.admin_site.each_context(request) | _context(chosen, held, text)
    context |= {"opts": model_admin.model._meta, "refused": refused, "may_write": may_write}
    return TemplateResponse(request, "sms/desk.html", context)


def _press(request: HttpRequest, chosen: Chosen, held: texts.Held, text: str) -> str:
    """Do what was pressed, and return why it was refused, if it was."""
    by, at = By(actor=person(request)), timezone.now()
    if request.POST.get("act") == "default":
        if held.own:
            texts.back_to_default(row=held.own, by=by, at=at)
        messages.success(request, "The default text holds again.")
        return ""
    try:
        saved = texts.put_text(
            partner=chosen.partner,
            message_type=chosen.message_type,
            language=chosen.language,
            text=text,
            by=by,
            at=at,
        )
    except ValidationError as exc:
        return " ".join(exc.messages)
    messages.success(
        request, "It holds from now on." if saved.made or saved.changed else "Nothing has changed."
    )
    return ""


def _context(chosen: Chosen, held: texts.Held, text: str) -> dict[str, Any]:
    values, told_at = values_for(chosen)
    label = MessageType(chosen.message_type).label
    return {
        "title": f"Texts: {label}",
        "label": label,
        "chosen": chosen,
        "held": held,
        "source": SOURCES[held.source],
        "text": text,
        "longest": LONGEST,
        "changed": text != held.text,
        "preview": preview(chosen, text, at=timezone.now()),
        "sender": _sender(chosen.partner),
        "values_of": ago(told_at) if told_at else "",
        "variables": [(name, values[name]) for name in sorted(wording.VARIABLES[chosen.message_type])],
        "types": _types(chosen),
        "languages": [
            (code, name, Chosen(**_of(chosen) | {"language": code}).query) for code, name in LANGUAGES
        ],
        "partners": Partner.objects.all(),
    }


def _of(chosen: Chosen) -> dict[str, Any]:
    return {
        "partner": chosen.partner,
        "message_type": chosen.message_type,
        "language": chosen.language,
    }


def _types(chosen: Chosen) -> list[dict[str, Any]]:
    """List all types with a mark on those that have an own text here."""
    own = SmsTemplate.objects.filter(partner=chosen.partner).values_list("message_type", "language")
    written = {message_type for message_type, language in own if language == chosen.language}
    return [
        {
            "name": one.label,
            "query": Chosen(**_of(chosen) | {"message_type": one.value}).query,
            "here": one.value == chosen.message_type,
            "own": one.value in written,
        }
        for one in MessageType
    ]


def _sender(partner: Partner | None) -> str:
    rows = SmsGateway.objects.filter(is_active=True, is_primary=True).exclude(sender_id="")
    own = rows.filter(partner=partner).first() if partner else None
    found = own or rows.filter(partner__isnull=True).first()
    return found.sender_id if found else "SMS"


def _chosen(request: HttpRequest) -> Chosen:
    said = request.GET if request.method == "GET" else request.POST
    message_type = said.get("type") or MessageType.DISBURSEMENT_CONFIRMATION
    language = said.get("language") or "en"
    if message_type not in MessageType.values or language not in dict(LANGUAGES):
        raise Http404("There is no such text.")
    code = said.get("partner", "")
    partner = Partner.objects.filter(code=code).first() if code else None
    if code and partner is None:
        raise Http404("There is no such partner.")
    return Chosen(partner=partner, message_type=str(message_type), language=language)


@harmless
@require_POST
def weigh(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Say what a text that is being written becomes; nothing is saved."""
    if not request.user.has_perm("sms.view_smstemplate"):
        raise PermissionDenied
    text = request.POST.get("text", "").replace("\r\n", "\n")
    return JsonResponse(asdict(preview(_chosen(request), text, at=timezone.now())))
