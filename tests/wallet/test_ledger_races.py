"""Real threads on PostgreSQL, all starting at once."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection

from common.ids import new_id
from tests import make
from tests.wallet.make_wallet import capture, funded, release, topup
from wallet import operations
from wallet.models import Hold, Kind, PartnerWallet, WalletTransaction
from wallet.operations import Contradiction, InsufficientFunds
from wallet.proof import prove

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*works: Callable[[], object]) -> list[str]:
    """Run all at the same moment; tell how each ended: "done" or the name of its refusal."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> str:
        try:
            start.wait(timeout=30)
            work()
        except (InsufficientFunds, Contradiction) as refusal:
            return type(refusal).__name__
        else:
            return "done"
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as threads:
        return [ended.result() for ended in [threads.submit(run, work) for work in works]]


def test_eight_posters_never_overdraw_a_wallet() -> None:
    books = funded(wallet=45 * 20)
    gone: Counter[str] = Counter()

    def post() -> None:
        for _ in range(10):
            try:
                books.hold(principal=Decimal(10))
                gone["held"] += 1
            except InsufficientFunds:
                gone["refused"] += 1

    assert at_once(*[post] * 8) == ["done"] * 8
    assert gone == {"held": 20, "refused": 60}
    assert books.money() == (0, 900, 99_800, 200)
    assert not prove().differences


def test_the_current_balance_is_the_sum_of_the_lines_at_every_commit() -> None:
    books = funded(wallet=100_000)
    stop = threading.Event()
    seen: list[bool] = []

    def watch() -> None:
        while not stop.is_set() or not seen:
            with connection.cursor() as cursor:
                cursor.execute(
                    "select (select sum(amount) from wallet_transactions) = "
                    "(select current_balance from partner_wallets)"
                )
                seen.append(cursor.fetchone()[0])

    def post() -> None:
        for number in range(10):
            [capture, release][number % 2](books.hold())

    def post_and_stop() -> None:
        at_once(post, post, post)
        stop.set()

    assert at_once(watch, post_and_stop) == ["done", "done"]
    assert all(seen)


def test_a_hold_ends_in_exactly_one_way() -> None:
    books = funded()
    for _ in range(10):
        reference = books.hold()
        ended = at_once(lambda ref=reference: capture(ref), lambda ref=reference: release(ref))
        assert sorted(ended) == ["Contradiction", "done"]
    assert books.money()[1::2] == (0, 0)
    assert Hold.objects.exclude(status="held").count() == 10
    assert not prove().differences


def test_the_same_hold_at_once_holds_once() -> None:
    books = funded()
    reference = new_id()
    assert at_once(*[lambda: books.hold(reference)] * 6) == ["done"] * 6
    assert books.money() == (955, 45, 90_500, 9_500)


def test_the_same_capture_at_once_captures_once() -> None:
    books = funded()
    reference = books.hold()
    assert at_once(*[lambda: capture(reference)] * 6) == ["done"] * 6
    assert books.money() == (955, 0, 90_500, 0)


def test_the_same_reference_for_two_partners_at_once_holds_for_one() -> None:
    one = funded()
    two = funded("mlima", shortcode=one.shortcode)
    reference = new_id()
    ended = at_once(lambda: one.hold(reference), lambda: two.hold(reference))
    assert sorted(ended) == ["Contradiction", "done"]
    assert not prove().differences


def test_the_same_topup_at_once_is_booked_once() -> None:
    books = funded()
    assert at_once(*[lambda: topup(books, 500)] * 6) == ["done"] * 6
    assert books.money()[0] == 1500
    assert WalletTransaction.objects.filter(transaction_type="topup").count() == 1


def test_opposite_transfers_do_not_wait_for_each_other_for_ever() -> None:
    one = funded(wallet=10_000)
    two = funded("mlima", wallet=10_000, shortcode=one.shortcode)
    wallets = [one.account(Kind.WALLET), two.account(Kind.WALLET)]

    def to_and_fro(source: int) -> None:
        for _ in range(25):
            operations.transfer(
                type="correction",
                reference=str(new_id()),
                from_account=wallets[source],
                to_account=wallets[1 - source],
                amount=Decimal(1),
                at=make.NOW,
            )

    works = [lambda source=number % 2: to_and_fro(source) for number in range(6)]
    assert at_once(*works) == ["done"] * 6
    assert (one.money()[0], two.money()[0]) == (10_000, 10_000)


def test_holds_ends_and_purchases_at_once_do_not_deadlock() -> None:
    books = funded(wallet=100_000)

    def work(number: int) -> None:
        for turn in range(8):
            purpose = ["payout", "float_purchase"][(number + turn) % 2]
            [capture, release][turn // 2 % 2](books.hold(purpose=purpose, principal=Decimal(100)))

    assert at_once(*[lambda number=number: work(number) for number in range(6)]) == ["done"] * 6
    assert books.money()[1::2] == (0, 0)
    assert not prove().differences


def test_accounts_opened_at_once_are_opened_once() -> None:
    partner, shortcode = make.partner(), make.shortcode()
    opened = {"partner_id": partner.pk, "shortcode_id": shortcode.pk, "at": make.NOW}
    amounts = {"wallet": Decimal(10), "float_": Decimal(20)}
    assert at_once(*[lambda: operations.book_opening(**opened, **amounts)] * 6) == ["done"] * 6
    assert PartnerWallet.objects.get().current_balance == 10
    assert not prove().differences
