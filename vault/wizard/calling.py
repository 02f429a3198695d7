"""The three steps whose credentials are proved by a real call: Mifos, shortcodes, SMS; and the bank.

What was typed is tried out before it is saved. What does not work is saved all the same, so that nothing is lost
and the step can be left; only where it would replace credentials that work, a person has to say so.
No database transaction is open while somebody outside is asked.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse

from c2b import registering
from c2b.models import Collector
from common.gateway import GatewayError
from common.ids import new_id
from common.phone import masked
from common.windows import person
from mifos import operations as mifos_operations
from mifos.models import LoanProduct, MifosPartner
from partners import operations as partners
from partners import proofs
from partners.models import Partner, Shortcode
from partners.proofs import SetUpProof
from sms import accounts
from sms import operations as sms_operations
from sms.models import SmsGateway
from sms.wording import MessageType
from vault.shortcodes import examine
from vault.wizard import facts, frame, judging
from vault.wizard.forms import MIFOS_MORE, SHORTCODE_MORE, SMS_MORE, MifosStep, ShortcodeStep, SmsStep
from wallet import bank, polling
from wallet.observations import FloatWatch

PATIENCE = timedelta(minutes=2)  # how long the page waits for a balance before it says that none came


def record(request: HttpRequest, row: models.Model, names: Iterable[str], said: frame.Said) -> SetUpProof:
    return proofs.record(row, names, said, by=person(request), at=frame.now())


def proof_of(row: models.Model) -> SetUpProof | None:
    """Return what the last call said of a row's credentials."""
    return proofs.of_rows([row]).get(row.pk)


def _facts(partner: Partner) -> facts.Facts:
    return facts.read([partner], at=frame.now())[partner.pk]


# Mifos


def mifos(request: HttpRequest, model_admin: Any, partner: Partner) -> HttpResponse:
    """Connect a partner's Mifos, test it, take its products over."""
    row = MifosPartner.objects.filter(partner=partner).first()
    if row and request.POST.get("act") in ACTS_ON_MIFOS:
        ACTS_ON_MIFOS[request.POST["act"]](request, row)
        return frame.back(partner, "mifos")
    form = MifosStep(request.POST or None, instance=row or MifosPartner(partner=partner))
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        said, learned = _try_mifos(form.instance)
        works_now = row is not None and judging.mifos_trouble(_facts(partner), row) is None
        if frame.keep(request, said, works_now=works_now):
            if saved := _save_mifos(request, form, partner):
                mifos_operations.keep_learned(saved, learned)
                record(request, saved, facts.MIFOS_CREDENTIALS, said)
                _after_test(request, saved, said)
                return frame.back(partner, "mifos")
        else:
            context["not_kept"] = said
    status = 422 if form.errors or "not_kept" in context else 200
    return frame.show(
        request, model_admin, partner, "mifos", context | _mifos_context(partner, form), status=status
    )


def _mifos_context(partner: Partner, form: MifosStep) -> dict[str, Any]:
    row = MifosPartner.objects.filter(partner=partner).first()
    return {
        "row": row,
        "proof": proof_of(row) if row else None,
        "fits": _fits(row, facts.MIFOS_CREDENTIALS),
        "products": LoanProduct.objects.filter(mifos_partner=row) if row else [],
        "main": [form[name] for name in form.fields if name not in MIFOS_MORE],
        "more": [form[name] for name in form.fields if name in MIFOS_MORE],
        "more_open": any(name in form.errors for name in MIFOS_MORE),
    }


def _fits(row: models.Model | None, names: Iterable[str]) -> bool:
    proof = proof_of(row) if row else None
    return bool(proof and row and proof.fits(row, names))


def _try_mifos(row: MifosPartner) -> tuple[frame.Said, Any]:
    findings, learned = mifos_operations.try_out(row)
    return [(one.ok, f"{one.step.capitalize()}: {one.words}") for one in findings], learned


def _save_mifos(request: HttpRequest, form: MifosStep, partner: Partner) -> MifosPartner | None:
    try:
        return mifos_operations.put_connection(
            partner=partner, fields=frame.written(form), by=frame.by_whom(request), at=frame.now()
        ).row
    except ValidationError as exc:
        frame.refuse(form, exc)
        return None


def _after_test(request: HttpRequest, row: MifosPartner, said: frame.Said) -> None:
    if frame.good(said):
        messages.success(request, "Saved. Mifos accepts everything that paying needs.")
        if not row.products.exists():
            _sync(request, row)
    else:
        messages.warning(request, "Saved, but it does not work yet: look at what Mifos said below.")


def _sync(request: HttpRequest, row: MifosPartner) -> None:
    try:
        found = mifos_operations.sync_products(mifos_partner_id=row.pk, at=frame.now())
    except GatewayError as exc:
        messages.error(request, f"The products could not be read. {mifos_operations.explained(exc)}")
        return
    gone = f", {found.gone} no longer there" if found.gone else ""
    messages.success(request, f"{found.seen} loan products read from Mifos: {found.new} new{gone}.")


