"""A loan product's page: limits from Mifos, the switch, the rules as a form, and the last verdicts by them."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from common.changes import By
from common.gateway import GatewayError
from common.marks import harmless
from common.money import shown
from common.tones import Tone, badge
from common.windows import ago, column, person
from disbursements.models import Disbursement
from disbursements.pages import status_badge
from mifos import operations
from mifos.admin import LoanProductAdmin
from mifos.models import LoanProduct
from mifos.rule_forms import RulesForm
from mifos.rule_words import sentences
from mifos.rules import BadRules, read_rules
from partners import pausing

SHOWN_VERDICTS = 10
LIMITS = (
    "max_per_client_per_day",
    "max_amount_per_client_per_day",
    "max_per_product_per_day",
    "max_amount_per_product_per_day",
)

admin.site.unregister(LoanProduct)


@admin.register(LoanProduct)
class ProductPages(LoanProductAdmin):
    """The list of `LoanProductAdmin`, and a page of its own for each product."""

    list_display = ["product_name", "whose", "paid", "limits", "rules_in_words", "told"]

    class Media:
        css = {"all": ["common/house.css"]}

    def get_custom_urls(self) -> Any:
        return (
            *super().get_custom_urls(),
            ("<uuid:object_id>/page/", "mifos_loanproduct_page", page),
            ("<uuid:object_id>/words/", "mifos_loanproduct_words", words),
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Lead to the product's own page; the plain form takes what is posted to it."""
        if request.method == "GET" and "_popup" not in request.GET:
            return redirect("admin:mifos_loanproduct_page", object_id)
        return super().change_view(request, object_id, form_url, extra_context)

    @column(description="Partner", ordering="mifos_partner")
    def whose(self, product: LoanProduct) -> str:
        return str(product.mifos_partner.partner)

    @column(description="Paid", ordering="is_auto_disbursement_enabled")
    def paid(self, product: LoanProduct) -> SafeString:
        return state(product)

    @column(description="Limits from Mifos")
    def limits(self, product: LoanProduct) -> str:
        return in_words(product)

    @column(description="Rules")
    def rules_in_words(self, product: LoanProduct) -> str:
        return " ".join(effect(product.disbursement_rules))

    @column(description="Told by Mifos", ordering="synced_at")
    def told(self, product: LoanProduct) -> str:
        return ago(product.synced_at) if product.synced_at else "never"


def state(product: LoanProduct) -> SafeString:
    """Say in a word and a colour whether loans of a product are paid."""
    if not product.is_active_in_mifos:
        return badge(Tone.OFF, "no longer in Mifos")
    if product.is_auto_disbursement_enabled:
        return badge(Tone.SETTLED, "by itself")
    return badge(Tone.OFF, "by a person only")


def in_words(product: LoanProduct) -> str:
    """Say which amounts Mifos allows."""
    low, high = product.min_disbursement_amount, product.max_disbursement_amount
    if low is None and high is None:
        return "Mifos sets no limits."
    return f"{shown(low) if low is not None else 'any'} to {shown(high) if high is not None else 'any'}"


def effect(rules: Any) -> list[str]:
    """Say what stored rules do; where they cannot be read, that nothing is paid by them."""
    try:
        return sentences(read_rules(rules))
    except BadRules as exc:
        return ["These rules cannot be read, so nothing is paid by them.", *str(exc).splitlines()]


def _product(request: HttpRequest, model_admin: Any, object_id: UUID) -> LoanProduct:
    rows = model_admin.get_queryset(request).select_related("mifos_partner__partner")
    product: LoanProduct | None = rows.filter(pk=object_id).first()
    if product is None or not model_admin.has_view_permission(request, product):
        raise PermissionDenied
    return product


