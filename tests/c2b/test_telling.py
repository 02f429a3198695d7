"""Who hears of a payment that is booked: the customer and the partner, each as the partner wishes."""

from typing import Any

import pytest

from sms.models import SmsNotification
from tests.c2b.make_c2b import World
from tests.make import JANE

pytestmark = pytest.mark.django_db

PARTNER = "254711000001"


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({}, {JANE}),
        ({"tell_partner": True}, {JANE, PARTNER}),
        ({"tell_customer": False}, set()),
        ({"tell_customer": False, "tell_partner": True}, {PARTNER}),
    ],
)
def test_each_is_told_as_the_partner_says(world: World, rule: dict[str, Any], told: set[str]) -> None:
    world.rule(**rule)
    row = world.posted(BillRefNumber=f"{world.loan():09d}", MSISDN=JANE)
    sms = SmsNotification.objects.all()
    assert {one.recipient_phone for one in sms} == told
    assert all(row.mpesa_receipt in one.message_content and "KES 500" in one.message_content for one in sms)


def test_a_customer_whose_number_nobody_knows_is_not_told(world: World) -> None:
    row = world.posted(BillRefNumber=f"{world.loan(client_id=world.client()):09d}")
    assert (row.status, SmsNotification.objects.count()) == ("posted", 0)


def test_what_is_not_booked_is_told_to_nobody(world: World) -> None:
    world.rule(tell_partner=True)
    world.posted(BillRefNumber="tithe", MSISDN=JANE)
    assert not SmsNotification.objects.exists()
