"""A bank and an M-Pesa that answer as told and remember what they were asked, and a partner that buys float."""

import re
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from common.changes import By
from mpesa import operations as mpesa
from mpesa.client import Accepted
from sms.models import SmsNotification
from tests import make
from tests.wallet.make_wallet import Funded, funded
from wallet import asking, bank, buying, evidence
from wallet.bank_models import BankAccount
from wallet.ncba_shapes import OrderTaken
from wallet.purchases import FloatPurchase

FT = "FT26154ABCDE"
MONEY = Decimal(50_000)
LATER = make.NOW + timedelta(minutes=10)


@dataclass
class Bank:
    """Takes orders; `plan` holds what to answer next: an error, an answer, or nothing for acceptance."""

    plan: deque[Any] = field(default_factory=deque)
    orders: list[Any] = field(default_factory=list)
    on_order: Any = None

    def _take(self, order: Any) -> OrderTaken:
        self.orders.append(order)
        if self.on_order:
            self.on_order(order)
        planned = self.plan.popleft() if self.plan else None
        if isinstance(planned, BaseException):
            raise planned
        return planned or OrderTaken(core_reference=FT, final=False)

    float_purchase = pay_to_paybill = transfer = _take


@dataclass
class MpesaFake:
    """Takes transfers between shortcodes and questions for a balance."""

    plan: deque[Any] = field(default_factory=deque)
    moved: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def pay_to_bulk(self, **order: Any) -> Accepted:
        self.moved.append(order)
        return self._answer()

    def ask_balance(self, **question: Any) -> Accepted:
        self.asked.append(question)
        return self._answer()

    def _answer(self) -> Accepted:
        planned = self.plan.popleft() if self.plan else None
        if isinstance(planned, BaseException):
            raise planned
        return Accepted(conversation_id="AG_20260603_B2B", originator_conversation_id="theirs")


@dataclass
class Scene:
    """A partner with KES 200,000 in its wallet and nothing on its shortcode."""

    books: Funded
    bank: Bank
    mpesa: MpesaFake
    asker: User
    second: User

    def ask(self, amount: int | Decimal = MONEY, *, at: datetime = make.NOW, **fields: Any) -> FloatPurchase:
        wish = asking.Wish(partner_id=self.books.partner.pk, amount=Decimal(amount), **fields)
        return asking.ask(wish=wish, by=By(actor=self.asker), at=at)

    def buy(self, amount: int | Decimal = MONEY, *, at: datetime = make.NOW, **fields: Any) -> FloatPurchase:
        """Ask, confirm and send one purchase."""
        row = self.ask(amount, at=at, **fields)
        if row.status == "asked":
            asking.confirm_code(purchase_id=row.pk, code=self.code(row), by=By(actor=self.asker), at=at)
        buying.buy(purchase_id=row.pk, at=at)
        return self.seen(row)

    def code(self, row: FloatPurchase) -> str:
        """The code as the partner's phone shows it."""
        sent = SmsNotification.objects.get(event_key=f"float-code:{row.pk}:{row.codes_sent or 1}")
        return re.findall(r"\b\d{6}\b", sent.message_content)[0]

    def seen(self, row: FloatPurchase) -> FloatPurchase:
        return FloatPurchase.objects.select_related("shortcode").get(pk=row.pk)

    def debit(self, row: FloatPurchase, **changes: Any) -> FloatPurchase | None:
        """The bank tells that the money of a purchase has left."""
        return evidence.take_debit(debit(row, **changes), at=LATER)

    def notes(self, row: FloatPurchase) -> str:
        return "\n".join(row.events.values_list("note", flat=True))


def debit(row: FloatPurchase, **changes: Any) -> evidence.Debit:
    told = {
        "reference": "FT26154XYZ",
        "amount": row.amount,
        "text": f"FLOAT TOPUP {row.reference}",
        "at": make.NOW + timedelta(minutes=1),
    }
    return evidence.Debit(**told | changes)


def scene(monkeypatch: pytest.MonkeyPatch, *, wallet: int = 200_000, float_: int = 0, **own: Any) -> Scene:
    """Build the scene; `own` fields make the shortcode the partner's own."""
    account, phone = Bank(), MpesaFake()
    BankAccount.objects.create(account="1000000001", till="123456")
    monkeypatch.setattr(bank, "gateway", lambda row: account)
    monkeypatch.setattr(mpesa, "connect", lambda shortcode: phone)
    for module in (buying,):
        monkeypatch.setattr(module.timezone, "now", lambda: make.NOW)
    books = funded(wallet=wallet, float_=float_)
    if own.get("own"):
        books.shortcode.partner = books.partner
        books.shortcode.save()
    people = [User.objects.create_user(name) for name in ("amina", "brian")]
    return Scene(books, account, phone, *people)
