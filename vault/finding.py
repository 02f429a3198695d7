"""Search from anywhere: whatever people have in hand leads to the one page that tells the whole story.

Each kind of row is asked through its own admin class, so that what a person may see, and of which partner, is
decided in one place. Each looks by index; a search costs a few milliseconds for each kind.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import structlog
from django.contrib import admin
from django.db import DatabaseError, connection, models, transaction
from django.http import HttpRequest
from django.urls import reverse

from c2b.models import C2bTransaction, StkPush
from common.money import shown
from common.phone import BadPhone, canonical, masked
from disbursements.models import Disbursement
from disbursements.story import who_and_how_much
from mifos.models import LoanProduct, MifosPartner
from partners.models import Partner, Shortcode
from sms.models import SmsNotification
from vault.look import rooms
from wallet.bank_models import BankCredit, BankDebit, TopUp
from wallet.models import Transfer
from wallet.purchases import FloatPurchase

log = structlog.get_logger("search")

FEW, MANY = 4, 20  # of each kind: in the palette, and on the page
LONGEST = 100  # characters; nothing that people look for is longer
PATIENCE = "2s"  # for one kind

Words = Callable[[Any], tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of row that can be found: how a row is named, and what else is said of it."""

    model: type[models.Model]
    title: str
    icon: str
    words: Words
    related: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A row that fits, with its page."""

    title: str
    words: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What was found of one kind. `trouble` says in words why nothing can be said."""

    title: str
    icon: str
    rows: list[Found]
    more: str = ""  # the list with all of them
    trouble: str = ""


def _disbursement(row: Disbursement) -> tuple[str, str]:
    receipt = f", receipt {row.receipt}" if row.receipt else ""
    return who_and_how_much(row), f"{row.get_status_display()}, {row}{receipt}, {row.partner}"


def _collection(row: C2bTransaction) -> tuple[str, str]:
    name = row.client_name or row.customer_name or "a customer"
    account = f" for account {row.account_no or row.bill_ref}" if row.account_no or row.bill_ref else ""
    whose = row.partner or "no partner yet"
    return (
        f"{shown(row.amount)} from {name}{account}",
        f"{row.get_status_display()}, receipt {row.mpesa_receipt}, {whose}",
    )


def _sms(row: SmsNotification) -> tuple[str, str]:
    return (
        f"{row.get_message_type_display()} to {masked(row.recipient_phone)}",
        f"{row.get_status_display()}, {row.partner}",
    )


def _stated(row: Any) -> tuple[str, str]:
    return str(row).capitalize(), f"{row.get_status_display()}, {row.partner or 'no partner yet'}"


KINDS = (
    Kind(
        model=Disbursement,
        title="Disbursements",
        icon="send_money",
        words=_disbursement,
        related=("partner",),
    ),
    Kind(model=C2bTransaction, title="Collections", icon="payments", words=_collection, related=("partner",)),
    Kind(
        model=Partner,
        title="Partners",
        icon="handshake",
        words=lambda row: (row.name, f"{row.code}, {'on' if row.is_active else 'switched off'}"),
    ),
    Kind(model=SmsNotification, title="SMS", icon="sms", words=_sms, related=("partner",)),
    Kind(
        model=StkPush,
        title="Prompts on phones",
        icon="phone_iphone",
        words=lambda row: (
            f"{shown(row.amount)} to {row.account_no}",
            f"{row.get_status_display()}, {row.partner}",
        ),
        related=("partner",),
    ),
    Kind(model=TopUp, title="Top-ups", icon="add_card", words=_stated, related=("partner",)),
    Kind(model=BankCredit, title="Bank credits", icon="savings", words=_stated, related=("partner",)),
    Kind(
        model=BankDebit,
        title="Bank debits",
        icon="outbox",
        words=lambda row: (str(row), row.narrative or row.outcome or "no words"),
    ),
    Kind(
        model=FloatPurchase,
        title="Float purchases",
        icon="shopping_cart",
        words=_stated,
        related=("partner",),
    ),
    Kind(
        model=Transfer,
        title="Transfers in the ledger",
        icon="sync_alt",
        words=lambda row: (
            f"{shown(row.amount)}, {row.get_type_display().lower()}",
            row.description or row.reference,
        ),
    ),
    Kind(
        model=Shortcode,
        title="Shortcodes",
        icon="tag",
        words=lambda row: (row.number, str(row)),
        related=("partner",),
    ),
    Kind(
        model=LoanProduct,
        title="Loan products",
        icon="inventory_2",
        words=lambda row: (row.product_name, str(row.mifos_partner)),
        related=("mifos_partner__partner",),
    ),
    Kind(
        model=MifosPartner,
        title="Mifos connections",
        icon="dns",
        words=lambda row: (str(row), row.mifos_host_url),
        related=("partner",),
    ),
)


