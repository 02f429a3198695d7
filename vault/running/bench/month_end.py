"""Ten thousand confirmations in a minute while Mifos is slow: none is lost, each account keeps its order."""

import asyncio
import json
import os
import time
from collections import Counter, defaultdict
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone

from c2b import addresses, reading, waiting
from c2b.models import C2bTransaction
from c2b.statuses import Status
from partners.models import Shortcode
from vault.readiness import due_ages
from vault.running.bench.ground import PARTNERS, Ground
from vault.running.bench.paybills import Paybills
from vault.running.processes import CannotStart

PAYMENTS = int(os.environ.get("BENCH_MONTH_END", "10000"))
SECONDS = 60.0
SLOW = {"fineract.*": {"p50_ms": 1500, "p95_ms": 4000}}
SENDERS = 64  # connections; M-Pesa waits for nobody
LOOKED_AT = 500  # of what waits, from the oldest on


def measure(ground: Ground) -> dict[str, Any]:
    """Send them at an even pace; then look at what is stored, what waits and why, and in which order it goes."""
    ground.start_platform()
    paybills = Paybills(ground=ground)
    paybills.prepare()
    usual = ground.outside.get("latency")
    ground.outside.put("latency", SLOW)
    try:
        answers = asyncio.run(_send(paybills, [_path(row) for row in paybills.shortcodes]))
        found = _judge(answers)
    finally:
        ground.outside.put("latency", usual)
    paybills.forget()
    return found


def _judge(answers: list[tuple[int, float]]) -> dict[str, Any]:
    good = sum(status == 200 for status, _ in answers)
    stored = C2bTransaction.objects.count()
    if stored != PAYMENTS or good != PAYMENTS:
        raise CannotStart(f"{PAYMENTS} payments, {good} answered with yes, {stored} stored")
    now, waits = (
        timezone.now(),
        C2bTransaction.objects.exclude(status=Status.POSTED).order_by("paid_at", "pk"),
    )
    unexplained = [row.mpesa_receipt for row in waits[:LOOKED_AT] if not waiting.why(row, at=now)]
    broken = _out_of_order()
    if unexplained or broken:
        raise CannotStart(f"waiting without a reason: {unexplained[:5]}; out of order: {broken[:5]}")
    counted = Counter(C2bTransaction.objects.values_list("status", flat=True))
    return {
        "month_end_payments": PAYMENTS,
        "month_end_lost": PAYMENTS - stored,
        "month_end_answer_p99_ms": round(quantiles([ms for _, ms in answers], n=100)[98], 1),
        "month_end_oldest_due_seconds": round(due_ages(at=now).get("c2b_transactions", 0.0), 1),
        "month_end_waiting_unexplained": len(unexplained),
        "month_end_out_of_order": len(broken),
        "month_end_statuses": dict(counted),
    }


def _out_of_order() -> list[str]:
    """Return the accounts of which a later payment is booked and an earlier one, matched like it, is not."""
    columns = ("partner_id", "bill_ref", "status", "mpesa_receipt")
    rows = C2bTransaction.objects.order_by("paid_at", "pk").values_list(*columns)
    waits: dict[tuple[Any, str], str] = defaultdict(str)
    broken = []
    for partner, account, status, receipt in rows:
        if status == Status.POSTED and waits[partner, account]:
            broken.append(f"{receipt} before {waits[partner, account]}")
        elif status not in (Status.POSTED, Status.RECEIVED):
            waits[partner, account] = receipt
    return broken


async def _send(paybills: Paybills, paths: list[str]) -> list[tuple[int, float]]:
    """Post each at its moment; return the answers' statuses and how long each took, in milliseconds."""
    base = urlsplit(paybills.ground.platform.address)
    begun, numbers, answers = time.monotonic(), iter(range(PAYMENTS)), list[tuple[int, float]]()

    async def send() -> None:
        reader, writer = await asyncio.open_connection(base.hostname, base.port)
        for number in numbers:
            await asyncio.sleep(max(0.0, begun + number * SECONDS / PAYMENTS - time.monotonic()))
            host = number % PARTNERS
            body = json.dumps(paybills.notice(host))
            head = f"POST {paths[host]} HTTP/1.1\r\nHost: {base.netloc}\r\nContent-Type: application/json\r\n"
            sent = time.perf_counter()
            try:
                writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
                answer = await reader.readuntil(b"\r\n\r\n")
            except (OSError, asyncio.IncompleteReadError):  # kept too long without a word: a new one, once
                reader, writer = await asyncio.open_connection(base.hostname, base.port)
                writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
                answer = await reader.readuntil(b"\r\n\r\n")
            length = next(
                line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length")
            )
            await reader.readexactly(int(length.split(b":")[1]))
            answers.append((int(answer.split(b" ", 2)[1]), (time.perf_counter() - sent) * 1000))
        writer.close()

    await asyncio.gather(*(send() for _ in range(SENDERS)))
    return answers


def _path(shortcode: Shortcode) -> str:
    found = reading.shortcode_of(shortcode.pk)
    assert found is not None
    return "/callbacks" + addresses.address(found, "confirmation").split("/callbacks", 1)[1]
