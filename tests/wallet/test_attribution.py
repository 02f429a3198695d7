"""Whose money it is: what the payer wrote, in each form in which the bank gives it back."""

import pytest

from tests import make
from wallet.attribution import partner_named

NAMED = [
    ("123456 KILIMO", "KILIMO"),
    ("123456#KILIMO", ""),
    ("123456 # kilimo", ""),
    ("123456", "KILIMO"),
    ("KILIMO", ""),
    ("", "123456 KILIMO"),
    ("", "MPESA C2B 123456#KILIMO RKL51ZDR4F"),
    ("", "kilimo"),
]
NOBODY = [
    ("", ""),
    ("123456", ""),
    ("123456", "rent"),
    ("123456 UNKNOWN", "KILIMO"),  # what stands in the reference holds
    ("654321 KILIMO", ""),  # another till
    ("", "TOP UP KILIMO"),  # words of a text decide nothing
    ("", "9123456 KILIMO"),
    ("", "123456 KILIMO or 123456 JAMII"),
    ("254708374149", "JANE DOE"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("reference", "narrative"), NAMED)
def test_a_reference_names_its_partner(reference: str, narrative: str) -> None:
    kilimo = make.partner()
    make.partner("jamii")
    assert partner_named(till="123456", bill_reference=reference, narrative=narrative) == kilimo


@pytest.mark.django_db
@pytest.mark.parametrize(("reference", "narrative"), NOBODY)
def test_anything_else_names_nobody(reference: str, narrative: str) -> None:
    make.partner()
    make.partner("jamii")
    assert partner_named(till="123456", bill_reference=reference, narrative=narrative) is None
