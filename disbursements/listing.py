"""How the list of disbursements is searched, filtered and counted, so that a million rows are no trouble."""

from contextlib import suppress
from math import ceil
from typing import Any
from uuid import UUID

from django.contrib.admin import SimpleListFilter
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property

from common.phone import BadPhone, canonical
from disbursements.models import Attempt, Disbursement
from disbursements.saved import SAVED
from mifos.models import MifosPartner
from partners.models import Partner

COUNTED = 10_000  # rows that are counted exactly; of longer lists PostgreSQL's own estimate is shown
SHOWN = 1_000  # of what one reference (a phone, as a rule) finds

Rows = QuerySet[Disbursement]


class EstimatingPaginator(Paginator):  # type: ignore[type-arg]
    """Counts at most `COUNTED` rows; a longer table is estimated, a longer selection is cut there.

    Nobody turns to page 19,000, and reading up to it takes seconds: the pages end where the counting ends.
    """

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        counted = int(rows.order_by()[: COUNTED + 1].count())
        if counted <= COUNTED:
            return counted
        whole = not rows.query.where
        return max(COUNTED, _estimated_rows(rows.model._meta.db_table)) if whole else COUNTED

    @cached_property
    def num_pages(self) -> int:
        return max(1, ceil(min(self.count, COUNTED) / self.per_page))


def _estimated_rows(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("select reltuples::bigint from pg_class where oid = %s::regclass", [table])
        return int(cursor.fetchone()[0])


class SavedFilter(SimpleListFilter):
    """The saved questions, as one more filter of the list."""

    title = "question"
    parameter_name = "view"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, saved.label) for name, saved in SAVED.items()]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows | None:
        saved = SAVED.get(self.value() or "")
        return queryset.filter(saved.where(timezone.now())) if saved else None


def found(rows: Rows, typed: str) -> Rows:
    """Return the rows that a person may mean: by id, reference, receipt, phone, loan, or the client's name.

    References are looked up by index first; names are read through only when no reference fits.
    """
    text = typed.strip()
    ids = _by_reference(text)
    if ids:
        return rows.filter(pk__in=ids)
    words = Q()
    for word in text.split():
        words &= Q(client_name__icontains=word)
    return rows.filter(words)


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
