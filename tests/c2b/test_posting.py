"""A matched payment reaches Mifos once, whatever happens on the way."""

from decimal import Decimal

import pytest

from c2b.models import Posting
from c2b.statuses import Status
from tests.c2b.make_c2b import RECEIPT, World

pytestmark = pytest.mark.django_db


def test_a_repayment_is_booked_with_receipt_and_our_id(world: World) -> None:
    loan = world.loan()
    row = world.posted(BillRefNumber=f"{loan:09d}")
    assert row.status == Status.POSTED, row.reason
    assert row.booked_amount == Decimal(500)
    assert world.books() == {}
