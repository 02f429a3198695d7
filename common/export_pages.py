"""The export of a window: a page that says what the file will hold, then the file, with an audit line before it."""

from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone

from common import audit, exporting
from common.exporting import Column, Rows
from common.marks import harmless
from common.network import client_address
from common.phone import BadPhone, canonical, masked

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
REVEALS = "common.reveal_phone"


class CannotExport(ValueError):
    """What stands against it, for a person."""


class Exports:
    """A list that can be taken away as CSV or Excel, by whoever may see it, filtered as it is on the screen."""

    export_columns: ClassVar[tuple[Column, ...]] = ()  # none: there is nothing to take away
    phone_fields: ClassVar[tuple[str, ...]] = ()  # what may be revealed, one at a time

    def get_urls(self) -> Any:
        window: Any = self
        name = f"{window.opts.app_label}_{window.opts.model_name}_export"
        own = path("export/", window.admin_site.admin_view(self.export), name=name)
        return [own, *super().get_urls()]  # type: ignore[misc]

    @partial(harmless, when=lambda request: not request.POST.get("phones"))
    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Show what would be exported, and on POST hand it out."""
        window: Any = self
        if not self.export_columns:
            raise Http404
        if not window.has_view_permission(request):
            raise PermissionDenied
        rows, trouble = self._exported(request), ""
        if request.method == "POST":
            try:
                return self._file(request, rows)
            except CannotExport as exc:
                trouble = str(exc)
        return self._page(request, rows, trouble)

    def _exported(self, request: HttpRequest) -> Rows:
        window: Any = self
        try:
            rows: Rows = window.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            raise Http404("There is no such filter.") from None
        return rows

    def _page(self, request: HttpRequest, rows: Rows, trouble: str) -> TemplateResponse:
        window: Any = self
        count = rows.order_by()[: exporting.EXCEL_MOST + 1].count()
        context = window.admin_site.each_context(request) | {
            "title": f"Export {window.opts.verbose_name_plural}",
            "opts": window.opts,
            "count": count,
            "too_many_for_excel": count > exporting.EXCEL_MOST,
            "excel_most": exporting.EXCEL_MOST,
            "csv_most": exporting.CSV_MOST,
            "columns": [column.title for column in self.export_columns],
            "filters": chosen(request),
            "has_phones": any(column.shape == "phone" for column in self.export_columns),
            "may_reveal": request.user.has_perm(REVEALS),
            "trouble": trouble,
        }
        return TemplateResponse(request, "common/export.html", context, status=400 if trouble else 200)

    def _file(self, request: HttpRequest, rows: Rows) -> HttpResponseBase:
        """:raises CannotExport: there is nothing, or too much; or phones without the right or a reason"""
        form = "xlsx" if request.POST.get("format") == "xlsx" else "csv"
        phones = bool(request.POST.get("phones"))
        reason = request.POST.get("reason", "").strip()[:500]
        if phones and not request.user.has_perm(REVEALS):
            raise CannotExport("Your role does not see phones in full.")
        if phones and not reason:
            raise CannotExport("Say why the phones are needed in full; others will read it.")
        most = exporting.EXCEL_MOST if form == "xlsx" else exporting.CSV_MOST
        count = rows.order_by()[: most + 1].count()
        if not count:
            raise CannotExport("No row fits this filter, so there is nothing to export.")
        if count > most:
            other = " or take CSV" if form == "xlsx" else ", for example to a month"
            raise CannotExport(f"That is more than {most:,} rows. Narrow the filter{other}.")
        self._note(request, form=form, count=count, phones=phones, reason=reason)
        return self._answer(rows, form=form, phones=phones, most=count)

    def _note(self, request: HttpRequest, *, form: str, count: int, phones: bool, reason: str) -> None:
        window: Any = self
        user = request.user
        audit.write(
            action="exported",
            subject=window.model(pk=""),
            at=timezone.now(),
            actor=user if isinstance(user, AbstractBaseUser) else None,
            reason=reason,
            detail={
                "rows": count,
                "format": form,
                "phones": "in full" if phones else "masked",
                "filter": dict(chosen(request)),
            },
            remote_address=client_address(request),
        )

    def _answer(self, rows: Rows, *, form: str, phones: bool, most: int) -> HttpResponseBase:
        window: Any = self
        table = window.opts.verbose_name_plural.replace(" ", "-").lower()
        name = f"{table}-{timezone.localtime():%Y-%m-%d-%H%M}.{form}"
        answer: HttpResponseBase
        if form == "xlsx":
            book = exporting.as_excel(self.export_columns, rows, phones=phones, most=most)
            answer = FileResponse(book, content_type=EXCEL)
        else:
            lines = exporting.as_csv(self.export_columns, rows, phones=phones, most=most)
            answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        answer["Cache-Control"] = "no-store"
        return answer


def chosen(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the filter of a list in words: what was chosen, and what for. A phone is masked."""
    left_out = {"p", "o", "e", "all"}
    found = []
    for name, values in request.GET.lists():
        said = ", ".join(_safe(value) for value in values if value)
        if said and name not in left_out:
            title = "search" if name == "q" else name.removesuffix("__exact").replace("_", " ")
            found.append((" ".join(title.split()), said[:200]))
    return found


def _safe(value: str) -> str:
    with suppress(BadPhone):
        return masked(canonical(value))
    return value
