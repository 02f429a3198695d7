"""What is done from a wallet's page: a top-up in steps, and the rule that buys float, as a form."""

from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from common import nudge
from common.changes import By
from common.marks import harmless
from common.money import BadAmount, shown
from common.phone import masked
from common.tones import Tone
from common.windows import person
from wallet import auto_float, bank, tasks, topups
from wallet.bank_models import TopUp, TopUpStatus
from wallet.models import PartnerWallet
from wallet.operations import Contradiction
from wallet.purchases import AutoFloatRule

BOX = {"class": "pv-input"}
CLOCK: dict[str, Any] = {"format": "%H:%M", "attrs": BOX | {"type": "time"}}
ENDED = (TopUpStatus.CREDITED, TopUpStatus.FAILED, TopUpStatus.EXPIRED)


class TopUpForm(forms.Form):
    """From which phone, and how much. The key makes a second press the same wish."""

    known = forms.ChoiceField(label="Phone", required=False, widget=forms.Select(attrs=BOX))
    other = forms.CharField(
        label="Another phone",
        required=False,
        max_length=20,
        help_text="0711… or 2547…; leave empty for the one above.",
        widget=forms.TextInput(attrs=BOX | {"inputmode": "tel", "autocomplete": "off"}),
    )
    amount = forms.DecimalField(
        label="Amount",
        min_value=1,
        max_digits=9,
        decimal_places=0,
        help_text="KES, whole shillings.",
        widget=forms.NumberInput(attrs=BOX),
    )
    key = forms.CharField(widget=forms.HiddenInput, max_length=60)

    def __init__(self, typed: Any = None, *, phones: list[str]) -> None:
        super().__init__(typed, initial={"key": str(uuid4())})
        self.fields["known"].choices = [(str(n), masked(phone)) for n, phone in enumerate(phones)]  # type: ignore[attr-defined]
        self._phones = phones

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        known = cleaned.get("known") or ""
        cleaned["phone"] = cleaned.get("other") or (self._phones[int(known)] if known else "")
        if not cleaned["phone"]:
            self.add_error("other", "Say which phone is to be asked.")
        return cleaned


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """When float is bought without a person."""

    class Meta:
        model = AutoFloatRule
        fields = ["below", "buy", "max_per_day", "from_time", "to_time", "is_active"]
        labels = {
            "below": "When the free float is under",
            "buy": "buy",
            "max_per_day": "at most, in a day",
            "from_time": "From",
            "to_time": "Until",
            "is_active": "The rule is on",
        }
        widgets = {"from_time": forms.TimeInput(**CLOCK), "to_time": forms.TimeInput(**CLOCK)}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in ("below", "buy", "max_per_day"):
            self.fields[name].widget.attrs |= BOX
            self.fields[name].help_text = "KES."

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        buy, most = cleaned.get("buy"), cleaned.get("max_per_day")
        if buy is not None and most is not None and most < buy:
            self.add_error("max_per_day", "It must not be below what is bought at once, or nothing would be.")
        if bool(cleaned.get("from_time")) != bool(cleaned.get("to_time")):
            self.add_error("to_time", "Give both times, or none.")
        elif cleaned.get("from_time") and cleaned["from_time"] >= cleaned["to_time"]:
            self.add_error("to_time", "It must be after the first time; rules do not run over midnight.")
        return cleaned


class DoesMore:
    """The wallet's page leads to a top-up and to the rule."""

    def get_custom_urls(self) -> Any:
        return (
            *super().get_custom_urls(),  # type: ignore[misc]
            ("<uuid:object_id>/top-up/", "wallet_partnerwallet_topup", top_up),
            ("<uuid:object_id>/rule/", "wallet_partnerwallet_rule", rule),
            ("<uuid:object_id>/rule/words/", "wallet_partnerwallet_rule_words", rule_words),
        )


def _wallet(request: HttpRequest, model_admin: Any, object_id: UUID) -> PartnerWallet:
    rows = model_admin.get_queryset(request).select_related("partner")
    found: PartnerWallet | None = rows.filter(pk=object_id).first()
    if found is None or not model_admin.has_view_permission(request, found):
        raise PermissionDenied
    return found


def _frame(model_admin: Any, request: HttpRequest, wallet: PartnerWallet, title: str) -> dict[str, Any]:
    found: dict[str, Any] = model_admin.admin_site.each_context(request)
    return found | {"title": title, "opts": model_admin.model._meta, "wallet": wallet}


def top_up(request: HttpRequest, object_id: UUID, model_admin: Any) -> HttpResponse:
    """Ask a phone for money, then show how far it has come."""
    wallet = _wallet(request, model_admin, object_id)
    may_ask = request.user.has_perm("wallet.operate_topup")
    if request.method == "POST" and not may_ask:
        raise PermissionDenied
    row = _asked_before(request, wallet)
    form = TopUpForm(request.POST or None, phones=list(wallet.partner.phones))
    if request.method == "POST" and form.is_valid():
        asked = _ask(request, form, wallet)
        if asked:
            address = reverse("admin:wallet_partnerwallet_topup", args=[wallet.pk])
            return HttpResponseRedirect(f"{address}?of={asked.pk}")
    account = bank.active()
    context = _frame(model_admin, request, wallet, f"Top up the wallet of {wallet.partner}") | {
        "form": form,
        "row": row,
        "steps": steps(row) if row else [],
        "phone": masked(row.phone) if row else "",
        "ended": bool(row and row.status in ENDED),
        "events": row.events.all() if row else [],
        "reference": bank.account_reference(account, wallet.partner.code) if account and account.till else "",
        "may_ask": may_ask,
    }
    return TemplateResponse(request, "wallet/topup.html", context)


