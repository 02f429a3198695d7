"""Ten partners top up, buy float, lend and are charged while everything fails: all books agree to the shilling."""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth import get_user_model
from django.utils import timezone

from disbursements.models import Attempt
from partners import pausing
from sms.models import SmsNotification
from tests.endtoend.conftest import left_over
from tests.endtoend.platform import asked, hurry, platform_database
from vault.running import money_agreement, money_rows, verdict
from vault.running.ground import Lender
from vault.running.money_ground import MoneyGround
from vault.running.money_storm import MoneyStorm
from vault.running.processes import Supervisor
from wallet import deciding, sms_charging
from wallet.bank_models import BankAccount, BankCredit, BankDebit, TopUp
from wallet.models import Transfer, WalletTransaction
from wallet.purchases import UNDER_WAY, AutoFloatRule, FloatPurchase

pytestmark = pytest.mark.processes

SEED, STEPS, BLOW_EVERY = 20260603, 90, 15
STORM_GOES_ON = 40.0
SETTLES_WITHIN = 150.0  # seconds; a machine that does nothing else needs a fifth of it
RULE = {"below": 30_000, "buy": 60_000, "max_per_day": 10_000_000}
WALLET = {
    "opening_balance": 300_000,
    "opening_float": 50_000,
    "low_balance_threshold": 20_000,
    "auto_float": RULE,
}
CODES = ("kilimo", "pwani", "mlima", "ziwa", "jangwa", "bonde", "msitu", "mto", "kisiwa", "nyika")
OWN = {"pwani": "600200", "ziwa": "600300"}
LENDERS = tuple(
    Lender(code=code, first_phone=254710000000 + 100_000 * n, own_shortcode=OWN.get(code, ""), wallet=WALLET)
    for n, code in enumerate(CODES)
)
BANDS = ((1000, 10), (10000, 25), (250000, 45))  # as the ground's tariff


@pytest.fixture
def ground(settings: LazySettings, django_db_blocker: Any) -> Iterator[MoneyGround]:
    run_dir = Path(tempfile.mkdtemp(prefix="vault-money-"))
    with Supervisor(run_dir, say=lambda text: None) as supervisor:
        ground = MoneyGround(supervisor=supervisor, lenders=LENDERS, seed=SEED)
        ground.start()
        settings.PUBLIC_BASE_URL = ground.platform.address
        settings.REDIS_URL = ground.platform.environment["REDIS_URL"]
        settings.FLOAT_PURCHASE_CONFIRM = "second_person"
        with platform_database(ground.platform.environment["DATABASE_URL"]), django_db_blocker.unblock():
            yield ground
    assert left_over(run_dir) == []
    shutil.rmtree(run_dir)


def test_the_books_of_bank_mpesa_and_ours_agree_to_the_shilling(ground: MoneyGround) -> None:
    since = timezone.now()
    users = get_user_model()._default_manager
    people = users.create_user(username="amina"), users.create_user(username="brian")
    storm = MoneyStorm(ground=ground, people=people, seed=SEED)
    storm.begin()
    storm.play(STEPS, blow_every=BLOW_EVERY)
    until_most_are_sent(ground)
    played = {rule["system"] for rule in ground.outside.get("faults") if rule["played"]}
    ground.end_faults()
    storm.rescue()

    settle(ground, people, since=since)

    books = ground.outside.get("books")
    found = money_rows.under_way(since=since)
    found += money_agreement.differences(books, money_rows.read(books, since=since))
    found += verdict.judge(books, ground.approved, utilities={}).lines()
    assert found == [], "\n".join(found)
    assert charged() == due_charges(books)
    assert told_of_topups()
    assert played == {"ncba", "daraja"}
    assert_it_was_a_storm(storm, books)


