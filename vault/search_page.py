"""The search: the palette of every page (Ctrl-K or /), and the page with all that was found."""

import time

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_GET

from common.marks import for_partners
from vault import finding


@for_partners  # it asks the windows, and they know whose rows may be seen
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Answer the palette (`s`, as unfold asks) with its list, and people (`q`) with a page. Nothing is kept."""
    began = time.perf_counter()
    in_palette = "s" in request.GET
    typed = request.GET.get("s" if in_palette else "q", "")
    groups = finding.everywhere(request, typed, most=finding.FEW if in_palette else finding.MANY)
    context = {
        "typed": typed.strip(),
        "groups": groups,
        "count": sum(len(group.rows) for group in groups),
        "understood": finding.understood(typed),
        "short": len(typed.strip()) < 2,
        "seconds": time.perf_counter() - began,
    }
    if in_palette:
        return _private(TemplateResponse(request, "vault/palette.html", context))
    frame = admin.site.each_context(request) | {"title": "Search"}
    return _private(TemplateResponse(request, "vault/search.html", frame | context))


def _private(answer: TemplateResponse) -> TemplateResponse:
    answer["Cache-Control"] = "no-store"
    return answer
