"""The bank's lines and our book of the bank, planted apart, and whether the proof finds them."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests import make
from tests.wallet.make_float import LATER, Scene, debit
from tests.wallet.make_wallet import topup
from tests.wallet.test_prove_ledger import plant
from wallet import crediting, debits, evidence
from wallet.bank_models import BankAccount, BankDebit, Channel
from wallet.models import Transfer
from wallet.proof import prove
from wallet.purchases import FloatPurchase


@pytest.fixture(autouse=True)
def set_up_long_ago(scene: Scene) -> None:
    BankAccount.objects.update(created_at=make.NOW - timedelta(days=30))


def checks(*, days: int = 3) -> set[str]:
    """Return what does not agree some days later."""
    at = make.NOW + timedelta(days=days)
    return {difference.check for difference in prove(at=at).differences}


def told(**fields: Any) -> crediting.Told:
    facts: dict[str, Any] = {
        "channel": Channel.ACCOUNT,
        "core_reference": "FT26154AAA",
        "amount": Decimal(700),
        "event_at": make.NOW,
        "bill_reference": "123456#KILIMO",
    }
    return crediting.Told(**facts | fields)


def came_in(**fields: Any) -> None:
    crediting.take_credit(account=BankAccount.objects.get(), told=told(**fields), at=make.NOW)


def went_out(row: FloatPurchase | None, **fields: Any) -> BankDebit:
    narrative = f"FLOAT {row.reference}" if row else "RENT"
    facts = {
        "narrative": narrative,
        "amount": row.amount if row else Decimal(7),
        "core_reference": "FT26154DDD",
    }
    crediting.take_debit(
        account=BankAccount.objects.get(), told=told(bill_reference="", **facts | fields), at=make.NOW
    )
    debits.match_due(at=LATER)
    return BankDebit.objects.latest("created_at")


def test_money_in_and_out_agrees(scene: Scene) -> None:
    came_in()
    came_in(core_reference="FT26154BBB", bill_reference="for whom?")
    went_out(scene.buy())
    assert checks() == set()
    assert FloatPurchase.objects.get().status == "bought"


def test_money_in_that_is_not_booked(scene: Scene) -> None:
    came_in()
    plant("update bank_credits set amount = 701")
    assert checks() == {"money that came in is booked once"}


def test_money_booked_that_never_came(scene: Scene) -> None:
    topup(scene.books, 5)
    assert checks() == {"what is booked as come in is a line of the bank"}


def test_money_out_that_nobody_ordered(scene: Scene) -> None:
    went_out(None)
    assert checks() == {"what left the bank is something that we ordered"}
    assert checks(days=1) == set()  # it may still be explained


def test_a_refused_purchase_that_the_bank_paid_all_the_same(scene: Scene) -> None:
    row = scene.buy()
    evidence.not_bought(row, "The bank refused it.", at=LATER)
    went_out(row)
    assert checks() == {"a debit's purchase is bought, for the same amount"}


def test_float_that_the_bank_never_took_money_for(scene: Scene) -> None:
    proof = evidence.Evidence(source="balance", receipt="U1", event_at=LATER, words="It rose.")
    evidence.bought(scene.buy(), proof, at=LATER)
    assert checks() == {"bought float is a debit of the bank"}


def test_float_that_is_not_booked_as_gone(scene: Scene) -> None:
    went_out(scene.buy())
    plant("delete from ledger_transfers where type = 'float_funding'")
    assert "bought float is booked as gone from the bank" in checks()


def test_a_fee_of_the_account_is_our_cost_after_a_day(scene: Scene) -> None:
    went_out(None, narrative="MONTHLY CHARGE", core_reference="FT26154FFF")
    assert not Transfer.objects.filter(type="bank_cost").exists()
    debits.match_due(at=make.NOW + timedelta(days=1))
    assert Transfer.objects.get(type="bank_cost").amount == 7
    assert checks() == set()


def test_a_charge_and_its_duty_are_both_our_cost(scene: Scene) -> None:
    row = scene.buy()
    for fee in (35, 7):
        cost = {"reference": "FT26154FEE", "amount": Decimal(fee), "cost": True}
        for _ in range(2):
            evidence.take_debit(debit(row, **cost), at=LATER)
    assert scene.seen(row).bank_cost == 42
