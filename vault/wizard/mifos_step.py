"""The second step: connect a partner's Mifos, test it, take its products over."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from common.gateway import GatewayError
from mifos import operations as mifos_operations
from mifos.models import LoanProduct, MifosPartner
from partners.models import Partner
from vault.wizard import facts, frame, judging
from vault.wizard.forms import MIFOS_MORE, MifosStep
from vault.wizard.proving import facts_of, fits, proof_of, record


def page(request: HttpRequest, model_admin: Any, partner: Partner) -> HttpResponse:
    """Connect a partner's Mifos, test it, take its products over."""
    row = MifosPartner.objects.filter(partner=partner).first()
    if row and request.POST.get("act") in ACTS_ON_MIFOS:
        ACTS_ON_MIFOS[request.POST["act"]](request, row)
        return frame.back(partner, "mifos")
    works_now = (
        row is not None and judging.mifos_trouble(facts_of(partner), row) is None
    )  # before it is filled in
    form = MifosStep(request.POST or None, instance=row or MifosPartner(partner=partner))
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        said, learned = _try_mifos(form.instance)
        if frame.keep(request, said, works_now=works_now):
            if saved := _save_mifos(request, form, partner):
                mifos_operations.keep_learned(saved, learned)
                record(request, saved, facts.MIFOS_CREDENTIALS, said)
                _after_test(request, saved, said)
                return frame.back(partner, "mifos")
        else:
            context["not_kept"] = said
    return frame.show(request, model_admin, partner, "mifos", context | _mifos_context(partner, form))


def _mifos_context(partner: Partner, form: MifosStep) -> dict[str, Any]:
    row = MifosPartner.objects.filter(partner=partner).first()
    return {
        "row": row,
        "proof": proof_of(row) if row else None,
        "fits": fits(row, facts.MIFOS_CREDENTIALS),
        "products": LoanProduct.objects.filter(mifos_partner=row) if row else [],
        "main": [form[name] for name in form.fields if name not in MIFOS_MORE],
        "more": [form[name] for name in form.fields if name in MIFOS_MORE],
        "more_open": any(name in form.errors for name in MIFOS_MORE),
    }


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
    count = "1 loan product" if found.seen == 1 else f"{found.seen} loan products"
    messages.success(request, f"{count} read from Mifos: {found.new} new{gone}.")


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
