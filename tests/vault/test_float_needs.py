from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests import make
from tests.wallet import make_float
from tests.wallet.make_float import Scene
from tests.wallet.test_prove_ledger import plant
from vault import overview
from wallet import evidence, proving
from wallet.observations import FloatWatch

LATER = make.NOW + timedelta(hours=3)


@pytest.fixture
def scene(db: None, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return make_float.scene(monkeypatch)


def whys() -> list[str]:
    return [one["why"] for one in overview.needs_a_person(at=LATER)]


def test_nothing_waits_where_all_is_well(scene: Scene) -> None:
    scene.buy()
    proving.prove_and_keep(at=make.NOW)
    assert whys() == []


def test_each_leads_to_its_rows(scene: Scene, client: Client) -> None:
    evidence.look(purchase_id=scene.buy().pk, at=LATER)
    FloatWatch.objects.create(
        shortcode=scene.books.shortcode, drift=-700, drift_since=make.NOW, attention="Holds less."
    )
    plant("update ledger_accounts set balance = balance + 7 where kind = 'wallet'")
    proving.prove_and_keep(at=make.NOW)
    needs = overview.needs_a_person(at=LATER)
    assert [(one["count"], one["money"]) for one in needs] == [(1, "KES 50,000"), (1, "KES 700"), (3, "")]
    client.force_login(User.objects.create_superuser("zawadi"))
    assert [client.get(one["link"]).status_code for one in needs] == [200, 200, 200]
