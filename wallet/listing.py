"""How the ledger's lines are searched, so that a million rows are no trouble: every way is by an index."""

from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from common.ids import first_id
from common.names import newest_fitting
from common.phone import BadPhone, canonical
from partners.models import Partner
from wallet.bank_models import DEBIT_WORDS, PAYER_WORDS, BankCredit, BankDebit, TopUp
from wallet.models import Hold, Transfer, TransferType

SHOWN = 1_000  # of what one reference (a phone, as a rule) finds
AROUND = timedelta(minutes=2)  # a line's id is made when its transfer is posted


def transfers(rows: "QuerySet[Transfer]", typed: str) -> "QuerySet[Transfer]":
    """Return the transfers with a reference, or with our own id."""
    text = typed.strip()
    fitting = Q(type__in=TransferType.values, reference=text)  # as the table is indexed
    with suppress(ValueError):
        found = list(Transfer.objects.filter(pk=UUID(text)).values_list("pk", flat=True))
        return rows.filter(pk__in=found) if found else rows.filter(fitting)
    return rows.filter(fitting)


def topups(rows: "QuerySet[TopUp]", typed: str) -> "QuerySet[TopUp]":
    """Return the top-ups from a phone, or with the asker's key, NCBA's id or our own."""
    text = typed.strip()
    wanted = [
        Q(transaction_id=text) & ~Q(transaction_id=""),
        Q(partner__in=Partner.objects.values("pk"), client_key=text),  # as the table is indexed
    ]
    with suppress(BadPhone):  # then it is something else
        wanted.append(Q(phone=canonical(text)))
    with suppress(ValueError):
        wanted.append(Q(pk=UUID(text)))
    return rows.filter(pk__in=_each_by_its_index(TopUp, wanted))


def credits(rows: "QuerySet[BankCredit]", typed: str) -> "QuerySet[BankCredit]":
    """Return the money that came in with a reference or receipt, else from whom words name."""
    text = typed.strip()
    wanted = [Q(core_reference=text), Q(receipt=text.upper()) & ~Q(receipt="")]
    with suppress(ValueError):
        wanted.append(Q(pk=UUID(text)))
    found = _each_by_its_index(BankCredit, wanted) or newest_fitting(rows, PAYER_WORDS, text, by="created_at")
    return rows.filter(pk__in=found)


def debits(rows: "QuerySet[BankDebit]", typed: str) -> "QuerySet[BankDebit]":
    """Return the money that left with a reference, else with words of its narrative."""
    text = typed.strip()
    wanted = [Q(core_reference=text)]
    with suppress(ValueError):
        wanted.append(Q(pk=UUID(text)))
    found = _each_by_its_index(BankDebit, wanted) or newest_fitting(rows, DEBIT_WORDS, text, by="created_at")
    return rows.filter(pk__in=found)


def _each_by_its_index(model: Any, wanted: list[Q]) -> list[UUID]:
    """Ask for each by itself: together in one condition they would cost a walk through the table."""
    parts = [model.objects.filter(one).order_by().values_list("pk") for one in wanted]
    return [row_id for (row_id,) in parts[0].union(*parts[1:])[:SHOWN]]


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
