"""What people see and do about float, statements and proofs."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from common.gateway import OutcomeUnknown
from common.models import AuditLine
from tests import make
from tests.wallet.make_float import Scene
from wallet import evidence, float_admin, models, proving
from wallet.purchases import FloatPurchase, PurchaseStatus


@pytest.fixture
def boss(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("zawadi"))
    return client


def press(client: Client, row: FloatPurchase, act: str, **said: Any) -> None:
    address = reverse(f"admin:wallet_floatpurchase_{act}", args=[row.pk])
    answer = client.post(address, said | {"_form_submitted": "True"}, headers={"HX-Request": "true"})
    assert answer.headers.get("HX-Redirect"), answer.content[:500]


@pytest.mark.parametrize(
    "model", [models.FloatPurchase, models.AutoFloatRule, models.FloatWatch, models.LedgerProof]
)
def test_the_lists_open(boss: Client, scene: Scene, model: Any) -> None:
    scene.buy()
    proving.prove_and_keep(at=make.NOW)
    page = boss.get(reverse(f"admin:wallet_{model.__name__.lower()}_changelist"))
    assert page.status_code == 200


def test_a_purchase_tells_its_story(boss: Client, scene: Scene) -> None:
    scene.bank.plan.append(OutcomeUnknown("HTTP 502"))
    row = scene.buy()
    page = boss.get(reverse("admin:wallet_floatpurchase_change", args=[row.pk])).content.decode()
    assert "Nobody knows yet" in page
    assert "HTTP 502" in page
    assert scene.code(row) not in page


def test_a_code_is_entered_on_the_page(boss: Client, scene: Scene) -> None:
    row = scene.ask()
    press(boss, row, "confirm_code", code=scene.code(row))
    assert scene.seen(row).status == "confirmed"


def test_two_people_decide_on_the_page(boss: Client, scene: Scene) -> None:
    row = scene.buy()
    press(boss, row, "propose", outcome="failed", receipt="", reason="The bank says no")
    press(boss, row, "agree")
    assert scene.seen(row).status == "accepted"  # nobody agrees with himself
    other = Client()
    other.force_login(User.objects.create_superuser("imani"))
    press(other, row, "agree")
    assert (scene.seen(row).status, scene.books.money()) == ("failed", (200_000, 0, 0, 0))


def test_float_is_asked_for_on_the_wallets_page(boss: Client, scene: Scene) -> None:
    wallet = models.PartnerWallet.objects.get()
    address = reverse("admin:wallet_partnerwallet_buy_float", args=[wallet.pk])
    boss.post(
        address,
        {"amount": "60000", "reason": "Friday", "_form_submitted": "True"},
        headers={"HX-Request": "true"},
    )
    row = FloatPurchase.objects.get()
    assert (row.amount, row.reason, row.asked_by.username) == (60_000, "Friday", "zawadi")


@pytest.mark.parametrize("status", PurchaseStatus.values)
def test_what_is_offered_fits_the_state(status: str) -> None:
    row = FloatPurchase(status=status, confirm="code")
    offered = float_admin.offered(row)
    assert ("cancel" in offered) == (status in ("asked", "confirmed"))
    assert ("propose" in offered) == (status in ("accepted", "unknown"))


def test_a_viewer_may_look_and_not_buy(client: Client, scene: Scene) -> None:
    from django.contrib.auth.models import Permission

    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(viewer)
    row = scene.ask()
    assert client.get(reverse("admin:wallet_floatpurchase_change", args=[row.pk])).status_code == 200
    address = reverse("admin:wallet_floatpurchase_confirm_code", args=[row.pk])
    assert client.post(address, {"code": scene.code(row), "_form_submitted": "True"}).status_code == 403
    assert scene.seen(row).status == "asked"


def statement(client: Client, **query: str) -> Any:
    wallet = models.PartnerWallet.objects.get()
    return client.get(reverse("admin:wallet_partnerwallet_statement", args=[wallet.pk]), query)


def test_the_statement_is_a_page_and_two_files(boss: Client, scene: Scene) -> None:
    scene.debit(scene.buy())
    page = statement(boss, month="2026-06").content.decode()
    assert "KES 150,000" in page
    csv = statement(boss, month="2026-06", format="csv")
    assert "statement-kilimo-2026-06.csv" in csv["Content-Disposition"]
    assert b"Closing balance" in csv.content
    assert statement(boss, month="2026-06", format="pdf").content.startswith(b"%PDF")
    assert AuditLine.objects.filter(action="exported statement").count() == 2


@pytest.mark.parametrize("month", ["2026-13", "x", "2026-6-1"])
def test_a_month_that_is_none_is_not_found(boss: Client, scene: Scene, month: str) -> None:
    assert statement(boss, month=month).status_code == 404


def test_nobody_else_sees_a_statement(client: Client, scene: Scene) -> None:
    client.force_login(User.objects.create_user("guest", is_staff=True))
    assert statement(client).status_code == 403


def test_a_proof_lists_what_does_not_agree(boss: Client, scene: Scene) -> None:
    from tests.wallet.test_prove_ledger import plant

    plant("update ledger_accounts set balance = balance + 7 where kind = 'wallet'")
    row = proving.prove_and_keep(at=make.NOW)
    page = boss.get(reverse("admin:wallet_ledgerproof_change", args=[row.pk])).content.decode()
    assert "a balance is the sum of its transfers" in page


def test_what_contradicted_an_end_is_cleared_up_with_a_reason(boss: Client, scene: Scene) -> None:
    row = scene.buy()
    evidence.not_bought(row, "The bank refused it.", at=make.NOW)
    scene.debit(row)
    assert scene.seen(row).attention
    press(boss, row, "put_aside", reason="Booked by hand, FT9")
    assert scene.seen(row).attention == ""
    assert "Booked by hand" in scene.notes(row)


def test_an_open_purchase_is_not_put_aside(boss: Client, scene: Scene) -> None:
    row = scene.buy()
    evidence.look(purchase_id=row.pk, at=make.NOW + timedelta(hours=3))
    press(boss, row, "put_aside", reason="I do not care")
    assert scene.seen(row).attention
