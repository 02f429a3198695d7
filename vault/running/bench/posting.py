"""Booking payments at twenty Mifos hosts: one that is dead, or that hangs, must not slow the other nineteen."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from django.conf import settings

from c2b.models import C2bTransaction
from c2b.statuses import Status
from mifos.models import MifosPartner
from vault.running.bench.ground import PARTNERS, Ground, partner_codes
from vault.running.bench.paybills import Paybills
from vault.running.processes import CannotStart

EACH = 30  # payments at each host in a round
ROUNDS = 5
DEAD = PARTNERS - 1  # the last one
LONGEST_SECONDS = 300.0
COUNTED = 0.9  # of the payments: the last few of a round say more of one slow answer than of the rate


def measure(ground: Ground) -> dict[str, Any]:
    """Measure how fast nineteen of twenty are booked, by turns: beside a good last one, a dead one, one that hangs.

    And once more with no payment for the last one at all, to tell the cost of its payments from that of its death.
    """
    ground.start_platform()
    paybills = Paybills(ground=ground)
    paybills.prepare()
    _round(paybills, beside=False)  # warm: connections, payment types, business dates
    rates: dict[str, list[float]] = {"nineteen": [], "good": [], "dead": [], "hanging": []}
    with _hanging_address() as hanging:
        for _ in range(ROUNDS):
            for name, address in zip(rates, ("", "", "http://127.0.0.1:9", hanging), strict=True):
                with _moved(ground, address):
                    rates[name].append(_round(paybills, beside=name != "nineteen"))
    found = {name: median(rate) for name, rate in rates.items()}
    return {
        "postings_per_second": round(found["good"], 1),
        "postings_beside_dead_host": round(found["dead"], 1),
        "postings_beside_hanging_host": round(found["hanging"], 1),
        "postings_without_last_host": round(found["nineteen"], 1),
        "dead_host_share": round(found["dead"] / found["good"], 2),
        "hanging_host_share": round(found["hanging"] / found["good"], 2),
    }


def _round(paybills: Paybills, *, beside: bool) -> float:
    """Let payments come in for the nineteen, and for the last one too; return how many a second are booked."""
    begun = time.monotonic()
    for _ in range(EACH):
        for host in range(PARTNERS if beside else DEAD):
            paybills.take(host)
    wanted = int(EACH * DEAD * COUNTED)
    booked = C2bTransaction.objects.filter(status=Status.POSTED, partner__code__in=partner_codes()[:DEAD])
    while booked.count() < wanted:
        if time.monotonic() - begun > LONGEST_SECONDS:
            raise CannotStart(f"only {booked.count()} of {wanted} payments were booked in time")
        paybills.ground.supervisor.pause(0.1)
    rate = wanted / (time.monotonic() - begun)
    while booked.count() < EACH * DEAD and time.monotonic() - begun < LONGEST_SECONDS:
        paybills.ground.supervisor.pause(0.1)
    paybills.forget()
    return rate


@contextmanager
def _moved(ground: Ground, address: str) -> Iterator[None]:
    """Let the last partner's Mifos be elsewhere for a while; nothing where the address is empty."""
    if not address:
        yield
        return
    row = MifosPartner.objects.filter(partner__code=partner_codes()[DEAD])
    row.update(mifos_host_url=address)
    ground.supervisor.pause(settings.REMEMBER_SECONDS + 1)
    try:
        yield
    finally:
        row.update(mifos_host_url=ground.outside.url, failures=0, retry_at=None)
        ground.supervisor.pause(settings.REMEMBER_SECONDS + 1)


@contextmanager
def _hanging_address() -> Iterator[str]:
    """Take connections and never say a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
