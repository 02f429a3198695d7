"""Whether a customer may pay: yes when in doubt, and the right code when not."""

from typing import Any

import pytest

from c2b.models import C2bTransaction, Collector
from common.models import InboundMessage
from common.phone import sha256
from partners.models import Shortcode
from tests import make
from tests.c2b.make_c2b import World, notice
from tests.make import JANE

pytestmark = pytest.mark.django_db


def asked(world: World, **changes: Any) -> str:
    answer = world.post(notice(**changes), "validation")
    assert answer.status_code == 200
    return str(answer.json()["ResultCode"])


def test_a_payment_is_accepted_with_an_id_of_ours_and_without_asking_mifos(world: World) -> None:
    answer = world.post(notice(BillRefNumber="anything"), "validation").json()
    assert (answer["ResultCode"], answer["ResultDesc"]) == ("0", "Accepted")
    assert len(answer["ThirdPartyTransID"]) == 32
    assert not C2bTransaction.objects.exists()


def test_a_completed_look_up_that_finds_nothing_refuses_the_account(world: World) -> None:
    world.rule(refuse_unknown=True)
    world.loan()
    assert asked(world) == "0"
    assert asked(world, BillRefNumber="999999999") == "C2B00012"
    assert asked(world, BillRefNumber="") == "C2B00012"


@pytest.mark.parametrize("fault", ["error_500", "html", "dropped"])
def test_a_mifos_in_trouble_is_doubt(world: World, fault: str) -> None:
    world.rule(refuse_unknown=True)
    world.fault("search", fault)
    assert asked(world, BillRefNumber="999999999") == "0"


def test_a_slow_mifos_is_doubt(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from c2b import validating

    monkeypatch.setattr(validating, "DEADLINE", 0.0)
    world.rule(refuse_unknown=True)
    assert asked(world, BillRefNumber="999999999") == "0"


def test_two_accounts_that_fit_are_doubt(world: World) -> None:
    world.rule(refuse_unknown=True)
    client = world.client()
    world.loan(client_id=client)
    world.savings(client_id=client)
    assert asked(world) == "0"


@pytest.mark.parametrize("amount", ["0", "-1", "x", "", None, "49.99", "1000.01"])
def test_an_amount_outside_the_partner_s_rule_is_refused(world: World, amount: Any) -> None:
    world.rule(min_amount=50, max_amount=1000)
    assert asked(world, TransAmount=amount) == "C2B00013"


@pytest.mark.parametrize("payer", [JANE, sha256(JANE)])
def test_a_blocked_payer_is_refused(world: World, payer: str) -> None:
    world.rule(blocked_phones=[JANE])
    assert asked(world, MSISDN=payer) == "C2B00011"


def test_a_shortcode_that_is_not_ours_or_is_switched_off_is_refused(world: World) -> None:
    assert asked(world, BusinessShortCode="600999") == "C2B00015"
    world.shortcode.is_active = False
    world.shortcode.save()
    assert asked(world) == "C2B00015"


def test_what_cannot_be_read_is_refused(world: World) -> None:
    answer = world.post("<html>", "validation")
    assert answer.json() == {"ResultCode": "C2B00016", "ResultDesc": "Rejected"}


def test_the_same_question_gets_the_same_answer(world: World) -> None:
    world.rule(refuse_unknown=True)
    assert asked(world) == "C2B00012"
    world.loan()
    assert asked(world) == "C2B00012"
    message = InboundMessage.objects.get()
    assert (message.copies, message.outcome) == (2, "C2B00012")


def test_a_confirmation_after_our_refusal_is_taken_all_the_same(world: World) -> None:
    world.rule(refuse_unknown=True)
    assert asked(world, BillRefNumber="999999999") == "C2B00012"
    row = world.received(BillRefNumber="999999999")
    assert row.amount == 500


def test_a_partner_that_is_switched_off_takes_no_payments(world: World) -> None:
    world.partner.is_active = False
    world.partner.save()
    assert asked(world) == "C2B00016"


def test_a_shared_shortcode_and_a_till_s_store_number_are_ours(world: World) -> None:
    shared = make.shortcode("600300", kind=Shortcode.Kind.C2B)
    answer = world.post(notice(BusinessShortCode="600300"), "validation", shortcode=shared)
    assert answer.json()["ResultCode"] == "0"
    Collector.objects.create(shortcode=world.shortcode, store_number="600777")
    assert asked(world, BusinessShortCode="600777") == "0"


def test_a_refused_payment_that_was_made_all_the_same_waits_for_a_person(world: World) -> None:
    world.rule(max_amount=100)
    assert asked(world, BillRefNumber="tithe") == "C2B00013"
    row = world.matched(BillRefNumber="tithe")
    assert (row.status, row.attention) == ("unmatched", row.reason)
