"""Show the demo's figures: a live table in a terminal, a line every few seconds anywhere else."""

import sys
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.live import Live

from vault.running.figures import Figures, as_line, as_table
from vault.running.processes import Say

LINE_SECONDS = 5.0


class Picture:
    """Use as a context: the terminal is tidy again at its end."""

    def __init__(self, links: dict[str, str], news: Iterable[str], *, say: Say) -> None:
        self._links, self._news, self._say = links, news, say
        self._live = Live(auto_refresh=False) if sys.stdout.isatty() else None
        self._last_line = 0.0

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, figures: Figures) -> None:
        """Draw the table anew, or write a line if the last one is old enough."""
        if self._live:
            self._live.update(as_table(figures, links=self._links, news=self._news), refresh=True)
        elif time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            self._say(as_line(figures))
