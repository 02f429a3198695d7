from decimal import Decimal
from typing import Any

import pytest

from tests import make
from tests.wallet.make_wallet import Funded, funded, topup
from wallet import operations
from wallet.models import Kind, LedgerLine, PartnerWallet, Transfer, WalletTransaction
from wallet.operations import Contradiction, InsufficientFunds

pytestmark = pytest.mark.django_db


def buy_float(books: Funded, amount: str, **changes: Any) -> Any:
    asked = {
        "type": "correction",
        "reference": "C1",
        "from_account": books.account(Kind.WALLET),
        "to_account": books.account(Kind.FLOAT),
        "amount": Decimal(amount),
        "at": make.NOW,
    }
    return operations.transfer(**asked | changes)


def test_a_transfer_takes_from_one_and_gives_to_the_other() -> None:
    books = funded()
    buy_float(books, "300.50")
    assert WalletTransaction.objects.first().amount == Decimal("-300.50")  # type: ignore[union-attr]
    assert LedgerLine.objects.first().balance_after == Decimal("100300.50")  # type: ignore[union-attr]


def test_the_same_transfer_again_returns_the_earlier_one() -> None:
    books = funded()
    assert buy_float(books, "300") == buy_float(books, "300")
    assert books.money() == (700, 0, 100_300, 0)


def test_the_same_reference_with_another_amount_is_a_contradiction() -> None:
    books = funded()
    buy_float(books, "300")
    with pytest.raises(Contradiction):
        buy_float(books, "301")
    assert books.money() == (700, 0, 100_300, 0)


def test_the_same_reference_between_other_accounts_is_a_contradiction() -> None:
    books = funded()
    buy_float(books, "300")
    with pytest.raises(Contradiction):
        buy_float(books, "300", to_account=operations.platform_account(Kind.FEES))


def test_the_same_reference_of_another_type_is_another_transfer() -> None:
    books = funded()
    buy_float(books, "300")
    buy_float(books, "300", type="charge")
    assert books.money() == (400, 0, 100_600, 0)


def test_a_partners_account_is_never_overdrawn() -> None:
    books = funded(wallet=300)
    with pytest.raises(InsufficientFunds) as lack:
        buy_float(books, "300.01")
    assert (lack.value.account, lack.value.available) == ("wallet", 300)
    assert books.money() == (300, 0, 100_000, 0)


def test_a_topup_is_remembered_on_the_wallet() -> None:
    books = funded()
    topup(books, 5000)
    wallet = PartnerWallet.objects.get(partner=books.partner)
    assert (wallet.current_balance, wallet.last_topup_amount) == (6000, 5000)
    assert wallet.last_topup_date == make.NOW


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(ValueError, match="not a type"):
        buy_float(funded(), "300", type="gift")


def test_a_reversal_undoes_a_transfer_once() -> None:
    books = funded()
    wrong = topup(books, 5000)
    undone = {operations.reverse(transfer_id=wrong, at=make.NOW, reason="wrong partner") for _ in range(2)}
    assert books.money() == (1000, 0, 100_000, 0)
    assert Transfer.objects.get(pk=undone.pop()).reverses_id == wrong
    assert not undone


def test_a_reversal_is_refused_when_the_money_is_used() -> None:
    books = funded(wallet=0)
    wrong = topup(books, 5000)
    buy_float(books, "4000")
    with pytest.raises(InsufficientFunds):
        operations.reverse(transfer_id=wrong, at=make.NOW, reason="wrong partner")


def test_what_belongs_to_a_hold_is_not_reversed() -> None:
    books = funded()
    books.hold()
    for part in Transfer.objects.filter(hold__isnull=False):
        with pytest.raises(Contradiction):
            operations.reverse(transfer_id=part.pk, at=make.NOW, reason="no")


def test_a_reversal_is_not_reversed() -> None:
    back = operations.reverse(transfer_id=topup(funded(), 10), at=make.NOW, reason="wrong partner")
    with pytest.raises(Contradiction):
        operations.reverse(transfer_id=back, at=make.NOW, reason="right after all")


def test_opening_entries_are_booked_once_whatever_is_said_later() -> None:
    books = funded()
    operations.book_opening(
        partner_id=books.partner.pk,
        shortcode_id=books.shortcode.pk,
        wallet=Decimal(7),
        float_=Decimal(7),
        at=make.NOW,
    )
    assert books.money() == (1000, 0, 100_000, 0)


def test_each_shortcode_has_its_own_float() -> None:
    books = funded()
    second = Funded(books.partner, make.shortcode("600100"))
    operations.book_opening(
        partner_id=books.partner.pk,
        shortcode_id=second.shortcode.pk,
        wallet=None,
        float_=Decimal(7),
        at=make.NOW,
    )
    assert (books.money(), second.money()) == ((1000, 0, 100_000, 0), (1000, 0, 7, 0))


def test_accounts_are_opened_once() -> None:
    books = funded()
    for _ in range(2):
        operations.open_accounts(partner_id=books.partner.pk, shortcode_id=books.shortcode.pk, at=make.NOW)
    assert books.money() == (1000, 0, 100_000, 0)


@pytest.mark.parametrize(
    ("threshold", "short"), [(None, False), (Decimal(999), False), (Decimal(1000), True)]
)
def test_a_wallet_at_its_threshold_is_low(threshold: Decimal | None, short: bool) -> None:
    books = funded(wallet=1000)
    PartnerWallet.objects.filter(partner=books.partner).update(low_balance_threshold=threshold)
    found = operations.low_balance(books.partner.pk)
    assert bool(found) is short
    assert found is None or (found.balance, found.threshold) == (1000, threshold)


def test_a_partner_without_a_wallet_is_not_low() -> None:
    assert operations.low_balance(make.partner().pk) is None
