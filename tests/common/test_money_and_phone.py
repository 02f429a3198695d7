from decimal import Decimal

import pytest

from common import money, phone


@pytest.mark.parametrize(
    "typed", ["0708 374 149", "0708-374149", "708374149", "+254 708 374 149", "254708374149", "(0708) 374149"]
)
def test_a_mobile_number_has_one_form_however_it_is_typed(typed: str) -> None:
    assert phone.canonical(typed) == "254708374149"


@pytest.mark.parametrize(
    "typed", ["", "  ", "0202345678", "25471234567", "+255712345678", "07083741490", "call me", "07O8374149"]
)
def test_anything_else_is_refused_without_repeating_it(typed: str) -> None:
    with pytest.raises(phone.BadPhone) as refusal:
        phone.canonical(typed)
    assert not typed.strip() or typed not in str(refusal.value)


def test_a_masked_number_keeps_only_its_ends() -> None:
    assert phone.masked("254708374123") == "2547••••123"


def test_the_hash_is_the_one_safaricom_sends() -> None:
    assert phone.sha256("254708374149") == "bbff37cea44ac0b2d964ee0dfb8d2df8513dc7ba1b36129a929fc3fbd6dd4af4"


@pytest.mark.parametrize(
    ("text", "amount"), [("5.00", "5.00"), (10, "10.00"), ("4500", "4500.00"), ("10000.000000", "10000.00")]
)
def test_amounts_are_read_exactly(text: object, amount: str) -> None:
    assert str(money.kes(text)) == amount


@pytest.mark.parametrize(
    "text", [1.5, True, None, "", "ten", "NaN", "Infinity", "1e30", "1e999999999", "0.001", "1,000"]
)
def test_what_is_no_exact_amount_is_refused(text: object) -> None:
    with pytest.raises(money.BadAmount):
        money.kes(text)


def test_cents_are_refused_at_the_mpesa_edge_and_never_rounded() -> None:
    assert money.whole_shillings(Decimal("9500.00")) == 9500
    with pytest.raises(money.BadAmount):
        money.whole_shillings(Decimal("9500.50"))


@pytest.mark.parametrize(
    "shown",
    [
        "254708374149",
        "25470****149",
        "2547 ***** 149",
        "2547••••149",
        "bbff37cea44ac0b2d964ee0dfb8d2df8513dc7ba1b36129a929fc3fbd6dd4af4",
        "JOHN DOE",
        "",
    ],
)
def test_a_masked_or_hashed_number_can_be_ours(shown: str) -> None:
    assert phone.may_be(shown, "254708374149")


@pytest.mark.parametrize("shown", ["254708374140", "25471****149", "25470****140", "0" * 64, "2547"])
def test_a_number_that_shows_other_digits_is_not_ours(shown: str) -> None:
    assert not phone.may_be(shown, "254708374149")
