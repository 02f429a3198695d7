"""Windows on what came in and where it went; the suspense desk; set-up of collections."""

from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter

from c2b import checking_page, exported, listing, registering, suggesting, waiting
from c2b.desk import NotPossible
from c2b.models import C2bTransaction, CollectionRule, Collector, StkPush
from c2b.presses import PRESSES, other_partners
from c2b.statuses import PromptStatus, Status
from common.changes import By
from common.gateway import GatewayError
from common.list_filters import DaysFilter
from common.marks import for_partners, harmless
from common.money import BadAmount, shown
from common.moves import ForbiddenMove, LostRace
from common.phone import BadPhone, canonical
from common.revealing import hidden
from common.tones import Tone, badge
from common.windows import (
    AuditedAdmin,
    ReadOnlyAdmin,
    WriteOnlySecretsForm,
    ago,
    button,
    column,
    dialog,
    go_to,
    person,
)
from mifos.accounts import AccountKind

TONES = {
    Status.RECEIVED: Tone.MOVING,
    Status.MATCHED: Tone.MOVING,
    Status.POSTING: Tone.MOVING,
    Status.UNKNOWN: Tone.UNKNOWN,
    Status.POSTED: Tone.SETTLED,
    Status.UNMATCHED: Tone.PERSON,
    Status.FAILED: Tone.PERSON,
    Status.REVERSED: Tone.OFF,
}
PROMPT_TONES = {
    PromptStatus.SENDING: Tone.MOVING,
    PromptStatus.WAITING: Tone.WAITING,
    PromptStatus.UNKNOWN: Tone.UNKNOWN,
    PromptStatus.PAID: Tone.SETTLED,
    PromptStatus.FAILED: Tone.OFF,
}


HARMLESS = frozenset({"look_again", "refuse"})  # no money moves by them


def state_of(row: C2bTransaction) -> SafeString:
    return badge(TONES[Status(row.status)], str(row.get_status_display()))


def phone_of(row: C2bTransaction) -> SafeString | str:
    """Show the payer's phone masked, to be revealed where M-Pesa told it in full."""
    return hidden(row, "customer_phone") if row.customer_phone else row.msisdn_raw or "no number"


def typed_of(row: C2bTransaction) -> SafeString | str:
    """Show what the customer typed as the account; a phone among it masked."""
    with suppress(BadPhone):
        canonical(row.bill_ref)
        return hidden(row, "bill_ref")
    return row.bill_ref or "nothing typed"


