"""Pages of what came in on the bank account, with what people decide about it, and of what went out."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from common.marks import harmless
from common.money import shown
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
from wallet import allocating, exported, listing
from wallet.bank_models import BankCredit, BankDebit, Channel, CreditStatus
from wallet.operations import Contradiction

CREDIT_LABELS = {
    "Booked": "success",
    "Allocated": "success",
    "In suspense": "warning",
    "Possible duplicate": "warning",
    "Ignored": "default",
}


class AllocateForm(BaseDialogForm):  # type: ignore[misc]
    """Whose money it is, and how one knows."""

    partner = forms.ModelChoiceField(queryset=Partner.objects.all(), widget=UnfoldAdminSelectWidget)
    reason = forms.CharField(
        max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), help_text="Others will read it."
    )


@admin.register(BankCredit)
class BankCreditAdmin(ReadOnlyAdmin):
    partner_path = "partner"
    export_columns = exported.CREDITS
    list_display = ["came", "amount_shown", "reference", "state", "partner", "named", "source", "attention"]
    list_filter = [
        "status",
        "source",
        "partner",
        ("attention_at", admin.EmptyFieldListFilter),
        "hash_sound",
    ]
    list_select_related = ["partner"]
    search_fields = ["payer"]  # shows the box; `get_search_results` looks
    search_help_text = "Bank's reference, M-Pesa receipt, or words of the payer's name or of what was written"
    ordering = ["-pk"]
    actions_detail = ["allocate", "agree", "decline", "same_money"]
    readonly_fields = ["amount_shown", "state", "told", "hash_words", "history"]
    fieldsets = [
        (None, {"fields": ["amount_shown", "state", "partner", "attention"]}),
        (
            "What the bank says",
            {"fields": [("core_reference", "receipt"), "event_at", "named", "payer", "told"]},
        ),
        ("Why it is believed", {"fields": ["hash_words", "suspected"]}),
        ("Proposal", {"fields": [("proposed_partner", "proposed_by"), "proposed_reason", "decided_by"]}),
        ("History", {"fields": ["history", "booked_at"]}),
    ]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        return (listing.credits(queryset, search_term) if search_term.strip() else queryset), False

    @column(description="Came in", ordering="event_at")
    def came(self, row: BankCredit) -> str:
        return ago(row.event_at)

    @column(description="Amount", ordering="amount")
    def amount_shown(self, row: BankCredit) -> str:
        return shown(row.amount)

    @column(description="State", ordering="status", label=CREDIT_LABELS)
    def state(self, row: BankCredit) -> str:
        return str(row.get_status_display())

    @column(description="Told by")
    def told(self, row: BankCredit) -> str:
        return ", ".join(f"{Channel(name).label.lower()} at {at[:19]}" for name, at in row.told_by.items())

    @column(description="Hash of the notice")
    def hash_words(self, row: BankCredit) -> str:
        if row.hash_sound is None:
            return "Not checked."
        return "Right." if row.hash_sound else "Wrong, and not enforced. The password was right."

    @column(description="History")
    def history(self, row: BankCredit) -> str:
        lines = ((ago(one.at), one.who, one.note) for one in row.events.all())
        return format_html_join("", "<div>{}, {}: {}</div>", lines)

    def has_allocate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        row = _unsettled(object_id)
        return bool(row and not row.proposed_by_id and request.user.has_perm("wallet.operate_bankcredit"))

    def has_agree_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        row = _unsettled(object_id)
        may = request.user.has_perm("wallet.approve_bankcredit")
        return bool(may and row and row.proposed_by_id not in (None, request.user.pk))

    def has_decline_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        row = _unsettled(object_id)
        may = request.user.has_perm("wallet.operate_bankcredit") or request.user.has_perm(
            "wallet.approve_bankcredit"
        )
        return bool(row and row.proposed_by_id and may)

    def has_same_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        row = _unsettled(object_id)
        doubtful = row is not None and row.status == CreditStatus.POSSIBLE_DUPLICATE
        return bool(doubtful and request.user.has_perm("wallet.operate_bankcredit"))

    @button(
        description="Give to a partner…",
        icon="person_check",
        variant=ActionVariant.PRIMARY,
        permissions=["allocate"],
        dialog=dialog(
            "Whose money is it?",
            "It goes into the partner's wallet. Above the limit another person has to agree first.",
            "Give",
            AllocateForm,
        ),
    )
    def allocate(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        wish = form.cleaned_data
        return _decide(
            request,
            object_id,
            lambda: allocating.allocate(
                credit_id=UUID(object_id),
                partner_id=wish["partner"].pk,
                by=person(request),
                reason=wish["reason"],
                at=timezone.now(),
            ),
        )

    @button(
        description="Agree",
        icon="done_all",
        variant=ActionVariant.PRIMARY,
        permissions=["agree"],
        dialog=dialog(
            "Agree with the proposal",
            "The money goes into the wallet of the partner.",
            "Agree",
            BaseDialogForm,
        ),
    )
    def agree(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return _decide(
            request,
            object_id,
            lambda: allocating.agree(credit_id=UUID(object_id), by=person(request), at=timezone.now()),
        )

    @harmless
    @button(
        description="Decline the proposal",
        icon="undo",
        permissions=["decline"],
        dialog=dialog("Decline the proposal", "The money waits on.", "Decline"),
    )
    def decline(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._with_reason(request, form, object_id, allocating.decline)

    @button(
        description="It is the same money",
        icon="content_copy",
        permissions=["same"],
        dialog=dialog(
            "It is money that is booked already",
            "Nothing is booked for it. Look at the bank's statement first: it has one line, not two.",
            "Same money",
        ),
    )
    def same_money(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._with_reason(request, form, object_id, allocating.same_money)

    def _with_reason(
        self, request: HttpRequest, form: Any, object_id: str, decide: Callable[..., BankCredit]
    ) -> HttpResponse:
        reason, by = form.cleaned_data["reason"], person(request)
        return _decide(
            request,
            object_id,
            lambda: decide(credit_id=UUID(object_id), by=by, reason=reason, at=timezone.now()),
        )


def _unsettled(object_id: Any) -> BankCredit | None:
    open_ones = BankCredit.objects.filter(status__in=[str(status) for status in allocating.OPEN])
    return open_ones.filter(pk=object_id).first() if object_id else None


def _decide(request: HttpRequest, object_id: str, decide: Callable[[], BankCredit]) -> HttpResponse:
    try:
        row = decide()
    except (allocating.CannotAllocate, Contradiction) as exc:
        messages.error(request, str(exc))
    else:
        words = row.attention or f"{shown(row.amount)}: {row.get_status_display().lower()}."
        messages.success(request, words)
    return go_to(reverse("admin:wallet_bankcredit_change", args=[object_id]))


@admin.register(BankDebit)
class BankDebitAdmin(ReadOnlyAdmin):
    export_columns = exported.DEBITS
    list_display = ["left", "amount_shown", "core_reference", "narrative", "is_fee", "source", "outcome"]
    list_filter = ["is_fee", "source", ("matched_id", admin.EmptyFieldListFilter)]
    search_fields = ["narrative"]  # shows the box; `get_search_results` looks
    search_help_text = "Bank's reference, or words of the narrative"
    ordering = ["-pk"]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        return (listing.debits(queryset, search_term) if search_term.strip() else queryset), False

    @column(description="Left", ordering="event_at")
    def left(self, row: BankDebit) -> str:
        return ago(row.event_at)

    @column(description="Amount", ordering="amount")
    def amount_shown(self, row: BankDebit) -> str:
        return shown(row.amount)
