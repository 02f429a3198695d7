"""Rules are a form whose effect is told in words; what cannot be used is refused in words."""

from typing import Any

import pytest

from mifos.models import LoanProduct
from mifos.rule_forms import RulesForm
from mifos.rule_words import NO_RULES, sentences
from mifos.rules import read_rules


def form(typed: dict[str, Any], rules: dict[str, Any] | None = None) -> RulesForm:
    product = LoanProduct(product_name="Biashara", disbursement_rules=rules or {})
    return RulesForm(typed, product=product)


def rules_of(**typed: Any) -> dict[str, Any]:
    found = form(typed)
    assert found.is_valid(), found.errors
    kept: dict[str, Any] = found.cleaned_data["rules"]
    return kept


def test_an_empty_form_is_no_rule() -> None:
    assert rules_of() == {}


def test_what_is_typed_becomes_rules_that_can_be_read() -> None:
    kept = rules_of(
        max_per_client_per_day="1",
        max_amount_per_product_per_day="500000",
        allowed_from="08:00",
        allowed_until="17:30",
        allowed_days=["mon", "fri"],
        blocked_phones="0711 000 001\n\n+254722000002",
        name_check="on",
    )
    rules = read_rules(kept)
    assert (rules.max_per_client_per_day, rules.allowed_days) == (1, (0, 4))
    assert rules.blocked_phones == ("254711000001", "254722000002")
    assert f"{rules.allowed_until:%H:%M}" == "17:30"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"max_per_client_per_day": "0"}, "max_per_client_per_day"),
        ({"max_amount_per_client_per_day": "-5"}, "max_amount_per_client_per_day"),
        ({"allowed_from": "25:00"}, "allowed_from"),
        ({"blocked_phones": "12"}, "blocked_phones"),
        ({"allowed_days": ["someday"]}, "allowed_days"),
    ],
)
def test_what_cannot_be_used_is_refused_beside_its_field(typed: dict[str, Any], field: str) -> None:
    found = form(typed)
    assert not found.is_valid()
    assert list(found.errors) == [field]


def test_the_form_shows_what_holds() -> None:
    found = RulesForm(
        product=LoanProduct(disbursement_rules={"allowed_days": ["sun"], "blocked_phones": ["0711000001"]})
    )
    assert found["allowed_days"].value() == ["sun"]
    assert found["blocked_phones"].value() == "254711000001"


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({}, NO_RULES),
        ({"max_per_client_per_day": 1}, "A client gets at most 1 payment a day of this product."),
        ({"max_amount_per_product_per_day": 5000}, "At most KES 5,000 of this product go out in a day."),
        ({"allowed_days": ["mon", "tue"]}, "Payments go out on Monday and Tuesday only"),
        ({"allowed_from": "22:00", "allowed_until": "06:00"}, "from 22:00 to 06:00 over midnight"),
        ({"allowed_until": "17:00"}, "from midnight to 17:00, by"),
        ({"minimum_approval_age_seconds": 600}, "A loan waits 10 minutes after its approval"),
        ({"similar_payment_minutes": 1}, "within 1 minute is held"),
        ({"blocked_phones": ["0711000001"]}, "Nothing is paid to 2547••••001."),
        ({"name_check": True}, "The name that M-Pesa knows is compared"),
    ],
)
def test_the_effect_of_each_rule_is_a_sentence(written: dict[str, Any], words: str) -> None:
    assert words in " ".join(sentences(read_rules(written)))
