"""Unknown payments: what we do not know, since when, which rung of the ladder comes next, and who may decide."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Count, Min, Prefetch, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from c2b.models import C2bTransaction
from c2b.statuses import Status as C2bStatus
from common.marks import harmless
from common.money import shown
from common.revealing import hidden
from common.windows import person
from disbursements import pages
from disbursements.acts import ACTS, Press, offered, perform
from disbursements.applying import DAY, may_resend
from disbursements.deciding import NotPossible
from disbursements.models import Attempt, Disbursement, SettlementProposal
from disbursements.statuses import AttemptStatus, Status
from disbursements.story import span, when
from sms.models import SmsNotification
from wallet.bank_models import TopUp, TopUpStatus
from wallet.purchases import FloatPurchase, PurchaseStatus

MOST = 100
PRESSED = ("ask", "propose", "agree", "refuse")
HARMLESS = frozenset({"ask", "refuse"})  # no money moves by them
OUTCOMES = SettlementProposal.Outcome.choices


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A step of the ladder by which an unknown payment becomes known."""

    name: str
    words: str
    state: str  # done, now, later


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One payment of which we do not know whether it was made."""

    row: Disbursement
    what: str
    state: SafeString
    phone: SafeString
    since: str
    shortcode: str
    rungs: list[Rung]
    next_words: str
    proposal: SettlementProposal | None
    acts: set[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Other things whose end is not known: how many, since when, and the list behind the number."""

    name: str
    count: int
    words: str
    link: str


@partial(harmless, when=lambda request: request.POST.get("act") in HARMLESS)
def page(request: HttpRequest) -> HttpResponse:
    """Show what is unknown, the oldest first; on POST ask now, propose, agree or refuse."""
    window = _window(Disbursement)
    if not window.has_view_permission(request):
        raise PermissionDenied
    if request.method == "POST":
        _press(request, window)
        return HttpResponseRedirect(reverse("house:unknown"))
    now = timezone.now()
    rows = window.get_queryset(request).filter(status=Status.UNKNOWN)
    figures = rows.aggregate(count=Count("pk"), sum=Sum("amount", default=0), oldest=Min("moved_at"))
    context = admin.site.each_context(request) | {
        "title": "Unknown",
        "doubts": [_doubt(request, window, row, now=now) for row in _oldest(rows)],
        "count": figures["count"],
        "sum": shown(figures["sum"]),
        "oldest": span(now - figures["oldest"]) if figures["oldest"] else "",
        "most": MOST,
        "others": _others(request, now=now),
        "outcomes": OUTCOMES,
        "acts": {name: ACTS[name] for name in PRESSED},
    }
    return TemplateResponse(request, "vault/unknown.html", context)


def _window(model: type[models.Model]) -> Any:
    return admin.site._registry[model]


def _oldest(rows: Any) -> list[Disbursement]:
    open_ = SettlementProposal.objects.filter(decided_at__isnull=True).select_related("proposed_by")
    attempts = (
        Attempt.objects.filter(status__in=[AttemptStatus.UNKNOWN, AttemptStatus.ACCEPTED])
        .select_related("shortcode")
        .prefetch_related(Prefetch("proposals", queryset=open_, to_attr="open_proposals"))
    )
    found = rows.select_related("partner").order_by("moved_at")
    return list(found.prefetch_related(Prefetch("attempts", queryset=attempts, to_attr="in_doubt"))[:MOST])


def _doubt(request: HttpRequest, window: Any, row: Disbursement, *, now: datetime) -> Doubt:
    attempt: Attempt | None = next(iter(row.in_doubt), None)  # type: ignore[attr-defined]
    proposal = next(iter(attempt.open_proposals), None) if attempt else None  # type: ignore[attr-defined]
    fitting = offered(row, proposal=proposal, to=person(request)) & set(PRESSED)
    return Doubt(
        row=row,
        what=f"{shown(row.amount)} for {row.client_name or 'the client'}",
        state=pages.status_badge(row),
        phone=hidden(row),
        since=span(now - (attempt.first_sent_at if attempt else row.moved_at)),
        shortcode=attempt.shortcode.number if attempt else "",
        rungs=ladder(attempt, proposal, now=now) if attempt else [],
        next_words=next_rung(row, attempt, proposal, now=now),
        proposal=proposal,
        acts={name for name in fitting if _may(request, window, name)},
    )


