"""Whether this installation can do its work, in facts that a load balancer and a person can read."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import redis
from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db import DatabaseError, connection, models, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

OLDEST_DUE_LIMIT = timedelta(
    minutes=5
)  # the sweep runs every few seconds; older work means that nobody works
STATEMENT_LIMIT = "3s"  # an answer that comes too late is none


@dataclass(kw_only=True)
class Report:
    """What was found: `checks` says it by subject, `down` names what makes requests fail."""

    checks: dict[str, dict[str, Any]] = field(default_factory=dict)
    down: list[str] = field(default_factory=list)

    def add(self, subject: str, *, ok: bool, stops: bool = True, **facts: Any) -> None:
        """Add a finding; one that is not ok and stops us makes the whole report "down"."""
        self.checks[subject] = {"ok": ok, **facts}
        if not ok and stops:
            self.down.append(subject)

    @property
    def status(self) -> str:
        """`down`, `degraded` or `ok`."""
        if self.down:
            return "down"
        return "ok" if all(check["ok"] for check in self.checks.values()) else "degraded"


def look(*, at: datetime, work_stops: bool = False) -> Report:
    """Ask database, Redis and the due rows.

    Redis down is degraded: the sweep in PostgreSQL loses nothing. Old work is degraded too, since the web
    must go on storing callbacks, unless `work_stops`: the question of whoever watches the workers.
    """
    report = Report()
    _look_at_redis(report)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("select set_config('statement_timeout', %s, true)", [STATEMENT_LIMIT])
            _look_at_migrations(report)
            if not report.down:
                _look_at_work(report, at=at, stops=work_stops)
    except DatabaseError as exc:
        report.add("database", ok=False, reason=type(exc).__name__)
    else:
        report.add("database", ok=True)
    return report


def _look_at_redis(report: Report) -> None:
    started = time.perf_counter()
    try:
        client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)
        with client:
            client.ping()
    except (redis.RedisError, OSError) as exc:
        reason = f"{type(exc).__name__}: work goes on with the sweep, more slowly"
        report.add("redis", ok=False, stops=False, reason=reason)
    else:
        report.add("redis", ok=True, milliseconds=round((time.perf_counter() - started) * 1000, 1))


def _look_at_migrations(report: Report) -> None:
    missing = sorted(needed_migrations() - MigrationRecorder(connection).applied_migrations().keys())
    facts: dict[str, Any] = {"missing": [f"{app}.{name}" for app, name in missing]} if missing else {}
    report.add("migrations", ok=not missing, **facts)


@lru_cache(maxsize=1)
def needed_migrations() -> frozenset[tuple[str, str]]:
    """Return the migrations that this code comes with; they do not change while it runs."""
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    return frozenset(loader.disk_migrations)


def _look_at_work(report: Report, *, at: datetime, stops: bool) -> None:
    try:
        with transaction.atomic():
            ages = due_ages(at=at)
    except DatabaseError as exc:
        report.add("work", ok=False, stops=stops, reason=f"Not known: {type(exc).__name__}")
        return
    late = {kind: age for kind, age in ages.items() if age > OLDEST_DUE_LIMIT.total_seconds()}
    facts: dict[str, Any] = {"oldest_due_seconds": ages}
    if late:
        facts["reason"] = f"Nobody works off: {', '.join(late)}. Are the workers and beat running?"
    report.add("work", ok=not late, stops=stops, **facts)


def due_ages(*, at: datetime) -> dict[str, float]:
    """Return the age in seconds of the oldest step that is due, by table; zero where nothing waits."""
    return {model._meta.db_table: _age(model, at=at) for model in working_models()}


def due_rows(model: type[models.Model]) -> "models.QuerySet[Any]":
    """Return a table's rows with a next step: by its index of them, or as the table says itself."""
    own: Any = getattr(model, "due_rows", None)
    rows: models.QuerySet[Any] = own() if own else model._default_manager.filter(next_step_at__isnull=False)
    return rows


def _age(model: type[models.Model], *, at: datetime) -> float:
    """Rows handed to a worker are leased for a moment; `queued_at`, where there is one, tells since when.

    What is switched off, or must not be asked before a later moment, does not wait.
    """
    rows = due_rows(model)
    if _has(model, "is_active"):
        rows = rows.filter(is_active=True)
    if _has(model, "retry_at"):
        rows = rows.exclude(retry_at__gt=at)
    moments = [rows.order_by().aggregate(first=models.Min("next_step_at"))["first"]]
    if _has(model, "queued_at"):
        moments.append(rows.aggregate(first=models.Min("queued_at"))["first"])
    ages = [(at - moment).total_seconds() for moment in moments if moment]
    return max(0.0, round(max(ages, default=0.0), 1))


@lru_cache(maxsize=1)
def working_models() -> tuple[type[models.Model], ...]:
    """Return the tables whose rows carry a next step."""
    return tuple(model for model in apps.get_models() if _has(model, "next_step_at"))


def _has(model: type[models.Model], name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True
