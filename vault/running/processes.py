"""Start processes, keep them alive, and leave none behind."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Self

from vault.running.children import Child, ending, kill_group, kill_marked, stop_together
from vault.running.lock import RunLock

TICK_SECONDS = 0.1
RESTART_GAPS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
STEADY_SECONDS = 60.0  # a child that lived so long starts again as if for the first time
LARGEST_LOG = 20 * 1024 * 1024
TICKS_BETWEEN_LOGS = 100
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Say = Callable[[str], None]


class Stopped(Exception):
    """Somebody asked for the end while something was being started or waited for."""


class CannotStart(Exception):
    """Something that the run needs did not start; the text says what, and where to look."""


class Supervisor:
    """Use as a context, in the main thread: at its end nothing that it started is left, whatever happened.

    Ctrl-C, SIGTERM and SIGHUP ask for the end; asked twice, it does not wait for work under way.

    :raises AlreadyRunning: another supervisor has this run directory
    """

    def __init__(self, run_dir: Path, *, say: Say) -> None:
        self.run_dir, self.say = run_dir, say
        self.children: list[Child] = []
        self.asked = 0  # a plain number: the signal may interrupt whoever holds an Event's lock
        self._closed = False
        self._guard = threading.RLock()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._handlers: dict[int, Any] = {}
        self._lock = RunLock(run_dir)

    def __enter__(self) -> Self:
        self._lock.take()
        self._handlers = {number: signal.getsignal(number) for number in SIGNALS}
        for number in SIGNALS:
            if number != signal.SIGHUP or self._handlers[number] != signal.SIG_IGN:  # nohup stays nohup
                signal.signal(number, self._ask_for_end)
        kill_marked(self.run_dir)  # of a run that was killed
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_all()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._lock.release()

    def _ask_for_end(self, number: int, frame: FrameType | None) -> None:
        self.asked += 1

    def start(self, child: Child) -> Child:
        """Start a process and keep it running until the end.

        :raises Stopped: the end was asked for
        """
        with self._guard:
            self._spawn(child)
            self.children.append(child)
        return child

    def stop(self, child: Child) -> None:
        """End a process before the others; it is not started again."""
        with self._guard:
            self.children.remove(child)
        stop_together([child])

    def run_once(self, name: str, command: list[str], *, environment: Mapping[str, str]) -> str:
        """Run a command to its end and return what it printed.

        :raises Stopped: the end was asked for meanwhile, and the command killed
        :raises CannotStart: it failed; the text has its last words
        """
        child = Child(name=name, command=command, stage=0, environment=environment, stop_seconds=0)
        log = self.log_path(name)
        before = log.stat().st_size if log.exists() else 0
        process = self._spawn(child)
        try:
            while process.poll() is None:
                self.pause()
        finally:
            stop_together([child])
        printed = log.read_bytes()[before:].decode("utf-8", errors="replace")
        if process.returncode:
            raise CannotStart(f"{name} failed ({ending(process.returncode)}):\n{printed[-2000:]}\nLog: {log}")
        return printed

    def wait_until(self, ready: Callable[[], bool], *, what: str, seconds: float = 60.0) -> None:
        """Wait for something to become true.

        :raises Stopped: the end was asked for
        :raises CannotStart: it took longer than that
        """
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline:
                raise CannotStart(f"{what}: not ready after {seconds:.0f} s. Logs: {self.run_dir / 'logs'}")
            self.pause()

    def pause(self, seconds: float = TICK_SECONDS) -> None:
        """Sleep.

        :raises Stopped: the end was asked for
        """
        until = time.monotonic() + seconds
        while not self.asked:
            if (left := until - time.monotonic()) <= 0:
                return
            time.sleep(min(left, TICK_SECONDS))
        raise Stopped

    def log_path(self, name: str) -> Path:
        """Return the file that takes a process's output."""
        return self.run_dir / "logs" / f"{name}.log"

    def stop_all(self) -> None:
        """Stop stage by stage, the last started first; then make sure that nothing is left."""
        with self._guard:
            self._closed = True
        for stage in sorted({child.stage for child in self.children}, reverse=True):
            together = [child for child in self.children if child.stage == stage]
            stop_together(together, hurried=lambda: self.asked > 1)
        kill_marked(self.run_dir)

    def _spawn(self, child: Child) -> Any:
        path = self.log_path(child.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._guard:
            if self.asked or self._closed:
                raise Stopped
            return child.spawn(path, self.run_dir)

    def _watch(self) -> None:
        ticks = 0
        while not self._closed:
            time.sleep(TICK_SECONDS)
            with self._guard:
                for child in self.children:
                    if not (self._closed or self.asked):
                        self._revive(child)
            ticks += 1
            if ticks % TICKS_BETWEEN_LOGS == 0:
                self._shorten_logs()

    def _revive(self, child: Child) -> None:
        now = time.monotonic()
        if child.died and child.process is not None:
            kill_group(child.process.pid)  # what it started must not live on beside its successor
            child.deaths = child.deaths if now - child.started_at < STEADY_SECONDS else 0
            gap = RESTART_GAPS[min(child.deaths, len(RESTART_GAPS) - 1)]
            child.deaths, child.due_at = child.deaths + 1, now + gap
            self._note(
                f"{child.name} died ({ending(child.process.returncode)}); it starts again in {gap:g} s"
            )
        if child.due_at is not None and child.due_at <= now:
            try:
                child.spawn(self.log_path(child.name), self.run_dir)
            except OSError as exc:  # no memory, no process ids left: try again
                child.due_at = now + RESTART_GAPS[-1]
                self._note(f"{child.name} could not be started ({exc}); again in {RESTART_GAPS[-1]:g} s")

    def _shorten_logs(self) -> None:
        """Put a long log aside; its process goes on writing at the end of the emptied file."""
        for path in (self.run_dir / "logs").glob("*.log"):
            if path.stat().st_size > LARGEST_LOG:
                shutil.copyfile(path, path.with_suffix(".log.1"))
                os.truncate(path, 0)

    def _note(self, text: str) -> None:
        with self.log_path("supervisor").open("a") as log:
            log.write(f"{datetime.now(tz=UTC):%Y-%m-%d %H:%M:%S} {text}\n")
        self.say(text)
