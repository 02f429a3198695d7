"""What the demo takes from its own earlier data, and what it counts."""

import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from c2b.known import KnownAccount
from disbursements.models import Attempt, Disbursement
from disbursements.statuses import AttemptStatus, Status
from mifos.models import LoanProduct, MifosPartner
from tests import make
from tests.make import NOW
from tests.wallet import make_bank
from tests.wallet.make_bank import paybill, post
from vault.running import figures, remembered
from wallet.bank_models import BankAccount, BankCredit

pytestmark = pytest.mark.django_db
HOSTS = ["kilimo", "pwani"]


@pytest.fixture
def host() -> MifosPartner:
    return MifosPartner.objects.create(
        partner=make.partner(),
        mifos_host_url="http://127.0.0.1:9",
        mifos_username="vault",
        mifos_password="p",
    )


def loan(host: MifosPartner, number: int, **fields: Any) -> Disbursement:
    product, _ = LoanProduct.objects.get_or_create(mifos_partner=host, mifos_product_id=2)
    given = {
        "partner": host.partner,
        "mifos_partner": host,
        "product": product,
        "mifos_loan_id": number,
        "mifos_client_id": number + 100,
        "client_name": "Jane Wambui",
        "phone": make.JANE,
        "amount": Decimal(9500),
        "gross_amount": Decimal(10000),
        "detected_at": NOW,
        "moved_at": NOW,
    }
    return Disbursement.objects.create(**given | fields)


def attempt(row: Disbursement) -> str:
    made = Attempt.objects.create(
        disbursement=row,
        number=1,
        shortcode=make.shortcode(),
        phone=row.phone,
        amount=row.amount,
        charge=Decimal(25),
        first_sent_at=NOW,
        last_sent_at=NOW,
        moved_at=NOW,
        status=AttemptStatus.ACCEPTED,
    )
    return str(made.pk)


def test_an_empty_database_begins_at_one() -> None:
    memory = remembered.memory(HOSTS)
    assert (memory.first_loan_id, memory.first_client_id, memory.unfinished) == ({}, {}, [])
    assert (memory.first_savings_id, remembered.free_float("kilimo")) == ({}, None)


def test_numbers_go_on_above_the_highest_known(host: MifosPartner) -> None:
    loan(host, 7, status=Status.CANCELLED)
    loan(host, 4, status=Status.CANCELLED)
    memory = remembered.memory(HOSTS)
    assert (memory.first_loan_id, memory.first_client_id) == ({"kilimo": 8}, {"kilimo": 108})


def test_savings_accounts_go_on_above_those_that_were_paid_into(host: MifosPartner) -> None:
    KnownAccount.objects.create(mifos_partner=host, kind="savings", account_id=9, seen_at=NOW)
    KnownAccount.objects.create(mifos_partner=host, kind="loan", account_id=90, seen_at=NOW)
    assert remembered.memory(HOSTS).first_savings_id == {"kilimo": 10}


def test_credits_of_earlier_runs_are_not_missed_on_a_statement_that_is_gone(host: MifosPartner) -> None:
    make_bank.account()
    post(BankAccount.objects.get(), "paybill", paybill())
    remembered.forget_statement(NOW)
    assert set(BankCredit.objects.get().told_by) == {"paybill", "statement"}


@pytest.mark.parametrize(
    ("fields", "goes_on"),
    [
        ({"status": Status.DETECTED}, True),
        ({"status": Status.UNKNOWN}, True),
        ({"status": Status.PAID, "receipt": "UFA1AB0001"}, True),
        ({"status": Status.FAILED, "next_step_at": NOW}, True),
        ({"status": Status.FAILED}, False),
        ({"status": Status.CANCELLED}, False),
        ({"status": Status.COMPLETED, "receipt": "UFA1AB0001"}, False),
    ],
)
def test_what_was_under_way_goes_on(host: MifosPartner, fields: dict[str, Any], goes_on: bool) -> None:
    loan(host, 7, **fields)
    unfinished = remembered.memory(HOSTS).unfinished
    assert [(open_loan.host, open_loan.loan_id) for open_loan in unfinished] == (
        [("kilimo", 7)] if goes_on else []
    )


