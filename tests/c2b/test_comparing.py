"""The file of a day's check runs no formula, wherever in it the text of somebody else stands."""

import csv
from io import StringIO

import pytest

from c2b.comparing import Comparison, Line, Side, as_csv

NONE = Side(count=0, total=0)


@pytest.mark.parametrize("text", ["=1+1", "  =1+1", "＝1+1", "\n=1+1", "@SUM(A1)"])
def test_no_text_of_the_check_is_a_formula(text: str) -> None:
    line = Line(receipt=text, mpesa=None, ours=None, mifos=None, words=text)
    found = Comparison(mpesa=NONE, ours=NONE, mifos=NONE, lines=[line], asked_mpesa=True, unchecked=0)
    row = list(csv.reader(StringIO(as_csv(found), newline="")))[1]
    assert (row[0], row[-1]) == (f"'{text}", f"'{text}")
