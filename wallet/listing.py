"""How the ledger's lines are searched, so that a million rows are no trouble: every way is by an index."""

from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from common.ids import first_id
from wallet.models import Hold, Transfer, TransferType

AROUND = timedelta(minutes=2)  # a line's id is made when its transfer is posted


def transfers(rows: "QuerySet[Transfer]", typed: str) -> "QuerySet[Transfer]":
    """Return the transfers with a reference, or with our own id."""
    text = typed.strip()
    fitting = Q(type__in=TransferType.values, reference=text)  # as the table is indexed
    with suppress(ValueError):
        found = list(Transfer.objects.filter(pk=UUID(text)).values_list("pk", flat=True))
        return rows.filter(pk__in=found) if found else rows.filter(fitting)
    return rows.filter(fitting)


def lines(rows: "QuerySet[Any]", typed: str) -> "QuerySet[Any]":
    """Return the lines that the transfers with a reference left on wallets or floats.

    Lines have no index of their own by reference, which would cost every payout; their ids tell the moment.
    """
    found = transfers(Transfer.objects.all(), typed).values_list("pk", "created_at")[:20]
    wanted = Q(pk__in=[])
    for transfer_id, at in found:
        span = Q(pk__gte=first_id(at - AROUND), pk__lt=first_id(at + AROUND))
        wanted |= span & Q(transfer_id=transfer_id)
    return rows.filter(wanted)


def holds(rows: "QuerySet[Hold]", typed: str) -> "QuerySet[Hold]":
    """Return the hold of an attempt or a float purchase, or with our own id."""
    try:
        row_id = UUID(typed.strip())
    except ValueError:
        return rows.none()
    return rows.filter(pk__in=Hold.objects.filter(Q(reference=row_id) | Q(pk=row_id)).values("pk"))
