"""The connection: it remembers what it has prepared, and when it was last seen alive."""

import time
from typing import Any

from django.db.backends.postgresql import base

ALIVE_SECONDS = 2.0  # a connection that worked so lately is not asked first whether it lives


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, but a health check is left out right after use, and prepared statements are remembered.

    Each task and request would begin with a `SELECT 1` otherwise: six a loan.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prepared: set[str] = set()  # names of the statements that this very connection knows
        self._alive_at = float("-inf")

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect; a new connection knows no prepared statement."""
        self.prepared = set()
        return super().get_new_connection(conn_params)

    def close_if_unusable_or_obsolete(self) -> None:
        """Close what is broken or too old. What was used since the last time, without an error, is alive."""
        if self.health_check_done and not self.errors_occurred:
            self._alive_at = time.monotonic()
        super().close_if_unusable_or_obsolete()

    def close_if_health_check_failed(self) -> None:
        """Ask a connection that has rested for a while whether it still lives."""
        if time.monotonic() - self._alive_at < ALIVE_SECONDS:
            self.health_check_done = True
        super().close_if_health_check_failed()
