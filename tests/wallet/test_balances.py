from datetime import timedelta
from decimal import Decimal

import pytest

from tests import make
from tests.wallet.make_wallet import Funded, capture, funded
from wallet import balances
from wallet.models import Kind, ObservedBalance, Transfer
from wallet.proof import prove

pytestmark = pytest.mark.django_db

ASKED = make.NOW + timedelta(hours=1)


def observe(books: Funded, utility: int | None, *, seconds: int = 0, working: int | None = None) -> None:
    balances.observe(
        shortcode_id=books.shortcode.pk,
        utility=None if utility is None else Decimal(utility),
        working=None if working is None else Decimal(working),
        at=ASKED + timedelta(seconds=seconds),
    )


def told(books: Funded) -> tuple[Decimal | None, Decimal | None]:
    books.shortcode.refresh_from_db()
    return books.shortcode.utility_balance, books.shortcode.working_balance


@pytest.fixture
def own() -> Funded:
    """A partner that pays from its own shortcode."""
    books = funded()
    books.shortcode.partner = books.partner
    books.shortcode.save()
    return books


def test_a_partner_without_accounts_has_nothing() -> None:
    partner, shortcode = make.partner(), make.shortcode()
    assert balances.of_partner(partner.pk) == balances.Balances(
        wallet=Decimal(0), wallet_held=Decimal(0), floats=()
    )
    assert balances.available_for_payout(partner.pk, shortcode.pk) == (0, 0)


def test_what_is_held_is_not_free_for_a_payout() -> None:
    books = funded()
    books.hold()
    assert balances.available_for_payout(books.partner.pk, books.shortcode.pk) == (955, 90_500)


def test_the_float_shows_mpesas_figure_beside_ours() -> None:
    books = funded()
    observe(books, 70, working=5)
    (float_,) = balances.of_partner(books.partner.pk).floats
    assert (float_.number, float_.available, float_.observed, float_.observed_at) == (
        "600992",
        100_000,
        70,
        ASKED,
    )


def test_an_older_figure_never_replaces_a_newer_one() -> None:
    books = funded()
    observe(books, 70, working=5)
    observe(books, 90, working=9, seconds=-120)
    assert told(books) == (70, 5)
    assert ObservedBalance.objects.count() == 2


def test_a_figure_that_is_not_told_stays_as_it_was() -> None:
    books = funded()
    observe(books, 70, working=5)
    observe(books, 60, seconds=1)
    assert told(books) == (60, 5)


def test_the_history_keeps_the_last_figure_of_each_minute() -> None:
    books = funded()
    for seconds, utility in [(0, 70), (50, 60), (20, 65), (61, 50)]:
        observe(books, utility, seconds=seconds)
    assert list(ObservedBalance.objects.values_list("utility", flat=True)) == [50, 60]


@pytest.mark.parametrize(("utility", "difference"), [(100_300, 300), (99_800, -200), (100_000, 0)])
def test_the_float_of_an_own_shortcode_follows_mpesa(own: Funded, utility: int, difference: int) -> None:
    observe(own, utility)
    assert balances.follow_observed(shortcode_id=own.shortcode.pk, at=ASKED) == difference
    assert own.money() == (1000, 0, utility, 0)
    assert Transfer.objects.filter(type="float_adjustment").exists() is bool(difference)
    assert not prove().differences


def test_following_again_changes_nothing(own: Funded) -> None:
    observe(own, 100_300)
    for _ in range(2):
        balances.follow_observed(shortcode_id=own.shortcode.pk, at=ASKED)
    assert own.money()[2] == 100_300


def test_a_difference_is_booked_as_unexplained(own: Funded) -> None:
    observe(own, 99_800)
    balances.follow_observed(shortcode_id=own.shortcode.pk, at=ASKED + timedelta(seconds=5))
    booked = Transfer.objects.get(type="float_adjustment")
    assert (booked.to_account.kind, booked.amount) == (Kind.MPESA_UNEXPLAINED, 200)
    assert (booked.event_at, booked.description) == (ASKED, "M-Pesa said KES 99,800")


def test_nothing_is_followed_while_a_payout_is_under_way(own: Funded) -> None:
    own.hold()
    observe(own, 90_500)
    assert balances.follow_observed(shortcode_id=own.shortcode.pk, at=ASKED) is None
    assert own.money()[2:] == (90_500, 9_500)


def test_nothing_is_followed_when_a_payout_began_and_ended_since(own: Funded) -> None:
    observe(own, 100_000)
    since = ASKED + timedelta(minutes=1)
    capture(own.hold(at=since), at=since, event_at=since)
    assert balances.follow_observed(shortcode_id=own.shortcode.pk, at=since) is None
    assert own.money()[2] == 90_500


def test_nothing_is_followed_when_a_payout_ended_since(own: Funded) -> None:
    reference = own.hold()
    observe(own, 90_500)
    since = ASKED + timedelta(minutes=1)
    capture(reference, at=since, event_at=make.NOW)
    assert balances.follow_observed(shortcode_id=own.shortcode.pk, at=since) is None


def test_nothing_is_followed_before_mpesa_has_said_anything(own: Funded) -> None:
    assert balances.follow_observed(shortcode_id=own.shortcode.pk, at=ASKED) is None


def test_the_float_on_a_shared_shortcode_is_never_set_to_mpesas_figure() -> None:
    with pytest.raises(ValueError, match="shared"):
        balances.follow_observed(shortcode_id=funded().shortcode.pk, at=ASKED)


def test_nothing_is_followed_by_a_figure_of_about_the_time_of_a_payout(own: Funded) -> None:
    capture(own.hold(), at=ASKED - timedelta(seconds=1), event_at=ASKED - timedelta(seconds=2))
    observe(own, 100_000)  # M-Pesa's clock and ours are not the same: it may be from just before
    assert balances.follow_observed(shortcode_id=own.shortcode.pk, at=ASKED) is None
    assert own.money()[2] == 90_500