class _Listed(ChangeList):
    """The list's page, with what each of its rows waits for."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        said = waiting.why_each(self.result_list, at=timezone.now())
        for row in self.result_list:
            row.waits_for = said.get(row.pk, "")


@admin.register(C2bTransaction)
class C2bTransactionAdmin(ReadOnlyAdmin):
    partner_path = "partner"
    list_display = ["amount_shown", "state", "payer", "account", "whose", "when", "next_step"]
    list_select_related = ["partner"]
    list_filter = [
        ("status", ChoicesDropdownFilter),
        ("partner", RelatedDropdownFilter),
        ("channel", ChoicesDropdownFilter),
        ("matched_by", ChoicesDropdownFilter),
        ("paid_at", DaysFilter),
    ]
    list_filter_submit = True
    export_columns = exported.PAYMENTS
    phone_fields = ("customer_phone", "bill_ref")
    list_per_page = 50
    search_fields = ["customer_name"]  # shows the box; `get_search_results` looks
    search_help_text = "Receipt, full phone, account, what the customer typed, or a name"
    show_facets = admin.ShowFacets.NEVER
    ordering = ["-paid_at"]
    change_form_template = "c2b/collection.html"
    fieldsets = [(None, {"fields": ["status"]})]  # the template shows the row; no form is needed

    @column(description="Amount", ordering="amount")
    def amount_shown(self, row: C2bTransaction) -> SafeString:
        return format_html('<span class="pv-num">{}</span>', shown(row.amount))

    @column(description="State")
    def state(self, row: C2bTransaction) -> SafeString:
        return state_of(row)

    @column(description="From")
    def payer(self, row: C2bTransaction) -> SafeString:
        return format_html('{}<br><span class="pv-quiet">{}</span>', row.customer_name or "–", phone_of(row))

    @column(description="Account")
    def account(self, row: C2bTransaction) -> SafeString:
        typed = typed_of(row)
        return format_html('{}<br><span class="pv-quiet">typed: {}</span>', row.account_no or "–", typed)

    @column(description="Partner")
    def whose(self, row: C2bTransaction) -> str:
        return str(row.partner or "nobody yet")

    @column(description="Paid", ordering="paid_at")
    def when(self, row: C2bTransaction) -> str:
        return ago(row.paid_at)

    @column(description="What happens next")
    def next_step(self, row: C2bTransaction) -> SafeString:
        words = row.contradiction or getattr(row, "waits_for", "")
        if not words:
            return format_html('<span class="pv-next pv-quiet">{}</span>', row.reason)
        tone = "pv-toned pv-person" if row.contradiction or row.attention else ""
        return format_html('<span class="pv-next"><span class="{}">{}</span></span>', tone, words)

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return _Listed

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("partner", "shortcode")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        return (listing.found(queryset, search_term) if search_term.strip() else queryset), False

    def get_urls(self) -> Any:
        return [
            path("check/", self.admin_site.admin_view(checking_page.page), name="c2b_check"),
            path("desk/", self.admin_site.admin_view(self.suspense), name="c2b_suspense"),
            path(
                "<uuid:object_id>/desk/", self.admin_site.admin_view(self.desk_of_one), name="c2b_desk_of_one"
            ),
            *super().get_urls(),
        ]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **options: Any) -> Any:
        row = context["original"]
        gathered = {
            "row": row,
            "payer_phone": phone_of(row),
            "typed_reference": typed_of(row),
            "state": state_of(row),
            "events": row.events.all(),
            "postings": row.postings.all(),
            "may_decide": self._may(request, "operate"),
            "desk": reverse("admin:c2b_desk_of_one", args=[row.pk]),
            "next_words": waiting.why(row, at=timezone.now()),
        }
        return super().render_change_form(request, context | gathered, *args, **options)

    def _may(self, request: HttpRequest, right: str) -> bool:
        return bool(request.user.has_perm(f"c2b.{right}_c2btransaction"))

    @for_partners
    def suspense(self, request: HttpRequest) -> HttpResponse:
        """Show what waits for a person, oldest first, with what each needs."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        waiting = self.get_queryset(request).filter(status__in=listing.IN_SUSPENSE)
        listed = list(waiting.select_related("partner").order_by("paid_at")[:200])
        context = self.admin_site.each_context(request) | {
            "title": "Suspense desk",
            "rows": [(row, shown(row.rest), state_of(row), typed_of(row)) for row in listed],
            "total": shown(sum((row.rest for row in listed), Decimal(0))),
        }
        return TemplateResponse(request, "c2b/suspense.html", context)

    @partial(harmless, when=lambda request: request.POST.get("act") in HARMLESS)
    def desk_of_one(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Show one payment in suspense with suggestions, and do what a person decides."""
        row = self.get_queryset(request).filter(pk=object_id).first()
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        if request.method == "POST":
            self._press(request, row)
            return HttpResponseRedirect(reverse("admin:c2b_desk_of_one", args=[row.pk]))
        now = timezone.now()
        suggestions, trouble = suggesting.suggest(row, at=now) if row.status == Status.UNMATCHED else ([], "")
        line = listing.beside(self.get_queryset(request), row)
        place = line.index(row)
        context = self.admin_site.each_context(request) | {
            "title": f"{shown(row.rest)} of {row.mpesa_receipt}",
            "row": row,
            "line": line,
            "previous": line[place - 1] if place else None,
            "following": line[place + 1] if place + 1 < len(line) else None,
            "payer_phone": phone_of(row),
            "typed_reference": typed_of(row),
            "rest": shown(row.rest),
            "state": state_of(row),
            "suggestions": suggestions,
            "trouble": trouble,
            "decision": row.decisions.filter(decided_at__isnull=True).select_related("asked_by").first(),
            "events": row.events.all(),
            "postings": row.postings.all(),
            "partners": other_partners(request).exclude(pk=row.partner_id),
            "may_operate": self._may(request, "operate"),
            "may_approve": self._may(request, "approve"),
            "kinds": [kind.value for kind in AccountKind],
            "numbers": range(4),
        }
        return TemplateResponse(request, "c2b/desk.html", context)

    def _press(self, request: HttpRequest, row: C2bTransaction) -> None:
        act = request.POST.get("act", "")
        if act not in PRESSES or not self._may(request, PRESSES[act][0]):
            raise PermissionDenied
        try:
            words = PRESSES[act][1](request, row, timezone.now())
        except (NotPossible, LostRace, ForbiddenMove, BadAmount, ValueError) as exc:
            messages.error(request, str(exc))
        else:
            messages.success(request, words)


@admin.register(CollectionRule)
class CollectionRuleAdmin(AuditedAdmin):
    partner_path = "partner"
    list_display = ["partner", "excess", "refuse_unknown", "second_person_above"]
    autocomplete_fields = ["partner"]


class CollectorForm(WriteOnlySecretsForm):
    class Meta:
        model = Collector
        fields = ["shortcode", "passkey", "store_number", "pull_enabled", "pull_phone"]


@admin.register(Collector)
class CollectorAdmin(AuditedAdmin):
    partner_path = "shortcode__partner"
    form = CollectorForm
    list_display = ["shortcode", "registered", "registered_note", "pull_enabled", "pull_note"]
    readonly_fields = ["registered_at", "registered_note", "pulled_until", "pull_note"]
    actions_detail = ["register"]

    @column(description="Registered", ordering="registered_at")
    def registered(self, row: Collector) -> str:
        return ago(row.registered_at) if row.registered_at else "not yet"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        due = timezone.now() if obj.pull_enabled else None
        Collector.objects.filter(pk=obj.pk).update(next_step_at=due)

    def has_register_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(self.has_change_permission(request))

    @button(
        description="Register addresses",
        icon="link",
        permissions=["register"],
        dialog=dialog(
            "Register our addresses at M-Pesa",
            "M-Pesa is told where to send notices of payments. In production that can be done once; later changes "
            "are made on the portal.",
            "Register",
        ),
    )
    def register(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        row = Collector.objects.get(pk=object_id)
        by = By(actor=person(request), reason=form.cleaned_data["reason"])
        try:
            answer = registering.register_urls(shortcode_id=row.shortcode_id, at=timezone.now(), by=by)
        except (GatewayError, ValueError) as exc:
            messages.error(request, str(exc))
        else:
            level = messages.WARNING if answer.earlier else messages.SUCCESS
            messages.add_message(request, level, Collector.objects.get(pk=row.pk).registered_note)
        return go_to(reverse("admin:c2b_collector_change", args=[object_id]))


@admin.register(StkPush)
class StkPushAdmin(ReadOnlyAdmin):
    partner_path = "partner"
    list_display = ["amount_shown", "state", "account_no", "partner", "when", "reason"]
    list_filter = [("status", ChoicesDropdownFilter), ("partner", RelatedDropdownFilter)]
    export_columns = exported.PROMPTS
    phone_fields = ("phone",)
    search_fields = ["checkout_id"]  # shows the box; `get_search_results` looks
    search_help_text = "Checkout id, receipt, or our own id"
    ordering = ["-pk"]
    exclude = ["phone", "correlation_id"]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        return (listing.found_prompts(queryset, search_term) if search_term.strip() else queryset), False

    @column(description="Amount", ordering="amount")
    def amount_shown(self, row: StkPush) -> str:
        return shown(row.amount)

    @column(description="State")
    def state(self, row: StkPush) -> SafeString:
        return badge(PROMPT_TONES[PromptStatus(row.status)], str(row.get_status_display()))

    @column(description="Asked", ordering="sent_at")
    def when(self, row: StkPush) -> str:
        return ago(row.sent_at)
