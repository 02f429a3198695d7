"""How the list of disbursements is searched and filtered, so that a million rows are no trouble."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from common.names import NameWords, newest
from common.phone import BadPhone, canonical
from disbursements.models import Attempt, Disbursement
from disbursements.saved import SAVED
from disbursements.statuses import AT_REST, Status
from mifos.models import MifosPartner
from partners.models import Partner

SHOWN = 1_000  # of what one reference (a phone, as a rule) finds
MOVING = frozenset(Status) - AT_REST  # few at any time

Rows = QuerySet[Disbursement]


class SavedFilter(SimpleListFilter):
    """The saved questions, as one more filter of the list."""

    title = "question"
    for_partners = True  # its choices name nobody
    parameter_name = "view"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, saved.label) for name, saved in SAVED.items()]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows | None:
        saved = SAVED.get(self.value() or "")
        return queryset.filter(saved.where(timezone.now())) if saved else None


def found(rows: Rows, typed: str) -> Rows:
    """Return the rows that a person may mean: by id, reference, receipt, phone, loan, or the client's name.

    Every way is by index. A name is found by the beginnings of its words, and only when no reference fits.
    """
    text = typed.strip()
    ids = _by_reference(text) or newest(
        rows, NameWords("client_name"), text, by="detected_at", at_rest=AT_REST, moving=MOVING
    )
    return rows.filter(pk__in=ids)


def _by_reference(text: str) -> list[UUID]:
    """Ask each index for itself: together in one condition they would cost a walk through the table."""
    if row_id := _uuid(text):
        wanted = [Q(pk=row_id)]
        attempts = [Q(pk=row_id)]
    else:
        wanted = _conditions(text)
        attempts = [Q(conversation_id=text), Q(receipt=text.upper()) & ~Q(receipt="")]
    parts: list[Any] = [Disbursement.objects.filter(one).order_by().values_list("pk") for one in wanted]
    parts += [Attempt.objects.filter(one).order_by().values_list("disbursement_id") for one in attempts]
    return [row_id for (row_id,) in parts[0].union(*parts[1:])[:SHOWN]]


def _conditions(text: str) -> list[Q]:
    found = [
        Q(receipt=text.upper()) & ~Q(receipt=""),
        Q(loan_account_no=text) & ~Q(loan_account_no=""),
        Q(partner__in=Partner.objects.values("pk"), client_request_id=text),  # as the table is indexed
    ]
    if text.isascii() and text.isdigit() and len(text) <= 18:
        found.append(Q(mifos_partner__in=MifosPartner.objects.values("pk"), mifos_loan_id=int(text)))
    with suppress(BadPhone):  # then it is something else
        found.append(Q(phone=canonical(text)))
    return found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
