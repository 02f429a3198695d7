"""The file of a day's check runs no formula, wherever in it the text of somebody else stands."""

import csv
from datetime import date
from io import StringIO

import pytest

from c2b import pulling
from c2b.comparing import Comparison, Line, Side, as_csv, compare
from c2b.models import C2bTransaction
from c2b.statuses import Channel
from mpesa.collections import pulled
from tests.c2b.make_c2b import World
from tests.make import NOW

NONE = Side(count=0, total=0)


@pytest.mark.parametrize("text", ["=1+1", "  =1+1", "＝1+1", "\n=1+1", "@SUM(A1)"])
def test_no_text_of_the_check_is_a_formula(text: str) -> None:
    line = Line(receipt=text, mpesa=None, ours=None, mifos=None, words=text)
    found = Comparison(mpesa=NONE, ours=NONE, mifos=NONE, lines=[line], asked_mpesa=True, unchecked=0)
    row = list(csv.reader(StringIO(as_csv(found), newline="")))[1]
    assert (row[0], row[-1]) == (f"'{text}", f"'{text}")


@pytest.mark.django_db
def test_a_receipt_that_m_pesa_lists_with_another_amount_or_not_at_all_is_told(world: World) -> None:
    world.received(TransID="SF30AAAAAA")
    world.received(TransID="SF30BBBBBB")
    row = {"transactionId": "SF30AAAAAA", "trxDate": "2026-06-03T10:00:00Z", "amount": "900.00"}
    said = pulled(row, shortcode="600100")
    assert pulling.take_all([said], shortcode=world.shortcode, channel=Channel.PULL, at=NOW) == 0
    first, second = compare(world.partner, date(2026, 6, 3)).differences
    assert "M-Pesa lists KES 900.00, we have KES 500.00." in first.words
    assert "M-Pesa does not list it." in second.words
    assert "KES 900" in C2bTransaction.objects.get(mpesa_receipt="SF30AAAAAA").contradiction
