"""The platform's own web, which says beside each answer how many queries it took and how long they were."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from django.db import connection

from vault.wsgi import application as platform

HEADER = "X-Queries"


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer as the platform does."""
    queries, seconds = 0, 0.0

    def count(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        nonlocal queries, seconds
        begun = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            queries, seconds = queries + 1, seconds + time.perf_counter() - begun

    def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        return start_response(status, [*headers, (HEADER, f"{queries} {1000 * seconds:.1f}")], *rest)

    with connection.execute_wrapper(count):
        answer: Iterable[bytes] = platform(environ, start)
    return answer