def ladder(attempt: Attempt, proposal: SettlementProposal | None, *, now: datetime) -> list[Rung]:
    """Return the four rungs, with where this attempt stands."""
    late = now - attempt.first_sent_at > DAY
    asked = f"{attempt.asks} time{'' if attempt.asks == 1 else 's'}" if attempt.asks else "not yet"
    known = f", M-Pesa did not know it {attempt.not_found} times" if attempt.not_found else ""
    resent = "sent again with the same id" if attempt.sends > 1 else "not needed so far"
    if not may_resend(attempt, at=now) and attempt.sends == 1:
        resent = "too late for that"
    return [
        Rung(name="Ask by our own id", words=f"{asked}{known}", state="done" if attempt.asks else "now"),
        Rung(name="Send as itself", words=resent, state="done" if attempt.sends > 1 else "later"),
        Rung(
            name="Ask for a day", words="over, asked every few hours" if late else "in growing gaps",
            state="done" if late else "now" if attempt.asks else "later",
        ),
        Rung(
            name="Two people decide", words="one has spoken" if proposal else "with M-Pesa's statement",
            state="now" if late or proposal else "later",
        ),
    ]  # fmt: skip


def next_rung(
    row: Disbursement, attempt: Attempt | None, proposal: SettlementProposal | None, *, now: datetime
) -> str:
    """Say which rung comes next, and when."""
    moment = when(row, now=now) or "with the next sweep"
    if attempt is None:
        return "It has no open attempt; an engineer must look at it."
    if proposal is not None:
        return f"Another person must agree or refuse. Meanwhile M-Pesa is asked again {moment}."
    if attempt.not_found > attempt.sends - 1 and may_resend(attempt, at=now):
        return f"M-Pesa does not know the id, so the same request goes again with the same id {moment}."
    if now - attempt.first_sent_at > DAY:
        return (
            f"Look it up in M-Pesa's statement; two people can then decide. M-Pesa is asked again {moment}."
        )
    return f"M-Pesa is asked by our own id {moment}, as question {attempt.asks + 1}."


def _may(request: HttpRequest, window: Any, act: str) -> bool:
    return bool(getattr(window, f"has_{ACTS[act].right}_permission")(request))


def _press(request: HttpRequest, window: Any) -> None:
    act = request.POST.get("act", "")
    if act not in PRESSED or not _may(request, window, act):
        raise PermissionDenied
    try:
        row_id = UUID(request.POST.get("row", ""))
    except ValueError:
        raise Http404 from None
    if not window.get_queryset(request).filter(pk=row_id).exists():
        raise Http404
    said = {name: request.POST.get(name, "") for name in ("outcome", "receipt", "reason")}
    if act == "propose" and said["outcome"] not in dict(OUTCOMES):
        messages.error(request, "Say whether it was paid or not.")
        return
    try:
        words = perform(act, Press(disbursement_id=row_id, by=person(request), at=timezone.now(), said=said))
    except NotPossible as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, words)


def _others(request: HttpRequest, *, now: datetime) -> list[Other]:
    asked: list[tuple[str, type[models.Model], dict[str, Any], str, str]] = [
        (
            "Float purchases", FloatPurchase, {"status": PurchaseStatus.UNKNOWN}, "asked_at",
            "The bank may have moved the money or not; evidence decides, or two people.",
        ),
        (
            "Top-ups", TopUp, {"status": TopUpStatus.UNKNOWN}, "asked_at",
            "The phone may ring or not; the bank's notice decides.",
        ),
        (
            "Bookings of payments in Mifos", C2bTransaction, {"status": C2bStatus.UNKNOWN}, "paid_at",
            "Mifos may have booked them or not; it is asked before anything is sent again.",
        ),
        (
            "SMS", SmsNotification, {"unconfirmed": True, "status": "sent"}, "created_at",
            "The gateway's answer was lost; a delivery report settles them.",
        ),
    ]  # fmt: skip
    return [
        found
        for name, model, where, since, words in asked
        if (found := _other(request, name, model, where, since, words, now=now))
    ]


def _other(
    request: HttpRequest, name: str, model: type[models.Model], where: dict[str, Any], since: str, words: str,
    *, now: datetime,
) -> Other | None:  # fmt: skip
    window = admin.site._registry.get(model)
    if window is None or not window.has_view_permission(request):
        return None
    rows = window.get_queryset(request).filter(**where).order_by()
    figures = rows.aggregate(count=Count("pk"), oldest=Min(since))
    if not figures["count"]:
        return None
    query = "&".join(f"{key}__exact={'1' if value is True else value}" for key, value in where.items())
    link = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return Other(
        name=name,
        count=figures["count"],
        words=f"The oldest for {span(now - figures['oldest'])}. {words}",
        link=f"{link}?{query}",
    )
