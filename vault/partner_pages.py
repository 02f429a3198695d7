"""Partners as a list with their health, the page that tells one partner's story, and the way into the set-up."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from c2b.admin import state_of
from c2b.models import C2bTransaction
from common.money import shown
from common.tones import badge
from common.windows import button, column
from disbursements.models import Disbursement
from disbursements.pages import status_badge
from mifos.models import LoanProduct
from partners.admin import PartnerAdmin
from partners.models import Partner
from sms.models import SmsNotification
from vault.wizard import pages, readiness
from wallet import balances
from wallet.models import PartnerWallet

SHOWN_LAST = 6

admin.site.unregister(Partner)


@admin.register(Partner)
class PartnerPages(PartnerAdmin):
    """The pages of `PartnerAdmin`, with what the apps above know of a partner."""

    list_display = ["named", "health", "code", "numbers", "masked_phones"]
    list_display_links = None
    list_before_template = "vault/partners_before.html"
    actions_detail = ["tell", "go_on"]

    class Media:
        css = {"all": ["common/house.css"]}

    def get_custom_urls(self) -> Any:
        return (
            *super().get_custom_urls(),
            ("set-up/new/", "partners_partner_begin", pages.begin),
            ("<uuid:object_id>/set-up/", "partners_partner_set_up", pages.resume),
            ("<uuid:object_id>/set-up/<slug:slug>/", "partners_partner_step", pages.step),
            ("<uuid:object_id>/page/", "partners_partner_page", show),
        )

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Say of all partners of the page at once how they are."""
        listed = super().get_changelist_instance(request)
        rows = list(listed.result_list)
        found = readiness.of_partners(rows, at=timezone.now())
        for row in rows:
            row.readiness = found[row.pk]
        listed.result_list = rows
        return listed

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """Lead to the six steps; the plain form takes what is posted to it."""
        if request.method == "GET":
            return redirect("admin:partners_partner_begin")
        return super().add_view(request, form_url, extra_context)

    @column(description="Partner", ordering="name")
    def named(self, partner: Partner) -> SafeString:
        address = reverse("admin:partners_partner_page", args=[partner.pk])
        return format_html('<a class="pv-link pv-strong" href="{}">{}</a>', address, partner.name)

    @column(description="Health")
    def health(self, partner: Any) -> SafeString:
        found: readiness.Readiness = partner.readiness
        words = "Ready to pay" if found.ready else "Not ready"
        following = found.next_step
        address = (
            reverse("admin:partners_partner_step", args=[partner.pk, following.slug]) if following else ""
        )
        go_on = (
            format_html(' <a class="pv-link" href="{}">{}</a>', address, found.progress) if following else ""
        )
        return format_html(
            '<span class="pv-next">{} {}{}</span>', badge(found.tone, words), found.sentence, go_on
        )

    def has_go_on_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("partners.change_partner"))

    @button(description="Page", icon="article", permissions=["view"])
    def tell(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect("admin:partners_partner_page", object_id)

    @button(description="Set-up", icon="checklist", permissions=["go_on"])
    def go_on(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect("admin:partners_partner_set_up", object_id)


def show(request: HttpRequest, object_id: UUID, model_admin: Any) -> HttpResponse:
    """Tell a partner's story: what it has, what is missing, its money, its last loans and payments."""
    partner = model_admin.get_queryset(request).filter(pk=object_id).first()
    if partner is None or not model_admin.has_view_permission(request, partner):
        raise PermissionDenied
    context = model_admin.admin_site.each_context(request) | {
        "title": str(partner),
        "opts": model_admin.model._meta,
        "partner": partner,
        "may_set_up": request.user.has_perm("partners.change_partner"),
    }
    found = context | story(partner, at=timezone.now())
    return TemplateResponse(request, "vault/partner.html", found)


def story(partner: Partner, *, at: datetime) -> dict[str, Any]:
    """Gather all that the page says."""
    found = readiness.of_partner(partner, at=at)
    held = balances.of_partner(partner.pk)
    loans = Disbursement.objects.filter(partner=partner).select_related("product").order_by("-detected_at")
    payments = C2bTransaction.objects.filter(partner=partner).order_by("-paid_at")
    products = LoanProduct.objects.filter(mifos_partner__partner=partner, is_active_in_mifos=True)
    messages = SmsNotification.objects.filter(partner=partner).order_by("-created_at")
    return {
        "readiness": found,
        "steps": found.steps,
        "missing": [step for step in found.steps if not step.green],
        "wallet": PartnerWallet.objects.filter(partner=partner).first(),
        "balances": held,
        "loans": [(row, shown(row.amount), status_badge(row)) for row in loans[:SHOWN_LAST]],
        "payments": [(row, shown(row.amount), state_of(row)) for row in payments[:SHOWN_LAST]],
        "products": products,
        "messages_sent": list(messages[:3]),
        "links": _links(partner),
    }


def _links(partner: Partner) -> dict[str, str]:
    """Return the lists behind each part, with the same filter."""

    def rows(model: str, name: str) -> str:
        return f"{reverse(f'admin:{model}_changelist')}?{name}={partner.pk}"

    return {
        "loans": rows("disbursements_disbursement", "partner__id__exact"),
        "payments": rows("c2b_c2btransaction", "partner__id__exact"),
        "messages": rows("sms_smsnotification", "partner__id__exact"),
        "keys": rows("partners_apikey", "partner__id__exact"),
    }
