"""The bank's pages: secrets stay in, the connection is tested in words, people decide with reasons."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from common.gateway import Rejected
from common.models import AuditLine
from tests import make
from tests.wallet import make_bank
from tests.wallet.make_bank import told, wallet_of
from wallet import bank as the_bank
from wallet import crediting
from wallet.bank_models import BankAccount, BankCredit, Channel, TopUp
from wallet.ncba_shapes import BankBalance

pytestmark = pytest.mark.django_db
PAGES = ["bankaccount", "bankcredit", "bankdebit", "topup"]


def logged_in(client: Client, role: str, name: str = "amina") -> User:
    user = User.objects.create_user(name, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    return user


def act(client: Client, model: str, action: str, row_id: Any = None, **fields: Any) -> None:
    """Send the dialog of an action."""
    where = reverse(f"admin:wallet_{model}_{action}", args=[row_id] if row_id else [])
    answer = client.post(where, fields | {"_form_submitted": "True"}, headers={"HX-Request": "true"})
    assert answer.status_code in (200, 302), answer.content[:500]


def unnamed(bank: BankAccount, amount: int = 5000) -> BankCredit:
    crediting.take_credit(
        account=bank, told=told(Channel.ACCOUNT, amount=amount, narrative="RENT"), at=make.NOW
    )
    return BankCredit.objects.get()


@pytest.mark.parametrize("role", ["viewer", "operator", "approver", "administrator"])
@pytest.mark.parametrize("page", PAGES)
def test_every_role_can_look(client: Client, role: str, page: str) -> None:
    bank, _ = make_bank.account(), make.partner()
    unnamed(bank)
    logged_in(client, role)
    assert client.get(reverse(f"admin:wallet_{page}_changelist")).status_code == 200


@pytest.mark.parametrize("role", ["viewer", "administrator"])
def test_no_secret_comes_out_and_only_who_may_change_sees_the_addresses(client: Client, role: str) -> None:
    bank = make_bank.account()
    logged_in(client, role)
    page = client.get(reverse("admin:wallet_bankaccount_change", args=[bank.pk])).content.decode()
    for secret in ("till-pass", "gate-pass", "sub-key", "push-pass", make_bank.SECRET):
        assert secret not in page
    assert ("/callbacks/ncba/" in page) == (role == "administrator")


def test_the_connection_is_tested_in_words(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    class Works:
        def log_in(self) -> None: ...

        def balance(self, account: str) -> BankBalance:
            return BankBalance(available=Decimal(450_000), current=None, currency="KES", account_name="V")

    def refuses(account: BankAccount) -> None:
        raise Rejected("NCBA does not accept our user", code="401", stop=True)

    bank = make_bank.account()
    logged_in(client, "administrator")
    monkeypatch.setattr(the_bank, "till", lambda account: Works())
    monkeypatch.setattr(the_bank, "gateway", lambda account: Works())
    act(client, "bankaccount", "test_connection", bank.pk)
    assert BankAccount.objects.get().available_balance == 450_000
    monkeypatch.setattr(the_bank, "till", refuses)
    found = the_bank.examine(bank)
    assert (found.good, found.lines[0][1]) == (
        False,
        "The till does not work: NCBA does not accept our user (401).",
    )
    act(client, "bankaccount", "test_connection", bank.pk)
    assert [line.detail["good"] for line in AuditLine.objects.order_by("at")] == [True, False]


def test_the_addresses_are_renewed_with_a_reason(client: Client) -> None:
    bank = make_bank.account()
    before = the_bank.callback_address(bank, "paybill")
    logged_in(client, "administrator")
    act(client, "bankaccount", "renew", bank.pk, reason="a mail with it got lost")
    row = BankAccount.objects.get()
    assert the_bank.callback_address(row, "paybill") != before
    assert the_bank.named_by(before.split("/")[-2]) == row
    assert AuditLine.objects.get().reason == "a mail with it got lost"


def test_an_operator_gives_suspense_to_its_owner(client: Client) -> None:
    kilimo, row = make.partner(), unnamed(make_bank.account())
    logged_in(client, "operator")
    act(client, "bankcredit", "allocate", row.pk, partner=kilimo.pk, reason="they called")
    assert wallet_of(kilimo) == 5000
    page = client.get(reverse("admin:wallet_bankcredit_change", args=[row.pk])).content.decode()
    assert "they called" in page


def test_a_viewer_decides_nothing(client: Client) -> None:
    kilimo, row = make.partner(), unnamed(make_bank.account())
    logged_in(client, "viewer")
    where = reverse("admin:wallet_bankcredit_allocate", args=[row.pk])
    client.post(
        where,
        {"partner": kilimo.pk, "reason": "x", "_form_submitted": "True"},
        headers={"HX-Request": "true"},
    )
    assert wallet_of(kilimo) == 0


def test_above_the_limit_the_second_person_agrees_on_the_page(client: Client) -> None:
    kilimo, row = make.partner(), unnamed(make_bank.account(), 80_000)
    logged_in(client, "operator")
    act(client, "bankcredit", "allocate", row.pk, partner=kilimo.pk, reason="they called")
    assert wallet_of(kilimo) == 0
    logged_in(client, "approver", "juma")
    act(client, "bankcredit", "agree", row.pk)
    assert wallet_of(kilimo) == 80_000


def test_an_operator_asks_for_a_top_up_and_a_second_click_asks_nothing_more(client: Client) -> None:
    kilimo, _ = make.partner(), make_bank.account()
    amina = logged_in(client, "operator")
    wish = {"partner": kilimo.pk, "phone": "0708374149", "amount": "5000", "key": "k-1"}
    act(client, "topup", "ask", **wish)
    act(client, "topup", "ask", **wish)
    row = TopUp.objects.get()
    assert (row.phone, row.amount, row.asked_by) == (make.JANE, 5000, amina)
    page = client.get(reverse("admin:wallet_topup_change", args=[row.pk])).content.decode()
    assert make.JANE not in page
    assert "2547••••149" in page
