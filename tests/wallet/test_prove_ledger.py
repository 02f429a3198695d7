"""Faults planted behind the triggers' back, and whether the proof finds them."""

import json
from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from tests import make
from tests.wallet.make_wallet import Funded, capture, funded, release
from wallet import balances
from wallet.proof import prove

pytestmark = pytest.mark.django_db
LATER = make.NOW + timedelta(hours=1)


def plant(sql: str) -> None:
    """Change what cannot be changed, as a superuser can who switches the triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("set local session_replication_role = replica")
        cursor.execute(sql)
        cursor.execute("set local session_replication_role = origin")


@pytest.fixture
def books() -> Funded:
    busy = funded()
    capture(busy.hold(), mpesa_cost=Decimal(11))
    release(busy.hold())
    busy.hold()
    capture(busy.hold(purpose="float_purchase", principal=Decimal(100)))
    return busy


def test_a_sound_ledger_is_proved(books: Funded) -> None:
    proof = prove()
    assert proof.differences == ()
    assert (proof.holds, proof.accounts) == (4, 9)


FAULTS = {
    "a balance by hand": (
        "update ledger_accounts set balance = balance + 7 where kind = 'float'",
        {"a balance is the sum of its transfers", "all accounts together are zero"},
    ),
    "a current balance by hand": (
        "update partner_wallets set current_balance = 7",
        {"a wallet's current balance is the sum of its lines"},
    ),
    "a line gone": (
        "delete from ledger_lines where amount = -9500",
        {"a transfer has its lines", "a line's balance is the sum of the lines so far"},
    ),
    "a statement line with another amount": (
        "update wallet_transactions set amount = -44 where transaction_type = 'hold' and balance_after = 955",
        {
            "a transfer has its lines",
            "a line's balance is the sum of the lines so far",
            "a wallet's current balance is the sum of its lines",
        },
    ),
    "a transfer with another amount": (
        "update ledger_transfers set amount = amount - 1 where type = 'disbursement'",
        {
            "a balance is the sum of its transfers",
            "a hold has its transfers",
            "all accounts together are zero",
        },
    ),
    "a hold that ended without its money": (
        "update ledger_holds set status = 'released', settled_at = held_at where status = 'held'",
        {"a held balance is the sum of the open holds", "a hold has its transfers"},
    ),
    "a hold of another amount": (
        "update ledger_holds set principal = 9000 where status = 'captured' and purpose = 'payout'",
        {"a hold has its transfers"},
    ),
}


@pytest.mark.parametrize(("sql", "checks"), FAULTS.values(), ids=FAULTS.keys())
def test_a_planted_fault_is_found(books: Funded, sql: str, checks: set[str]) -> None:
    plant(sql)
    found = prove().differences
    assert {difference.check for difference in found} == checks
    assert all(difference.expected != difference.found for difference in found)
    assert any(difference.lines for difference in found)


def test_a_difference_comes_with_the_lines_that_explain_it(books: Funded) -> None:
    plant("update ledger_transfers set amount = 9499 where type = 'disbursement'")
    wrong = next(each for each in prove().differences if each.check == "a hold has its transfers")
    assert (wrong.expected, wrong.found) == ("9500.00", "9499.00")
    assert any("KES 9,500 captured" in line for line in wrong.lines)
    assert any("SG632NMUAB" in line for line in wrong.lines)


@pytest.mark.parametrize("as_json", [True, False])
def test_the_command_says_so_and_exits_with_one(books: Funded, as_json: bool) -> None:
    plant("update partner_wallets set current_balance = 7")
    told = StringIO()
    with pytest.raises(SystemExit, match="1"):
        call_command("prove_ledger", json=as_json, stdout=told)
    if as_json:
        answer = json.loads(told.getvalue())
        assert (answer["ok"], answer["differences"][0]["found"]) == (False, "7.00")
    else:
        assert "expected 765.00, found 7.00" in told.getvalue()


def test_the_command_is_content_with_a_sound_ledger(books: Funded) -> None:
    told = StringIO()
    call_command("prove_ledger", json=True, stdout=told)
    assert json.loads(told.getvalue())["ok"] is True


def observe(books: Funded, utility: int) -> None:
    balances.observe(shortcode_id=books.shortcode.pk, utility=Decimal(utility), working=None, at=LATER)


@pytest.mark.parametrize(("utility", "agrees"), [(100_000, True), (99_999, False), (100_001, False)])
def test_the_float_must_be_what_mpesa_says(utility: int, agrees: bool) -> None:
    books = funded()
    observe(books, utility)
    assert (not prove().differences) is agrees


def test_the_partners_of_a_shared_shortcode_are_counted_together() -> None:
    one = funded()
    funded("mlima", float_=50_000, shortcode=one.shortcode)
    observe(one, 150_000)
    assert not prove().differences


@pytest.mark.parametrize(("utility", "agrees"), [(90_500, True), (100_000, True), (90_499, False)])
def test_a_payout_under_way_may_be_in_mpesas_figure_or_not(utility: int, agrees: bool) -> None:
    books = funded()
    books.hold()
    observe(books, utility)
    assert (not prove().differences) is agrees


def test_what_was_paid_after_mpesa_was_asked_is_no_difference() -> None:
    books = funded()
    reference = books.hold(at=LATER + timedelta(hours=1))
    observe(books, 100_000)
    capture(reference, at=LATER + timedelta(hours=1), event_at=LATER + timedelta(hours=1))
    assert not prove().differences


def test_a_payout_of_which_mpesa_knows_nothing_is_found() -> None:
    books = funded()
    capture(books.hold())
    observe(books, 100_000)
    (difference,) = prove().differences
    assert (difference.expected, difference.found) == ("100000.00", "90500.00")
    assert difference.lines