def everywhere(request: HttpRequest, typed: str, *, most: int = FEW) -> list[Group]:
    """Return what fits, by kind, of all that this person may see; kinds without a hit are left out."""
    text = typed.strip()[:LONGEST].replace("\0", "")
    if len(text) < 2:
        return []
    groups = [*_looked(request, text, most=most), _pages(request, text)]
    return [group for group in groups if group.rows or group.trouble]


def _looked(request: HttpRequest, text: str, *, most: int) -> list[Group]:
    """Look for each kind, in one transaction as long as all goes well: one that fails stops none of the others."""
    groups: list[Group] = []
    left = [(kind, window) for kind in KINDS if (window := _window(request, kind))]
    while left:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("select set_config('statement_timeout', %s, true)", [PATIENCE])
                while left:
                    groups.append(_look(request, *left[0], text, most=most))
                    left.pop(0)
        except DatabaseError as exc:
            kind, _ = left.pop(0)
            log.warning("a kind could not be searched", kind=kind.title, error=type(exc).__name__)
            trouble = "These could not be searched now."
            groups.append(Group(title=kind.title, icon=kind.icon, rows=[], trouble=trouble))
    return groups


def _window(request: HttpRequest, kind: Kind) -> Any:
    """Return the kind's admin class where this person may see it."""
    window: Any = admin.site._registry.get(kind.model)
    return window if window is not None and window.has_view_permission(request) else None


def _pages(request: HttpRequest, text: str) -> Group:
    """Return the rooms of the house whose name has the words."""
    rows = [
        Found(title=item["title"], words=room["title"] or "The first page", link=str(item["link"]))
        for room in rooms(request)
        for item in room["items"]
        if text.lower() in item["title"].lower()
    ]
    return Group(title="Pages", icon="web", rows=rows)


def _look(request: HttpRequest, kind: Kind, window: Any, text: str, *, most: int) -> Group:
    """:raises DatabaseError: it takes too long, or the database is away"""
    rows, _ = window.get_search_results(request, window.get_queryset(request), text)
    found = list(rows.select_related(*kind.related)[: most + 1])
    base = f"admin:{kind.model._meta.app_label}_{kind.model._meta.model_name}"
    more = f"{reverse(f'{base}_changelist')}?{urlencode({'q': text})}" if len(found) > most else ""
    return Group(
        title=kind.title, icon=kind.icon, rows=list(_found(found[:most], kind.words, base)), more=more
    )


def _found(rows: Iterable[Any], words: Words, base: str) -> Iterable[Found]:
    for row in rows:
        title, said = words(row)
        yield Found(title=title, words=said, link=reverse(f"{base}_change", args=[row.pk]))


def understood(typed: str) -> str:
    """Say how something typed was read, where that is not plain: a phone in another form."""
    text = typed.strip()
    with suppress(BadPhone):
        if canonical(text) != text:
            return f"Read as the phone {masked(canonical(text))}."
    return ""
