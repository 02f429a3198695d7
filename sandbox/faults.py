"""Which request goes wrong, and how: rules set through ``/control/faults``, drawn under a seed."""

from __future__ import annotations

import random
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

GENERIC_KINDS = frozenset(
    {"refuse", "html", "html_after", "lost", "dropped", "slow", "slow_after", "error_500", "empty"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault to be played now."""

    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def seconds(self, default: float) -> float:
        """How long the fault lasts, from ``params.seconds``."""
        return float(self.params.get("seconds", default))


@dataclass(slots=True, kw_only=True)
class Rule:
    """What goes wrong where, how often, and for whom."""

    id: int
    system: str
    operation: str
    kind: str
    rate: float
    times: int | None
    match: dict[str, str]
    params: dict[str, Any]
    random: random.Random
    played: int = 0

    def fits(self, system: str, operation: str, subject: Mapping[str, object]) -> bool:
        """Whether the rule speaks of this request and is not used up."""
        return (
            self.system in (system, "*")
            and self.operation in (operation, "*")
            and (self.times is None or self.played < self.times)
            and all(str(subject.get(name)) == value for name, value in self.match.items())
        )

    def as_dict(self) -> dict[str, Any]:
        """The rule as ``/control/faults`` shows it."""
        names = ("id", "system", "operation", "kind", "rate", "times", "match", "params", "played")
        return {name: getattr(self, name) for name in names}


class Faults:
    """All rules, in the order in which they were added; the first that fires is played."""

    def __init__(self, seed_source: random.Random) -> None:
        self._seed_source = seed_source
        self._rules: dict[int, Rule] = {}
        self._kinds: dict[str, set[str]] = {}
        self._next_id = 1

    def __bool__(self) -> bool:
        return bool(self._rules)

    def register(self, system: str, *kinds: str) -> None:
        """Announce the kinds that a system plays inside its handlers."""
        self._kinds.setdefault(system, set()).update(kinds)

    def add(self, rule: Mapping[str, Any]) -> Rule:
        """Take a rule in the shape of ``/control/faults``.

        :raises ValueError: in words, what is expected
        """
        system, kind = str(rule.get("system", "*")), str(rule.get("kind", ""))
        self._check_kind(system, kind)
        seed = rule.get("seed")
        made = Rule(
            id=self._next_id,
            system=system,
            operation=str(rule.get("operation", "*")),
            kind=kind,
            rate=_rate(rule.get("rate", 1)),
            times=_times(rule.get("times")),
            match={str(k): str(v) for k, v in _mapping(rule.get("match"), "match").items()},
            params=dict(_mapping(rule.get("params"), "params")),
            random=random.Random(self._seed_source.random() if seed is None else str(seed)),
        )
        self._next_id += 1
        self._rules[made.id] = made
        return made

    def _check_kind(self, system: str, kind: str) -> None:
        own = self._kinds.get(system)
        known = (
            GENERIC_KINDS.union(*self._kinds.values()) if system == "*" else GENERIC_KINDS | (own or set())
        )
        if system != "*" and own is None:
            raise ValueError(f"system: one of {', '.join(sorted(self._kinds))} or * expected, not {system!r}")
        if kind not in known:
            raise ValueError(f"kind: one of {', '.join(sorted(known))} expected, not {kind!r}")

    def remove(self, rule_id: int | None = None) -> None:
        """Forget one rule, or all.

        :raises ValueError: no such rule
        """
        if rule_id is None:
            self._rules.clear()
        elif self._rules.pop(rule_id, None) is None:
            raise ValueError(f"no fault rule {rule_id}")

    def rules(self) -> list[dict[str, Any]]:
        """All rules with how often each was played."""
        return [rule.as_dict() for rule in self._rules.values()]

    def pick(
        self,
        system: str,
        operation: str,
        subject: Mapping[str, object] | None = None,
        *,
        generic: bool = False,
        kinds: Container[str] | None = None,
    ) -> Fault | None:
        """The fault to play on this request, if any; a played fault is counted.

        ``kinds``: only these can be played here, all other rules are left alone.

        Generic kinds are drawn by ``routing.operation`` only, a system's own kinds by its handlers,
        so that one request draws each rule once.
        """
        for rule in self._rules.values():
            if (rule.kind in GENERIC_KINDS) is not generic or not rule.fits(system, operation, subject or {}):
                continue
            if kinds is not None and rule.kind not in kinds:
                continue
            if rule.rate >= 1 or rule.random.random() < rule.rate:
                rule.played += 1
                return Fault(kind=rule.kind, params=rule.params)
        return None


def _rate(value: Any) -> float:
    try:
        rate = float(value)
    except (TypeError, ValueError):
        rate = -1.0
    if not 0 <= rate <= 1:
        raise ValueError(f"rate: a number from 0 to 1 expected, not {value!r}")
    return rate


def _times(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"times: a whole number from 1 expected, not {value!r}")
    return value


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{name}: an object expected, not {value!r}")  # noqa: TRY004 - answered as 400
    return value
