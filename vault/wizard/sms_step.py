"""The fifth step: the account that carries a partner's messages, its credit, and a test message."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from common.gateway import GatewayError
from common.ids import new_id
from common.phone import masked
from common.windows import person
from partners.models import Partner
from sms import accounts
from sms import operations as sms_operations
from sms.models import SmsGateway, SmsNotification
from sms.wording import MessageType
from vault.wizard import facts, frame, judging
from vault.wizard.forms import SMS_MORE, SmsStep
from vault.wizard.proving import facts_of, fits, proof_of, record


def page(request: HttpRequest, model_admin: Any, partner: Partner) -> HttpResponse:
    """Enter the account that carries a partner's messages, ask it for its credit, send a test message."""
    row = SmsGateway.objects.filter(partner=partner, is_primary=True, is_active=True).first()
    used = row or SmsGateway.objects.filter(partner=None, is_primary=True, is_active=True).first()
    act = request.POST.get("act")
    if used and act == "test":
        _test_account(request, used)
        return frame.back(partner, "sms")
    if used and act == "message":
        _send_test(request, partner)
        return frame.back(partner, "sms")
    form = SmsStep(request.POST or None, instance=row or SmsGateway(partner=partner, name=partner.name[:60]))
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        said, credit = _try_account(form.instance)
        found = facts_of(partner)
        if frame.keep(request, said, works_now=row is not None and judging.sms(found).tone == "settled"):
            if saved := _save_account(request, form, partner):
                _after_account(request, saved, said, credit)
                return frame.back(partner, "sms")
        else:
            context["not_kept"] = said
    context |= {
        "row": row,
        "used": used,
        "proof": proof_of(used) if used else None,
        "fits": fits(used, facts.SMS_CREDENTIALS),
        "main": [form[name] for name in form.fields if name not in SMS_MORE],
        "more": [form[name] for name in form.fields if name in SMS_MORE],
        "more_open": any(name in form.errors for name in SMS_MORE),
        "open_form": row is not None or used is None or bool(form.errors) or "own" in request.GET,
        "phones": [masked(phone) for phone in partner.phones],
        "report_address": accounts.report_address(row) if row and row.dlr_mode == "push" else "",
        "last_test": _last_test(partner),
    }
    return frame.show(request, model_admin, partner, "sms", context)


def _last_test(partner: Partner) -> Any:
    rows = SmsNotification.objects.filter(partner=partner, message_type=MessageType.TEST_MESSAGE)
    return rows.order_by("-created_at").first()


def _try_account(row: SmsGateway) -> tuple[frame.Said, Any]:
    try:
        credit = accounts.load(row).balance()
    except GatewayError as exc:
        return [(False, f"The provider did not tell the credit: {exc}.")], None
    return [(True, f"The provider accepts the account; it has {credit:,.2f} left.")], credit


def _save_account(request: HttpRequest, form: SmsStep, partner: Partner) -> SmsGateway | None:
    try:
        return sms_operations.put_gateway(
            partner=partner, fields=frame.written(form), by=frame.by_whom(request), at=frame.now()
        ).row
    except ValidationError as exc:
        frame.refuse(form, exc)
        return None


def _after_account(request: HttpRequest, row: SmsGateway, said: frame.Said, credit: Any) -> None:
    record(request, row, facts.SMS_CREDENTIALS, said)
    if credit is not None:
        SmsGateway.objects.filter(pk=row.pk).update(credits=credit, credits_at=frame.now())
    if frame.good(said):
        messages.success(request, f"{row.name} is saved and works.")
    else:
        messages.warning(request, f"{row.name} is saved, but does not work yet: look at what it said below.")


def _test_account(request: HttpRequest, row: SmsGateway) -> None:
    said, credit = _try_account(row)
    record(request, row, facts.SMS_CREDENTIALS, said)
    if credit is not None:
        SmsGateway.objects.filter(pk=row.pk).update(credits=credit, credits_at=frame.now())


def _send_test(request: HttpRequest, partner: Partner) -> None:
    """Put a test message to the partner's first phone into the outbox; it goes the way of all messages."""
    if not partner.phones:
        messages.error(request, "The partner has no phone yet: enter one at the first step.")
        return
    with transaction.atomic():
        row = sms_operations.enqueue(
            event_key=f"test:{new_id()}",
            message_type=MessageType.TEST_MESSAGE,
            partner_id=partner.pk,
            phone=partner.phones[0],
            context={"person": person(request).get_username()},
            at=frame.now(),
        )
    if row:
        messages.success(request, f"A test message to {masked(row.recipient_phone)} is on its way.")
