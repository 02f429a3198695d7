"""A row that ends between a sweep's look and its grip is not handed out, and the others are."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from c2b import sweeping as payments
from c2b.models import C2bTransaction
from disbursements import sweeping as loans
from disbursements.models import Disbursement
from tests import make
from tests.c2b.test_sweeping import payment
from tests.disbursements.outside import World
from tests.disbursements.test_sweeping import many

pytestmark = pytest.mark.django_db(transaction=True)

LATER = make.NOW + timedelta(seconds=5)
GATE = 4242
LOOK = "in_hand as ("


@contextmanager
def a_gate() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(%s)", [GATE])
        yield
        cursor.execute("select pg_advisory_unlock(%s)", [GATE])


def wait_for_the_other() -> None:
    """Wait until the claim stands at the gate: what is due it has seen by then, and locked nothing."""
    with connection.cursor() as cursor:
        for _ in range(10_000):
            cursor.execute("select count(*) from pg_locks where locktype = 'advisory' and not granted")
            if cursor.fetchone()[0]:
                return
    raise AssertionError("the claim never came to the gate")


def claimed_while(claim: Callable[[], list[Any]], change: Callable[[], Any]) -> list[Any]:
    found: list[Any] = []

    def run() -> None:
        try:
            found.extend(claim())
        finally:
            connection.close()

    with a_gate():
        other = threading.Thread(target=run)
        other.start()
        wait_for_the_other()
        change()
    other.join(10)
    return found


def gated(statement: str) -> str:
    """Let a claim wait at the gate after its look at the rows."""
    return (
        statement.replace(LOOK, f"gate as materialized (select pg_advisory_xact_lock({GATE})), {LOOK}", 1)
        .replace("rows from in_hand", "rows from in_hand, gate")
        .replace("rows) from in_hand", "rows) from in_hand, gate")
    )


def test_a_loan_that_completes_meanwhile_is_left_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    many(world, world.partner, 2, start=0)
    ended, other = Disbursement.objects.order_by("client_request_id")
    monkeypatch.setattr(loans, "_CLAIM", gated(loans._CLAIM))
    done = {"status": "completed", "next_step_at": None, "receipt": "SG632NMUAB", "phone": make.JANE}
    found = claimed_while(
        lambda: loans.claim(loans.TO_PAY, at=LATER),
        lambda: Disbursement.objects.filter(pk=ended.pk).update(**done),
    )
    assert [one.id for one in found] == [other.pk]
    ended.refresh_from_db()
    assert (ended.status, ended.next_step_at, ended.queued_at) == ("completed", None, None)


def test_a_payment_that_is_posted_meanwhile_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ended, other = payment(1), payment(2)
    monkeypatch.setattr(payments, "_CLAIM", gated(payments._CLAIM))
    done = {"status": "reversed", "next_step_at": None}
    found = claimed_while(
        lambda: payments.claim(at=LATER), lambda: C2bTransaction.objects.filter(pk=ended.pk).update(**done)
    )
    assert [row_id for row_id, _ in found] == [other.pk]
