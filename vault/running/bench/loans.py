"""Loans from approval to write-back: how many a second, what time we add, and what one costs."""

import os
import time
from datetime import datetime
from statistics import quantiles
from typing import Any

from django.db import connection

from disbursements.models import Disbursement
from disbursements.statuses import Status
from vault.running.bench.ground import PARTNERS, Ground
from vault.running.processes import CannotStart

RUSH = int(os.environ.get("BENCH_RUSH", "10000"))  # approved at once, over all partners
STEADY_RATE = 10  # a second
STEADY_SECONDS = 40
COUNTED = 200  # whose statements are counted one by one
LONGEST_SECONDS = 1200


def measure(ground: Ground) -> dict[str, Any]:
    """Measure a rush, a steady stream of ten a second, and the statements of a few."""
    ground.start_platform()
    _run(ground, 100)  # warm: connections, tokens, caches
    rush = _rush(ground)
    steady = _steady(ground)
    return rush | steady | {"queries_per_loan": _count_statements(ground)}


def _rush(ground: Ground) -> dict[str, Any]:
    commits, cpu = _commits(), ground.cpu_seconds()
    rows = _run(ground, RUSH)
    spent = {name: used - cpu.get(name, 0.0) for name, used in ground.cpu_seconds().items()}
    ends = sorted(row[1] for row in rows)
    first, last = ends[len(ends) // 10], ends[-len(ends) // 10]  # without the ramps
    ours = sum(seconds for name, seconds in spent.items() if name != "sandbox")
    return {
        "loans_per_second": round(0.8 * len(ends) / (last - first).total_seconds(), 1),
        "rush_loans": len(rows),
        "rush_seconds": round((ends[-1] - min(row[0] for row in rows)).total_seconds(), 1),
        "commits_per_loan": round((_commits() - commits) / len(rows), 1),
        "cpu_ms_per_loan": round(1000 * ours / len(rows), 1),
        "cpu_ms_per_loan_by_process": {
            name: round(1000 * seconds / len(rows), 1) for name, seconds in sorted(spent.items())
        },
        "cpu_ms_first_to_last": _growth(ends),
    }


def _growth(ends: list[datetime]) -> dict[str, float]:
    """Return milliseconds per loan in the first and the last tenth of the steady part: equal means no growth."""
    tenth = max(2, len(ends) // 10)
    early, late = ends[tenth : 3 * tenth], ends[-3 * tenth : -tenth]
    return {
        name: round(1000 * (part[-1] - part[0]).total_seconds() / len(part), 1)
        for name, part in (("early", early), ("late", late))
    }


def _steady(ground: Ground) -> dict[str, Any]:
    """Approve ten a second, and take the waiting outside from the time between approval seen and paid."""
    since, wanted = _now(), STEADY_RATE * STEADY_SECONDS
    begun = time.monotonic()
    for number in range(wanted):
        ground.supervisor.pause(max(0.0, begun + number / STEADY_RATE - time.monotonic()))
        ground.approve(1, host=number % PARTNERS)
    _wait_until_completed(ground, since, wanted)
    rows = Disbursement.objects.filter(created_at__gte=since, status=Status.COMPLETED)
    added, paid = [], []
    for seen, settled, outside in rows.values_list("detected_at", "settled_at", "outside_ms"):
        if settled is None:
            continue
        whole = (settled - seen).total_seconds() * 1000
        paid.append(whole)
        added.append(max(0.0, whole - outside))
    return {"added_ms": _parts(added), "approval_to_paid_ms": _parts(paid), "steady_loans": len(added)}


def _parts(values: list[float]) -> dict[str, float]:
    cuts = quantiles(values, n=100)
    return {"p50": round(cuts[49], 1), "p95": round(cuts[94], 1), "p99": round(cuts[98], 1)}


def _run(ground: Ground, count: int) -> list[tuple[datetime, datetime]]:
    """Approve loans at all hosts at once and wait for them; return when each was seen and completed."""
    since = _now()
    for host in range(PARTNERS):
        ground.approve(count // PARTNERS, host=host)
    _wait_until_completed(ground, since, count // PARTNERS * PARTNERS)
    done = Disbursement.objects.filter(created_at__gte=since, status=Status.COMPLETED)
    return [(seen, end) for seen, end in done.values_list("detected_at", "completed_at") if end]


def _wait_until_completed(ground: Ground, since: datetime, count: int) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    done = Disbursement.objects.filter(created_at__gte=since, status=Status.COMPLETED)
    while done.count() < count:
        if time.monotonic() > deadline:
            left = Disbursement.objects.filter(created_at__gte=since).exclude(status=Status.COMPLETED)
            raise CannotStart(
                f"{left.count()} loans are not completed; the first: {left.values('status', 'reason')[:3]}"
            )
        ground.supervisor.pause(1.0)


def _now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("select clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def _commits() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select pg_stat_force_next_flush()")
        cursor.execute("select xact_commit from pg_stat_database where datname = current_database()")
        return int(cursor.fetchone()[0])


def _count_statements(ground: Ground) -> float | None:
    """Let PostgreSQL log every statement for a while and count them; None where its log is not ours."""
    log = ground.supervisor.log_path("postgres")
    if not log.exists():
        return None
    _log_statements("all")
    ground.supervisor.pause(3)
    before, idle = _statements(log), 5.0
    ground.supervisor.pause(idle)
    at_rest = (_statements(log) - before) / idle
    before, begun = _statements(log), time.monotonic()
    _run(ground, COUNTED)
    counted = _statements(log) - before - at_rest * (time.monotonic() - begun)
    _log_statements("none")
    return round(counted / COUNTED, 1)


def _log_statements(what: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"alter system set log_statement = '{what}'")
        cursor.execute("select pg_reload_conf()")


def _statements(log: Any) -> int:
    with log.open("rb") as lines:
        return sum(b"LOG:  statement: " in line or b"LOG:  execute " in line for line in lines)
