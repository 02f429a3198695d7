"""Customers' payments are judged by the sandbox's books alone, and a seed decides what they are."""

from decimal import Decimal
from typing import Any

import pytest

from vault.running import paybill_storm, paybill_verdict
from vault.running.paybill_ground import Borrower
from vault.running.paybill_storm import HABITS, Paying
from vault.running.paybill_verdict import Findings, OurPayment

PAYBILL = "600510"
WHO = Borrower(code="kilimo", client_id=4, phone="254710500003", loan_id=12, savings_id=3)


def paid(receipt: str = "SF3A", amount: str = "500.00", **changes: Any) -> dict[str, Any]:
    one = {
        "receipt": receipt,
        "amount": amount,
        "shortcode": PAYBILL,
        "status": "completed",
        "reversed_by": "",
    }
    return one | changes


def booked(receipt: str = "SF3A", amount: str = "500.00", **changes: Any) -> dict[str, Any]:
    return {"receipt": receipt, "amount": amount, "type": "repayment", "reversed": False} | changes


def ours(**changes: Any) -> OurPayment:
    facts = {
        "receipt": "SF3A",
        "amount": Decimal(500),
        "booked": Decimal(500),
        "status": "posted",
        "words": "all",
    }
    return OurPayment(**(facts | changes))


def judge(payments: list[Any], bookings: list[Any], rows: list[OurPayment]) -> Findings:
    hosts = {"kilimo": {"loans": [{"transactions": bookings}], "savings": []}}
    books = {"daraja": {"payments": payments}, "fineract": {"hosts": hosts}}
    return paybill_verdict.judge(books, rows, paybills={PAYBILL})


CLEAN = Findings(twice=[], lost=[], stuck=[], different=[])


@pytest.mark.parametrize(
    ("bookings", "row"),
    [
        ([booked()], ours()),
        ([booked(amount="300"), booked(amount="200", type="deposit")], ours()),
        ([booked(reversed=True), booked()], ours()),
        ([], ours(booked=Decimal(0), status="unmatched")),
        ([booked(amount="300")], ours(booked=Decimal(300), status="unmatched")),
        ([], ours(booked=Decimal(0), status="failed")),
    ],
)
def test_each_place_is_right_as_long_as_it_is_one(bookings: list[Any], row: OurPayment) -> None:
    assert judge([paid()], bookings, [row]) == CLEAN


def test_money_that_went_back_is_in_its_one_place() -> None:
    back = ours(booked=Decimal(0), status="reversed")
    assert judge([paid(reversed_by="SF3R")], [], [back]) == CLEAN
    assert judge([paid()], [], [back]).different


def test_a_payment_that_nobody_told_is_lost() -> None:
    assert judge([paid()], [], []).lost == ["payment SF3A: a customer paid 500.00, and we know nothing of it"]


@pytest.mark.parametrize("one", [paid(status="cancelled"), paid(shortcode="600999"), paid(status="pending")])
def test_what_was_not_paid_to_us_is_none_of_ours(one: dict[str, Any]) -> None:
    assert judge([one], [], []) == CLEAN
    assert judge([one], [], [ours()]).different


def test_two_bookings_are_one_too_many() -> None:
    assert "2 bookings in Mifos over 1000" in judge([paid()], [booked(), booked()], [ours()]).twice[0]


@pytest.mark.parametrize("status", ["received", "matched", "posting", "unknown"])
def test_what_is_under_way_is_stuck_at_the_end(status: str) -> None:
    assert judge([paid()], [], [ours(booked=Decimal(0), status=status)]).stuck


def test_suspense_without_a_reason_is_stuck() -> None:
    assert (
        "no reason given"
        in judge([paid()], [], [ours(booked=Decimal(0), status="unmatched", words="")]).stuck[0]
    )


@pytest.mark.parametrize(
    ("payments", "bookings", "row"),
    [
        ([paid(amount="900")], [booked()], ours()),
        ([paid()], [], ours()),
        ([paid()], [booked()], ours(booked=Decimal(0), status="unmatched")),
        ([paid()], [booked(), booked(receipt="SF3X")], ours()),
        ([paid()], [booked()], ours(status="unmatched")),
    ],
)
def test_books_that_disagree_are_told(payments: list[Any], bookings: list[Any], row: OurPayment) -> None:
    assert judge(payments, bookings, [row]).different


def test_a_seed_draws_the_same_payments_again() -> None:
    wanted: dict[str, Any] = {"payments": 300, "lenders": ["kilimo", "pwani"], "borrowers": 5}
    assert paybill_storm.draw(7, **wanted) == paybill_storm.draw(7, **wanted)
    assert paybill_storm.draw(7, **wanted) != paybill_storm.draw(8, **wanted)
    drawn = paybill_storm.draw(7, **wanted).payments
    assert {one.habit for one in drawn} == set(HABITS)


def test_customers_type_in_many_ways() -> None:
    typed = [Paying(lender="kilimo", borrower=0, amount=1, habit=habit).typed(WHO) for habit in HABITS]
    assert typed == [
        "000000012", "L000000012", "l - 000000012", "S000000003", "0710500003", "", "OOOOOOO12", "kwa mama",
    ]  # fmt: skip
