"""Charges for SMS: per segment, once, on success only, never below zero."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from common.ids import new_id
from sms.models import SmsNotification
from tests import make
from tests.wallet.make_wallet import Funded, funded
from tests.wallet.test_ledger_races import at_once
from wallet import alarms, sms_charging
from wallet.models import Transfer, WalletTransaction
from wallet.proof import prove

pytestmark = pytest.mark.django_db
LATER = make.NOW + timedelta(minutes=5)


@pytest.fixture
def books() -> Funded:
    make.tariff(kind="sms", bands=[(250_000, 1)])
    return funded(wallet=10)


def message(books: Funded, **fields: Any) -> SmsNotification:
    told: dict[str, Any] = {
        "partner": books.partner,
        "recipient_phone": make.JANE,
        "message_type": "payment_receipt",
        "language": "en",
        "message_content": "Asante",
        "encoding": "gsm7",
        "segments": 1,
        "status": "sent",
        "event_key": str(new_id()),
        "sent_at": make.NOW,
        "created_at": make.NOW,
        "updated_at": make.NOW,
        "moved_at": make.NOW,
    }
    return SmsNotification.objects.create(**told | fields)


def charge(books: Funded) -> Decimal:
    return sms_charging.charge(partner_id=books.partner.pk, at=LATER)


def test_all_of_a_run_are_one_line_and_each_message_knows_its_charge(books: Funded) -> None:
    rows = [
        message(books),
        message(books, status="delivered", delivered_at=make.NOW),
        message(books, segments=3),
    ]
    assert charge(books) == 5
    line = WalletTransaction.objects.get(transaction_type="charge")
    assert (line.amount, line.balance_after) == (-5, 5)
    assert "3 SMS, 5 segments" in line.description
    charges = [SmsNotification.objects.get(pk=row.pk).charge for row in rows]
    assert charges == [1, 1, 3]
    assert Transfer.objects.get(type="charge").to_account.kind == "fees"


def test_nothing_is_charged_twice(books: Funded) -> None:
    message(books)
    assert [charge(books), charge(books)] == [1, 0]
    assert Transfer.objects.filter(type="charge").count() == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "pending"},
        {"status": "sending"},
        {"status": "failed"},
        {"status": "sent", "unconfirmed": True},
        {"event_key": f"{alarms.OPERATORS}x"},
        {"partner_id": None},
        {"charged_at": make.NOW},
    ],
)
def test_what_is_not_surely_sent_is_not_charged(books: Funded, fields: dict[str, Any]) -> None:
    message(books, **fields)
    assert charge(books) == 0
    assert sms_charging.partners_with_some() == []


def test_what_does_not_fit_waits_and_shows(books: Funded) -> None:
    for _ in range(14):
        message(books)
    assert (charge(books), books.money()[0]) == (10, 0)
    waiting = sms_charging.waiting(books.partner.pk)
    assert (waiting.messages, waiting.segments, waiting.since) == (4, 4, make.NOW)
    assert charge(books) == 0


def test_the_oldest_are_charged_first(books: Funded) -> None:
    new = message(books, segments=6)
    old = message(books, segments=6, created_at=make.NOW - timedelta(hours=1))
    charge(books)
    assert [SmsNotification.objects.get(pk=row.pk).charge for row in (old, new)] == [6, None]


def test_each_has_the_price_of_its_day(books: Funded) -> None:
    message(books, sent_at=make.NOW - timedelta(days=2))
    assert charge(books) == 0  # no tariff held then
    assert SmsNotification.objects.get().charge == 0
    assert sms_charging.partners_with_some() == []


def test_a_partner_without_a_wallet_owes(books: Funded) -> None:
    other = Funded(make.partner("mlima"), books.shortcode)
    message(other)
    assert charge(other) == 0
    assert sms_charging.waiting(other.partner.pk).messages == 1


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_charge_once(books: Funded) -> None:
    for _ in range(8):
        message(books)
    at_once(*[lambda: charge(books)] * 6)
    assert books.money()[0] == 2
    assert not SmsNotification.objects.filter(charged_at__isnull=True).exists()


@given(
    segments=st.lists(st.integers(1, 5), max_size=12),
    topups=st.lists(st.integers(0, 7), max_size=4),
)
@profile(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_charged_and_waiting_are_always_all(books: Funded, segments: list[int], topups: list[int]) -> None:
    before = SmsNotification.objects.count()
    for one in segments:
        message(books, segments=one)
    for _ in topups:
        charge(books)
    assert books.money()[0] >= 0
    charged = sum(row.charge or 0 for row in SmsNotification.objects.all())
    assert charged == 10 - books.money()[0]
    assert SmsNotification.objects.count() == before + len(segments)
    assert not prove().differences
