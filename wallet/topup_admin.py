"""The page of top-ups that are asked for on a phone."""

from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from common import nudge
from common.marks import for_partners
from common.money import shown
from common.own_rows import partner_of
from common.phone import masked
from common.revealing import hidden
from common.windows import (
    ReadOnlyAdmin,
    ago,
    button,
    column,
    dialog,
    go_to,
    person,
)
from partners.models import Partner
from wallet import exported, listing, tasks, topups
from wallet.bank_models import TopUp
from wallet.operations import Contradiction

TOPUP_LABELS = {
    "Asked": "info",
    "Sending": "info",
    "On the phone": "info",
    "Unknown": "warning",
    "Credited": "success",
    "Failed": "danger",
    "Expired": "default",
}


class AskForm(BaseDialogForm):  # type: ignore[misc]
    """Who tops up, from which phone, and how much. The key makes a second click the same wish."""

    partner = forms.ModelChoiceField(
        queryset=Partner.objects.filter(is_active=True), widget=UnfoldAdminSelectWidget
    )
    phone = forms.CharField(max_length=20, widget=UnfoldAdminTextInputWidget, help_text="07… or 2547…")
    amount = forms.DecimalField(
        min_value=1, decimal_places=0, widget=UnfoldAdminDecimalFieldWidget, help_text="Whole shillings."
    )
    key = forms.CharField(initial=lambda: str(uuid4()), widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        own = partner_of(self.request)
        if own is not None:
            self.fields["partner"].queryset = Partner.objects.filter(pk=own, is_active=True)


@admin.register(TopUp)
class TopUpAdmin(ReadOnlyAdmin):
    partner_path = "partner"
    list_display = ["asked", "partner", "amount_shown", "to_phone", "state", "reason"]
    list_filter = ["status", "partner"]
    list_select_related = ["partner"]
    ordering = ["-pk"]
    search_fields = ["phone"]  # shows the box; `get_search_results` looks
    search_help_text = "Phone, key, or NCBA's id of the push"
    export_columns = exported.TOPUPS
    phone_fields = ("phone",)
    actions_list = ["ask"]
    readonly_fields = ["asked", "amount_shown", "to_phone", "state", "next_step", "hint_said", "history"]
    fieldsets = [
        (
            None,
            {"fields": ["state", "partner", "amount_shown", "to_phone", "reference", "credit", "attention"]},
        ),
        ("What happens next", {"fields": ["next_step", "hint_said"]}),
        ("History", {"fields": ["history", "asked_by", "client_key", "transaction_id"]}),
    ]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        return (listing.topups(queryset, search_term) if search_term.strip() else queryset), False

    @column(description="Asked", ordering="asked_at")
    def asked(self, row: TopUp) -> str:
        return ago(row.asked_at)

    @column(description="Amount", ordering="amount")
    def amount_shown(self, row: TopUp) -> str:
        return shown(row.amount)

    @column(description="Phone")
    def to_phone(self, row: TopUp) -> str:
        return hidden(row)

    @column(description="State", ordering="status", label=TOPUP_LABELS)
    def state(self, row: TopUp) -> str:
        return str(row.get_status_display())

    @column(description="Next")
    def next_step(self, row: TopUp) -> str:
        if row.next_step_at is None:
            return "Nothing more by itself."
        return format_html("We look again {}; it is given up {}.", ago(row.next_step_at), ago(row.expires_at))

    @column(description="NCBA's hint")
    def hint_said(self, row: TopUp) -> str:
        return f"{row.hint_words} (a hint, no proof)" if row.hint_words else "None yet."

    @column(description="History")
    def history(self, row: TopUp) -> str:
        lines = ((ago(one.at), one.note) for one in row.events.all())
        return format_html_join("", "<div>{}: {}</div>", lines)

    def has_turn_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("wallet.operate_topup"))

    @for_partners
    @button(
        description="Ask for a top-up…",
        icon="add_card",
        variant=ActionVariant.PRIMARY,
        permissions=["turn"],
        dialog=dialog(
            "Ask for a top-up",
            "The phone is asked for its M-Pesa PIN. The wallet is credited when the bank tells of the payment.",
            "Ask",
            AskForm,
        ),
    )
    def ask(self, request: HttpRequest, form: Any) -> HttpResponse:
        wish = form.cleaned_data
        try:
            row = topups.ask_topup(
                partner_id=wish["partner"].pk,
                phone=wish["phone"],
                amount=wish["amount"],
                client_key=wish["key"],
                at=timezone.now(),
                by=person(request),
            )
        except (topups.CannotTopUp, Contradiction) as exc:
            messages.error(request, str(exc))
            return go_to(reverse("admin:wallet_topup_changelist"))
        nudge.send(tasks.step_topup, row.pk)
        messages.success(request, f"{masked(row.phone)} is asked for {shown(row.amount)}.")
        return go_to(reverse("admin:wallet_topup_change", args=[row.pk]))
