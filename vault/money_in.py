"""What of the money coming in waits for a person, for the overview."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Min, Sum
from django.urls import reverse

from common.money import shown
from disbursements.story import span
from wallet.bank_models import BankCredit, CreditStatus, TopUp

_WHY = {
    CreditStatus.SUSPENSE: "Money from the bank, owner unknown",
    CreditStatus.POSSIBLE_DUPLICATE: "Money from the bank, may be booked already",
}


def needs_a_person(*, at: datetime) -> list[dict[str, Any]]:
    """Return groups of bank credits and top-ups with something to decide, in the overview's form."""
    totals = {"count": Count("pk"), "sum": Sum("amount"), "oldest": Min("attention_at")}
    credits_: Any = BankCredit.objects.exclude(attention="").order_by().values("status").annotate(**totals)
    found = [
        _group(_WHY.get(CreditStatus(one["status"]), "The bank contradicts itself"), one, "bankcredit", at=at)
        for one in credits_
    ]
    paid = TopUp.objects.exclude(attention="").aggregate(**totals)
    if paid["count"]:
        found.append(_group("NCBA says paid, no money came", paid | {"status": "unknown"}, "topup", at=at))
    return found


def _group(why: str, one: dict[str, Any], page: str, *, at: datetime) -> dict[str, Any]:
    where = urlencode({"status__exact": one["status"]})
    return {
        "why": why,
        "count": one["count"],
        "money": shown(one["sum"]),
        "waits": span(at - one["oldest"]),
        "link": f"{reverse(f'admin:wallet_{page}_changelist')}?{where}",
    }
