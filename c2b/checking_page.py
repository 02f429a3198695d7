"""The page of the three-way check: three columns that must be equal, the lines that are not, and imports."""

from datetime import date, datetime
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from c2b import comparing, statement
from c2b.comparing import NAIROBI
from common.changes import By
from common.marks import for_partners
from common.money import shown
from common.own_rows import partner_of
from common.windows import person, write_line
from partners.models import Partner, Shortcode


@for_partners
def page(request: HttpRequest) -> HttpResponse:
    """Show a day of a partner, as a page or as CSV; take a statement, or ask Mifos anew."""
    if not request.user.has_perm("c2b.view_c2btransaction"):
        raise PermissionDenied
    if request.method == "POST":
        _press(request)
        return HttpResponseRedirect(request.get_full_path())
    partner, day = _partner(request), _day(request)
    found = comparing.compare(partner, day) if partner else None
    if found and partner and request.GET.get("as") == "csv":
        answer = HttpResponse(comparing.as_csv(found), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="check-{partner.code}-{day}.csv"'
        write_line(request, partner, "exported three-way check", detail={"day": str(day)})
        return answer
    context = admin.site.each_context(request) | {
        "title": "Three-way check",
        "partners": _partners(request),
        "partner": partner,
        "day": day,
        "found": found,
        "sides": [
            (name, side.count, shown(side.total))
            for name, side in (
                ("M-Pesa", found.mpesa),
                ("Payment Vault", found.ours),
                ("Mifos", found.mifos),
            )
        ]
        if found
        else [],
        "shortcodes": Shortcode.objects.filter(partner=partner).exclude(kind=Shortcode.Kind.B2C),
        "may_operate": request.user.has_perm("c2b.operate_c2btransaction"),
    }
    return TemplateResponse(request, "c2b/check.html", context)


def _partner(request: HttpRequest) -> Partner | None:
    code = request.GET.get("partner", "")
    return _partners(request).filter(code=code).first() if code else _partners(request).first()


def _partners(request: HttpRequest) -> "QuerySet[Partner]":
    own = partner_of(request)
    return Partner.objects.all() if own is None else Partner.objects.filter(pk=own)


def _day(request: HttpRequest) -> date:
    try:
        return date.fromisoformat(request.GET.get("day", ""))
    except ValueError:
        return timezone.now().astimezone(NAIROBI).date()


def _press(request: HttpRequest) -> None:
    if not request.user.has_perm("c2b.operate_c2btransaction"):
        raise PermissionDenied
    at = timezone.now()
    if request.POST.get("act") == "import":
        _import(request, at)
    elif partner := _partner(request):
        trouble = comparing.check_in_mifos(partner, _day(request), at=at)
        messages.add_message(
            request,
            messages.WARNING if trouble else messages.SUCCESS,
            trouble or "Mifos was asked for every booking of the day.",
        )


def _import(request: HttpRequest, at: datetime) -> None:
    file = request.FILES.get("file")
    try:
        shortcode_id = UUID(request.POST.get("shortcode", ""))
        own = partner_of(request)
        if own is not None and not Shortcode.objects.filter(pk=shortcode_id, partner_id=own).exists():
            raise statement.WrongFile("Choose one of your shortcodes.")
        if file is None or file.size is None or file.size > statement.LARGEST:
            raise statement.WrongFile("Choose a file of at most 20 MB.")
        done = statement.import_statement(
            shortcode_id=shortcode_id, raw=file.read(), by=By(actor=person(request)), at=at
        )
    except (ValueError, Shortcode.DoesNotExist) as exc:
        messages.error(request, str(exc))
    else:
        words = f"{done.lines} payments read, {done.new} of them new; {done.left_out} other lines left out."
        messages.success(request, words)