def test_a_database_with_other_partners_is_told_apart(host: MifosPartner) -> None:
    assert remembered.strangers(HOSTS) == []
    make.partner("umoja")
    assert remembered.strangers(HOSTS) == ["umoja"]


def test_our_rows_of_this_run_are_compared_whole(host: MifosPartner) -> None:
    row = loan(host, 8, status=Status.ACCEPTED)
    sent = attempt(row)
    (ours,) = remembered.our_payouts({"kilimo": 8}, hosts=HOSTS, known=[])
    assert (ours.host, ours.loan_id, ours.attempts) == ("kilimo", 8, frozenset({sent}))
    assert (ours.amount, ours.gross_amount, ours.tells_client) == (Decimal(9500), Decimal(10000), True)


def test_a_row_of_an_earlier_run_counts_only_where_the_sandbox_paid_it(host: MifosPartner) -> None:
    sent = attempt(loan(host, 7, status=Status.ACCEPTED))
    assert remembered.our_payouts({"kilimo": 8}, hosts=HOSTS, known=[]) == []
    (ours,) = remembered.our_payouts({"kilimo": 8}, hosts=HOSTS, known=[sent])
    assert (ours.host, ours.loan_id, ours.tells_client) == (None, None, False)


def test_loans_that_were_brought_back_are_left_out_of_the_books() -> None:
    books = {"daraja": {}, "fineract": {"hosts": {"kilimo": {"loans": [{"id": 7}, {"id": 8}]}}}}
    assert remembered.without_earlier_loans(books, {"kilimo": 8})["fineract"]["hosts"]["kilimo"]["loans"] == [
        {"id": 8}
    ]


def read(approved: int) -> figures.Figures:
    return figures.read(hosts=HOSTS, first_loan_id={"kilimo": 8}, since=NOW, approved=approved)


def test_figures_count_this_run_only(host: MifosPartner) -> None:
    loan(host, 7, status=Status.CANCELLED)
    done = {"status": Status.COMPLETED, "settled_at": NOW + timedelta(seconds=4)}
    loan(host, 8, receipt="UFA1AB0001", **done)
    loan(host, 9, status=Status.HELD, attention="No phone")
    found = read(approved=2)
    assert found.loans == {"completed": 1, "held": 1}
    assert (found.paid, found.seconds, found.attention) == (Decimal(9500), [4.0], 1)
    assert "approved 2: 1 completed, 1 held · KES 9,500.00 paid · time to pay p50 4.0 s" in figures.as_line(
        found
    )


def test_all_is_settled_when_every_loan_has_ended(host: MifosPartner) -> None:
    row = loan(host, 8, status=Status.FAILED, next_step_at=NOW)
    assert not read(approved=1).all_settled
    Disbursement.objects.filter(pk=row.pk).update(next_step_at=None)
    assert read(approved=1).all_settled
    assert not read(approved=2).all_settled


def test_what_is_stuck_is_told_with_its_reason(host: MifosPartner) -> None:
    loan(host, 8, status=Status.HELD, reason="The wallet has too little money")
    approved = [("kilimo", 8), ("kilimo", 9)]
    assert figures.stuck(hosts=HOSTS, first_loan_id={"kilimo": 8}, approved=approved) == [
        "loan 8 of kilimo: held; The wallet has too little money",
        "loan 9 of kilimo: approved in Mifos, not seen by us",
    ]


def test_shares_of_seconds() -> None:
    found = figures.Figures(approved=4, seconds=[1.0, 2.0, 3.0, 9.0])
    assert (found.part(0.5), found.part(0.95), figures.Figures(approved=0).part(0.5)) == (
        "3.0 s",
        "9.0 s",
        "–",
    )


def test_the_table_can_be_drawn() -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(
        figures.as_table(figures.Figures(approved=3), links={"Pages": "http://x"}, news=["web died"])
    )
    drawn = console.export_text()
    assert "Completed" in drawn
    assert "web died" in drawn
    assert "Wallet top-ups (NCBA)" in drawn


def test_figures_tell_what_came_in(host: MifosPartner) -> None:
    post(make_bank.account(), "paybill", paybill())
    found = read(approved=0)
    assert (found.topups, found.topped_up) == ({"booked": 1}, Decimal(5000))
    assert "top-ups 1: KES 5,000.00 · float bought 0: KES 0.00 · payments 0" in figures.as_line(found)
