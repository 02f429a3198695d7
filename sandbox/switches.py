"""Named choices between behaviours, turned through ``/control/switches``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class Switches:
    """Named choices between behaviours, with their defaults."""

    def __init__(self) -> None:
        self._defaults: dict[str, Any] = {}
        self._choices: dict[str, Sequence[Any] | None] = {}
        self._checks: dict[str, Callable[[Any], bool]] = {}
        self._values: dict[str, Any] = {}

    def register(
        self,
        name: str,
        default: Any,
        choices: Sequence[Any] | None = None,
        check: Callable[[Any], bool] = lambda value: True,
    ) -> None:
        """Make a switch known; without choices any value that passes the check is taken."""
        self._checks[name] = check
        self._defaults[name], self._choices[name] = default, choices
        self._values.setdefault(name, default)

    def get(self, name: str) -> Any:
        """The value now."""
        return self._values[name]

    def set(self, name: str, value: Any) -> None:
        """Turn a switch.

        :raises ValueError: unknown name or choice
        """
        if name not in self._defaults:
            raise ValueError(f"no switch {name!r}; known: {', '.join(sorted(self._defaults))}")
        choices = self._choices[name]
        if choices is not None and value not in choices:
            raise ValueError(f"{name}: one of {', '.join(map(str, choices))} expected, not {value!r}")
        if not self._checks[name](value):
            raise ValueError(f"{name}: a value such as {self._defaults[name]!r} expected, not {value!r}")
        self._values[name] = value

    def reset(self) -> None:
        """All switches back to their defaults."""
        self._values = dict(self._defaults)

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """Each switch with its value, default and choices."""
        return {
            name: {"value": self._values[name], "default": default, "choices": self._choices[name]}
            for name, default in sorted(self._defaults.items())
        }