def page(request: HttpRequest, object_id: UUID, model_admin: Any) -> HttpResponse:
    """Show a product; save its switches and rules, or take its limits over from Mifos."""
    product = _product(request, model_admin, object_id)
    may_change = model_admin.has_change_permission(request, product)
    if request.method == "POST" and not may_change:
        raise PermissionDenied
    if request.POST.get("act") == "sync":
        _sync(request, product)
        return _back(product)
    form = RulesForm(request.POST or None, product=product)
    if request.method == "POST" and form.is_valid() and _save(request, form, product):
        return _back(product)
    context = model_admin.admin_site.each_context(request) | {
        "title": product.product_name,
        "opts": model_admin.model._meta,
        "product": product,
        "partner": product.mifos_partner.partner,
        "state": state(product),
        "limits": in_words(product),
        "form": form,
        "counts": [form[name] for name in LIMITS],
        "effect": effect(
            form.cleaned_data["rules"] if form.is_bound and form.is_valid() else product.disbursement_rules
        ),
        "verdicts": verdicts(product),
        "dial": pausing.standing(partner_id=product.mifos_partner.partner_id, product_id=product.pk),
        "loans": f"{reverse('admin:disbursements_disbursement_changelist')}?q={product.product_name}",
        "may_change": may_change,
    }
    return TemplateResponse(request, "vault/product.html", context)


def _rules_shown(form: RulesForm, product: LoanProduct) -> Any:
    """Return what was typed where it can be used, else what holds."""
    return form.cleaned_data["rules"] if form.is_bound and form.is_valid() else product.disbursement_rules


def _back(product: LoanProduct) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:mifos_loanproduct_page", args=[product.pk]))


def _save(request: HttpRequest, form: RulesForm, product: LoanProduct) -> bool:
    said = form.cleaned_data
    fields = {
        "is_auto_disbursement_enabled": said["is_auto_disbursement_enabled"],
        "sms_notifications_enabled": said["sms_notifications_enabled"],
        "disbursement_rules": said["rules"],
    }
    try:
        saved = operations.put_product(
            product=product, fields=fields, by=By(actor=person(request)), at=timezone.now()
        )
    except ValidationError as exc:
        form.add_error(None, " ".join(exc.messages))
        return False
    told = "The rules hold from the next loan that is checked." if saved.changed else "Nothing has changed."
    messages.success(request, told)
    return True


def _sync(request: HttpRequest, product: LoanProduct) -> None:
    try:
        found = operations.sync_products(mifos_partner_id=product.mifos_partner_id, at=timezone.now())
    except GatewayError as exc:
        words = operations.explained(exc, tenant=product.mifos_partner.mifos_tenant_id)
        messages.error(request, f"Mifos could not be asked, so the limits are the old ones. {words}")
        return
    old, now = in_words(product), in_words(LoanProduct.objects.get(pk=product.pk))
    change = f"The limits were {old} and are {now}." if old != now else f"The limits are the same: {now}."
    gone = f" {found.gone} are no longer there." if found.gone else ""
    messages.success(
        request, f"Mifos has {found.seen} products, {found.new} of them new here.{gone} {change}"
    )


def verdicts(product: LoanProduct) -> list[dict[str, Any]]:
    """Return what the checks said of the last loans of a product."""
    rows = Disbursement.objects.filter(product=product).exclude(checks=[]).order_by("-pk")
    return [_verdict(row) for row in rows[:SHOWN_VERDICTS]]


def _verdict(row: Disbursement) -> dict[str, Any]:
    refused = [check for check in row.checks if not check["ok"]]
    passed = len(row.checks) - len(refused)
    good = f"All {passed} checks said yes."
    return {
        "row": row,
        "amount": shown(row.amount),
        "state": status_badge(row),
        "refused": refused,
        "words": " ".join(check["words"] for check in refused) or good,
    }


@harmless
@require_POST
def words(request: HttpRequest, object_id: UUID, model_admin: Any) -> HttpResponse:
    """Say what rules that are being typed would do; nothing is saved."""
    form = RulesForm(request.POST, product=_product(request, model_admin, object_id))
    if form.is_valid():
        told, trouble = effect(form.cleaned_data["rules"]), False
    else:
        told, trouble = [str(line) for errors in form.errors.values() for line in errors], True
    return HttpResponse(render_to_string("vault/product_effect.html", {"effect": told, "trouble": trouble}))
