"""Every page and every endpoint of the API over a long history: how long they take, and with how many queries."""

import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone

from common.changes import By
from partners import operations
from partners.models import Partner
from vault import embedded
from vault.running import stack
from vault.running.bench import furnished, places
from vault.running.bench.ground import Ground
from vault.running.bench.visiting import Answer, Visitor, operator
from vault.running.children import Child
from vault.running.processes import CannotStart

FEW = 1_000
MANY = int(os.environ.get("BENCH_HISTORY", "1000000"))  # loans, and as many payments and top-ups
REQUESTS, FEWEST = 30, 10  # of each address; fewer where they are slow
LONGEST_SECONDS = 0.8  # for one address, once it was asked often enough
PAGE_GOAL, API_GOAL = 300, 100  # milliseconds, 95 of 100


@dataclass(kw_only=True)
class Place:
    """One address, who opens it, and what it took."""

    path: str
    visitor: Visitor
    goal: int
    queries_of_few: int = 0
    answers: list[Answer] = field(default_factory=list)

    @property
    def queries(self) -> int:
        """How many it takes once what is remembered is remembered."""
        return min(answer.queries for answer in self.answers)

    def ms(self, part: float) -> float:
        """Return the time that so many of the requests kept below."""
        times = sorted(answer.ms for answer in self.answers)
        return round(times[math.ceil(part * len(times)) - 1], 1)

    @property
    def in_database_ms(self) -> float:
        """The middle one."""
        times = sorted(answer.in_database_ms for answer in self.answers)
        return times[len(times) // 2]


def measure(ground: Ground) -> dict[str, Any]:
    """Open everything with few rows and with many, one request after the other, and print the table."""
    ground.start_afresh()
    furnished.furnish(ground)
    with _web(ground) as address:
        visitors = _visitors(address)
        furnished.fill(FEW)
        few = _opened(_places(visitors), requests=3, seconds=math.inf)
        begun = time.monotonic()
        furnished.fill(MANY)
        ground.say(f"  {MANY:,} of each written in {time.monotonic() - begun:.0f} s")
        many = _opened(_places(visitors), requests=REQUESTS, seconds=LONGEST_SECONDS)
    for name, place in many.items():
        place.queries_of_few = few[name].queries if name in few else place.queries
    _print(ground, many)
    return _figures(many)


class _web:
    """The web alone, as the platform starts it: nobody works on the history meanwhile."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def __enter__(self) -> str:
        place = f"127.0.0.1:{embedded.free_port()}"
        self._child = self._ground.supervisor.start(
            Child(
                name="bench-pages",
                command=stack.gunicorn("vault.running.bench.counted", place),
                stage=stack.WEB,
                environment=self._ground.platform.environment | {"API_RATE_PER_MINUTE": "1000000"},
            )
        )
        address = f"http://{place}"
        self._ground.supervisor.wait_until(lambda: stack.answers(f"{address}/healthz"), what="web")
        return address

    def __exit__(self, *_: object) -> None:
        self._ground.supervisor.stop(self._child)


def _visitors(address: str) -> dict[str, Visitor]:
    """Return a person who is logged in, and programs with the platform's key and with a partner's."""
    found = {"page": operator(address)}
    for name, partner in (("platform", None), ("partner", Partner.objects.earliest("code"))):
        _, key = operations.make_api_key(
            partner=partner,
            name="bench",
            scopes=["all"],
            live=False,
            expires_at=None,
            by=By(name="bench"),
            at=timezone.now(),
            rate_per_minute=None,
        )
        found[name] = Visitor(address=address, headers={"Authorization": f"Bearer {key}"})
    return found


def _places(visitors: Mapping[str, Visitor]) -> dict[str, Place]:
    found = {
        name: Place(path=path, visitor=visitors["page"], goal=PAGE_GOAL)
        for name, path in places.pages().items()
    }
    for who in ("platform", "partner"):
        for name, path in places.api(platform=who == "platform").items():
            found[f"api {name}, {who}"] = Place(path=path, visitor=visitors[who], goal=API_GOAL)
    return found


def _opened(wanted: dict[str, Place], *, requests: int, seconds: float) -> dict[str, Place]:
    """Open each, twice to warm up.

    :raises CannotStart: something failed
    """
    for place in wanted.values():
        first = place.visitor.get(place.path)
        if first.status != 200:
            raise CannotStart(f"{urlsplit(place.path).path} answered {first.status}")
        place.visitor.get(place.path)
        begun = time.monotonic()
        while len(place.answers) < requests:
            place.answers.append(place.visitor.get(place.path))
            if len(place.answers) >= FEWEST and time.monotonic() - begun > seconds:
                break
    return wanted


def _print(ground: Ground, found: dict[str, Place]) -> None:
    ground.say(f"  {'':<62} {'p50 ms':>8} {'p95 ms':>8} {'of it SQL':>9} {'queries':>8}")
    for name, place in found.items():
        late = "  over the goal" if place.ms(0.95) > place.goal else ""
        grown = f"  {place.queries_of_few} with few rows" if place.queries_of_few != place.queries else ""
        times = f"{place.ms(0.5):>8.0f} {place.ms(0.95):>8.0f} {place.in_database_ms:>9.0f}"
        ground.say(f"  {name[:62]:<62} {times} {place.queries:>8}{late}{grown}")


def _figures(found: dict[str, Place]) -> dict[str, Any]:
    """Return what is kept: 95 of 100 were faster, and the queries, by name."""
    figures: dict[str, Any] = {"history_rows": MANY}
    for kind, goal in (("page", PAGE_GOAL), ("api", API_GOAL)):
        those = {name.removeprefix("api "): place for name, place in found.items() if place.goal == goal}
        figures |= {
            f"{kind}_p95_ms": {name: place.ms(0.95) for name, place in those.items()},
            f"{kind}_p50_ms": {name: place.ms(0.5) for name, place in those.items()},
            f"{kind}_queries": {name: place.queries for name, place in those.items()},
            f"{kind}_slowest_p95_ms": max(place.ms(0.95) for place in those.values()),
            f"{kind}_over_goal": [name for name, place in those.items() if place.ms(0.95) > goal],
        }
    figures["queries_that_grow"] = {
        name: [place.queries_of_few, place.queries]
        for name, place in found.items()
        if place.queries > place.queries_of_few
    }
    return figures