def until_most_are_sent(ground: MoneyGround) -> None:
    """Let the faults go on while what was asked for in the storm is being paid and bought."""
    begun = time.monotonic()
    while not asked(lambda: Attempt.objects.count() >= len(ground.approved) * 2 // 3):
        if time.monotonic() - begun > STORM_GOES_ON:
            break
        ground.supervisor.pause(0.5)


def settle(ground: MoneyGround, people: Any, *, since: datetime) -> None:
    """Let all come to its end, waiting times left out; two people decide what no evidence will ever tell."""
    begun = time.monotonic()
    while not asked(lambda: hurry_money(ground, people, since=since)):
        if time.monotonic() - begun > SETTLES_WITHIN:
            break
        time.sleep(0.5)
    for partner_id in partners():
        sms_charging.charge(partner_id=partner_id, at=timezone.now())


def partners() -> list[Any]:
    return list(AutoFloatRule.objects.values_list("partner_id", flat=True))


def hurry_money(ground: MoneyGround, people: Any, *, since: datetime) -> bool:
    now = timezone.now()
    lift_pauses(people[0])
    loans = hurry(ground.approved)
    quiet = now - timedelta(seconds=3)
    FloatPurchase.objects.filter(status__in=UNDER_WAY, moved_at__lt=quiet).update(next_step_at=now)
    AutoFloatRule.objects.update(next_step_at=None)
    TopUp.objects.filter(moved_at__lt=quiet, next_step_at__isnull=False).update(next_step_at=now)
    BankDebit.objects.filter(matched_id__isnull=True, is_fee=False).update(next_step_at=now)
    BankAccount.objects.filter(statement_at__lt=quiet).update(next_step_at=now)
    decide_what_nobody_can_prove(ground, people, before=now - timedelta(seconds=6))
    return loans and all_credits_are_seen(ground) and not money_rows.under_way(since=since)


def lift_pauses(operator: Any) -> None:
    """Do what an operator does after trouble: lift what the platform has paused by itself."""
    for dial in pausing.active():
        pausing.lift(dial_id=dial.pk, by=operator, at=timezone.now(), reason="The storm is over.")


def decide_what_nobody_can_prove(ground: MoneyGround, people: Any, *, before: datetime) -> None:
    """Do what the runbook says: look at the bank's statement, and agree that the order is not on it."""
    ordered = {order["our_reference"] for order in ground.outside.get("ncba/books")["orders"]}
    doubtful = FloatPurchase.objects.filter(status="unknown", moved_at__lt=before)
    for row in doubtful.exclude(reference__in=ordered):
        deciding.propose(
            purchase_id=row.pk,
            outcome="failed",
            receipt="",
            note="Not there.",
            by=people[0],
            at=timezone.now(),
        )
        deciding.agree(purchase_id=row.pk, by=people[1], at=timezone.now())


def all_credits_are_seen(ground: MoneyGround) -> bool:
    (account,) = ground.outside.get("ncba/books")["accounts"].values()
    came = sum(Decimal(line["amount"]) > 0 for line in account["lines"])
    return BankCredit.objects.exclude(status="ignored").count() >= came


def charged() -> Decimal:
    """What our ledger took as charges, and every charge a line of a wallet's statement or a captured hold."""
    fees = Transfer.objects.filter(to_account__kind="fees").values_list("amount", flat=True)
    return sum(fees, Decimal(0))


def due_charges(books: Any) -> Decimal:
    """What the tariff makes of the payouts of M-Pesa's books, the bank's orders and the SMS that left."""
    paid = [one for one in books["daraja"]["payouts"] if one["status"] == "Completed"]
    payouts = sum(next(fee for top, fee in BANDS if Decimal(one["amount"]) <= top) for one in paid)
    told = SmsNotification.objects.filter(status__in=["sent", "delivered"], unconfirmed=False)
    segments = sum(told.values_list("segments", flat=True))
    return Decimal(payouts + 50 * len(books["ncba"]["orders"]) + segments)


def told_of_topups() -> bool:
    lines = WalletTransaction.objects.filter(transaction_type="topup")
    return lines.exists() and not lines.filter(sms_sent=False).exists()


def assert_it_was_a_storm(storm: MoneyStorm, books: Any) -> None:
    """Nothing is proved by a day on which nothing happened."""
    ended = Counter(FloatPurchase.objects.values_list("status", flat=True))
    assert ended["bought"] >= 15, ended
    assert ended["failed"] >= 1, ended
    evidence = set(FloatPurchase.objects.filter(status="bought").values_list("evidence", flat=True))
    assert "bank" in evidence
    assert FloatPurchase.objects.filter(rule__isnull=False, status="bought").exists()
    assert FloatPurchase.objects.filter(rule__isnull=True, status="bought").exists()
    sources = set(BankCredit.objects.values_list("source", flat=True))
    assert sources == {"paybill", "account", "statement"}
    assert len(BankCredit.objects.filter(status="suspense")) >= 1
    assert TopUp.objects.filter(status="credited").exists()
    assert len(storm.done) >= 6, storm.done
    assert len(books["daraja"]["payouts"]) >= 20
