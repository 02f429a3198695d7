"""Many tell of one payment at the same moment, with real threads: it is booked once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection

from tests import make
from tests.wallet import make_bank
from tests.wallet.make_bank import told, wallet_of
from wallet import allocating, crediting, proof, topups
from wallet.bank_models import BankCredit, Channel, TopUp

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(work: list[Callable[[], object]]) -> list[object]:
    """Do all of it at the same moment; return what each gave, errors too."""
    barrier = threading.Barrier(len(work))

    def run(one: Callable[[], object]) -> object:
        barrier.wait(timeout=10)
        try:
            return one()
        except Exception as exc:  # noqa: BLE001 - the test looks at what each one got
            return exc
        finally:
            connection.close()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))


@pytest.mark.parametrize("round_", range(3))
def test_three_channels_at_once_are_one_credit(round_: int) -> None:
    bank, kilimo = make_bank.account(), make.partner()
    channels = [Channel.PAYBILL, Channel.ACCOUNT, Channel.STATEMENT] * 2

    def tell(channel: Channel) -> Callable[[], object]:
        return lambda: crediting.take_credit(account=bank, told=told(channel), at=make.NOW)

    said = at_once([tell(channel) for channel in channels])
    assert said.count("KES 5,000 booked for kilimo") == 1
    assert wallet_of(kilimo) == 5000
    assert proof.prove().differences == ()


def test_two_channels_at_once_without_a_common_reference_are_one_and_a_question() -> None:
    bank, kilimo = make_bank.account(), make.partner()
    at_once(
        [
            lambda: crediting.take_credit(account=bank, told=told(core_reference=""), at=make.NOW),
            lambda: crediting.take_credit(account=bank, told=told(Channel.ACCOUNT), at=make.NOW),
        ]
    )
    assert wallet_of(kilimo) == 5000
    assert BankCredit.objects.filter(status="possible_duplicate").count() == 1


def test_two_people_and_a_notice_at_once_allocate_once() -> None:
    bank, kilimo = make_bank.account(), make.partner()
    amina = User.objects.create_user("amina")
    lost = told(Channel.ACCOUNT, narrative="MPESA")
    crediting.take_credit(account=bank, told=lost, at=make.NOW)
    row = BankCredit.objects.get()

    def give() -> object:
        return allocating.allocate(
            credit_id=row.pk, partner_id=kilimo.pk, by=amina, reason="seen", at=make.NOW
        )

    at_once([give, give, lambda: crediting.take_credit(account=bank, told=told(), at=make.NOW)])
    assert wallet_of(kilimo) == 5000
    assert proof.prove().differences == ()


def test_one_key_at_once_is_one_top_up() -> None:
    make_bank.account()
    kilimo = make.partner()
    wish = {"phone": make.JANE, "amount": told().amount, "client_key": "k", "at": make.NOW}
    rows = at_once([lambda: topups.ask_topup(partner_id=kilimo.pk, **wish)] * 4)
    assert len({row.pk for row in rows}) == 1  # type: ignore[attr-defined]
    assert TopUp.objects.count() == 1
