"""Wake a worker for a row once its transaction is committed. A nudge may be lost: the sweep will come."""

import time
from typing import Any
from uuid import UUID

import structlog
from celery import Task
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger("nudge")

_QUIET_SECONDS = 5.0
_CALM_SECONDS = 0.2
_silent_until = 0.0
_sent_at: dict[str, float] = {}


def nudge(task: "Task[Any, Any]", row_id: UUID | str) -> None:
    """Send the row's id to the task after the commit; drop it silently when Redis cannot be reached."""
    transaction.on_commit(lambda: send(task, row_id))


def send(task: "Task[Any, Any]", *row_ids: UUID | str) -> bool:
    """Send the row's id now, or those of a handful; say whether Redis took them.

    After a failure this process does not try again for a few seconds, so that requests do not wait for a
    Redis that is down.
    """
    return _send(task, tuple(map(str, row_ids)))


def send_if_calm(task: "Task[Any, Any]", row_id: UUID | str) -> bool:
    """Send the row's id, unless this process sent one to the same task a moment ago; say whether it did.

    Where many rows come at once, the sweep hands them out together: a message for each would cost as much as a step.
    """
    now = time.monotonic()
    if now - _sent_at.get(task.name, -_CALM_SECONDS) < _CALM_SECONDS:
        return False
    _sent_at[task.name] = now
    return _send(task, (str(row_id),))


def wake(task: "Task[Any, Any]") -> bool:
    """Start a sweep now rather than at its next beat; say whether Redis took it."""
    return _send(task, ())


def _send(task: "Task[Any, Any]", values: tuple[str, ...]) -> bool:
    global _silent_until
    if time.monotonic() < _silent_until:
        return False
    try:
        task.apply_async(args=values, retry=False)
    except (OperationalError, OSError) as exc:
        _silent_until = time.monotonic() + _QUIET_SECONDS
        log.warning("nudge dropped", task=task.name, reason=type(exc).__name__)
        return False
    return True
