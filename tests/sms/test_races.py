"""Real threads on a real database: no message is claimed, sent or queued twice."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction

from sms import following, operations, outbox, sending, sweeping
from sms.gateways import Accepted
from sms.models import SmsEvent, SmsNotification, Status
from tests import make
from tests.make import JANE, NOW
from tests.sms import make_sms
from tests.sms.fakes import FakeGateway

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 6


def at_once(work: Callable[[int], Any], threads: int = THREADS) -> list[Any]:
    """Run the same work in several threads that start together."""
    start = Barrier(threads)

    def run(number: int) -> Any:
        start.wait(timeout=10)
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=threads) as pool:
        return list(pool.map(run, range(threads)))


def test_several_workers_on_one_account_send_each_message_once(provider: FakeGateway) -> None:
    account = make_sms.gateway(make.partner(), rate_per_second=5000)
    phones = [f"2547110{number:05}" for number in range(120)]
    for phone in phones:
        make_sms.queued(account.partner, key=phone, phone=phone)
    tried = at_once(lambda _: sending.send_due(gateway_id=account.pk, at=NOW, limit=200))
    assert sum(tried) == 120
    assert Counter(provider.phones) == Counter(phones)
    assert SmsNotification.objects.filter(status=Status.SENT).count() == 120
    assert SmsEvent.objects.count() == 240


def test_several_workers_together_keep_the_pace_of_one_account(provider: FakeGateway) -> None:
    account = make_sms.gateway(make.partner(), rate_per_second=20)
    for number in range(60):
        make_sms.queued(account.partner, key=str(number))
    tried = at_once(lambda _: sending.send_due(gateway_id=account.pk, at=NOW))
    assert sum(tried) == 20


def test_one_event_queued_by_many_at_once_is_one_message() -> None:
    owner = make.partner()

    def queue(_: int) -> bool:
        with transaction.atomic():
            row = operations.enqueue(
                event_key="disbursement:1:paid",
                message_type="disbursement_confirmation",
                partner_id=owner.pk,
                phone=JANE,
                context=make_sms.PAID,
                at=NOW,
            )
        return row is not None

    assert sorted(at_once(queue)) == [False] * (THREADS - 1) + [True]
    assert SmsNotification.objects.count() == 1


def test_an_alert_from_many_at_once_is_one_alert() -> None:
    owner = make.partner()

    def alert(number: int) -> int:
        with transaction.atomic():
            return operations.enqueue_to_partner(
                event_key=f"low:{number}",
                message_type="balance_alert",
                partner_id=owner.pk,
                context={"balance": "KES 900", "threshold": "KES 5,000"},
                at=NOW,
                quiet=timedelta(hours=6),
            )

    assert sum(at_once(alert)) == 1


def test_two_sweeps_at_once_give_an_account_to_one_worker() -> None:
    account = make_sms.gateway(make.partner())
    make_sms.queued(account.partner)
    claimed = at_once(lambda _: sweeping.claim_accounts(at=NOW))
    assert [one for ids in claimed for one in ids] == [account.pk]


def test_a_worker_killed_at_any_moment_leaves_each_message_sent_once_at_most(
    monkeypatch: pytest.MonkeyPatch, provider: FakeGateway
) -> None:
    account = make_sms.gateway(make.partner(), rate_per_second=5000)
    phones = [f"2547110{number:05}" for number in range(40)]
    for phone in phones:
        make_sms.queued(account.partner, key=phone, phone=phone)
    real, calls = outbox.settle, iter(range(100))

    def dies_sometimes(settled: Any, *, at: Any) -> Any:
        if next(calls) % 2 == 0:
            raise KeyboardInterrupt  # after the provider has them, before we wrote it down
        return real(settled, at=at)

    at = NOW
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "settle", dies_sometimes)
        for _ in range(6):
            at += timedelta(seconds=10)
            try:
                sending.send_due(gateway_id=account.pk, at=at)
            except KeyboardInterrupt:
                continue
    following.doubt_overdue(at=at + outbox.LEASE)
    assert Counter(provider.phones) == Counter(phones)
    doubtful = SmsNotification.objects.filter(unconfirmed=True).count()
    assert SmsNotification.objects.filter(status=Status.SENT).count() == 40
    assert doubtful == 40 - SmsEvent.objects.filter(new=Status.SENT).exclude(note=following.DIED).count()
    assert 0 < doubtful < 40


def test_the_second_answer_to_one_claim_is_lost(provider: FakeGateway) -> None:
    account = make_sms.gateway(make.partner())
    make_sms.queued(account.partner)
    provider.usual = Accepted(message_id="77")
    _, claimed = outbox.claim(gateway_id=account.pk, at=NOW, limit=1) or (account, [])
    outcomes: list[Any] = [Accepted(message_id="77")]
    at_once(lambda _: sending._settle(account, claimed, outcomes, at=NOW))
    assert SmsEvent.objects.filter(new=Status.SENT).count() == 1
