"""Rules of a loan product, as written by a person."""

from datetime import time
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from mifos.models import LoanProduct
from mifos.rules import BadRules, Rules, read_rules


def test_no_rules_limit_nothing() -> None:
    assert read_rules({}) == Rules()


def test_all_rules_are_read_into_their_types() -> None:
    rules = read_rules(
        {
            "max_per_client_per_day": 1,
            "max_amount_per_client_per_day": "50000",
            "max_per_product_per_day": 100,
            "max_amount_per_product_per_day": 1000000.5,
            "allowed_from": "08:00",
            "allowed_until": "17:30",
            "allowed_days": ["mon", "Tuesday", 2],
            "blocked_phones": ["0708 374 149"],
            "minimum_approval_age_seconds": 0,
            "similar_payment_minutes": 30,
            "name_check": True,
        }
    )
    assert rules.max_amount_per_client_per_day == Decimal("50000.00")
    assert rules.max_amount_per_product_per_day == Decimal("1000000.50")
    assert (rules.allowed_from, rules.allowed_until) == (time(8), time(17, 30))
    assert rules.allowed_days == (0, 1, 2)
    assert rules.blocked_phones == ("254708374149",)
    assert rules.name_check


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"max_per_day": 1}, "max_per_day: there is no such rule. The rules are max_per_client_per_day,"),
        (
            {"max_per_client_per_day": 0},
            "max_per_client_per_day: Input should be greater than or equal to 1.",
        ),
        ({"max_per_client_per_day": "1"}, "max_per_client_per_day: Input should be a valid integer."),
        ({"max_per_client_per_day": True}, "max_per_client_per_day: Input should be a valid integer."),
        (
            {"max_amount_per_client_per_day": "-5"},
            "max_amount_per_client_per_day: write an amount above zero.",
        ),
        ({"max_amount_per_client_per_day": "0.001"}, "has parts of a cent."),
        ({"allowed_from": "8am"}, 'allowed_from: write a time of day as "08:00".'),
        ({"allowed_from": "24:00"}, 'allowed_from: write a time of day as "08:00".'),
        (
            {"allowed_days": [7]},
            "allowed_days.0: write a day as mon, tue, … sun, or as 0 (Monday) to 6 (Sunday).",
        ),
        ({"allowed_days": []}, "allowed_days: Tuple should have at least 1 item"),
        ({"blocked_phones": ["12"]}, "blocked_phones.0: this is not a Kenyan mobile number (07…, 01…)."),
        ({"name_check": "yes"}, "name_check: Input should be a valid boolean."),
        ([1], 'Write the rules as an object, such as {"max_per_client_per_day": 1}.'),
        (None, "Write the rules as an object"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_in_words(written: Any, words: str) -> None:
    with pytest.raises(BadRules) as raised:
        read_rules(written)
    assert words in str(raised.value)


def test_each_mistake_has_its_line() -> None:
    with pytest.raises(BadRules) as raised:
        read_rules({"colour": "red", "allowed_until": 5})
    assert len(str(raised.value).splitlines()) == 2


def test_a_product_with_bad_rules_is_not_clean_and_lets_nothing_pass() -> None:
    product = LoanProduct(product_name="Personal", disbursement_rules={"colour": "red"})
    with pytest.raises(ValidationError, match="there is no such rule"):
        product.clean()
    with pytest.raises(BadRules):
        _ = product.rules
