"""The overview says which money from the bank waits for a person."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests import make
from tests.wallet import make_bank
from tests.wallet.make_bank import told
from vault import money_in, overview
from wallet import crediting
from wallet.bank_models import Channel

pytestmark = pytest.mark.django_db


def test_money_of_nobody_and_possible_duplicates_are_on_the_overview(client: Client) -> None:
    bank, _ = make_bank.account(), make.partner()
    for told_ in (
        told(Channel.ACCOUNT, core_reference="FT1", narrative="RENT"),
        told(Channel.ACCOUNT, core_reference="FT2", narrative="RENT"),
        told(core_reference="", receipt="RKL2", amount=70),
        told(Channel.ACCOUNT, core_reference="FT3", amount=70),
    ):
        crediting.take_credit(account=bank, told=told_, at=make.NOW)
    groups = {one["why"]: one for one in overview.needs_a_person(at=make.NOW)}
    unknown = groups["Money from the bank, owner unknown"]
    assert (unknown["count"], unknown["money"]) == (2, "KES 10,000")
    assert groups["Money from the bank, may be booked already"]["money"] == "KES 70"
    client.force_login(User.objects.create_superuser("amina"))
    assert b"RENT" in client.get(unknown["link"]).content


def test_nothing_waits_when_all_is_booked() -> None:
    make.partner()
    crediting.take_credit(account=make_bank.account(), told=told(), at=make.NOW)
    assert money_in.needs_a_person(at=make.NOW) == []
