"""What is opened: every page of the operators, every list and detail of the API, with what people look for."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from c2b.models import C2bTransaction
from common.models import AuditLine, InboundMessage
from disbursements.models import Attempt, Disbursement
from mifos.models import LoanProduct
from partners.api.views import DetailView, ListView
from partners.events.models import PartnerEvent, WebhookDelivery
from partners.models import Partner
from sms.models import SmsNotification
from vault.house.reports import REPORTS
from vault.look import ROOMS
from vault.wizard.readiness import STEPS
from wallet.bank_models import BankCredit, TopUp
from wallet.models import Hold, PartnerWallet, Transfer, WalletTransaction
from wallet.purchases import FloatPurchase

RARE = "Nyakundi"  # as the history has it
DETAILS = (
    *(C2bTransaction, SmsNotification, TopUp, BankCredit, FloatPurchase, Transfer, Hold, WalletTransaction),
    *(InboundMessage, AuditLine, PartnerEvent, WebhookDelivery, Partner, PartnerWallet),
)
LISTS = {  # a table's list: how it is filtered or leafed through
    "disbursements_disbursement": (
        *(
            "status__exact=completed",
            "status__exact=held",
            "view=needs-a-person",
            "view=paid-today",
            "p={deep}",
        ),
        *("partner__id__exact={partner}", "partner__id__exact={partner}&status__exact=failed"),
        "detected_at_from={week}&detected_at_to={day}",
    ),
    "c2b_c2btransaction": ("status__exact=unmatched", "partner__id__exact={partner}", "p={deep}"),
    "sms_smsnotification": ("status__exact=failed", "partner__id__exact={partner}"),
    "wallet_topup": ("status__exact=failed",),
    "common_auditline": ("action=hold", "q=otieno"),
}


def pages() -> dict[str, str]:
    """Return the address of each page by name."""
    partner = Partner.objects.earliest("code")
    loan = _recent(Disbursement.objects.filter(partner=partner, status="completed"))
    found = dict(_rooms()) | dict(_lists(partner)) | _searches(loan) | _whole(partner) | dict(_reports())
    for name in ("completed", "held", "unknown", "paid", "failed"):
        if row := Disbursement.objects.filter(status=name).order_by("-pk").first():
            found[f"disbursement {name}"] = _change(row)
    for model in DETAILS:
        if some := model._default_manager.order_by("pk").first():
            found[f"one {model._meta.verbose_name}"] = _change(some)
    return found


def _recent(rows: Any) -> Any:
    """Return one of the newest."""
    return list(rows.order_by("-pk")[:50])[-1]


def _rooms() -> Iterator[tuple[str, str]]:
    for _, links in ROOMS:
        for title, _, page in links:
            own = page.startswith("entry_") or ":" in page
            yield title.lower(), reverse(page if own else f"admin:{page}_changelist")


def _lists(partner: Partner) -> Iterator[tuple[str, str]]:
    today = timezone.localdate()
    deep = min(150, C2bTransaction.objects.count() // 50)  # as far as the pages go
    values = {
        "deep": deep,
        "partner": partner.pk,
        "week": today - timedelta(days=7),
        "day": today - timedelta(days=6),
    }
    for table, queries in LISTS.items():
        for query in queries:
            name = query.format(partner="…", week="…", day="…", deep="…")
            yield f"{table.partition('_')[2]}?{name}", f"{_list(table)}?{query.format(**values)}"


def _searches(loan: Disbursement) -> dict[str, str]:
    typed = {
        "receipt": loan.receipt,
        "phone": f"0{loan.phone[3:]}",
        "common name": loan.client_name.split()[1],
        "rare name": RARE,
        "two names": loan.client_name,
        "loan": loan.loan_account_no or "000000017",
        "reference": str(Attempt.objects.filter(disbursement=loan).values_list("pk", flat=True).get()),
        "nothing": "Zzyzx",
    }
    found = {f"search {name}": f"/admin/search/?q={quote(text)}" for name, text in typed.items()}
    found["palette"] = f"/admin/search/?s={quote(typed['common name'])}"
    for table in ("disbursements_disbursement", "c2b_c2btransaction", "sms_smsnotification", "wallet_topup"):
        for name in ("phone", "receipt", "common name", "rare name", "nothing"):
            found[f"{table.partition('_')[2]} {name}"] = f"{_list(table)}?q={quote(typed[name])}"
    return found


def _whole(partner: Partner) -> dict[str, str]:
    """Return the pages that are more than a list or a row."""
    wallet = PartnerWallet.objects.get(partner=partner)
    product = LoanProduct.objects.filter(mifos_partner__partner=partner).earliest("pk")
    yesterday = timezone.localdate() - timedelta(days=1)
    month_ago = yesterday - timedelta(days=30)
    suspended = _recent(C2bTransaction.objects.filter(status="unmatched", partner=partner))
    return {
        "statement": reverse("admin:wallet_partnerwallet_statement", args=[wallet.pk]),
        "statement of last month": reverse("admin:wallet_partnerwallet_statement", args=[wallet.pk])
        + f"?month={month_ago:%Y-%m}",
        "top-up step": reverse("admin:wallet_partnerwallet_topup", args=[wallet.pk]),
        "float rule": reverse("admin:wallet_partnerwallet_rule", args=[wallet.pk]),
        "suspense of one": reverse("admin:c2b_desk_of_one", args=[suspended.pk]),
        "reconciliation of a day": f"/admin/reconciliation/?day={yesterday}",
        "reports of a partner": f"/admin/reports/?partner={partner.code}",
        "partner page": reverse("admin:partners_partner_page", args=[partner.pk]),
        **{
            f"wizard {slug}": reverse("admin:partners_partner_step", args=[partner.pk, slug])
            for slug, _ in STEPS
        },
        "product page": reverse("admin:mifos_loanproduct_page", args=[product.pk]),
    }


def _reports() -> Iterator[tuple[str, str]]:
    until = timezone.localdate() - timedelta(days=1)
    for name in REPORTS:
        yield f"report {name}", f"/admin/reports/?report={name}"
        yield (
            f"report {name}, a month",
            f"/admin/reports/?report={name}&from={until - timedelta(days=29)}&to={until}",
        )


def _list(table: str) -> str:
    return reverse(f"admin:{table}_changelist")


def _change(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


FILTERS = {  # of the API's lists
    "loans/disbursements": (
        *("status=completed", "status=failed", "phone={phone}", "receipt={receipt}", "amount_min=45001"),
        *("loan_account_no={loan}", "detected_from={week}&detected_until={day}", "needs_person=true"),
        *("settled_from={week}&settled_until={day}", "source=api", "hold_cause=phone"),
    ),
    "c2b/transactions": (
        *("status=posted", "status=reversed", "phone={phone}", "receipt={receipt}", "account_no={loan}"),
        *("amount_min=45001", "paid_from={week}&paid_until={day}", "needs_person=true", "bill_ref=L{loan}"),
    ),
    "c2b/prompts": ("status=failed", "phone={phone}", "amount_min=45001"),
    "wallet/topups": (
        *("status=failed", "status=asked", "phone={phone}", "amount_min=45001"),
        "asked_from={week}&asked_until={day}",
    ),
    "wallet/transactions": (
        *(
            "transaction_type=topup",
            "transaction_type=correction",
            "amount_min=45001",
            "reference=FT0000000001",
        ),
        "created_from={week}&created_until={day}",
    ),
    "wallet/float-purchases": ("status=failed", "amount_min=600000"),
    "sms/notifications": ("status=failed", "status=pending"),
    "events": ("type=payment.posted", "type=topup.failed", "at_from={week}&at_until={day}"),
    "webhook-deliveries": ("status=failed", "status=pending"),
}


def api(*, platform: bool) -> dict[str, str]:
    """Return the address of each list and detail of the API by name, for the platform's key or a partner's."""
    partner = Partner.objects.earliest("code")
    loan = _recent(Disbursement.objects.filter(partner=partner, status="completed", source="mifos"))
    week = timezone.localdate() - timedelta(days=7)
    values = {
        "phone": loan.phone,
        "receipt": loan.receipt,
        "loan": loan.loan_account_no,
        "week": week,
        "day": week + timedelta(days=1),
    }
    balance = f"/api/wallet/balance?partner={partner.code}"
    found = {"schema": "/api/schema/", "docs": "/api/docs/", "wallet/balance": balance}
    for path, view in _views(get_resolver().url_patterns):
        if getattr(view, "platform_only", False) and not platform:
            continue
        if issubclass(view, ListView) and "<" not in path:
            found[path.removeprefix("api/")] = f"/{path}"
        elif issubclass(view, DetailView) and (row := _one(view, partner)):
            found[path.removeprefix("api/").replace("<uuid:id>", "…")] = (
                f"/{path.replace('<uuid:id>', str(row))}"
            )
    for path, queries in FILTERS.items():
        for query in queries:
            found[f"{path}?{query}"] = f"/api/{path}?{query.format(**values)}"
    return found


def _one(view: Any, partner: Partner) -> Any:
    rows = view.rows.filter(**{view.owner: partner.pk}) if view.owner else view.rows
    return rows.order_by("pk").values_list("pk", flat=True).first()


def _views(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for one in patterns:
        path = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _views(one.url_patterns, path)
        elif isinstance(one, URLPattern) and path.startswith("api/") and hasattr(one.callback, "cls"):
            yield path, one.callback.cls