def _switch(request: HttpRequest, row: MifosPartner) -> None:
    """Let exactly the ticked products be paid without a person."""
    wanted = set(request.POST.getlist("product"))
    changed = 0
    for product in LoanProduct.objects.filter(mifos_partner=row).select_related("mifos_partner"):
        on = {"is_auto_disbursement_enabled": str(product.pk) in wanted}
        saved = mifos_operations.put_product(
            product=product, fields=on, by=frame.by_whom(request), at=frame.now()
        )
        changed += bool(saved.changed)
    words = f"{changed} product{'' if changed == 1 else 's'} switched." if changed else "Nothing has changed."
    messages.success(request, words)


def _webhook(request: HttpRequest, row: MifosPartner) -> None:
    try:
        hook = mifos_operations.register_webhook(mifos_partner_id=row.pk)
    except GatewayError as exc:
        words = mifos_operations.explained(exc)
        messages.error(request, f"Mifos has not taken our address. {words} Loans are found by polling.")
    else:
        messages.success(request, f"Mifos wakes us by its hook {hook} as soon as a loan is approved.")


ACTS_ON_MIFOS = {"sync": _sync, "products": _switch, "webhook": _webhook}


# Shortcodes


def shortcodes(request: HttpRequest, model_admin: Any, partner: Partner) -> HttpResponse:
    """Enter a partner's own shortcodes, and have M-Pesa say whether they work."""
    chosen = _chosen(request, partner)
    act = request.POST.get("act")
    if chosen and act in ACTS_ON_SHORTCODES:
        ACTS_ON_SHORTCODES[act](request, chosen)
        return frame.back(partner, "shortcodes", query=f"?number={chosen.number}")
    form = ShortcodeStep(request.POST or None, instance=chosen or Shortcode(partner=partner))
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        said = _try_shortcode(form.instance)
        works_now = chosen is not None and _works(partner, chosen)
        if frame.keep(request, said, works_now=works_now):
            if saved := _save_shortcode(request, form, partner):
                _after_shortcode(request, saved, said)
                return frame.back(partner, "shortcodes", query=f"?number={saved.number}")
        else:
            context["not_kept"] = said
    status = 422 if form.errors or "not_kept" in context else 200
    more = _shortcodes_context(partner, chosen, form, request)
    return frame.show(request, model_admin, partner, "shortcodes", context | more, status=status)


def _chosen(request: HttpRequest, partner: Partner) -> Shortcode | None:
    """Return the shortcode that the page is about: one of the partner's own."""
    number = request.GET.get("number", "")
    return Shortcode.objects.filter(partner=partner, number=number).first() if number else None


def _shortcodes_context(
    partner: Partner, chosen: Shortcode | None, form: ShortcodeStep, request: HttpRequest
) -> dict[str, Any]:
    found = _facts(partner)
    listed = [*found.own, *([found.pays] if found.pays and found.pays.partner_id is None else [])]
    adding = "add" in request.GET or bool(form.errors)
    return {
        "chosen": chosen,
        "open_form": chosen is not None or adding or not listed,
        "listed": [_card(found, row) for row in listed],
        "main": [form[name] for name in form.fields if name not in SHORTCODE_MORE],
        "more": [form[name] for name in form.fields if name in SHORTCODE_MORE],
        "more_open": any(name in form.errors for name in SHORTCODE_MORE),
    }


def _card(found: facts.Facts, row: Shortcode) -> dict[str, Any]:
    """Gather what the page says of one shortcode."""
    pays, collects = row.kind != Shortcode.Kind.C2B, row.kind != Shortcode.Kind.B2C
    paying = judging.payout_trouble(found, row) if pays else None
    collecting = judging.collecting_trouble(found, row) if collects and row.partner_id else None
    watch = FloatWatch.objects.filter(shortcode=row).first() if pays else None
    return {
        "row": row,
        "pays": pays,
        "collects": collects,
        "paying": paying,
        "collecting": collecting,
        "proof": found.proofs.get(row.pk),
        "collector": found.collectors.get(row.pk),
        "asked_at": watch.asked_at if watch else None,
        "waiting": _waiting(watch, row, found.at),
        "refused": watch.last_words if watch else "",
        "shared": row.partner_id is None,
    }


def _waiting(watch: FloatWatch | None, row: Shortcode, at: datetime) -> bool:
    """Whether M-Pesa has been asked for the balance and may still answer."""
    if watch is None or watch.asked_at is None or watch.last_words or at - watch.asked_at > PATIENCE:
        return False
    return row.balance_at is None or row.balance_at < watch.asked_at


