"""What came in today, and what of it waits for a person, for the overview."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Min, Q, Sum
from django.db.models.functions import TruncDate
from django.urls import reverse

from c2b.models import C2bTransaction
from c2b.statuses import Status
from common.money import shown
from disbursements.saved import midnight
from disbursements.story import span
from wallet.bank_models import BankCredit, CreditStatus, TopUp

_WHY = {
    CreditStatus.SUSPENSE: "Money from the bank, owner unknown",
    CreditStatus.POSSIBLE_DUPLICATE: "Money from the bank, may be booked already",
}

WEEKS = 4  # earlier days of the same kind that make the usual
_SUSPENSE = {Status.UNMATCHED: "Payments whose account is not found", Status.FAILED: "Payments Mifos refuses"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What customers paid in since midnight, and what had usually come by this time of day."""

    total: Decimal
    payments: int
    usual: Decimal | None  # None: there is no earlier day to compare with
    link: str


def collected(*, at: datetime) -> Collected:
    """Read today and the same weekday of the last weeks, by index."""
    today = midnight(at)
    totals = {"sum": Sum("amount", default=Decimal(0)), "count": Count("pk")}
    found = C2bTransaction.objects.filter(paid_at__gte=today, paid_at__lte=at).aggregate(**totals)
    earlier = Q()
    for week in range(1, WEEKS + 1):
        earlier |= Q(paid_at__gte=today - timedelta(weeks=week), paid_at__lte=at - timedelta(weeks=week))
    days = C2bTransaction.objects.filter(earlier).order_by()
    usual = days.aggregate(days=Count(TruncDate("paid_at"), distinct=True), **totals)
    where = urlencode({"paid_at_from": f"{today:%Y-%m-%d}"})
    return Collected(
        total=found["sum"],
        payments=found["count"],
        usual=(usual["sum"] / usual["days"]).quantize(Decimal(1)) if usual["days"] else None,
        link=f"{reverse('admin:c2b_c2btransaction_changelist')}?{where}",
    )


def _suspense(*, at: datetime) -> list[dict[str, Any]]:
    rows: Any = C2bTransaction.objects.filter(status__in=list(_SUSPENSE)).order_by().values("status")
    found = rows.annotate(count=Count("pk"), sum=Sum("amount"), oldest=Min("paid_at")).order_by("oldest")
    return [
        {
            "why": _SUSPENSE[Status(one["status"])],
            "count": one["count"],
            "money": shown(one["sum"]),
            "waits": span(at - one["oldest"]),
            "link": reverse("admin:c2b_suspense"),
        }
        for one in found
    ]


def needs_a_person(*, at: datetime) -> list[dict[str, Any]]:
    """Return groups of payments, bank credits and top-ups with something to decide, in the overview's form."""
    totals = {"count": Count("pk"), "sum": Sum("amount"), "oldest": Min("attention_at")}
    credits_: Any = BankCredit.objects.exclude(attention="").order_by().values("status").annotate(**totals)
    found = [
        _group(_WHY.get(CreditStatus(one["status"]), "The bank contradicts itself"), one, "bankcredit", at=at)
        for one in credits_
    ]
    paid = TopUp.objects.exclude(attention="").aggregate(**totals)
    if paid["count"]:
        found.append(_group("NCBA says paid, no money came", paid | {"status": "unknown"}, "topup", at=at))
    return [*_suspense(at=at), *found]


def _group(why: str, one: dict[str, Any], page: str, *, at: datetime) -> dict[str, Any]:
    where = urlencode({"status__exact": one["status"]})
    return {
        "why": why,
        "count": one["count"],
        "money": shown(one["sum"]),
        "waits": span(at - one["oldest"]),
        "link": f"{reverse(f'admin:wallet_{page}_changelist')}?{where}",
    }
