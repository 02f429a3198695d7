"""The third step: a partner's shortcodes, and what M-Pesa says of them."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from c2b import registering
from c2b.models import Collector
from common.gateway import GatewayError
from partners import operations as partners
from partners.models import Partner, Shortcode
from vault.shortcodes import examine
from vault.wizard import facts, frame, judging
from vault.wizard.forms import SHORTCODE_MORE, ShortcodeStep
from vault.wizard.proving import facts_of, record
from wallet import polling
from wallet.observations import FloatWatch

PATIENCE = timedelta(minutes=2)  # how long the page waits for a balance before it says that none came


def page(request: HttpRequest, model_admin: Any, partner: Partner) -> HttpResponse:
    """Enter a partner's own shortcodes, and have M-Pesa say whether they work."""
    chosen = _chosen(request, partner)
    act = request.POST.get("act")
    if chosen and act in ACTS_ON_SHORTCODES:
        ACTS_ON_SHORTCODES[act](request, chosen)
        return frame.back(partner, "shortcodes", query=f"?number={chosen.number}")
    works_now = chosen is not None and _works(partner, chosen)  # before it is filled in
    form = ShortcodeStep(request.POST or None, instance=chosen or Shortcode(partner=partner))
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        said = _try_shortcode(form.instance)
        if frame.keep(request, said, works_now=works_now):
            if saved := _save_shortcode(request, form, partner):
                _after_shortcode(request, saved, said)
                return frame.back(partner, "shortcodes", query=f"?number={saved.number}")
        else:
            context["not_kept"] = said
    more = _shortcodes_context(partner, chosen, form, request)
    return frame.show(request, model_admin, partner, "shortcodes", context | more)


def _chosen(request: HttpRequest, partner: Partner) -> Shortcode | None:
    """Return the shortcode that the page is about: one of the partner's own."""
    number = request.GET.get("number", "")
    return Shortcode.objects.filter(partner=partner, number=number).first() if number else None


def _shortcodes_context(
    partner: Partner, chosen: Shortcode | None, form: ShortcodeStep, request: HttpRequest
) -> dict[str, Any]:
    found = facts_of(partner)
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
    found = facts_of(partner)
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
