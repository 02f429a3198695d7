"""The statement finds what no notice told us, and books it by the same road."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from common.gateway import Retryable
from partners.models import Partner
from tests import make
from tests.wallet import make_bank
from tests.wallet.make_bank import told, wallet_of
from wallet import bank as the_bank
from wallet import crediting, receiving, tasks
from wallet.bank_models import BankAccount, BankCredit, BankDebit, Channel
from wallet.ncba_shapes import BankStatement, StatementLine

pytestmark = pytest.mark.django_db
TODAY = date(2026, 6, 3)


def line(reference: str = "FT26154ABCDE", amount: int = 5000, **fields: Any) -> StatementLine:
    defaults: dict[str, Any] = {
        "value_date": TODAY,
        "running_balance": None,
        "narrative": "123456 KILIMO",
        "details": "JANE DOE",
        "transaction_code": "876",
        "other_references": (),
    }
    return StatementLine(core_reference=reference, amount=Decimal(amount), **defaults | fields)


class Gateway:
    """Gives a statement, and remembers for which days it was asked."""

    def __init__(self) -> None:
        self.lines: list[StatementLine] = []
        self.unreadable = 0
        self.error: Exception | None = None
        self.asked: list[tuple[date, date]] = []

    def statement(self, account: str, *, first: date, last: date) -> BankStatement:
        self.asked.append((first, last))
        if self.error:
            raise self.error
        return BankStatement(lines=tuple(self.lines), unreadable=self.unreadable)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Gateway:
    settings.NCBA_OPEN_BANKING_URL = "https://bank.example"
    fake = Gateway()
    monkeypatch.setattr(the_bank, "gateway", lambda account: fake)
    monkeypatch.setattr("wallet.tasks.timezone.now", lambda: make.NOW)
    return fake


@pytest.fixture
def bank() -> BankAccount:
    return make_bank.account()


@pytest.fixture
def kilimo() -> Partner:
    return make.partner()


def read(bank: BankAccount) -> str:
    return receiving.read_statement(account=BankAccount.objects.get(pk=bank.pk), at=make.NOW)


def test_a_lost_notice_is_found_and_booked_once(bank, kilimo, gateway) -> None:
    gateway.lines = [line(), line("FT2", 700)]
    crediting.take_credit(
        account=bank, told=told(Channel.ACCOUNT, core_reference="FT2", amount=700), at=make.NOW
    )
    assert read(bank) == "2 lines, 1 new; KES 5,000 booked for kilimo"
    assert read(bank) == "2 lines, 0 new"
    assert wallet_of(kilimo) == 5700
    assert BankCredit.objects.get(core_reference="FT26154ABCDE").source == "statement"


def test_the_notice_that_comes_after_all_books_nothing_more(bank, kilimo, gateway) -> None:
    gateway.lines = [line()]
    read(bank)
    crediting.take_credit(account=bank, told=told(), at=make.NOW)
    assert wallet_of(kilimo) == 5000


def test_debits_are_kept_as_evidence(bank, gateway) -> None:
    gateway.lines = [line(amount=-50_000, narrative="FLOAT TOPUP PV260603A1B2")]
    read(bank)
    assert BankDebit.objects.get().amount == 50_000


def test_yesterday_and_today_are_read_and_more_after_an_outage(bank, gateway) -> None:
    read(bank)
    BankAccount.objects.update(statement_at=make.NOW - timedelta(days=5))
    read(bank)
    assert gateway.asked == [(date(2026, 6, 2), TODAY), (date(2026, 5, 28), TODAY)]


def test_what_was_before_us_is_left_alone(bank, kilimo, gateway) -> None:
    gateway.lines = [line(value_date=date(2026, 6, 2))]
    read(bank)
    assert not BankCredit.objects.exists()
    BankAccount.objects.update(statement_from=date(2026, 6, 2))
    read(bank)
    assert wallet_of(kilimo) == 5000


def test_lines_that_cannot_be_read_are_said_on_the_accounts_page(bank, gateway) -> None:
    gateway.unreadable = 2
    read(bank)
    assert BankAccount.objects.get().statement_trouble == "2 lines cannot be read"


def test_a_bank_that_does_not_answer_is_asked_again_and_said(bank, gateway) -> None:
    gateway.error = Retryable("NCBA did not answer")
    tasks.read_statement(str(bank.pk))
    row = BankAccount.objects.get()
    assert (row.statement_trouble, row.statement_at) == ("NCBA did not answer", None)
    assert row.next_step_at == make.NOW + timedelta(seconds=300)
    gateway.error = None
    tasks.read_statement(str(bank.pk))
    row = BankAccount.objects.get()
    assert (row.statement_trouble, row.statement_at) == ("", make.NOW)


def test_an_account_without_gateway_is_not_asked(bank, gateway) -> None:
    BankAccount.objects.update(gateway_user="")
    tasks.read_statement(str(bank.pk))
    assert gateway.asked == []


def test_the_sweep_reads_each_statement_when_it_is_due(bank, gateway, monkeypatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("wallet.tasks.nudge.send", lambda task, row_id: sent.append((task.name, row_id)))
    tasks.sweep_money_in()
    tasks.sweep_money_in()
    assert sent == [("wallet.tasks.read_statement", bank.pk)]


def test_a_line_that_names_a_known_reference_elsewhere_is_the_same_money(bank, kilimo, gateway) -> None:
    crediting.take_credit(account=bank, told=told(), at=make.NOW)
    gateway.lines = [line("TT26154X", other_references=("ft26154abcde",))]
    assert read(bank) == "1 lines, 0 new"
    assert wallet_of(kilimo) == 5000
    assert BankCredit.objects.get().attention == ""


def test_a_credit_that_the_statement_does_not_have_asks_for_a_person(bank, kilimo, gateway) -> None:
    early = make.NOW - timedelta(hours=7)
    for reference, event_at in (("FT1", early), ("FT2", early), ("FT3", make.NOW)):
        fields = {"core_reference": reference, "event_at": event_at}
        crediting.take_credit(account=bank, told=told(Channel.ACCOUNT, **fields), at=make.NOW)
    gateway.lines = [line("FT1")]
    read(bank)
    assert [row.core_reference for row in BankCredit.objects.exclude(attention="")] == ["FT2"]
    assert wallet_of(kilimo) == 15_000  # nothing is taken back by itself


def test_an_account_that_is_switched_off_is_no_old_work(bank, gateway, monkeypatch) -> None:
    monkeypatch.setattr("wallet.tasks.nudge.send", lambda task, row_id: True)
    tasks.sweep_money_in()
    BankAccount.objects.update(is_active=False)
    tasks.sweep_money_in()
    assert BankAccount.objects.get().next_step_at is None
