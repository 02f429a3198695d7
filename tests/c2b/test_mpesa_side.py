"""The road over the simulated M-Pesa: registration, a payment, Pull, the statement, and the check."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Web
from django.urls import reverse
from django.utils import timezone

from c2b import comparing, pulling, registering, statement
from c2b.models import C2bTransaction, Collector, StatementLine
from c2b.statement import WrongFile
from c2b.statuses import Status
from common.changes import By
from common.gateway import Retryable
from common.models import AuditLine
from partners.models import Shortcode
from tests.c2b.make_c2b import World
from tests.c2b.test_desk import who
from tests.make import JANE
from tests.sandbox.conftest import Inbox

pytestmark = pytest.mark.django_db

BY = By(name="test")


def pays(world: World, amount: int = 500, bill_ref: str = "000000001") -> str:
    body = {"shortcode": "600100", "phone": JANE, "amount": str(amount), "bill_ref": bill_ref}
    return str(world.sandbox.control("POST", "daraja/pay", body)["receipt"])


def register(world: World) -> Any:
    return registering.register_urls(shortcode_id=world.shortcode.pk, at=timezone.now(), by=BY)


def deliver(inbox: Inbox, end: str, count: int = 1) -> None:
    """Hand what M-Pesa posted to our own addresses."""
    inbox.wait(count, where=lambda post: post["path"].endswith(end))
    for post in [one for one in inbox.posts if one["path"].endswith(end)]:
        answer = Web().post(post["path"], data=post["raw"], content_type="application/json")
        assert answer.status_code == 200


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_addresses_are_registered_once_and_a_second_time_is_understood(daraja: World, version: str) -> None:
    Shortcode.objects.filter(pk=daraja.shortcode.pk).update(c2b_version=version)
    assert not register(daraja).earlier
    assert Collector.objects.get().registered_at is not None
    assert register(daraja).earlier
    assert "portal" in Collector.objects.get().registered_note
    assert AuditLine.objects.filter(action="addresses registered").count() == 2


def test_a_registration_that_fails_is_shown_and_may_be_repeated(daraja: World) -> None:
    daraja.sandbox.fault("daraja", "c2b_register", "error_500", times=1)
    with pytest.raises(Retryable):
        register(daraja)
    assert "Not registered" in Collector.objects.get().registered_note
    assert not register(daraja).earlier


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_paybill_payment_goes_all_the_way(daraja: World, running_inbox: Inbox, version: str) -> None:
    Shortcode.objects.filter(pk=daraja.shortcode.pk).update(c2b_version=version)
    loan = daraja.loan()
    register(daraja)
    receipt = pays(daraja, bill_ref=f"{loan:09d}")
    deliver(running_inbox, "/confirmation")
    row = C2bTransaction.objects.get(mpesa_receipt=receipt)
    assert (bool(row.phone_hash), bool(row.msisdn_raw)) == (version == "v1", True)
    from c2b import matching

    matching.match(transaction_id=row.pk, at=timezone.now())
    assert daraja.go_on(row, at=timezone.now()).status == Status.POSTED, row.reason


@pytest.mark.parametrize("shape", ["list", "text"])
@pytest.mark.parametrize("key", ["ResponseStatus", "Response Status"])
def test_pull_brings_what_no_notice_told(daraja: World, shape: str, key: str) -> None:
    daraja.sandbox.switch(daraja__pull_shape=shape, daraja__pull_status_key=key)
    collector = Collector.objects.get()
    receipts = {pays(daraja), pays(daraja, 700)}
    at = timezone.now() + timedelta(seconds=2)
    assert pulling.pull(collector_id=collector.pk, at=at) == 2
    assert {row.mpesa_receipt for row in C2bTransaction.objects.filter(channel="pull")} == receipts
    assert pulling.pull(collector_id=collector.pk, at=at + timedelta(hours=1)) == 0
    collector.refresh_from_db()
    assert collector.next_step_at == at + timedelta(hours=2)
    assert StatementLine.objects.count() == 2


@pytest.mark.parametrize("method", ["post", "get"])
def test_pull_works_by_the_one_method_that_m_pesa_takes(daraja: World, method: str) -> None:
    daraja.sandbox.switch(daraja__pull_method=method)
    pays(daraja)
    at = timezone.now() + timedelta(seconds=2)
    assert pulling.pull(collector_id=Collector.objects.get().pk, at=at) == 1
    assert "Not pulled" not in Collector.objects.get().pull_note


def test_a_time_that_pull_can_no_longer_list_is_told_and_stays_on_the_audit_trail(daraja: World) -> None:
    at = timezone.now() + timedelta(seconds=2)
    collector = Collector.objects.get()
    for days, told in ((None, 0), (1, 0), (3, 1)):
        Collector.objects.update(pulled_until=days and at - timedelta(days=days))
        assert pulling.pull(collector_id=collector.pk, at=at) == 0
        collector.refresh_from_db()
        assert ("Import the statement" in collector.pull_note) == bool(told)
        assert AuditLine.objects.filter(action="pull has a gap").count() == told
    assert collector.pulled_until == at


def test_pull_goes_on_page_by_page(daraja: World, monkeypatch: pytest.MonkeyPatch) -> None:
    daraja.sandbox.switch(daraja__pull_page=2)
    monkeypatch.setattr(pulling, "PULL_PAGE", 2)
    for amount in (100, 200, 300, 400, 500):
        pays(daraja, amount)
    at = timezone.now() + timedelta(seconds=2)
    assert pulling.pull(collector_id=Collector.objects.get().pk, at=at) == 5


def test_a_pull_that_fails_comes_again_soon(daraja: World) -> None:
    daraja.sandbox.fault("daraja", "pull", "error_500", times=1)
    collector, at = Collector.objects.get(), timezone.now()
    assert pulling.pull(collector_id=collector.pk, at=at) == 0
    collector.refresh_from_db()
    assert collector.next_step_at == at + timedelta(minutes=10)
    assert "Not pulled" in collector.pull_note


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"daraja__statement_dates": "iso"},
        {"daraja__statement_phones": "masked"},
        {"daraja__statement_heading": "on"},
        {"daraja__statement_commas": "on"},
    ],
)
def test_a_statement_is_taken_in_however_often(daraja: World, switches: dict[str, str]) -> None:
    daraja.sandbox.switch(**switches)
    receipt = pays(daraja, 1500)
    raw = daraja.sandbox.get("/control/daraja/statement.csv", params={"shortcode": "600100"}).content
    for new in (1, 0):
        done = statement.import_statement(shortcode_id=daraja.shortcode.pk, raw=raw, by=BY, at=timezone.now())
        assert (done.lines, done.new) == (1, new)
    row = C2bTransaction.objects.get()
    assert (row.mpesa_receipt, row.amount, row.bill_ref) == (receipt, 1500, "000000001")
    assert bool(row.customer_phone) == (switches.get("daraja__statement_phones") != "masked")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "no line of titles"),
        (b"Short Code,600999\nReceipt No.,Completion Time,Details,Paid In\n", "600999"),
        (b"Receipt No.,Details\n", "missing"),
        (
            b"Receipt No.,Completion Time,Details,Paid In\nSF1ABCDEFG,yesterday,Pay Bill from x,5\n",
            "Line 2",
        ),
    ],
)
def test_a_file_that_is_no_statement_is_refused_whole(world: World, raw: bytes, words: str) -> None:
    with pytest.raises(WrongFile, match=words):
        statement.import_statement(shortcode_id=world.shortcode.pk, raw=raw, by=BY, at=timezone.now())
    assert not C2bTransaction.objects.exists()


def checked(world: World) -> comparing.Comparison:
    day = timezone.now().astimezone(comparing.NAIROBI).date()
    assert comparing.check_in_mifos(world.partner, day, at=timezone.now()) == ""
    return comparing.compare(world.partner, day)


def test_the_three_books_agree_and_say_where_they_do_not(daraja: World) -> None:
    from c2b import matching

    daraja.sandbox.control("POST", "fineract/hosts", {"host": "kilimo", "business_date": None})
    loan = daraja.loan()
    pays(daraja, bill_ref=f"{loan:09d}")
    at = timezone.now() + timedelta(seconds=2)
    pulling.pull(collector_id=Collector.objects.get().pk, at=at)
    row = C2bTransaction.objects.get()
    matching.match(transaction_id=row.pk, at=at)
    assert daraja.go_on(row, at=at).status == Status.POSTED, row.reason
    found = checked(daraja)
    assert (found.mpesa, found.ours, found.mifos) == (found.ours, found.mifos, found.mpesa)
    assert not found.differences
    transaction = daraja.books()["loans"][0]["transactions"][-1]["id"]
    api = f"/fineract/kilimo/fineract-provider/api/v1/loans/{loan}/transactions/{transaction}?command=undo"
    body = {
        "transactionDate": "2026-06-03",
        "transactionAmount": 0,
        "dateFormat": "yyyy-MM-dd",
        "locale": "en",
    }
    headers = {"Fineract-Platform-TenantId": "default"}
    assert daraja.sandbox.post(api, json=body, headers=headers, auth=("api", "secret")).ok
    pays(daraja, 70, bill_ref="nobody")
    pulling.pull(collector_id=Collector.objects.get().pk, at=at)
    words = [line.words for line in checked(daraja).differences]
    assert len(words) == 2
    assert any("undid our booking" in one for one in words)


def test_the_page_shows_the_check_and_its_csv(daraja: World) -> None:
    pays(daraja)
    pulling.pull(collector_id=Collector.objects.get().pk, at=timezone.now() + timedelta(seconds=2))
    web = Web()
    web.force_login(who("olga", "view", "operate"))
    page = reverse("admin:c2b_check")
    assert b"M-Pesa" in web.get(page).content
    text = web.get(page, {"as": "csv"}).content.decode()
    assert text.splitlines()[0] == "Receipt,M-Pesa,Payment Vault,Mifos,Difference"
    assert web.post(page, {"act": "ask"}).status_code == 302
    web.force_login(who("vera", "view"))
    assert web.post(page, {"act": "ask"}).status_code == 403