def _works(partner: Partner, row: Shortcode) -> bool:
    found = _facts(partner)
    if row.kind == Shortcode.Kind.C2B:
        proof = found.proofs.get(row.pk)
        return bool(proof and proof.is_good and proof.fits(row, facts.SHORTCODE_CREDENTIALS))
    return judging.payout_trouble(found, row) is None


def _try_shortcode(row: Shortcode) -> frame.Said:
    fine, words = examine(row)
    return [(fine or words_are_good(line), line) for line in words]


def words_are_good(line: str) -> bool:
    """Whether a line of `examine` tells of something that works, beside others that do not."""
    return line.startswith("M-Pesa accepts")


def _save_shortcode(request: HttpRequest, form: ShortcodeStep, partner: Partner) -> Shortcode | None:
    fields = frame.written(form, without=["number"])
    try:
        return partners.put_shortcode(
            number=form.cleaned_data["number"],
            partner=partner,
            fields=fields,
            by=frame.by_whom(request),
            at=frame.now(),
        ).row
    except (ValidationError, ValueError) as exc:
        frame.refuse(form, exc)
        return None


def _after_shortcode(request: HttpRequest, row: Shortcode, said: frame.Said) -> None:
    record(request, row, facts.SHORTCODE_CREDENTIALS, said)
    if not frame.good(said):
        messages.warning(request, f"{row.number} is saved, but does not work yet: look at what M-Pesa said.")
        return
    messages.success(request, f"{row.number} is saved, and M-Pesa accepts its key.")
    if row.kind != Shortcode.Kind.C2B:
        _ask_balance(request, row)


def _test_shortcode(request: HttpRequest, row: Shortcode) -> None:
    said = _try_shortcode(row)
    record(request, row, facts.SHORTCODE_CREDENTIALS, said)
    if frame.good(said) and row.kind != Shortcode.Kind.C2B:
        _ask_balance(request, row)
    elif frame.good(said):
        messages.success(request, "M-Pesa accepts the key.")


def _ask_balance(request: HttpRequest, row: Shortcode) -> None:
    """Ask M-Pesa for the balance, which it tells to an initiator that it accepts only."""
    at = frame.now()
    watch, _made = FloatWatch.objects.get_or_create(shortcode=row)
    watch.set(asked_at=at, last_words="")
    try:
        polling.put_question(row)
    except (GatewayError, ValueError) as exc:
        watch.set(last_words=str(exc)[:200])
        messages.error(request, f"M-Pesa does not tell the balance of {row.number}: {exc}.")
    else:
        messages.success(
            request, f"M-Pesa is asked for the balance of {row.number}; it answers within a minute."
        )


def _register(request: HttpRequest, row: Shortcode) -> None:
    try:
        registering.register_urls(shortcode_id=row.pk, at=frame.now(), by=frame.by_whom(request))
    except (GatewayError, ValueError) as exc:
        messages.error(request, f"M-Pesa has not taken our addresses for {row.number}: {exc}.")
    else:
        collector = Collector.objects.get(shortcode=row)
        level = (
            messages.SUCCESS if collector.registered_note.startswith("M-Pesa has our") else messages.WARNING
        )
        messages.add_message(request, level, f"{row.number}: {collector.registered_note}")


ACTS_ON_SHORTCODES = {"test": _test_shortcode, "balance": _ask_balance, "register": _register}


# SMS


def sms(request: HttpRequest, model_admin: Any, partner: Partner) -> HttpResponse:
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
        found = _facts(partner)
        if frame.keep(request, said, works_now=row is not None and judging.sms(found).tone == "settled"):
            if saved := _save_account(request, form, partner):
                _after_account(request, saved, said, credit)
                return frame.back(partner, "sms")
        else:
            context["not_kept"] = said
    status = 422 if form.errors or "not_kept" in context else 200
    context |= {
        "row": row,
        "used": used,
        "proof": proof_of(used) if used else None,
        "fits": _fits(used, facts.SMS_CREDENTIALS),
        "main": [form[name] for name in form.fields if name not in SMS_MORE],
        "more": [form[name] for name in form.fields if name in SMS_MORE],
        "more_open": any(name in form.errors for name in SMS_MORE),
        "open_form": row is not None or used is None or bool(form.errors) or "own" in request.GET,
        "phones": [masked(phone) for phone in partner.phones],
        "report_address": accounts.report_address(row) if row and row.dlr_mode == "push" else "",
        "last_test": _last_test(partner),
    }
    return frame.show(request, model_admin, partner, "sms", context, status=status)


def _last_test(partner: Partner) -> Any:
    from sms.models import SmsNotification

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


# The bank


def try_bank(request: HttpRequest) -> None:
    """Ask NCBA by both logins of the platform's account; no money moves."""
    account = bank.active()
    if account is None:
        messages.error(request, "No account at NCBA is set up.")
        return
    found = bank.examine(account)
    record(request, account, facts.BANK_CREDENTIALS, list(found.lines))
