"""Customers pay by paybill while Mifos misbehaves and the worker that books is killed: all books agree."""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone

from c2b.models import C2bTransaction, Posting
from c2b.statuses import AT_MIFOS
from tests.endtoend.conftest import left_over
from tests.endtoend.platform import asked, eventually, platform_database
from vault.running import harm
from vault.running.ground import Lender
from vault.running.paybill_chaos import PaybillChaos
from vault.running.paybill_ground import Paybill, PaybillGround
from vault.running.processes import Supervisor

pytestmark = pytest.mark.processes

LENDERS = (
    Lender(code="kilimo", first_phone=254710000000, poll_seconds=3600),
    Lender(code="pwani", first_phone=254720000000, release="develop", poll_seconds=3600),
)
PAYBILLS = {
    "kilimo": Paybill(number="600510", rule={"refuse_unknown": True, "prefer": "loan"}),
    "pwani": Paybill(number="600520", version="v1", rule={"excess": "savings", "prefer": "loan"}),
}
OUTSIDE = [
    ("daraja", "c2b_validation", "validation_lost", 2, {}),
    ("daraja", "c2b_confirmation", "confirmation_lost", 2, {}),
    ("daraja", "c2b_confirmation", "confirmation_twice", 3, {}),
    ("daraja", "c2b_confirmation", "confirmation_out_of_order", 1, {"after": 2, "seconds": 5}),
    ("fineract", "search", "html", 1, {}),
    ("fineract", "repayment", "lost", 2, {}),
    ("fineract", "repayment", "booked_error", 1, {}),
    ("fineract", "repayment", "conflict", 1, {}),
    ("fineract", "deposit", "lost", 1, {}),
]


@pytest.fixture
def ground(settings: LazySettings, django_db_blocker: Any) -> Iterator[PaybillGround]:
    run_dir = Path(tempfile.mkdtemp(prefix="vault-paybill-"))
    with Supervisor(run_dir, say=lambda text: None) as supervisor:
        ground = PaybillGround(supervisor=supervisor, lenders=LENDERS, paybills=PAYBILLS, borrowers_each=4)
        ground.start()
        settings.PUBLIC_BASE_URL = ground.platform.address
        settings.REDIS_URL = ground.platform.environment["REDIS_URL"]
        settings.MPESA_BASE_URL = ground.platform.environment["MPESA_BASE_URL"]
        with platform_database(ground.platform.environment["DATABASE_URL"]), django_db_blocker.unblock():
            yield ground
    assert left_over(run_dir) == []
    shutil.rmtree(run_dir)


def test_a_kill_amid_booking_and_lost_notices_cost_nobody_a_shilling(ground: PaybillGround) -> None:
    chaos = PaybillChaos(ground=ground, seed=1, payments=0)
    ground.register()
    for system, operation, kind, times, params in OUTSIDE:
        ground.fault(system, operation, kind, times=times, params=params)
    ground.fault("fineract", "repayment", "slow_after", times=6, params={"seconds": 6})
    pay(ground, savings=False)
    eventually(lambda: at_mifos() >= 3, "bookings are on their way", seconds=60)

    harm.kill(ground, "worker-mifos")

    assert at_mifos() >= 1, "committed before a byte left, and nobody noted an answer"
    pay(ground, savings=True)
    pay(ground, stranger=True)
    eventually(
        lambda: hurry(chaos), "every payment has come to rest", seconds=240
    )  # a killed one's lease is 90 s
    books = ground.outside.get("books")
    found = chaos.judge(books)
    assert (found.twice, found.lost, found.stuck, found.different) == ([], [], [], [])
    assert chaos.made(books) == 18, "two strangers were refused at validation"
    assert set(C2bTransaction.objects.values_list("status", flat=True)) == {"posted", "unmatched"}
    assert {rule["kind"] for rule in ground.outside.get("faults") if not rule["played"]} == set()


def pay(ground: PaybillGround, *, savings: bool = False, stranger: bool = False) -> None:
    """Let each borrower pay once, and one stranger at each partner where that is asked for."""
    for borrowers in ground.borrowers.values():
        for who in borrowers[:2] if stranger else borrowers:
            account = f"S{who.savings_id:09d}" if savings and who.savings_id else f"{who.loan_id:09d}"
            ground.pay(who, 700, "kwa mama" if stranger else account)


def at_mifos() -> int:
    rows = Posting.objects.filter(transaction__status__in=AT_MIFOS, in_doubt=True)
    return rows.count()


def hurry(chaos: PaybillChaos) -> bool:
    """Let the waiting time of whatever waits be over, as if it had passed, and Pull as if an hour had."""
    now = timezone.now()
    quiet = C2bTransaction.objects.filter(moved_at__lt=now - timedelta(seconds=8), queued_at__isnull=True)
    quiet.filter(next_step_at__gt=now).update(next_step_at=now)
    chaos.search()
    return bool(asked(chaos.settled))
