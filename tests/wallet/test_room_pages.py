"""From a wallet's page: a top-up in steps, and the rule that buys float as a form with its effect in words."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from common.models import AuditLine
from tests import make
from tests.wallet import make_bank
from wallet import operations, room_pages
from wallet.bank_models import TopUp, TopUpStatus
from wallet.models import PartnerWallet
from wallet.purchases import AutoFloatRule

pytestmark = pytest.mark.django_db
RULE = {"below": "200000", "buy": "500000", "max_per_day": "2000000", "is_active": "on"}


def wallet() -> PartnerWallet:
    kilimo = make.partner()
    operations.open_accounts(partner_id=kilimo.pk, at=timezone.now())
    return PartnerWallet.objects.get(partner=kilimo)


def desk_of(role: str) -> Client:
    user = User.objects.create(username=f"ann-{role}", is_staff=True)
    user.groups.set([Group.objects.get(name=role)])
    client = Client()
    client.force_login(user)
    return client


def at(row: PartnerWallet, what: str) -> str:
    return f"/admin/wallet/partnerwallet/{row.pk}/{what}/"


def wish(**fields: str) -> dict[str, str]:
    return {"known": "0", "amount": "1500", "key": str(uuid4())} | fields


def test_looking_at_the_page_asks_nobody() -> None:
    make_bank.account()
    text = desk_of("operator").get(at(wallet(), "top-up")).content.decode()
    assert "The phone rings and asks for the M-Pesa PIN." in text
    assert "254711000001" not in text
    assert not TopUp.objects.exists()


def test_a_known_phone_is_asked_and_the_page_shows_the_steps() -> None:
    make_bank.account()
    row, desk = wallet(), desk_of("operator")
    answer = desk.post(at(row, "top-up"), wish())
    asked = TopUp.objects.get()
    assert (asked.phone, asked.amount) == ("254711000001", Decimal(1500))
    text = desk.get(answer.headers["Location"]).content.decode()
    assert "2547••••001 is asked for KES 1,500." in text
    assert "data-pv-poll" in text


def test_a_second_press_is_the_same_wish() -> None:
    make_bank.account()
    row, desk, typed = wallet(), desk_of("operator"), wish()
    desk.post(at(row, "top-up"), typed)
    desk.post(at(row, "top-up"), typed)
    assert TopUp.objects.count() == 1


@pytest.mark.parametrize("typed", [{"amount": "0"}, {"amount": "10.50"}, {"amount": ""}, {"other": "12"}])
def test_what_cannot_be_asked_is_refused_in_words(typed: dict[str, str]) -> None:
    make_bank.account()
    answer = desk_of("operator").post(at(wallet(), "top-up"), wish(**typed))
    assert answer.status_code == 200
    assert 'class="pv-error"' in answer.content.decode()
    assert not TopUp.objects.exists()


def test_without_a_till_the_page_says_so() -> None:
    row, desk = wallet(), desk_of("operator")
    assert "The till at NCBA is not set up yet" in desk.get(at(row, "top-up")).content.decode()
    assert "so nobody can be asked for money" in desk.post(at(row, "top-up"), wish()).content.decode()


@pytest.mark.parametrize("role", ["viewer", "approver"])
def test_who_may_not_operate_asks_no_phone(role: str) -> None:
    make_bank.account()
    row = wallet()
    assert desk_of(role).post(at(row, "top-up"), wish()).status_code == 403
    assert not TopUp.objects.exists()


@pytest.mark.parametrize(
    ("status", "tones"),
    [
        (TopUpStatus.ASKED, ["settled", "moving", "off"]),
        (TopUpStatus.PROMPTED, ["settled", "settled", "waiting"]),
        (TopUpStatus.UNKNOWN, ["settled", "unknown", "waiting"]),
        (TopUpStatus.CREDITED, ["settled", "settled", "settled"]),
        (TopUpStatus.FAILED, ["settled", "person", "off"]),
    ],
)
def test_each_state_has_its_colours(status: str, tones: list[str]) -> None:
    row = TopUp(status=status, amount=Decimal(1500))
    assert [one["tone"].value for one in room_pages.steps(row)] == tones


def test_a_rule_is_saved_with_an_audit_line_and_told_in_words() -> None:
    row, desk = wallet(), desk_of("administrator")
    answer = desk.post(at(row, "rule"), RULE, follow=True)
    rule = AutoFloatRule.objects.get(partner=row.partner)
    assert (rule.below, rule.buy, rule.is_active) == (200_000, 500_000, True)
    assert "When the free float is under KES 200,000, buy KES 500,000" in answer.content.decode()
    assert AuditLine.objects.filter(object_id=str(rule.pk), action="created").exists()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"max_per_day": "100"}, "It must not be below what is bought at once"),
        ({"from_time": "20:00", "to_time": "06:00"}, "rules do not run over midnight"),
        ({"from_time": "06:00"}, "Give both times, or none."),
        ({"buy": "10.50"}, "cents"),
    ],
)
def test_a_rule_that_cannot_hold_is_refused_in_words(typed: dict[str, str], words: str) -> None:
    answer = desk_of("administrator").post(at(wallet(), "rule"), RULE | typed)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not AutoFloatRule.objects.exists()


def test_the_effect_is_told_while_typing_and_nothing_is_saved() -> None:
    told = desk_of("administrator").post(at(wallet(), "rule/words"), RULE).content.decode()
    assert "at most KES 2,000,000 a day" in told
    assert not AutoFloatRule.objects.exists()


def test_an_operator_does_not_change_the_rule() -> None:
    assert desk_of("operator").post(at(wallet(), "rule"), RULE).status_code == 403
