"""The whole road against the simulated bank: its clients asked over HTTP, its notices taken over HTTP."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from common.gateway import OutcomeUnknown, Rejected
from partners.models import Partner
from tests import make
from tests.sandbox.conftest import Sandbox, running_sandbox, sandbox, sandbox_loop  # noqa: F401 - fixtures
from tests.wallet import make_bank
from tests.wallet.make_bank import total_of, wallet_of
from wallet import bank as the_bank
from wallet import proof, receiving, topups
from wallet.bank_models import BankAccount, BankCredit, BankDebit, CreditStatus, TopUp
from wallet.ncba_shapes import FloatPurchase, Hint, InternalTransfer, new_reference

pytestmark = pytest.mark.django_db(transaction=True)
PHONE = "254712000001"
SECRETS = {"push_user": "pusher", "push_password": "push-pass", "push_secret": make_bank.SECRET}


class Bank:
    """Our account at the simulated bank, with its notices coming to us."""

    def __init__(self, sandbox: Sandbox, row: BankAccount) -> None:  # noqa: F811
        self.sandbox, self.row = sandbox, row
        self.set_account(name="VAULT LTD", balance="500000", till=row.till, **SECRETS)
        self.listen()
        user = {"user": "gate-user", "password": "gate-pass", "subscription_key": "sub-key"}
        sandbox.control("POST", "ncba/users", user)
        sandbox.control("POST", "ncba/till-users", {"user": "till-user", "secret": "till-pass"})
        sandbox.control("POST", "daraja/shortcodes", {"number": "600992", "utility": "0", "working": "0"})
        sandbox.control("POST", "daraja/phones", {"phone": PHONE, "name": "Jane Doe", "balance": "100000"})

    def set_account(self, **fields: Any) -> None:
        self.sandbox.control("POST", "ncba/accounts", {"account": self.row.account} | fields)

    def listen(self, **fields: Any) -> None:
        found = the_bank.callback_addresses(self.row)
        self.set_account(push_b_url=found["paybill"], push_c_url=found["account"], **fields)

    def pay(self, amount: str = "5000", code: str = "KILIMO") -> Any:
        body = {"till": self.row.till, "code": code, "phone": PHONE, "name": "Jane Doe", "amount": amount}
        return self.sandbox.control("POST", "ncba/pay", body)

    def pushes(self) -> Any:
        return self.sandbox.control("GET", "ncba/books")["pushes"]

    def is_quiet(self) -> bool:
        """Whether no notice is on its way to us."""
        return all(push["attempts"] or push["status"] == "lost" for push in self.pushes())

    def delivered(self, count: int = 2) -> None:
        """Wait until the bank has had so many notices taken."""
        until(lambda: sum(push["status"] == "delivered" for push in self.pushes()) >= count, self.pushes)


def until(true: Callable[[], bool], told: Callable[[], Any] = lambda: "") -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, told()
        time.sleep(0.02)  # the notices come over HTTP from another thread


@pytest.fixture
def bank(sandbox: Sandbox, live_server: Any) -> Iterator[Bank]:  # noqa: F811
    with override_settings(
        PUBLIC_BASE_URL=live_server.url,
        NCBA_OPEN_BANKING_URL=f"{sandbox.url}/ncba",
        NCBA_TILL_URL=f"{sandbox.url}/ncba-till",
        ALLOW_PRIVATE_HOSTS=True,
    ):
        found = Bank(sandbox, make_bank.account(hash_mode="enforce", statement_from=make.NOW.date()))
        yield found
        until(found.is_quiet, found.pushes)


@pytest.fixture
def kilimo() -> Partner:
    return make.partner()


def test_a_payment_to_the_till_is_in_the_wallet_once_within_a_second(bank: Bank, kilimo: Partner) -> None:
    told = bank.pay()
    bank.delivered(2)
    row = BankCredit.objects.get()
    assert (row.core_reference, row.receipt, wallet_of(kilimo)) == (told["reference"], told["receipt"], 5000)
    assert set(row.told_by) == {"paybill", "account"}
    assert row.booked_at - row.event_at < timedelta(seconds=61)  # the account notice knows minutes only
    receiving.read_statement(account=bank.row, at=timezone.now())
    assert (BankCredit.objects.count(), wallet_of(kilimo)) == (1, 5000)


FORMS: list[dict[str, Any]] = [
    {"ncba__push_b_reference": "narrative"},
    {"ncba__push_b_reference": "hash"},
    {"ncba__push_b_mobile": "hashed"},
    {"ncba__push_b_amount": "one_place"},
    {"ncba__push_b_names": "secret_key"},
    {"ncba__push_hash": "extra_equals"},
    {"ncba__push_c_phone": "phone", "ncba__push_c_ft_cr_narration": "on"},
]


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("switches", FORMS, ids=lambda each: "-".join(each.values()))
def test_every_layout_of_the_notices_is_the_same_money(
    bank: Bank, kilimo: Partner, form: str, switches: dict[str, Any]
) -> None:
    bank.set_account(push_b_form=form)
    bank.sandbox.switch(**switches)
    bank.pay()
    bank.delivered(2)
    assert (BankCredit.objects.get().status, wallet_of(kilimo)) == (CreditStatus.BOOKED, 5000)


def test_without_ft_ref_the_second_notice_waits_for_a_person(bank: Bank, kilimo: Partner) -> None:
    bank.sandbox.switch(ncba__push_b_ft_ref="off")
    bank.pay()
    bank.delivered(2)
    statuses = sorted(BankCredit.objects.values_list("status", flat=True))
    assert (statuses, wallet_of(kilimo)) == (["booked", "possible_duplicate"], 5000)


def test_the_statement_finds_what_no_notice_told(bank: Bank, kilimo: Partner) -> None:
    for push in ("push_b", "push_c"):
        bank.sandbox.fault("ncba", push, "push_lost")
    bank.pay()
    assert wallet_of(kilimo) == 0
    for shape in ("list", "data", "single"):
        bank.sandbox.switch(ncba__statement_shape=shape)
        receiving.read_statement(account=BankAccount.objects.get(), at=timezone.now())
    assert (wallet_of(kilimo), BankCredit.objects.get().source) == (5000, "statement")


def test_a_wrong_hash_is_sent_again_and_never_booked_while_it_is_enforced(
    bank: Bank, kilimo: Partner
) -> None:
    bank.sandbox.fault("ncba", "push_b", "push_wrong_hash")
    bank.sandbox.fault("ncba", "push_c", "push_wrong_password")
    bank.pay()
    until(lambda: all(push["attempts"] for push in bank.pushes()), bank.pushes)
    assert not any(attempt["taken"] for push in bank.pushes() for attempt in push["attempts"])
    assert not BankCredit.objects.exists()


def test_a_notice_that_comes_twice_is_taken_twice_and_booked_once(bank: Bank, kilimo: Partner) -> None:
    for push in ("push_b", "push_c"):
        bank.sandbox.fault("ncba", push, "push_twice")
    bank.pay()
    until(lambda: sum(len(push["attempts"]) for push in bank.pushes()) == 4, bank.pushes)
    assert all(attempt["taken"] for push in bank.pushes() for attempt in push["attempts"])
    assert wallet_of(kilimo) == 5000


def test_money_of_nobody_is_in_suspense(bank: Bank, kilimo: Partner) -> None:
    bank.pay(code="NOBODY")
    bank.delivered(2)
    assert (BankCredit.objects.get().status, total_of("suspense")) == (CreditStatus.SUSPENSE, 5000)


def asked(kilimo: Partner, amount: int = 3000) -> TopUp:
    row = topups.ask_topup(
        partner_id=kilimo.pk, phone=PHONE, amount=Decimal(amount), client_key="k", at=timezone.now()
    )
    topups.step(topup_id=row.pk, at=timezone.now())
    return row


def test_a_top_up_that_is_asked_for_ends_with_the_banks_notice(bank: Bank, kilimo: Partner) -> None:
    row = asked(kilimo)
    until(lambda: TopUp.objects.get(pk=row.pk).status == "credited", bank.pushes)
    bank.delivered(2)
    assert (wallet_of(kilimo), BankCredit.objects.count()) == (3000, 1)
    assert the_bank.till(bank.row).ask(TopUp.objects.get().transaction_id).hint == Hint.DONE


def test_a_customer_who_cancels_leaves_it_open_until_it_expires(bank: Bank, kilimo: Partner) -> None:
    bank.sandbox.fault("ncba", "stk", "stk_failed")
    row = asked(kilimo)
    topups.step(topup_id=row.pk, at=timezone.now())
    found = TopUp.objects.get()
    assert (found.status, found.hint) == ("prompted", "not_done")
    topups.step(topup_id=row.pk, at=found.expires_at)
    assert (TopUp.objects.get().status, wallet_of(kilimo)) == ("expired", 0)


def test_a_refused_push_fails_in_words(bank: Bank, kilimo: Partner) -> None:
    bank.sandbox.fault("ncba", "stk_push", "refused", params={"text": "No such customer"})
    asked(kilimo)
    assert (TopUp.objects.get().status, "No such customer" in TopUp.objects.get().reason) == ("failed", True)


def test_a_push_whose_answer_is_lost_is_paid_all_the_same(bank: Bank, kilimo: Partner) -> None:
    bank.sandbox.fault("ncba", "stk_push", "lost")
    asked(kilimo)
    until(lambda: TopUp.objects.get().status == "credited", bank.pushes)
    bank.delivered(2)
    assert wallet_of(kilimo) == 3000


def transfer(**changes: Any) -> InternalTransfer:
    defaults = {
        "reference": new_reference(timezone.now()),
        "debit_account": "1000000001",
        "credit_account": "333600992",
        "beneficiary_name": "M-PESA Holding Company Limited",
        "amount": Decimal(50_000),
        "narration": "FLOAT TOPUP",
    }
    return InternalTransfer(**defaults | changes)  # type: ignore[arg-type]


SHAPES = [
    ("result_code", "response_code"),
    ("response_code", "response_code"),
    ("result_code", "result_code"),
]


@pytest.mark.parametrize(("shape", "double"), SHAPES)
def test_a_transfer_is_taken_once_and_its_repetition_names_the_first(
    bank: Bank, shape: str, double: str
) -> None:
    bank.sandbox.switch(ncba__transfer_shape=shape, ncba__duplicate_shape=double)
    gateway, order = the_bank.gateway(bank.row), transfer()
    first, second = gateway.transfer(order), gateway.transfer(order)
    assert (first.final, first.earlier, second.earlier) == (True, False, True)
    assert first.core_reference == second.core_reference
    assert gateway.balance(bank.row.account).available == 450_000
    until(BankDebit.objects.exists)
    debit = BankDebit.objects.get()
    assert (debit.core_reference, order.reference in debit.narrative) == (first.core_reference, True)


UNCLEAR = [("success_missing", {}), ("success_false", {}), ("lost", {}), ("html_after", {}), ("empty", {})]


@pytest.mark.parametrize(("kind", "params"), UNCLEAR)
def test_an_order_without_a_clear_answer_is_unknown(bank: Bank, kind: str, params: dict[str, Any]) -> None:
    bank.sandbox.fault("ncba", "ift", kind, params=params)
    with pytest.raises(OutcomeUnknown):
        the_bank.gateway(bank.row).transfer(transfer())


def test_refusals_are_refusals(bank: Bank) -> None:
    gateway = the_bank.gateway(bank.row)
    wrong = {
        "051": {"amount": Decimal(9_999_999)},
        "014": {"credit_account": "1"},
        "013": {"amount": Decimal(1)},
    }
    for code, change in wrong.items():
        with pytest.raises(Rejected) as caught:
            gateway.transfer(transfer(**change))
        assert caught.value.code == code


def test_the_firewall_and_an_old_token(bank: Bank) -> None:
    gateway = the_bank.gateway(bank.row)
    assert gateway.balance(bank.row.account).available == 500_000
    bank.sandbox.control("POST", "clock", {"shift_seconds": 1000})  # the token we keep is too old there
    assert gateway.transfer(transfer()).final
    bank.sandbox.fault("ncba", "details", "security_notice")
    with pytest.raises(Rejected) as caught:
        gateway.balance(bank.row.account)
    assert caught.value.stop


def test_float_is_bought_and_said_to_be_pending(bank: Bank) -> None:
    order = FloatPurchase(
        reference=new_reference(timezone.now()),
        debit_account=bank.row.account,
        shortcode="600992",
        account_name="VAULT LTD",
        amount=Decimal(20_000),
        phone=PHONE,
        description="FLOAT TOPUP",
        on=timezone.localdate(),
    )
    taken = the_bank.gateway(bank.row).float_purchase(order)
    assert (taken.final, bool(taken.core_reference)) == (False, True)
    assert the_bank.gateway(bank.row).float_purchase(order).earlier


def test_the_banks_books_and_ours_agree_to_the_shilling(bank: Bank, kilimo: Partner) -> None:
    make.partner("jamii")
    for number in range(12):
        bank.sandbox.fault("ncba", "push_b", "push_twice" if number % 3 else "push_lost", times=1)
        bank.pay(str(100 + number), code=("KILIMO", "JAMII", "RENT")[number % 3])
    until(bank.is_quiet, bank.pushes)
    receiving.read_statement(account=bank.row, at=timezone.now())
    lines = bank.sandbox.control("GET", "ncba/books")["accounts"][bank.row.account]["lines"]
    assert total_of("bank") == -sum(Decimal(line["amount"]) for line in lines)
    assert BankCredit.objects.count() == 12
    assert proof.prove().differences == ()
