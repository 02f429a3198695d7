from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from common.ids import new_id
from common.money import BadAmount
from tests import make
from tests.wallet.make_wallet import capture, funded, release
from wallet.models import Hold, Transfer, WalletTransaction
from wallet.operations import Contradiction, InsufficientFunds

pytestmark = pytest.mark.django_db


def test_a_hold_sets_aside_the_charge_and_the_principal() -> None:
    books = funded()
    books.hold()
    assert books.money() == (955, 45, 90_500, 9_500)


def test_a_capture_lets_both_go_and_keeps_both_moments() -> None:
    books = funded()
    reference = books.hold()
    capture(reference, at=make.NOW + timedelta(seconds=9), event_at=make.NOW + timedelta(seconds=7))
    assert books.money() == (955, 0, 90_500, 0)
    gone = Transfer.objects.get(type="disbursement", reference=str(reference))
    assert (gone.to_account.kind, gone.amount) == ("customers", 9500)
    assert (gone.created_at - gone.event_at).seconds == 2
    earned = Transfer.objects.get(type="charge", reference=str(reference))
    assert (earned.to_account.kind, earned.amount) == ("fees", 45)


def test_a_release_gives_both_back() -> None:
    books = funded()
    release(books.hold())
    assert books.money() == (1000, 0, 100_000, 0)


def test_a_payout_without_a_charge_leaves_the_wallet_alone() -> None:
    books = funded(wallet=0)
    capture(books.hold(charge=Decimal(0)))
    assert books.money() == (0, 0, 90_500, 0)


@pytest.mark.parametrize("end", [capture, release])
def test_a_float_purchase_takes_principal_and_charge_from_the_wallet(end: Any) -> None:
    books = funded(wallet=1000, float_=500)
    end(books.hold(purpose="float_purchase", principal=Decimal(800), charge=Decimal(50)))
    assert books.money() == ((150, 0, 1300, 0) if end is capture else (1000, 0, 500, 0))


@pytest.mark.parametrize(
    ("wallet", "float_", "account", "needed", "available"),
    [
        (44, 100_000, "wallet", 45, 44),
        (1000, 9_499, "float", 9_500, 9_499),
        (44, 9_499, "wallet", 45, 44),
        (0, 0, "wallet", 45, 0),
    ],
)
def test_what_is_lacking_is_told_and_nothing_changes(
    wallet: int, float_: int, account: str, needed: int, available: int
) -> None:
    books = funded(wallet=wallet, float_=float_)
    with pytest.raises(InsufficientFunds) as lack:
        books.hold()
    assert (lack.value.account, lack.value.needed, lack.value.available) == (account, needed, available)
    assert books.money() == (wallet, 0, float_, 0)
    assert not Hold.objects.exists()


def test_the_lack_is_a_sentence_for_people() -> None:
    with pytest.raises(
        InsufficientFunds, match=r"^The float has KES 40, and KES 9,500 is needed: KES 9,460 is"
    ):
        funded(float_=40).hold()


def test_a_partner_without_accounts_has_no_funds() -> None:
    books = funded()
    with pytest.raises(InsufficientFunds):
        books.hold(partner_id=make.partner("mlima").pk)


def test_an_exact_fit_is_enough() -> None:
    books = funded(wallet=45, float_=9_500)
    books.hold()
    assert books.money() == (0, 45, 0, 9_500)


def test_a_refused_hold_leaves_the_callers_transaction_usable() -> None:
    books = funded(wallet=0)
    with transaction.atomic():
        with pytest.raises(InsufficientFunds):
            books.hold()
        make.partner("mlima")
    books.partner.refresh_from_db()


def test_a_hold_goes_with_the_callers_transaction() -> None:
    books = funded()
    with transaction.atomic():
        books.hold()
        transaction.set_rollback(True)
    assert books.money() == (1000, 0, 100_000, 0)


def test_the_same_hold_again_changes_nothing() -> None:
    books = funded()
    books.hold(books.hold())
    assert books.money() == (955, 45, 90_500, 9_500)


@pytest.mark.parametrize("end", [capture, release])
def test_the_same_hold_after_its_end_changes_nothing(end: Any) -> None:
    books = funded()
    reference = books.hold()
    end(reference)
    before = books.money()
    books.hold(reference)
    assert books.money() == before


@pytest.mark.parametrize("changed", [{"principal": Decimal(9)}, {"charge": Decimal(9)}])
def test_a_reference_with_other_amounts_is_a_contradiction(changed: dict[str, Decimal]) -> None:
    books = funded()
    reference = books.hold()
    with pytest.raises(Contradiction):
        books.hold(reference, **changed)
    assert books.money() == (955, 45, 90_500, 9_500)


def test_a_reference_of_another_partner_is_a_contradiction() -> None:
    books = funded()
    other = funded("mlima", shortcode=books.shortcode)
    with pytest.raises(Contradiction):
        other.hold(books.hold())
    assert other.money() == (1000, 0, 100_000, 0)


@pytest.mark.parametrize("end", [capture, release])
def test_the_same_end_again_changes_nothing(end: Any) -> None:
    books = funded()
    reference = books.hold()
    end(reference)
    before = books.money(), Transfer.objects.count()
    end(reference)
    assert (books.money(), Transfer.objects.count()) == before


@pytest.mark.parametrize(("first", "second"), [(capture, release), (release, capture)])
def test_the_other_end_is_a_contradiction_and_changes_nothing(first: Any, second: Any) -> None:
    books = funded()
    reference = books.hold()
    first(reference)
    before = books.money(), Transfer.objects.count()
    with pytest.raises(Contradiction, match="was already"):
        second(reference)
    assert (books.money(), Transfer.objects.count()) == before


def test_another_receipt_is_a_contradiction() -> None:
    reference = funded().hold()
    capture(reference)
    with pytest.raises(Contradiction, match="SG632NMUAB"):
        capture(reference, receipt="SG700000XX")


@pytest.mark.parametrize("end", [capture, release])
def test_what_was_never_held_cannot_end(end: Any) -> None:
    with pytest.raises(Contradiction, match="no hold"):
        end(new_id())


@pytest.mark.parametrize("wrong", [{"principal": Decimal("1.005")}, {"charge": Decimal("0.001")}])
def test_parts_of_a_cent_are_refused_and_not_rounded(wrong: dict[str, Decimal]) -> None:
    with pytest.raises(BadAmount):
        funded().hold(**wrong)


def test_mpesas_fee_is_our_cost_on_a_shared_shortcode() -> None:
    reference = funded().hold()
    capture(reference, mpesa_cost=Decimal(11))
    cost = Transfer.objects.get(type="mpesa_cost")
    assert (cost.from_account.kind, cost.to_account.kind, cost.amount) == ("charges_paid", "mpesa_cost", 11)


def test_mpesas_fee_is_only_noted_on_a_partners_own_shortcode() -> None:
    owner = make.partner("mlima")
    books = funded(shortcode=make.shortcode("600100", partner=owner))
    capture(books.hold(), mpesa_cost=Decimal(11))
    assert Hold.objects.get().mpesa_cost == 11
    assert not Transfer.objects.filter(type="mpesa_cost").exists()


def test_the_statement_tells_what_became_of_a_hold() -> None:
    books = funded()
    capture(books.hold())
    release(books.hold())
    lines = WalletTransaction.objects.with_hold().order_by("number")
    assert [(line.transaction_type, line.amount, line.balance_after, line.hold_status) for line in lines] == [
        ("opening", 1000, 1000, None),
        ("hold", -45, 955, "captured"),
        ("hold", -45, 910, "released"),
        ("release", 45, 955, "released"),
    ]
