"""Pages of what goes on with money: float purchases with their acts, the rules, the watches, the proofs."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from common.changes import By
from common.marks import harmless
from common.money import shown
from common.moves import LostRace
from common.tones import badge
from common.windows import AuditedAdmin, ReadOnlyAdmin, ReasonForm, ago, button, column, dialog, go_to, person
from wallet import asking, deciding, exported
from wallet.asking import CannotBuy
from wallet.observations import FloatWatch, LedgerProof
from wallet.operations import InsufficientFunds
from wallet.purchases import AutoFloatRule, FloatPurchase, PurchaseStatus
from wallet.tones import PURCHASES

NEXT_WORDS = {
    "code": "Waits for the one-time code that the partner was sent.",
    "second_person": "Waits for a second person.",
    PurchaseStatus.CONFIRMED: "It is ordered within seconds.",
    PurchaseStatus.SENDING: "The order is on its way.",
    PurchaseStatus.ACCEPTED: "Waits for evidence: the bank's debit, M-Pesa's result or the balance.",
    PurchaseStatus.UNKNOWN: "Nobody knows yet. Evidence decides, or two people.",
}


class CodeForm(BaseDialogForm):  # type: ignore[misc]
    code = forms.CharField(max_length=10, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}))


class BuyForm(BaseDialogForm):  # type: ignore[misc]
    amount = forms.DecimalField(
        max_digits=12, decimal_places=0, min_value=1, widget=UnfoldAdminDecimalFieldWidget()
    )
    reason = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget())


class ProposeForm(ReasonForm):
    outcome = forms.ChoiceField(
        choices=[("bought", "It was bought"), ("failed", "It was not bought")],
        widget=UnfoldAdminSelectWidget(),
    )
    receipt = forms.CharField(
        max_length=40,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="The bank's or M-Pesa's reference, where it was bought.",
    )


Act = Callable[[UUID, HttpRequest, dict[str, Any]], str]


def _act(name: str, label: str, meaning: str, right: str, act: Act, form: Any = BaseDialogForm) -> Any:
    """Make the button of one act: its dialog says what it does; a refusal is answered in words."""

    def press(model_admin: Any, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        try:
            messages.success(request, act(UUID(object_id), request, form.cleaned_data))
        except CannotBuy as exc:
            messages.error(request, str(exc))
        except LostRace:
            messages.error(request, "Somebody was quicker. Look again.")
        return go_to(reverse("admin:wallet_floatpurchase_change", args=[object_id]))

    press.__name__ = name
    return button(description=label, permissions=[right], dialog=dialog(label, meaning, label, form))(press)


def _by(request: HttpRequest, said: dict[str, Any]) -> By:
    return By(actor=person(request), reason=str(said.get("reason", "")))


def _confirm_code(pk: UUID, request: HttpRequest, said: dict[str, Any]) -> str:
    asking.confirm_code(purchase_id=pk, code=said["code"], by=_by(request, said), at=timezone.now())
    return "The code is right. The float is ordered now."


def _confirm_second(pk: UUID, request: HttpRequest, said: dict[str, Any]) -> str:
    asking.confirm_as_second(purchase_id=pk, by=person(request), at=timezone.now())
    return "Confirmed. The float is ordered now."


def _new_code(pk: UUID, request: HttpRequest, said: dict[str, Any]) -> str:
    asking.send_code(purchase_id=pk, by=_by(request, said), at=timezone.now())
    return "A new code was sent to the partner."


def _cancel(pk: UUID, request: HttpRequest, said: dict[str, Any]) -> str:
    asking.cancel(purchase_id=pk, by=_by(request, said), at=timezone.now())
    return "Called off. No money has moved."


def _propose(pk: UUID, request: HttpRequest, said: dict[str, Any]) -> str:
    deciding.propose(
        purchase_id=pk,
        outcome=said["outcome"],
        receipt=said["receipt"],
        note=said["reason"],
        by=person(request),
        at=timezone.now(),
    )
    return "Proposed. Another person must agree."


def _agree(pk: UUID, request: HttpRequest, said: dict[str, Any]) -> str:
    row = deciding.agree(purchase_id=pk, by=person(request), at=timezone.now())
    return f"Decided: {row.get_status_display().lower()}."


def _refuse(pk: UUID, request: HttpRequest, said: dict[str, Any]) -> str:
    deciding.refuse(purchase_id=pk, by=person(request), note=said["reason"], at=timezone.now())
    return "The proposal is off the table."


def _put_aside(pk: UUID, request: HttpRequest, said: dict[str, Any]) -> str:
    deciding.put_aside(purchase_id=pk, by=person(request), note=said["reason"], at=timezone.now())
    return "Noted."


def offered(row: FloatPurchase) -> set[str]:
    """Return the acts that fit where a purchase is."""
    if row.status == PurchaseStatus.ASKED:
        confirm = {"confirm_code", "new_code"} if row.confirm == "code" else {"confirm_second"}
        return confirm | {"cancel"}
    if row.status == PurchaseStatus.CONFIRMED:
        return {"cancel"}
    if row.status in deciding.DECIDED:
        return {"propose"} | ({"agree", "refuse"} if row.proposed_outcome else set())
    return {"put_aside"} if row.attention and not row.NEXT[row.status] else set()


def purchase_story(row: FloatPurchase) -> dict[str, Any]:
    """Return what the page of one purchase tells beside its fields."""
    who = {"us": "Payment Vault", "bank": "NCBA", "mpesa": "M-Pesa"}
    lines = [
        {
            "who": who.get(line.who, line.who),
            "words": line.note or line.new,
            "at": line.at,
            "tone": PURCHASES[PurchaseStatus(line.new)].value if line.old != line.new else "off",
        }
        for line in row.events.all()
    ]
    return {
        "row": row,
        "state": badge(PURCHASES[PurchaseStatus(row.status)], row.get_status_display()),
        "tone": "person" if row.attention else PURCHASES[PurchaseStatus(row.status)].value,
        "events": lines,
        "ended": not row.NEXT[row.status],
    }


class NeedsAPerson(admin.SimpleListFilter):
    for_partners = True  # its choices name nobody
    title = "needs a person"
    parameter_name = "needs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.exclude(attention="") if self.value() == "yes" else queryset


@admin.register(FloatPurchase)
class FloatPurchaseAdmin(ReadOnlyAdmin):
    partner_path = "partner"
    export_columns = exported.PURCHASES
    list_display = ["reference", "amount_shown", "state", "partner", "route", "asked", "next_step"]
    list_filter = [NeedsAPerson, "status", "route", "partner"]
    list_select_related = ["partner", "shortcode__partner"]
    search_fields = ["reference", "bank_reference", "receipt", "partner__name"]
    ordering = ["-pk"]
    actions_detail = [
        "confirm_code",
        "confirm_second",
        "new_code",
        "cancel",
        "propose",
        "agree",
        "refuse",
        "put_aside",
    ]
    fieldsets = [
        (None, {"fields": ["reference", "partner", "shortcode", "amount", "status", "next_step", "route"]}),
        ("Who", {"fields": ["asked_by", "asked_at", "reason", "rule", "confirm", "confirmed_by"]}),
        (
            "Money and evidence",
            {
                "fields": [
                    "charge",
                    "bank_cost",
                    "bank_reference",
                    "evidence",
                    "receipt",
                    "settled_at",
                    "result_text",
                ]
            },
        ),
        ("Two people", {"fields": ["proposed_outcome", "proposed_receipt", "proposed_note", "proposed_by"]}),
        ("History", {"fields": ["history"]}),
    ]
    readonly_fields = ["next_step", "history"]
    change_form_template = "wallet/purchase.html"

    confirm_code = _act(
        "confirm_code",
        "Enter the code",
        "The partner was sent a code by SMS. The float is bought with it.",
        "operate",
        _confirm_code,
        CodeForm,
    )
    confirm_second = _act(
        "confirm_second",
        "Confirm",
        "You agree to the purchase that another person asked for.",
        "approve",
        _confirm_second,
    )
    new_code = _act("new_code", "Send a new code", "The code before it is void.", "operate", _new_code)
    cancel = _act("cancel", "Call off", "Nothing is bought.", "operate", _cancel, ReasonForm)
    propose = _act(
        "propose",
        "Say what became of it",
        "Another person must agree before any money moves.",
        "approve",
        _propose,
        ProposeForm,
    )
    agree = _act(
        "agree", "Agree", "The proposal of the other person decides, and the money moves.", "approve", _agree
    )
    refuse = harmless(_act("refuse", "Refuse the proposal", "Nothing moves.", "approve", _refuse, ReasonForm))

    put_aside = _act(
        "put_aside",
        "Cleared up",
        "The mark goes away; what you did about it is kept. No money moves.",
        "approve",
        _put_aside,
        ReasonForm,
    )

    class Media:
        css = {"all": ["common/house.css"]}

    def has_operate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("wallet.operate_floatpurchase"))

    def has_approve_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("wallet.approve_floatpurchase"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        row = FloatPurchase.objects.filter(pk=object_id).first()
        names = {f"wallet_floatpurchase_{name}" for name in (offered(row) if row else ())}
        return [act for act in super().get_actions_detail(request, object_id) if act.action_name in names]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **options: Any) -> Any:
        found = purchase_story(context["original"]) | {"next_words": self.next_step(context["original"])}
        return super().render_change_form(request, context | found, *args, **options)

    @column(description="Amount", ordering="amount")
    def amount_shown(self, row: FloatPurchase) -> str:
        return shown(row.amount)

    @column(description="State")
    def state(self, row: FloatPurchase) -> SafeString:
        return badge(PURCHASES[PurchaseStatus(row.status)], row.get_status_display())

    @column(description="Asked", ordering="asked_at")
    def asked(self, row: FloatPurchase) -> str:
        return ago(row.asked_at)

    @column(description="What happens next")
    def next_step(self, row: FloatPurchase) -> SafeString | str:
        key = row.confirm if row.status == PurchaseStatus.ASKED else row.status
        words = NEXT_WORDS.get(key, "Nothing more.")
        if row.attention:
            return format_html('<span class="pv-toned pv-person">{}</span><br>{}', row.attention, words)
        return words

    @column(description="What happened")
    def history(self, row: FloatPurchase) -> SafeString:
        lines = [(ago(line.at), line.who, line.note or line.new) for line in row.events.all()]
        return format_html("<ol>{}</ol>", format_html_join("", "<li>{} · {}: {}</li>", lines))


@admin.register(AutoFloatRule)
class AutoFloatRuleAdmin(AuditedAdmin):
    partner_path = "partner"
    list_display = [
        "partner",
        "below",
        "buy",
        "max_per_day",
        "from_time",
        "to_time",
        "is_active",
        "last_words",
    ]
    list_filter = ["is_active"]
    list_select_related = ["partner"]
    autocomplete_fields = ["partner"]
    readonly_fields = ["last_words", "next_step_at"]


@admin.register(FloatWatch)
class FloatWatchAdmin(ReadOnlyAdmin):
    sortable_by = None
    partner_path = "shortcode__partner"
    list_display = ["shortcode", "utility", "drift", "drift_since", "attention", "asked_at", "last_words"]
    list_select_related = ["shortcode__partner"]

    @column(description="M-Pesa says")
    def utility(self, watch: FloatWatch) -> str:
        balance = watch.shortcode.utility_balance
        return "–" if balance is None else shown(balance)


@admin.register(LedgerProof)
class LedgerProofAdmin(ReadOnlyAdmin):
    sortable_by = None
    list_display = ["started_at", "outcome", "accounts", "transfers", "holds", "took_ms"]
    list_filter = ["started_at"]
    fields = ["started_at", "took_ms", "accounts", "transfers", "holds", "outcome", "found"]
    readonly_fields = ["outcome", "found"]

    @column(description="Outcome", label={"all agrees": "success", "differences": "danger"})
    def outcome(self, proof: LedgerProof) -> str:
        return "differences" if proof.difference_count else "all agrees"

    @column(description="What does not agree")
    def found(self, proof: LedgerProof) -> SafeString | str:
        if not proof.difference_count:
            return "Nothing: every balance is the sum of its lines."
        rows = [
            (one["subject"], one["check"], one["expected"], one["found"], " · ".join(one["lines"]))
            for one in proof.differences
        ]
        shape = "<li><b>{}</b>: {}; expected {}, found {}.<br><small>{}</small></li>"
        return format_html("<ol>{}</ol>", format_html_join("", shape, rows))


class BuysFloat:
    """The wallet's page can ask for float."""

    def has_buy_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("wallet.operate_floatpurchase"))

    @button(
        description="Buy float",
        icon="shopping_cart",
        permissions=["buy"],
        dialog=dialog(
            "Buy float",
            "Money of this wallet becomes M-Pesa float. It must be confirmed before anything is ordered.",
            "Ask for it",
            BuyForm,
        ),
    )
    def buy_float(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        from wallet.models import PartnerWallet

        wallet = PartnerWallet.objects.get(pk=object_id)
        said = form.cleaned_data
        wish = asking.Wish(partner_id=wallet.partner_id, amount=said["amount"], reason=said["reason"])
        try:
            row = asking.ask(wish=wish, by=By(actor=person(request)), at=timezone.now())
        except (CannotBuy, InsufficientFunds) as exc:
            messages.error(request, str(exc))
            return go_to(reverse("admin:wallet_partnerwallet_change", args=[object_id]))
        messages.success(request, f"Asked for. {NEXT_WORDS.get(row.confirm, '')}")
        return go_to(reverse("admin:wallet_floatpurchase_change", args=[row.pk]))
