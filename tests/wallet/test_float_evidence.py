"""What proves a purchase, what disproves it, and what only a person can say."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from common.gateway import OutcomeUnknown
from sms.models import SmsNotification
from tests import make
from tests.wallet.make_float import FT, LATER, Scene, debit
from tests.wallet.make_wallet import capture
from wallet import balances, debits, deciding, evidence
from wallet.asking import CannotBuy
from wallet.bank_models import BankAccount, BankDebit
from wallet.models import Hold, Transfer
from wallet.observations import FloatWatch
from wallet.proof import prove
from wallet.purchases import FloatPurchase

BOUGHT = (150_000, 0, 50_000, 0)
GONE = (150_000, 50_000, 0, 0)


@pytest.fixture(params=[None, OutcomeUnknown("lost")], ids=["accepted", "unknown"])
def row(scene: Scene, request: Any) -> FloatPurchase:
    """A purchase that the bank took, or that nobody knows of."""
    scene.bank.plan.append(request.param)
    return scene.buy()


def observe(scene: Scene, utility: int, *, at: Any = LATER) -> int:
    balances.observe(
        shortcode_id=scene.books.shortcode.pk, utility=Decimal(utility), working=Decimal(0), at=at
    )
    return evidence.take_balance(shortcode_id=scene.books.shortcode.pk, at=at)


def test_the_banks_debit_with_our_reference_proves_it(scene: Scene, row: FloatPurchase) -> None:
    scene.debit(row)
    row = scene.seen(row)
    assert (row.status, row.receipt, row.evidence) == ("bought", "FT26154XYZ", "bank")
    assert scene.books.money() == BOUGHT
    told = SmsNotification.objects.get(message_type="float_purchase")
    assert "KES 50,000" in told.message_content
    assert "KES 150,000" in told.message_content
    assert not prove().differences


def test_a_purchase_that_failed_is_told_with_its_reason(scene: Scene, row: FloatPurchase) -> None:
    for _ in range(2):
        evidence.not_bought(row, "The bank refused it.", at=LATER)
    told = SmsNotification.objects.get(message_type="float_purchase_failure")
    assert ("KES 50,000" in told.message_content, "The bank refused it" in told.message_content) == (
        True,
        True,
    )
    assert row.reference in told.message_content


def test_the_charge_is_earned_only_then(scene: Scene) -> None:
    make.tariff(kind="float_purchase", bands=[(250_000, 50)])
    row = scene.buy()
    assert not Transfer.objects.filter(type="charge").exists()
    scene.debit(row)
    assert Transfer.objects.get(type="charge").amount == 50
    assert scene.books.money() == (149_950, 0, 50_000, 0)


def test_the_bank_is_lower_by_what_is_at_mpesa_now(scene: Scene, row: FloatPurchase) -> None:
    scene.debit(row)
    moved = Transfer.objects.get(type="float_funding")
    assert (moved.from_account.kind, moved.to_account.kind, moved.amount) == ("utility", "bank", 50_000)


def test_the_same_debit_again_changes_nothing(scene: Scene, row: FloatPurchase) -> None:
    scene.debit(row)
    before = Transfer.objects.count()
    scene.debit(row)
    assert (Transfer.objects.count(), scene.seen(row).attention) == (before, "")


def test_a_second_debit_for_it_is_a_matter_for_a_person(scene: Scene, row: FloatPurchase) -> None:
    scene.debit(row)
    scene.debit(row, reference="FT26154OTHER")
    assert "bought twice" in scene.seen(row).attention
    assert scene.books.money() == BOUGHT


def test_the_banks_own_reference_names_it_as_well(scene: Scene) -> None:
    row = scene.buy()
    scene.debit(row, reference=FT, text="FLOAT TOPUP")
    assert scene.seen(row).status == "bought"


def test_a_debit_without_a_name_is_taken_by_amount_and_time(scene: Scene, row: FloatPurchase) -> None:
    scene.debit(row, text="FLOAT TOPUP")
    assert scene.seen(row).status == "bought"
    assert "no other purchase fits" in scene.notes(row)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": Decimal(50_001)},
        {"at": make.NOW - timedelta(minutes=6)},
        {"at": make.NOW + timedelta(hours=25)},
        {"cost": True},
    ],
)
def test_a_debit_that_does_not_fit_proves_nothing(
    scene: Scene, row: FloatPurchase, changes: dict[str, Any]
) -> None:
    assert scene.debit(row, text="SALARIES", **changes) is None
    assert scene.books.money() == GONE


def test_a_statement_that_knows_only_the_day_still_fits(scene: Scene, row: FloatPurchase) -> None:
    midnight = make.NOW.replace(hour=21) - timedelta(days=1)  # 00:00 in Nairobi
    scene.debit(row, text="FLOAT TOPUP", at=midnight)
    assert scene.seen(row).status == "bought"


def test_two_purchases_that_fit_a_nameless_debit_wait_for_a_person(scene: Scene, row: FloatPurchase) -> None:
    other = scene.buy()
    assert scene.debit(row, text="FLOAT TOPUP") is None
    assert all("more than one" in scene.seen(one).attention for one in (row, other))
    assert scene.books.money() == (100_000, 100_000, 0, 0)


def test_a_nameless_debit_is_not_taken_for_a_second_one_of_that_amount(
    scene: Scene, row: FloatPurchase
) -> None:
    evidence.bought(
        row, evidence.Evidence(source="balance", receipt="U", event_at=LATER, words="It rose."), at=LATER
    )
    other = scene.buy()
    assert scene.debit(other, text="FLOAT TOPUP") is None
    assert scene.seen(other).status == "accepted"


def test_another_amount_with_our_reference_changes_nothing(scene: Scene, row: FloatPurchase) -> None:
    scene.debit(row, amount=Decimal(49_999))
    assert "we ordered KES 50,000" in scene.seen(row).attention
    assert scene.books.money() == GONE


def test_the_banks_fee_is_noted_beside_our_charge(scene: Scene, row: FloatPurchase) -> None:
    for _ in range(2):
        scene.debit(row, reference="FT26154FEE", amount=Decimal(35), cost=True)
    assert scene.seen(row).bank_cost == 35
    cost = Transfer.objects.get(type="bank_cost")
    assert (cost.from_account.kind, cost.to_account.kind, cost.amount) == ("bank_cost", "bank", 35)
    assert scene.books.money() == GONE


def test_a_debit_of_a_purchase_that_failed_is_a_matter_for_a_person(scene: Scene, row: FloatPurchase) -> None:
    evidence.not_bought(row, "The bank refused it.", at=LATER)
    scene.debit(row)
    assert "proof that it was bought" in scene.seen(row).attention
    assert (scene.seen(row).status, scene.books.money()) == ("failed", (200_000, 0, 0, 0))


def test_money_in_working_is_not_float_yet(scene: Scene, settings: Any) -> None:
    settings.NCBA_FLOAT_ROUTE = "bank_333"
    observe(scene, 0, at=make.NOW - timedelta(minutes=5))
    row = scene.buy()
    scene.debit(row)
    assert (scene.seen(row).status, scene.books.money()) == ("accepted", GONE)
    assert "Move it to Utility" in scene.seen(row).attention
    assert observe(scene, 50_000) == 1
    assert (scene.seen(row).status, scene.books.money()) == ("bought", BOUGHT)
    assert scene.seen(row).attention == ""


def test_a_utility_balance_that_rose_by_the_amount_proves_it(scene: Scene) -> None:
    observe(scene, 1234, at=make.NOW - timedelta(minutes=5))
    scene.bank.plan.append(OutcomeUnknown("lost"))
    row = scene.buy()
    assert observe(scene, 51_234) == 1
    assert (scene.seen(row).evidence, scene.books.money()) == ("balance", BOUGHT)


@pytest.mark.parametrize("now", [1234, 1233, 51_233, 51_235, 101_234])
def test_any_other_change_of_the_balance_proves_nothing(scene: Scene, now: int) -> None:
    observe(scene, 1234, at=make.NOW - timedelta(minutes=5))
    row = scene.buy()
    assert observe(scene, now) == 0
    assert scene.seen(row).status == "accepted"


def test_a_balance_from_before_the_order_proves_nothing(scene: Scene) -> None:
    observe(scene, 0, at=make.NOW - timedelta(minutes=5))
    row = scene.buy()
    assert observe(scene, 50_000, at=make.NOW - timedelta(minutes=1)) == 0
    assert scene.seen(row).status == "accepted"


def test_without_a_figure_from_before_a_balance_proves_nothing(scene: Scene) -> None:
    scene.buy()
    assert observe(scene, 50_000) == 0


def test_a_payout_under_way_blurs_the_balance(scene: Scene) -> None:
    observe(scene, 0, at=make.NOW - timedelta(minutes=5))
    scene.buy()
    assert observe(scene, 50_000, at=make.NOW + timedelta(minutes=2)) == 1
    observe(scene, 50_000, at=make.NOW + timedelta(minutes=4))
    second = scene.buy(at=make.NOW + timedelta(minutes=4))
    payout = scene.books.hold(principal=Decimal(100), charge=Decimal(0))
    assert observe(scene, 99_900) == 0
    capture(payout, at=LATER, event_at=make.NOW + timedelta(minutes=5))
    assert observe(scene, 99_900, at=LATER + timedelta(minutes=5)) == 1
    assert scene.seen(second).status == "bought"


def test_float_that_arrives_late_is_not_taken_for_the_next_purchase(scene: Scene) -> None:
    observe(scene, 0, at=make.NOW - timedelta(minutes=5))
    scene.debit(scene.buy())
    observe(scene, 0, at=make.NOW - timedelta(seconds=1))
    second = scene.buy()
    assert observe(scene, 50_000) == 0
    assert scene.seen(second).status == "accepted"


def test_two_open_purchases_are_proved_together_or_not_at_all(scene: Scene) -> None:
    observe(scene, 0, at=make.NOW - timedelta(minutes=5))
    rows = [scene.buy(), scene.buy(20_000)]
    assert observe(scene, 50_000) == 0
    assert observe(scene, 70_000, at=LATER + timedelta(minutes=5)) == 2
    assert [scene.seen(row).status for row in rows] == ["bought", "bought"]


def test_looking_goes_on_in_growing_gaps_and_asks_for_a_person_in_the_end(
    scene: Scene, row: FloatPurchase
) -> None:
    gaps = []
    for minutes in (2, 30, 200, 3000):
        at = make.NOW + timedelta(minutes=minutes)
        evidence.look(purchase_id=row.pk, at=at)
        gaps.append((scene.seen(row).next_step_at or at) - at)
    assert gaps == sorted(gaps)
    assert gaps[-1] == timedelta(hours=1)
    assert row.reference in scene.seen(row).attention
    assert scene.books.money() == GONE


def test_looking_asks_for_statement_and_balance_at_once(scene: Scene, row: FloatPurchase) -> None:
    later = make.NOW + timedelta(hours=1)
    watch = FloatWatch.objects.create(shortcode=scene.books.shortcode, next_step_at=later)
    BankAccount.objects.update(next_step_at=later, statement_at=make.NOW)
    at = make.NOW + timedelta(minutes=2)
    evidence.look(purchase_id=row.pk, at=at)
    watch.refresh_from_db()
    assert (watch.next_step_at, BankAccount.objects.get().next_step_at) == (at, at)


def test_the_operators_are_told_once_of_what_stays_without_evidence(
    scene: Scene, row: FloatPurchase, settings: Any
) -> None:
    settings.OPERATOR_PHONES = ["254722000001"]
    for hours in (1, 3, 30):
        evidence.look(purchase_id=row.pk, at=make.NOW + timedelta(hours=hours))
    told = SmsNotification.objects.get(message_type="operator_alarm")
    assert row.reference in told.message_content


def test_two_people_decide_what_no_evidence_settles(scene: Scene, row: FloatPurchase) -> None:
    settle = {"purchase_id": row.pk, "at": LATER}
    deciding.propose(outcome="bought", receipt="FT9", note="On the paper statement", by=scene.asker, **settle)
    with pytest.raises(CannotBuy, match="another person"):
        deciding.agree(by=scene.asker, **settle)
    deciding.agree(by=scene.second, **settle)
    assert (scene.seen(row).status, scene.books.money()) == ("bought", BOUGHT)
    assert "amina and brian" in scene.notes(row)


def test_two_people_can_find_that_it_was_not_bought(scene: Scene, row: FloatPurchase) -> None:
    settle = {"purchase_id": row.pk, "at": LATER}
    deciding.propose(outcome="failed", receipt="", note="The bank says no", by=scene.asker, **settle)
    deciding.agree(by=scene.second, **settle)
    assert (scene.seen(row).status, scene.books.money()) == ("failed", (200_000, 0, 0, 0))
    assert Hold.objects.get().status == "released"


def test_one_receipt_proves_one_purchase(scene: Scene, row: FloatPurchase) -> None:
    other = scene.buy()
    for one in (row, other):
        settle = {"purchase_id": one.pk, "at": LATER}
        deciding.propose(outcome="bought", receipt="FT9", note="Seen", by=scene.asker, **settle)
    deciding.agree(by=scene.second, purchase_id=row.pk, at=LATER)
    with pytest.raises(CannotBuy, match="another purchase"):
        deciding.agree(by=scene.second, purchase_id=other.pk, at=LATER)
    assert scene.seen(other).status == "accepted"


@pytest.mark.parametrize(
    "said",
    [
        {"outcome": "bought", "receipt": " ", "note": "x"},
        {"outcome": "failed", "receipt": "", "note": " "},
        {"outcome": "cancelled", "receipt": "", "note": "x"},
    ],
)
def test_a_proposal_says_how_one_knows(scene: Scene, row: FloatPurchase, said: dict[str, str]) -> None:
    with pytest.raises(CannotBuy):
        deciding.propose(purchase_id=row.pk, by=scene.asker, at=LATER, **said)


def test_a_refused_proposal_is_off_the_table(scene: Scene, row: FloatPurchase) -> None:
    settle = {"purchase_id": row.pk, "at": LATER}
    deciding.propose(outcome="failed", receipt="", note="I think so", by=scene.asker, **settle)
    deciding.refuse(by=scene.second, note="Not sure", **settle)
    with pytest.raises(CannotBuy, match="Nobody has proposed"):
        deciding.agree(by=scene.second, **settle)


def test_debits_are_matched_once_and_strange_ones_stay_visible(scene: Scene, row: FloatPurchase) -> None:
    told = debit(row)
    common = {"account": BankAccount.objects.get(), "source": "account", "created_at": make.NOW}
    common |= {"event_at": told.at, "next_step_at": make.NOW}
    ours = BankDebit.objects.create(core_reference="FT1", amount=told.amount, narrative=told.text, **common)
    strange = BankDebit.objects.create(core_reference="FT2", amount=7, narrative="RENT", **common)
    assert debits.match_due(at=LATER) == 1
    ours.refresh_from_db()
    assert (ours.matched_table, ours.matched_id, ours.next_step_at) == ("float_purchases", row.pk, None)
    debits.match_due(at=make.NOW + timedelta(days=1))
    strange.refresh_from_db()
    assert "nothing of ours" in strange.outcome
