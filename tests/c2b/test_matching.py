"""Which account a payment is for: forgiving of case, blanks and hyphens, never of digits, and never a guess."""

from datetime import timedelta
from typing import Any

import pytest

from c2b import matching
from c2b.statuses import Status
from common.phone import sha256
from partners.models import Shortcode
from tests import make
from tests.c2b.make_c2b import World, notice
from tests.make import JANE, NOW

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "typed",
    ["000000001", " 000000001 ", "000 000 001", "000-000-001", "L000000001", "l 000000001", "L-000000001"],
)
def test_a_number_is_found_however_it_is_spaced(world: World, typed: str) -> None:
    world.rule(prefixes={"L": "loan", "S": "savings"})
    world.loan()
    row = world.matched(BillRefNumber=typed)
    assert (row.status, row.matched_by, row.confidence) == ("matched", "number", "certain"), row.reason
    assert row.mifos_account_id == 1


@pytest.mark.parametrize("typed", ["LN-778", "ln-778", "LN778", "ln 778", "LN - 778"])
def test_an_external_id_is_found_however_it_is_written(world: World, typed: str) -> None:
    world.loan(external_id="LN-778")
    row = world.matched(BillRefNumber=typed)
    assert (row.status, row.matched_by) == ("matched", "external_id"), row.reason


@pytest.mark.parametrize(
    "typed",
    [
        "1",
        "0000000001",
        "00000001",
        "OOOOOOOO1",
        "OOO 000-O01",
        "00000000l",
        "000000002",
        "%",
        "_________",
        "0000000%",
        "",
        "   ",
        "- -",
        "tithe",
        "\\",
    ],
)
def test_digits_are_never_forgiven(world: World, typed: str) -> None:
    world.loan()
    row = world.matched(BillRefNumber=typed)
    assert (row.status, row.attention) == (Status.UNMATCHED, row.reason)


def test_a_prefix_tells_a_loan_from_a_savings_account_of_the_same_number(world: World) -> None:
    world.rule(prefixes={"L": "loan", "S": "savings"})
    client = world.client()
    world.loan(client_id=client)
    world.savings(client_id=client)
    assert world.matched(BillRefNumber="S000000001").transaction_type == "savings_deposit"
    assert (
        world.matched(BillRefNumber="L000000001", TransID="SF30BBBBBB").transaction_type == "loan_repayment"
    )


def test_two_accounts_of_one_number_wait_for_a_person(world: World) -> None:
    world.loan(client_id=world.client())
    world.savings(client_id=world.client(name="John Roe"))
    row = world.matched()
    assert row.status == Status.UNMATCHED
    assert "2 accounts fit" in row.reason
    assert len(row.events.last().evidence["candidates"]) == 2


def test_the_partner_may_say_which_of_two_is_meant(world: World) -> None:
    world.rule(prefer="savings")
    client = world.client()
    world.loan(client_id=client)
    world.savings(client_id=client)
    assert world.matched().transaction_type == "savings_deposit"


@pytest.mark.parametrize("msisdn", [JANE, sha256(JANE)])
def test_the_payer_s_own_of_two_accounts_is_meant(world: World, msisdn: str) -> None:
    world.loan(client_id=world.client(mobile_no="0708 374 149"))
    world.savings(client_id=world.client(name="John Roe", mobile_no="0722000000"))
    row = world.matched(MSISDN=msisdn)
    assert (row.status, row.transaction_type) == ("matched", "loan_repayment"), row.reason


def test_a_mask_proves_nothing(world: World) -> None:
    world.loan(client_id=world.client(mobile_no="0708374149"))
    world.savings(client_id=world.client(name="John Roe", mobile_no="0722000000"))
    assert world.matched(MSISDN="2547 ***** 149").status == Status.UNMATCHED


def test_a_number_that_was_found_with_a_prefix_is_not_known_without_one(world: World) -> None:
    world.rule(prefixes={"L": "loan"})
    world.loan(client_id=world.client())
    world.savings(client_id=world.client(name="John Roe"))
    assert world.matched(TransID="SF30AAAAAA", BillRefNumber="L000000001").status == Status.MATCHED
    assert world.matched(TransID="SF30BBBBBB").status == Status.UNMATCHED


