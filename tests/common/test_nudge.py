"""A wake-up may be lost, never waited for; and a crowd needs fewer of them."""

from typing import Any

import pytest
from kombu.exceptions import OperationalError

from common import nudge


class Task:
    """Notes what it is sent, or finds no Redis."""

    def __init__(self, name: str) -> None:
        self.name, self.sent, self.away = name, list[Any](), False

    def apply_async(self, *, args: tuple[str, ...], retry: bool) -> None:
        if self.away:
            raise OperationalError("no Redis")
        self.sent.append(args)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only the test moves."""
    now = [1000.0]
    monkeypatch.setattr("common.nudge.time.monotonic", lambda: now[0])
    monkeypatch.setattr(nudge, "_silent_until", 0.0)
    monkeypatch.setattr(nudge, "_sent_at", {})
    return now


def test_one_by_itself_is_sent_and_a_crowd_is_left_to_the_sweep(clock: list[float]) -> None:
    task: Any = Task("record")
    other: Any = Task("another")
    assert nudge.send_if_calm(task, "1")
    assert not nudge.send_if_calm(task, "2")
    assert nudge.send_if_calm(other, "3")
    clock[0] += 0.25
    assert nudge.send_if_calm(task, "4")
    assert task.sent == [("1",), ("4",)]


def test_while_redis_is_away_nobody_waits_for_it_again_and_again(clock: list[float]) -> None:
    task: Any = Task("record")
    task.away = True
    assert not nudge.send(task, "1")
    task.away = False
    assert not nudge.send(task, "2")
    clock[0] += 6
    assert nudge.send(task, "3")
    assert task.sent == [("3",)]
