"""Health: is everybody working? Due work by age, queues, callbacks by minute, pace, dials, outside systems.

PostgreSQL says what is due and what was done; Redis adds queues and pace, and where it is away the page says so.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, models, transaction
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from c2b.models import C2bEvent
from common.ids import first_id
from common.tones import Tone
from disbursements.models import Event
from disbursements.story import span
from mpesa.pace import STEP, STEP_SECONDS
from partners import pausing
from partners.models import Shortcode
from sms.models import SmsEvent
from vault import beat, readiness, systems
from vault.dials import target_name

MINUTES = 60
LATE = readiness.OLDEST_DUE_LIMIT
WIDTH, HEIGHT = 720, 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The rows of a table that have something left to do."""

    name: str
    waiting: int  # at some later moment
    due: int
    oldest: str
    tone: Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A line of the page: what, how it stands, in which colour."""

    name: str
    words: str
    tone: Tone = Tone.OFF
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """A bar of the chart of callbacks."""

    x: float
    y: float
    height: float
    words: str


def page(request: HttpRequest) -> HttpResponse:
    """Show how the installation is; every part that cannot be known says so and leaves the others."""
    if not request.user.has_perm("partners.view_pausedial"):
        raise PermissionDenied
    at = timezone.now()
    report = readiness.look(at=at)
    context = admin.site.each_context(request) | {
        "title": "Health",
        "status": report.status,
        "checks": _checks(report),
        "work": _try(lambda: work(at=at)),
        "done": _try(lambda: done(at=at)),
        "queues": queues(),
        "minutes": _try(lambda: callbacks(at=at)),
        "paces": paces(),
        "dials": [(dial, target_name(dial)) for dial in pausing.active()],
        "systems": systems.sentences(at=at),
    }
    return TemplateResponse(request, "vault/health.html", context)


def _try(look: Any) -> Any:
    """Return what a part found, or None where the database is too slow for it."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("select set_config('statement_timeout', %s, true)", [readiness.STATEMENT_LIMIT])
            return look()
    except DatabaseError:
        return None


_NAMES = {"database": "PostgreSQL", "redis": "Redis", "migrations": "Migrations", "work": "Work"}


def _checks(report: readiness.Report) -> list[Figure]:
    found = []
    for subject, facts in report.checks.items():
        good = "answers" if subject in ("database", "redis") else "all in place"
        words = str(facts.get("reason", "")) or (good if facts["ok"] else "not in order")
        if subject == "work" and facts["ok"]:
            words = "no step has been due for long"
        if missing := facts.get("missing"):
            words = f"missing: {', '.join(missing)}"
        stops = subject in report.down
        tone = Tone.SETTLED if facts["ok"] else Tone.PERSON if stops else Tone.WAITING
        found.append(Figure(name=_NAMES.get(subject, subject), words=words, tone=tone))
    return found


def work(*, at: datetime) -> list[Work]:
    """Count what is to be done, by table, the latest first. Each table has an index of its open steps."""
    found = []
    ages = readiness.due_ages(at=at)
    for model in readiness.working_models():
        rows = readiness.due_rows(model).order_by()
        counts = rows.aggregate(all=Count("pk"), due=Count("pk", filter=Q(next_step_at__lte=at)))
        age = timedelta(seconds=ages[model._meta.db_table])
        found.append((age, _work(model, counts, age)))
    return [one for _, one in sorted(found, key=lambda pair: pair[0], reverse=True)]


def _work(model: type[models.Model], counts: dict[str, int], age: timedelta) -> Work:
    tone = Tone.OFF if not counts["due"] else Tone.PERSON if age > LATE else Tone.MOVING
    return Work(
        name=str(model._meta.verbose_name_plural).capitalize(),
        waiting=counts["all"] - counts["due"],
        due=counts["due"],
        oldest=span(age) if age else "",
        tone=tone,
    )