def _asked_before(request: HttpRequest, wallet: PartnerWallet) -> TopUp | None:
    """Return the top-up that the page is about: one of this wallet's."""
    try:
        wanted = UUID(request.GET.get("of", ""))
    except ValueError:
        return None
    return TopUp.objects.filter(partner_id=wallet.partner_id, pk=wanted).first()


def _ask(request: HttpRequest, form: TopUpForm, wallet: PartnerWallet) -> TopUp | None:
    said = form.cleaned_data
    try:
        row = topups.ask_topup(
            partner_id=wallet.partner_id,
            phone=said["phone"],
            amount=said["amount"],
            client_key=said["key"],
            at=timezone.now(),
            by=person(request),
        )
    except (topups.CannotTopUp, Contradiction) as exc:
        form.add_error(None, str(exc))
        return None
    nudge.send(tasks.step_topup, row.pk)
    return row


def steps(row: TopUp) -> list[dict[str, Any]]:
    """Return the three steps of a top-up: asked, on the phone, credited; each with a colour and words."""
    status = TopUpStatus(row.status)
    rang = status in (TopUpStatus.PROMPTED, TopUpStatus.CREDITED) or bool(row.transaction_id)
    phone = {
        TopUpStatus.ASKED: (Tone.MOVING, "NCBA is asked in a moment"),
        TopUpStatus.SENDING: (Tone.MOVING, "NCBA is being asked"),
        TopUpStatus.UNKNOWN: (Tone.UNKNOWN, "the phone may ring or not"),
        TopUpStatus.FAILED: (Tone.PERSON, "refused"),
    }.get(status, (Tone.SETTLED, "the phone asked for the PIN") if rang else (Tone.OFF, "it never rang"))
    credit = {
        TopUpStatus.CREDITED: (Tone.SETTLED, "the money is in the wallet"),
        TopUpStatus.PROMPTED: (Tone.WAITING, "waiting for the PIN and the bank's notice"),
        TopUpStatus.UNKNOWN: (Tone.WAITING, "the bank's notice decides"),
        TopUpStatus.FAILED: (Tone.OFF, "nothing was paid"),
        TopUpStatus.EXPIRED: (Tone.OFF, "no payment came in time; a late one is still taken"),
    }.get(status, (Tone.OFF, "not yet"))
    return [
        {"name": "Asked", "tone": Tone.SETTLED, "words": shown(row.amount)},
        {"name": "On the phone", "tone": phone[0], "words": phone[1]},
        {"name": "Credited", "tone": credit[0], "words": credit[1]},
    ]


def rule(request: HttpRequest, object_id: UUID, model_admin: Any) -> HttpResponse:
    """Show the rule that buys float, and save it."""
    wallet = _wallet(request, model_admin, object_id)
    if not request.user.has_perm("wallet.change_autofloatrule"):
        raise PermissionDenied
    standing = AutoFloatRule.objects.filter(partner_id=wallet.partner_id).first()
    form = RuleForm(request.POST or None, instance=standing or AutoFloatRule(partner=wallet.partner))
    if request.method == "POST" and form.is_valid() and _save_rule(request, form, wallet):
        return HttpResponseRedirect(reverse("admin:wallet_partnerwallet_change", args=[wallet.pk]))
    context = _frame(model_admin, request, wallet, f"Float of {wallet.partner}, bought by itself") | {
        "form": form,
        "standing": standing,
        "effect": [in_words(form.instance)] if form.instance.below and not form.errors else [],
    }
    return TemplateResponse(request, "wallet/rule.html", context)


def _save_rule(request: HttpRequest, form: RuleForm, wallet: PartnerWallet) -> bool:
    try:
        saved = auto_float.put_rule(
            partner=wallet.partner,
            fields=dict(form.cleaned_data),
            by=By(actor=person(request)),
            at=timezone.now(),
        )
    except (ValidationError, BadAmount) as exc:
        words = " ".join(exc.messages) if isinstance(exc, ValidationError) else f"{exc}."
        form.add_error("buy", words)
        return False
    messages.success(request, in_words(saved.row))
    return True


def in_words(row: AutoFloatRule) -> str:
    """Say what a rule does."""
    if not row.is_active:
        return "The rule is off: a person buys float."
    hours = f", from {row.from_time:%H:%M} to {row.to_time:%H:%M}" if row.from_time and row.to_time else ""
    return (
        f"When the free float is under {shown(row.below)}, buy {shown(row.buy)} out of the wallet, "
        f"at most {shown(row.max_per_day)} a day{hours}. Nobody is asked for a code."
    )


@harmless
@require_POST
def rule_words(request: HttpRequest, object_id: UUID, model_admin: Any) -> HttpResponse:
    """Say what a rule that is being typed would do; nothing is saved."""
    wallet = _wallet(request, model_admin, object_id)
    form = RuleForm(request.POST, instance=AutoFloatRule(partner=wallet.partner))
    form.fields.pop("partner", None)
    good = form.is_valid()
    told = [in_words(form.instance)] if good else [line for lines in form.errors.values() for line in lines]
    return HttpResponse(render_to_string("wallet/effect.html", {"effect": told, "trouble": not good}))
