"""Which accounts have work, which have none, and messages that lost theirs."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from common import nudge
from common.gateway import OutcomeUnknown
from sms import accounts, following, sending, sweeping, tasks
from sms.models import SmsGateway, SmsNotification, Status
from tests import make
from tests.make import NOW
from tests.sms import make_sms
from tests.sms.fakes import FakeGateway

pytestmark = pytest.mark.django_db


def test_only_usable_accounts_with_due_messages_are_claimed_and_only_once() -> None:
    busy, idle = make_sms.gateway(make.partner("busy")), make_sms.gateway(make.partner("idle"))
    stopped = make_sms.gateway(make.partner("stopped"), stopped_at=NOW)
    for account in (busy, stopped):
        make_sms.queued(account.partner, key=account.partner.code)
    later = make_sms.gateway(make.partner("later"))
    make_sms.queued(later.partner, key="later", at=NOW + timedelta(minutes=1))
    assert sweeping.claim_accounts(at=NOW) == [busy.pk]
    assert sweeping.claim_accounts(at=NOW) == []
    assert sweeping.claim_accounts(at=NOW + sweeping.CLAIMED_FOR) == [busy.pk]
    sweeping.release_account(gateway_id=busy.pk)
    assert sweeping.claim_accounts(at=NOW) == [busy.pk]
    assert idle.claimed_until is None


def test_messages_without_any_account_say_so_and_go_out_when_there_is_one() -> None:
    owner = make.partner()
    row = make_sms.queued(owner)
    assert sweeping.reroute(at=NOW) == 0
    row.refresh_from_db()
    assert (row.status, row.last_error) == (Status.PENDING, sweeping.NO_ACCOUNT)
    account = make_sms.gateway(owner)
    assert sweeping.reroute(at=NOW + timedelta(minutes=1)) == 1
    row.refresh_from_db()
    assert row.gateway_id == account.pk


def test_messages_of_an_account_that_was_switched_off_take_the_new_one() -> None:
    owner = make.partner()
    old = make_sms.gateway(owner)
    row = make_sms.queued(owner)
    SmsGateway.objects.filter(pk=old.pk).update(is_active=False)
    new = make_sms.gateway(owner, name="New")
    assert sweeping.reroute(at=NOW) == 1
    row.refresh_from_db()
    assert row.gateway_id == new.pk


def test_messages_of_a_stopped_account_take_its_second() -> None:
    owner = make.partner()
    helper = make_sms.gateway(owner, name="Helps out", is_primary=False)
    account = make_sms.gateway(owner, second=helper)
    row = make_sms.queued(owner)
    assert sweeping.reroute(at=NOW) == 0
    sending.stop(account, reason="no credit", at=NOW)
    assert sweeping.reroute(at=NOW) == 1
    row.refresh_from_db()
    assert (row.gateway_id, row.on_second) == (helper.pk, True)


def test_credit_is_kept_and_a_low_one_is_said(provider: FakeGateway) -> None:
    account = make_sms.gateway(make.partner(), low_mark=Decimal(1000))
    provider.credit = Decimal("999.50")
    told = sweeping.check_credit(gateway_id=account.pk, at=NOW)
    assert (told.credits, told.credits_at) == (Decimal("999.50"), NOW)
    assert told.attention == "Credit is low: 999.50 left, alarm below 1000.00."


def test_credit_that_cannot_be_had_leaves_what_was_known(provider: FakeGateway) -> None:
    account = make_sms.gateway(make.partner(), credits=Decimal(7), credits_at=NOW)
    provider.credit = OutcomeUnknown("did not answer")
    tasks.credit_of(str(account.pk))
    account.refresh_from_db()
    assert (account.credits, account.credits_at) == (Decimal(7), NOW)


def test_late_work_is_measured_where_somebody_should_have_done_it(provider: FakeGateway) -> None:
    account = make_sms.gateway(make.partner())
    make_sms.queued(account.partner)
    at = NOW + timedelta(minutes=3)
    assert sweeping.oldest_due(at=NOW - timedelta(seconds=1)) == timedelta()
    assert sweeping.oldest_due(at=at) == timedelta(minutes=3)
    SmsGateway.objects.update(paced_until=at)
    assert sweeping.oldest_due(at=at) == timedelta()
    SmsGateway.objects.update(paced_until=None, stopped_at=NOW)
    assert sweeping.oldest_due(at=at) == timedelta()


def test_a_sweep_nudges_one_worker_for_each_account(monkeypatch: pytest.MonkeyPatch) -> None:
    nudged: list[tuple[str, Any]] = []
    monkeypatch.setattr(nudge, "send", lambda task, row_id: nudged.append((task.name, row_id)))
    account = make_sms.gateway(make.partner())
    for number in range(5):
        make_sms.queued(account.partner, key=str(number))
    tasks.sweep()
    assert nudged == [("sms.tasks.deliver", account.pk)]


def test_a_delivery_drains_the_account_and_lets_it_go(provider: FakeGateway) -> None:
    account = make_sms.gateway(make.partner())
    for number in range(20):
        make_sms.queued(account.partner, key=str(number))
    sweeping.claim_accounts(at=NOW)
    tasks.deliver(str(account.pk))
    account.refresh_from_db()
    assert (SmsNotification.objects.filter(status=Status.SENT).count(), account.claimed_until) == (20, None)


@pytest.mark.parametrize("name", ["sweep", "apply_reports", "poll_delivery_reports", "check_credit"])
def test_what_the_beat_wakes_exists_under_its_name(name: str) -> None:
    assert getattr(tasks, name).name == f"sms.tasks.{name}"


def test_a_plain_http_address_needs_permission(settings: Any) -> None:
    settings.ALLOW_PRIVATE_HOSTS = False
    account = make_sms.gateway(make.partner(), base_url="http://sms.damzaltd.com")
    make_sms.queued(account.partner)
    sending.send_due(gateway_id=account.pk, at=NOW)
    account.refresh_from_db()
    assert "plain http" in account.stopped_reason
    assert SmsNotification.objects.get().status == Status.PENDING


def test_an_account_without_an_address_of_its_own_has_its_kinds(settings: Any) -> None:
    settings.AIRTOUCH_BASE_URL = "https://airtouch.example/"
    account = make_sms.gateway(make.partner(), kind="airtouch")
    assert accounts.address(account) == "https://airtouch.example"
    account.base_url = "https://mine.example"
    assert accounts.address(account) == "https://mine.example"


def test_every_kind_has_a_client_an_address_and_words_for_its_reports() -> None:
    kinds = set(SmsGateway.Kind.values)
    assert kinds == set(accounts.CLIENTS) == set(accounts._ADDRESSES) == set(following.callbacks._FINAL)
