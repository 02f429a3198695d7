"""A chaos run is decided by its seed, and judged by the sandbox's books alone."""

from typing import Any

from vault.running import storm
from vault.running.verdict import paid_twice

LENDERS = ["kilimo", "pwani"]
LOANS = {"a1": ("kilimo", 7), "a2": ("kilimo", 7), "b1": ("pwani", 7)}


def test_a_seed_draws_the_same_storm_again() -> None:
    assert storm.draw(7, loans=50, lenders=LENDERS) == storm.draw(7, loans=50, lenders=LENDERS)
    assert storm.draw(7, loans=50, lenders=LENDERS) != storm.draw(8, loans=50, lenders=LENDERS)


def test_a_storm_has_as_many_loans_as_asked_for_and_blows_between_them() -> None:
    steps = storm.draw(7, loans=300, lenders=LENDERS).steps
    assert sum(step.loans for step in steps) == 300
    assert {step.lender for step in steps} == set(LENDERS)
    assert len({step.harm for step in steps if step.harm}) >= 5


def books(*payouts: tuple[str, str, str]) -> dict[str, Any]:
    names = ("originator_conversation_id", "phone", "status")
    return {"daraja": {"payouts": [dict(zip(names, payout, strict=True)) for payout in payouts]}}


def test_one_payment_for_each_loan_is_right() -> None:
    paid = books(("a1", "254710000001", "Completed"), ("b1", "254720000001", "Completed"))
    assert paid_twice(paid, LOANS) == []


def test_a_declined_first_attempt_is_no_second_payment() -> None:
    paid = books(("a1", "254710000001", "Declined"), ("a2", "254710000001", "Completed"))
    assert paid_twice(paid, LOANS) == []


def test_two_attempts_of_one_loan_that_were_both_paid_are_found() -> None:
    paid = books(("a1", "254710000001", "Completed"), ("a2", "254710000002", "Completed"))
    assert paid_twice(paid, LOANS) == ["loan 7 of kilimo: paid 2 times"]


def test_two_payments_to_one_phone_are_found_even_if_we_know_neither() -> None:
    paid = books(("x", "254710000001", "Completed"), ("y", "254710000001", "Completed"))
    assert paid_twice(paid, {}) == ["phone …001: paid 2 times"]


def test_a_loan_paid_twice_to_its_phone_is_counted_once() -> None:
    paid = books(("a1", "254710000001", "Completed"), ("a2", "254710000001", "Completed"))
    assert paid_twice(paid, LOANS) == ["loan 7 of kilimo: paid 2 times"]
