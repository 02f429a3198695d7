"""How payments are searched, so that a million rows are no trouble: every way is by an index."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from c2b.models import SEARCHED, C2bTransaction, Posting, StkPush
from c2b.statuses import AT_REST, Status
from common.names import newest
from common.phone import BadPhone, canonical

SHOWN = 1_000  # of what one reference (a phone, as a rule) finds
MOVING = frozenset(Status) - AT_REST  # few at any time
IN_SUSPENSE = (Status.UNMATCHED, Status.FAILED)  # what the suspense desk has
BESIDE = 20

Rows = QuerySet[C2bTransaction]


def found(rows: Rows, typed: str) -> Rows:
    """Return the payments that a person may mean: by id, receipt, phone, then account, what was typed, or name."""
    text = typed.strip()
    ids = _by_reference(text) or newest(rows, SEARCHED, text, by="paid_at", at_rest=AT_REST, moving=MOVING)
    return rows.filter(pk__in=ids)


def _by_reference(text: str) -> list[UUID]:
    """Ask each index for itself: together in one condition they would cost a walk through the table."""
    wanted = [Q(mpesa_receipt=text.upper())]
    with suppress(ValueError):
        row_id = UUID(text)
        posted = Posting.objects.filter(pk=row_id).values_list("transaction_id", flat=True)
        return [row_id, *posted]
    with suppress(BadPhone):  # then it is something else
        wanted.append(Q(customer_phone=canonical(text)) & ~Q(customer_phone=""))
    parts: list[Any] = [C2bTransaction.objects.filter(one).order_by().values_list("pk") for one in wanted]
    return [row_id for (row_id,) in parts[0].union(*parts[1:])[:SHOWN]]


def found_prompts(rows: "QuerySet[StkPush]", typed: str) -> "QuerySet[StkPush]":
    """Return the prompts of a checkout id, a receipt, or our own id."""
    text = typed.strip()
    with suppress(ValueError):
        return rows.filter(pk=UUID(text))
    wanted = [Q(checkout_id=text), Q(mpesa_receipt=text.upper()) & ~Q(mpesa_receipt="")]
    parts: list[Any] = [StkPush.objects.filter(one).order_by().values_list("pk") for one in wanted]
    return rows.filter(pk__in=parts[0].union(*parts[1:]))


def beside(rows: Rows, row: C2bTransaction, *, most: int = BESIDE) -> list[C2bTransaction]:
    """Return what waits at the suspense desk around one payment, the oldest first, itself among it.

    It stands in the middle, unless there are fewer on one side.
    """
    waiting = rows.filter(status__in=IN_SUSPENSE).exclude(pk=row.pk)
    earlier = Q(paid_at__lt=row.paid_at) | Q(paid_at=row.paid_at, pk__lt=row.pk)
    room = most - 1
    before = list(waiting.filter(earlier).order_by("-paid_at", "-pk")[:room])
    after = list(waiting.exclude(earlier).order_by("paid_at", "pk")[:room])
    before = before[: max(room // 2, room - len(after))]
    return [*reversed(before), row, *after[: room - len(before)]]
