"""The reports room: choose a question, days and a partner; look at it, or take it away."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from common import audit, exporting
from common.export_pages import EXCEL
from common.exporting import NAIROBI
from common.marks import harmless
from common.money import shown
from common.network import client_address
from common.remembered import Remembered
from common.windows import person
from partners.models import Partner
from vault.house.reports import DAYS_MOST, REPORTS, Found, Report, Span, Title
from wallet.models import PartnerWallet

PATIENCE = "10s"
USUAL_DAYS = 7


class WrongDays(ValueError):
    """The days cannot be reported on; the message says why."""


@harmless
def page(request: HttpRequest) -> HttpResponse:
    """Show a report, or on POST hand it out as CSV or Excel; that is written down."""
    if not request.user.has_perms(["disbursements.view_disbursement", "c2b.view_c2btransaction"]):
        raise PermissionDenied
    name = request.GET.get("report", "daily")
    report = REPORTS.get(name) or REPORTS["daily"]
    partner = Partner.objects.filter(code=request.GET.get("partner", "")).first()
    today = timezone.now().astimezone(NAIROBI).date()
    trouble, found, made_at = "", None, timezone.now()
    span = Span(first=today - timedelta(days=USUAL_DAYS - 1), last=today)
    try:
        span = _span(request, today, partner)
        made_at, found = _remembered((report.name, span))
    except WrongDays as exc:
        trouble = str(exc)
    except DatabaseError:
        trouble = "The database was too slow for so many days. Choose fewer."
    if request.method == "POST" and found is not None:
        return _file(request, report, span, partner, found)
    context = admin.site.each_context(request) | {
        "title": "Reports",
        "reports": REPORTS,
        "chosen": next(key for key, one in REPORTS.items() if one is report),
        "report": report,
        "span": span,
        "today": today,
        "most": DAYS_MOST,
        "partners": Partner.objects.order_by("name"),
        "partner": partner,
        "found": found,
        "made_at": made_at,
        "rows": [_written(found.titles, row) for row in found.rows] if found else [],
        "total": _written(found.titles, found.total) if found and found.total else [],
        "trouble": trouble,
        "ranges": _ranges(today),
        "statements": _statements(today),
    }
    return TemplateResponse(request, "vault/reports.html", context, status=400 if trouble else 200)


def _span(request: HttpRequest, today: date, partner: Partner | None) -> Span:
    """:raises WrongDays: no days, in the wrong order, or too many"""
    last = _day(request.GET.get("to", ""), today)
    first = _day(request.GET.get("from", ""), last - timedelta(days=USUAL_DAYS - 1))
    if first > last:
        raise WrongDays("The first day is after the last one.")
    if (last - first).days >= DAYS_MOST:
        raise WrongDays(f"At most {DAYS_MOST} days at a time.")
    if last > today + timedelta(days=1) or first.year < 2000:
        raise WrongDays("Those days are not in our books.")
    return Span(first=first, last=last, partner_id=partner.pk if partner else None)


def _day(typed: str, usual: date) -> date:
    if not typed:
        return usual
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise WrongDays("Write days as 2026-06-30.") from None


def _made(report: Report, span: Span) -> Found:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select set_config('statement_timeout', %s, true)", [PATIENCE])
        return report.make(span)


def _make(wanted: tuple[str, Span]) -> tuple[datetime, Found]:
    report = next(one for one in REPORTS.values() if one.name == wanted[0])
    return timezone.now(), _made(report, wanted[1])


_remembered = Remembered(_make, seconds=60, most=100)  # the page says of when its figures are


def _written(titles: Any, row: Any) -> list[tuple[str, bool]]:
    """Return the cells as people read them, and whether each is a number."""
    return [
        (_cell(title, value), title.shape in ("money", "number"))
        for title, value in zip(titles, row, strict=True)
    ]


def _cell(title: Title, value: Any) -> str:
    if value is None or value == "":
        return "–" if value is None else ""
    if isinstance(value, date):
        return f"{value:%a %-d %b %Y}"
    if title.shape == "money" and isinstance(value, Decimal | int):
        return shown(Decimal(value))
    return f"{value:,}" if isinstance(value, int | Decimal) else str(value)


def _ranges(today: date) -> list[tuple[str, date, date]]:
    month = today.replace(day=1)
    before = month - timedelta(days=1)
    return [
        ("Today", today, today),
        ("Yesterday", today - timedelta(days=1), today - timedelta(days=1)),
        ("7 days", today - timedelta(days=6), today),
        ("This month", month, today),
        ("Last month", before.replace(day=1), before),
    ]


def _statements(today: date) -> list[dict[str, Any]]:
    """Return each wallet with its statements of the last months; they are pages of the wallet."""
    months, first = [], today.replace(day=1)
    for _ in range(3):
        months.append((f"{first:%B %Y}", f"{first:%Y-%m}"))
        first = (first - timedelta(days=1)).replace(day=1)
    wallets = PartnerWallet.objects.select_related("partner").order_by("partner__name")[:100]
    return [
        {
            "partner": one.partner,
            "link": reverse("admin:wallet_partnerwallet_statement", args=[one.pk]),
            "months": months,
        }
        for one in wallets
    ]


def _file(
    request: HttpRequest, report: Report, span: Span, partner: Partner | None, found: Found
) -> HttpResponse:
    form = "xlsx" if request.POST.get("format") == "xlsx" else "csv"
    rows = [*found.rows, *([found.total] if found.total else [])]
    titles = [title.words for title in found.titles]
    made = exporting.table_excel(titles, rows) if form == "xlsx" else exporting.table_csv(titles, rows)
    kind = EXCEL if form == "xlsx" else "text/csv; charset=utf-8"
    audit.write(
        action="exported report",
        subject=Partner(pk=""),
        at=timezone.now(),
        actor=person(request),
        detail={
            "report": report.name,
            "from": str(span.first),
            "to": str(span.last),
            "partner": partner.code if partner else "all",
            "rows": len(found.rows),
            "format": form,
        },
        remote_address=client_address(request),
    )
    name = f"{report.name.lower().replace(' ', '-')}-{span.first}-{span.last}.{form}"
    answer = HttpResponse(made, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer
