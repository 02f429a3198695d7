"""A partner's monthly statement as a page of the wallet, and as the files that it offers."""

from datetime import date
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from common.windows import button, write_line
from wallet import statement_files, statements
from wallet.models import PartnerWallet
from wallet.sms_charging import waiting

MOST_ON_PAGE = 500


class HasStatement:
    """The wallet's page leads to its statements."""

    @button(description="Statement", icon="receipt_long", permissions=["view"])
    def statement(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect("admin:wallet_partnerwallet_statement", object_id)

    def get_custom_urls(self) -> Any:
        return (
            *super().get_custom_urls(),  # type: ignore[misc]
            ("<uuid:object_id>/statement/", "wallet_partnerwallet_statement", show),
        )


def show(request: HttpRequest, object_id: UUID, model_admin: Any) -> HttpResponse:
    """Show one month, or hand it out as CSV or PDF; that is written down."""
    wallet = PartnerWallet.objects.select_related("partner").filter(pk=object_id).first()
    if wallet is None or not model_admin.has_view_permission(request, wallet):
        raise PermissionDenied
    month = _month(request.GET.get("month", ""))
    found = statements.of_month(wallet.partner, month, at=timezone.now())
    form = request.GET.get("format", "")
    if form in ("csv", "pdf"):
        write_line(request, wallet, "exported statement", detail={"month": f"{month:%Y-%m}", "format": form})
        return _file(found, form)
    context = model_admin.admin_site.each_context(request) | {
        "title": f"Statement of {wallet.partner}",
        "opts": model_admin.model._meta,
        "statement": found,
        "months": statements.months(wallet.partner),
        "most": MOST_ON_PAGE,
        "waiting": waiting(wallet.partner_id),
    }
    return TemplateResponse(request, "wallet/statement.html", context)


def _month(written: str) -> date:
    if not written:
        return timezone.now().astimezone(statements.NAIROBI).date()
    try:
        return date.fromisoformat(f"{written}-01")
    except ValueError:
        raise Http404("There is no such month.") from None


def _file(found: statements.Statement, form: str) -> HttpResponse:
    if form == "csv":
        answer = HttpResponse(statement_files.as_csv(found), content_type="text/csv; charset=utf-8")
    else:
        answer = HttpResponse(statement_files.as_pdf(found), content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="{found.name}.{form}"'
    answer["Cache-Control"] = "no-store"
    return answer
