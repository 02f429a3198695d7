"""The list of disbursements, and the one page that tells the whole story of each."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.enums import ActionVariant

from common.list_filters import DaysFilter
from common.marks import harmless
from common.money import shown
from common.revealing import hidden
from common.windows import ReadOnlyAdmin, ago, button, column, dialog, go_to, person
from disbursements import exported, pages, story
from disbursements.acts import ACTS, Press, offered, perform
from disbursements.deciding import NotPossible
from disbursements.listing import SavedFilter, found
from disbursements.models import Disbursement
from disbursements.saved import SAVED

HARMLESS = ("hold", "ask")  # nothing may stand before a stop
BULK = ("hold", "release", "retry", "ask")  # what harms nobody when it is done to many at once


def _act_button(name: str) -> Any:
    """Make the button of an act: its dialog says what it does and to how much money, and asks why."""
    act = ACTS[name]

    def press(model_admin: Any, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        pressed = Press(
            disbursement_id=UUID(object_id), by=person(request), at=timezone.now(), said=form.cleaned_data
        )
        try:
            messages.success(request, perform(name, pressed))
        except NotPossible as exc:
            messages.error(request, str(exc))
        return go_to(page_of(object_id))

    press.__name__ = name
    variant = (
        ActionVariant.DANGER
        if act.danger
        else ActionVariant.PRIMARY
        if act.primary
        else ActionVariant.DEFAULT
    )
    asks = dialog(act.title, act.meaning, act.label, act.form)
    return button(
        description=act.label, icon=act.icon, variant=variant, permissions=[act.right], dialog=asks
    )(press)


def _bulk_action(name: str) -> Any:
    """Make the same act for the rows that are ticked in the list, after one more page that asks why."""

    def run(model_admin: "DisbursementAdmin", request: HttpRequest, rows: "QuerySet[Disbursement]") -> Any:
        if "reason" in request.POST:
            return model_admin.run_bulk(request, name, rows)
        return model_admin.ask_bulk(request, name, rows)

    run.__name__ = f"{name}_many"
    made = admin.action(description=f"{ACTS[name].label}…", permissions=[ACTS[name].right])(run)
    return harmless(made) if name in HARMLESS else made


def page_of(disbursement_id: object) -> str:
    return reverse("admin:disbursements_disbursement_change", args=[disbursement_id])


@admin.register(Disbursement)
class DisbursementAdmin(ReadOnlyAdmin):
    partner_path = "partner"
    list_display = ["amount_shown", "state", "client", "loan", "whose", "age", "next_step"]
    list_select_related = ["partner", "product"]
    list_filter = [
        SavedFilter,
        ("status", ChoicesDropdownFilter),
        ("partner", RelatedDropdownFilter),
        ("product", RelatedDropdownFilter),
        ("hold_cause", ChoicesDropdownFilter),
        ("detected_at", DaysFilter),
    ]
    list_filter_submit = True
    list_per_page = 50
    list_max_show_all = 50
    list_disable_select_all = True  # many at once, but only those that one has seen
    list_before_template = "disbursements/saved_filters.html"
    ordering = ["-detected_at", "-pk"]
    sortable_by = ["age"]
    search_fields = ["client_name"]  # shows the box; `get_search_results` looks
    search_help_text = "Receipt, full phone, loan, client, or any id of ours or of M-Pesa"
    show_facets = admin.ShowFacets.NEVER  # they would count the whole table for each choice
    export_columns = exported.COLUMNS
    phone_fields = ("phone",)
    actions = [_bulk_action(name) for name in BULK]
    actions_detail = list(ACTS)
    change_form_template = "disbursements/disbursement.html"
    fieldsets = [(None, {"fields": ["status"]})]  # the template shows the row; no form is needed

    release = _act_button("release")
    approve = _act_button("approve")
    retry = _act_button("retry")
    ask = harmless(_act_button("ask"))
    propose = _act_button("propose")
    agree = _act_button("agree")
    refuse = _act_button("refuse")
    hold = harmless(_act_button("hold"))
    cancel = _act_button("cancel")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("partner", "product", "mifos_partner")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        return (found(queryset, search_term) if search_term.strip() else queryset), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        chosen = request.GET.get("view", "")
        saved = [(name, one.label, one.meaning, name == chosen) for name, one in SAVED.items()]
        return super().changelist_view(request, {"saved_filters": saved} | (extra_context or {}))

    @column(description="Amount", ordering="amount")
    def amount_shown(self, row: Disbursement) -> SafeString:
        return format_html('<span class="pv-num">{}</span>', shown(row.amount))

    @column(description="State")
    def state(self, row: Disbursement) -> SafeString:
        return pages.status_badge(row)

    @column(description="Client")
    def client(self, row: Disbursement) -> SafeString:
        return format_html('{}<br><span class="pv-quiet">{}</span>', row.client_name or "–", hidden(row))

    @column(description="Loan")
    def loan(self, row: Disbursement) -> SafeString:
        product = row.product.product_name if row.product else "direct payout"
        return format_html('{}<br><span class="pv-quiet">{}</span>', str(row).removeprefix("loan "), product)

    @column(description="Partner")
    def whose(self, row: Disbursement) -> str:
        return str(row.partner)

    @column(description="Seen", ordering="detected_at")
    def age(self, row: Disbursement) -> str:
        return ago(row.detected_at)

    @column(description="What happens next")
    def next_step(self, row: Disbursement) -> SafeString:
        words = story.next_words(row, now=timezone.now())
        if not row.attention:
            return format_html(
                '<span class="pv-next {}">{}</span>', "" if row.next_step_at else "pv-quiet", words
            )
        attention = format_html('<span class="pv-toned pv-person">{}</span>', row.attention)
        return format_html(
            '<span class="pv-next">{}<br><span class="pv-quiet">{}</span></span>', attention, words
        )

    def has_operate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("disbursements.operate_disbursement"))

    def has_approve_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("disbursements.approve_disbursement"))

    def has_operate_or_approve_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.has_operate_permission(request) or self.has_approve_permission(request)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Offer what fits where the row is now. A late press is answered in words, not refused with a 403."""
        row = Disbursement.objects.filter(pk=object_id).first()
        fitting = offered(row, proposal=pages.open_proposal(row), to=person(request)) if row else set()
        names = {f"disbursements_disbursement_{name}" for name in fitting}
        return [act for act in super().get_actions_detail(request, object_id) if act.action_name in names]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **options: Any) -> Any:
        row = context["original"]
        return super().render_change_form(
            request, context | pages.gather(row, now=timezone.now()), *args, **options
        )

    def ask_bulk(self, request: HttpRequest, name: str, rows: "QuerySet[Disbursement]") -> HttpResponse:
        """Show what would be done to how much money, and ask why."""
        fitting = [row for row in rows if name in offered(row, proposal=None)]
        context = self.admin_site.each_context(request) | {
            "title": f"{ACTS[name].label} {len(fitting)} payments",
            "opts": self.model._meta,
            "act": ACTS[name],
            "action": f"{name}_many",
            "rows": [(row, story.who_and_how_much(row), pages.status_badge(row)) for row in fitting],
            "left_out": rows.count() - len(fitting),
            "total": shown(
                rows.filter(pk__in=[row.pk for row in fitting]).aggregate(sum=Sum("amount", default=0))["sum"]
            ),
        }
        return TemplateResponse(request, "disbursements/bulk.html", context)

    def run_bulk(self, request: HttpRequest, name: str, rows: "QuerySet[Disbursement]") -> None:
        """Do it to each row for itself; one that does not fit any more stops none of the others."""
        done, ticked = 0, list(rows)
        for row in ticked:
            pressed = Press(
                disbursement_id=row.pk, by=person(request), at=timezone.now(), said=request.POST.dict()
            )
            try:
                perform(name, pressed)
            except NotPossible as exc:
                messages.error(request, f"{str(row).capitalize()}: {exc}")
            else:
                done += 1
        if done:
            messages.success(request, f"{ACTS[name].label}: done for {done} of {len(ticked)}.")
