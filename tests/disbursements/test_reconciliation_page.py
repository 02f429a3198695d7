"""Reconciliation of a day: three columns that must be equal, the lines that are not, and the certificate."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client

from c2b.models import C2bTransaction
from common.models import AuditLine
from disbursements import recording
from disbursements.models import Attempt, Disbursement
from partners.models import Partner
from tests import make
from tests.disbursements.outside import RECEIPT, World
from tests.make import NOW
from vault.house import certificate, reconciling

pytestmark = pytest.mark.django_db
ROOM = "/admin/reconciliation/"
DAY = NOW.date()


@pytest.fixture(autouse=True)
def _tomorrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW + timedelta(days=1))


@pytest.fixture
def victor() -> Client:
    user = get_user_model().objects.create_user("victor", is_staff=True)
    user.groups.set([Group.objects.get(name="viewer")])
    client = Client()
    client.force_login(user)
    return client


def completed(world: World) -> Disbursement:
    row = world.paid()
    recording.record(disbursement_id=row.pk, at=NOW + timedelta(seconds=10))
    Disbursement.objects.filter(pk=row.pk).update(settled_at=NOW + timedelta(seconds=5))
    row.refresh_from_db()
    return row


def said(client: Client, **query: str) -> str:
    answer = client.get(ROOM, {"day": str(DAY)} | query)
    assert answer.status_code == 200
    return answer.content.decode()


def payouts(row: Disbursement) -> reconciling.Side:
    return reconciling.payouts(row.partner, DAY)


def test_a_payout_that_all_three_have_agrees(world: World, victor: Client) -> None:
    row = completed(world)
    side = payouts(row)
    assert side.agrees
    assert [(book.count, book.total) for book in side.books] == [(1, Decimal(9500))] * 3
    assert "Its one line agrees." in said(victor)


def test_one_that_mifos_does_not_have_is_shown_with_its_reason(world: World, victor: Client) -> None:
    row = world.paid()
    Disbursement.objects.filter(pk=row.pk).update(settled_at=NOW)
    (line,) = payouts(row).differences
    assert (line.name, line.mpesa, line.ours, line.mifos) == (RECEIPT, Decimal(9500), Decimal(9500), None)
    assert "Mifos has not booked it." in said(victor)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"amount": Decimal(9000)}, "M-Pesa's result says KES 9000.00"),
        ({"receipt": "OTHER1"}, "with receipt OTHER1"),
        ({"status": "failed", "receipt": ""}, "No attempt of it has M-Pesa's receipt."),
    ],
)
def test_a_line_that_mpesa_has_otherwise_is_found(world: World, change: dict[str, Any], words: str) -> None:
    row = completed(world)
    Attempt.objects.filter(disbursement=row).update(**change)
    (line,) = payouts(row).differences
    assert words in line.words


def test_the_day_is_that_of_nairobi(world: World) -> None:
    row = completed(world)
    Disbursement.objects.filter(pk=row.pk).update(settled_at=NOW.replace(hour=21))
    assert payouts(row).lines == 0
    assert reconciling.payouts(row.partner, DAY + timedelta(days=1)).lines == 1


def payment(partner: Partner) -> None:
    number = make.shortcode("600100", partner=partner, kind="c2b")
    C2bTransaction.objects.create(
        partner=partner, shortcode=number, channel="c2b", status="unmatched", mpesa_receipt="TFD4S1AB2C",
        amount=Decimal(700), paid_at=NOW, heard_at=NOW, moved_at=NOW, reason="Nobody has this account.",
    )  # fmt: skip


def test_collections_need_mpesas_own_list(world: World, victor: Client) -> None:
    payment(Partner.objects.get())
    text = said(victor)
    assert "own list of this day is not here" in text
    assert "Nobody has this account." in text


def test_a_day_that_agrees_is_certified_with_a_name_and_a_line(world: World, victor: Client) -> None:
    completed(world)
    answer = victor.post(f"{ROOM}?day={DAY}")
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")
    line = AuditLine.objects.get(action="certified a day")
    assert (line.actor_name, line.detail) == ("victor", {"day": str(DAY), "payouts": 1, "collections": 0})


def test_the_certificate_says_how_many_lines_agree(world: World) -> None:
    side = payouts(completed(world))
    assert certificate.sentence(side, DAY) == (
        "Payouts: on 3 June 2026 the only line agrees between M-Pesa, Payment Vault and Mifos."
    )


def test_what_does_not_agree_is_not_certified(world: World, victor: Client) -> None:
    row = world.paid()
    Disbursement.objects.filter(pk=row.pk).update(settled_at=NOW)
    answer = victor.post(f"{ROOM}?day={DAY}", follow=True)
    assert "there is nothing to certify" in answer.content.decode()
    assert not AuditLine.objects.filter(action="certified a day").exists()


def test_a_day_that_is_not_over_is_not_certified(world: World, victor: Client) -> None:
    answer = victor.post(f"{ROOM}?day={DAY + timedelta(days=1)}", follow=True)
    assert "The day is not over yet" in answer.content.decode()


@pytest.mark.parametrize("query", [{"day": "nonsense"}, {"day": "9999-99-99"}, {"partner": "nobody"}])
def test_what_makes_no_sense_still_gives_a_page(world: World, victor: Client, query: dict[str, str]) -> None:
    assert said(victor, **query)


def test_whoever_may_not_see_money_may_not_reconcile() -> None:
    client = Client()
    client.force_login(get_user_model().objects.create_user("eve", is_staff=True))
    assert client.get(ROOM).status_code == 403