def test_memory_of_a_number_s_only_account_is_short(world: World) -> None:
    world.loan(client_id=world.client())
    assert world.matched(TransID="SF30AAAAAA").status == Status.MATCHED
    world.savings(client_id=world.client(name="John Roe"))
    later = NOW + timedelta(minutes=11)
    assert world.matched(TransID="SF30BBBBBB", at=later).status == Status.UNMATCHED


def test_an_account_seen_just_now_is_known_without_asking(world: World) -> None:
    world.loan()
    world.matched(TransID="SF30AAAAAA")
    world.fault("search", "error_500")
    assert world.matched(TransID="SF30BBBBBB", BillRefNumber="000 000 001").status == Status.MATCHED


@pytest.mark.parametrize(
    ("typed", "how"),
    [("12345678", "national_id"), ("0708374149", "typed_phone"), ("+254 708 374149", "typed_phone")],
)
def test_a_person_who_is_typed_is_found_where_one_account_fits(world: World, typed: str, how: str) -> None:
    client = world.client(mobile_no="0708374149", national_id="12345678")
    loan = world.loan(client_id=client)
    row = world.matched(BillRefNumber=typed)
    assert (row.status, row.matched_by, row.mifos_account_id) == ("matched", how, loan), row.reason
    assert row.confidence == "high"


@pytest.mark.parametrize("rule", [{"by_national_id": False}, {"by_typed_phone": False}])
def test_the_partner_may_forbid_to_match_by_person(world: World, rule: dict[str, Any]) -> None:
    world.rule(**rule)
    world.loan(client_id=world.client(mobile_no="0708374149", national_id="12345678"))
    typed = "12345678" if "by_national_id" in rule else "0708374149"
    assert world.matched(BillRefNumber=typed).status == Status.UNMATCHED


def test_two_active_accounts_of_a_person_are_one_too_many(world: World) -> None:
    client = world.client(national_id="12345678")
    world.loan(client_id=client)
    world.loan(client_id=client)
    row = world.matched(BillRefNumber="12345678")
    assert row.status == Status.UNMATCHED
    assert "2 active accounts" in row.reason


def test_a_closed_account_does_not_count_beside_the_active_one(world: World) -> None:
    client = world.client(national_id="12345678")
    old, new = world.loan(client_id=client), world.loan(client_id=client)
    world.control(f"kilimo/loans/{old}/change", {"status": 600})
    assert world.matched(BillRefNumber="12345678").mifos_account_id == new


@pytest.mark.parametrize(("allowed", "status"), [(True, "matched"), (False, "unmatched")])
def test_the_payer_s_phone_is_used_only_where_the_partner_allows_it(
    world: World, allowed: bool, status: str
) -> None:
    world.rule(by_payer=allowed)
    world.loan(client_id=world.client(mobile_no="+254708374149"))
    assert world.matched(BillRefNumber="", MSISDN=JANE).status == status


def test_a_hashed_payer_is_known_from_an_earlier_payment(world: World) -> None:
    world.rule(by_payer=True)
    loan = world.loan()
    world.posted(TransID="SF30AAAAAA")
    row = world.matched(BillRefNumber="", MSISDN=sha256(JANE), TransID="SF30BBBBBB")
    assert (row.matched_by, row.confidence, row.mifos_account_id) == ("payer", "fair", loan), row.reason


def test_a_host_that_is_down_lets_it_wait_and_is_no_reason_for_suspense(world: World) -> None:
    world.loan()
    world.fault("search", "error_500")
    row = world.matched()
    assert row.status == Status.RECEIVED
    assert row.next_step_at == NOW + timedelta(seconds=2)
    matching.match(transaction_id=row.pk, at=NOW)
    row.refresh_from_db()
    assert row.status == Status.MATCHED


def test_a_notice_that_names_another_shortcode_goes_to_suspense(world: World) -> None:
    world.loan()
    row = world.matched(BusinessShortCode="600999")
    assert row.status == Status.UNMATCHED
    assert "600999" in row.reason


def test_a_shared_shortcode_cannot_say_whose_customer_paid(world: World) -> None:
    shared = make.shortcode("600300", kind=Shortcode.Kind.C2B)
    world.post(notice(BusinessShortCode="600300"), shortcode=shared)
    from c2b.models import C2bTransaction

    row = C2bTransaction.objects.get()
    matching.match(transaction_id=row.pk, at=NOW)
    row.refresh_from_db()
    assert (row.partner, row.status) == (None, Status.UNMATCHED)