def done(*, at: datetime) -> list[Figure]:
    """Say what was worked off in the last minute, and when last: that is how workers are seen to live."""
    found = []
    for name, model in (("Disbursements", Event), ("Collections", C2bEvent), ("SMS", SmsEvent)):
        rows: Any = model
        count = rows.objects.filter(pk__gte=first_id(at - timedelta(minutes=1))).count()
        last = rows.objects.order_by("-pk").values_list("at", flat=True).first()
        words = f"{count:,} steps in the last minute"
        words += f", the last {span(at - last)} ago" if last else ", none ever"
        found.append(Figure(name=name, words=words, tone=Tone.SETTLED if count else Tone.OFF))
    return found


def queues() -> list[Figure]:
    """Say how many messages wait in each queue of Redis and how many workers listen there; empty: Redis is away."""
    try:
        with _redis() as client:
            names = [settings.CELERY_TASK_DEFAULT_QUEUE, *beat.QUEUES]
            lengths = [(name, int(client.llen(name))) for name in dict.fromkeys(names)]
            listening = sum(1 for one in client.client_list() if one.get("cmd", "").lower() == "brpop")
    except (redis.RedisError, OSError):
        return []
    people = f"{listening} worker process{'' if listening == 1 else 'es'} listening"
    tone = Tone.SETTLED if listening else Tone.PERSON
    return [
        Figure(name="Workers", words=people if listening else "No worker listens. Start them.", tone=tone),
        *(
            Figure(
                name=f"Queue {name}",
                words=f"{length:,} waiting" if length else "empty",
                tone=Tone.OFF if not length else Tone.MOVING,
            )
            for name, length in lengths
        ),
    ]


def _redis() -> "redis.Redis":
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=0.5, socket_timeout=1, decode_responses=True
    )


_BY_MINUTE = """
select floor(extract(epoch from %(at)s - at) / 60)::int, count(*) from (
    select received_at at from inbound_messages where id >= %(since)s
    union all select created_at from c2b_transactions where id >= %(since)s and channel = 'c2b'
) told where at <= %(at)s group by 1
"""


def callbacks(*, at: datetime) -> dict[str, Any]:
    """Count what the outside told us, by minute of the last hour: messages that are kept, and payments."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_MINUTE, {"at": at, "since": first_id(at - timedelta(minutes=MINUTES))})
        counts = dict(cursor.fetchall())
    highest = max(counts.values(), default=0)
    slot, room = WIDTH / MINUTES, HEIGHT - 20
    bars = []
    for ago in range(MINUTES):
        count = counts.get(ago, 0)
        height = round(room * count / highest, 1) if highest else 0.0
        words = f"{ago} to {ago + 1} minutes ago: {count:,}"
        x = round(WIDTH - (ago + 1) * slot, 1)
        bars.append(Minute(x=x, y=round(room - height, 1), height=height, words=words))
    last = counts.get(0, 0)
    return {"bars": bars, "highest": highest, "total": sum(counts.values()), "last": last}


def paces() -> dict[str, Any]:
    """Say how fast each shortcode may be asked: its setting, and what was learned from spike arrests."""
    rows = list(Shortcode.objects.filter(is_active=True).select_related("partner").order_by("number"))
    learned: dict[str, tuple[float, float] | None] = {}
    away = False
    try:
        with _redis() as client:
            now = float(client.time()[0])
            for one in rows:
                kept = client.hmget(f"mpesa:pace:{one.number}", "share", "since")
                learned[one.number] = (float(kept[0]), now - float(kept[1])) if kept[0] and kept[1] else None
    except (redis.RedisError, OSError):
        away = True
    return {"away": away, "rows": [_pace(one, learned.get(one.number)) for one in rows]}


def _pace(one: Shortcode, learned: tuple[float, float] | None) -> Figure:
    rate = float(one.rate_per_second)
    link = reverse("admin:partners_shortcode_change", args=[one.pk])
    share = min(1.0, learned[0] + max(0.0, learned[1]) // STEP_SECONDS * STEP) if learned else 1.0
    if share >= 1.0:
        return Figure(name=str(one), words=f"{rate:g} a second, as set", tone=Tone.SETTLED, link=link)
    words = f"{rate * share:.1f} a second of {rate:g}: slower since a spike arrest, faster again in steps"
    return Figure(name=str(one), words=words, tone=Tone.WAITING, link=link)
