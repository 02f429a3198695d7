"""A process that should be running, and how it is ended together with all that it started."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from vault import embedded

MARK = "VAULT_SUPERVISOR"  # in the environment of all that we start: how leftovers of a killed run are found
HURRIED_SECONDS = 1.0
GONE_SECONDS = 5.0
POLL_SECONDS = 0.05


@dataclass(kw_only=True)
class Child:
    """A process that should be running. Those of a higher stage are stopped first, a stage together."""

    name: str
    command: list[str]
    stage: int
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 10.0
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    due_at: float | None = None  # when it is to be started again, after it died
    deaths: int = 0

    def spawn(self, log: Path, run_dir: Path) -> "subprocess.Popen[bytes]":
        """Start it in a process group of its own, with its output added to the log."""
        with log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own commands
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **self.environment, MARK: str(run_dir)},
                cwd="/" if self.user else None,  # it may not be allowed into ours
                user=self.user,
                group=embedded.group_of(self.user),
                extra_groups=None if self.user is None else [],
            )
        self.started_at, self.due_at = time.monotonic(), None
        return self.process

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    @property
    def died(self) -> bool:
        """Whether it ended and nobody has planned its next start yet."""
        return self.due_at is None and self.process is not None and self.process.poll() is not None


def stop_together(children: list[Child], *, hurried: Callable[[], bool] = lambda: False) -> None:
    """Ask all of them to end, wait as long as each may take, and kill what is left of their families."""
    begun = time.monotonic()
    families = {child.name: _family(child) for child in children if child.pid}
    for child in children:
        if child.pid:
            _signal_group(child.pid, child.stop_signal, whole=False)
    for child in children:
        while child.pid and time.monotonic() - begun < (HURRIED_SECONDS if hurried() else child.stop_seconds):
            time.sleep(POLL_SECONDS)
        if child.process is not None:
            kill_group(child.process.pid)
            child.process.wait(GONE_SECONDS)
    _kill([process for family in families.values() for process in family])


def kill_group(leader: int) -> None:
    """Kill a process group with `kill -9`; it may be gone already."""
    _signal_group(leader, signal.SIGKILL, whole=True)


def kill_marked(run_dir: Path) -> int:
    """Kill whatever carries this run directory's mark, and say how many there were."""
    marked = [process for process in psutil.process_iter() if _mark(process) == str(run_dir)]
    _kill([process for process in marked if process.pid != os.getpid()])
    return len(marked)


def ending(code: int) -> str:
    """Say in words how a process ended."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _mark(process: psutil.Process) -> str | None:
    try:
        mark: str | None = process.environ().get(MARK)
    except (psutil.Error, OSError):  # gone, or somebody else's
        return None
    return mark


def _family(child: Child) -> list[psutil.Process]:
    family: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        family += psutil.Process(child.pid).children(recursive=True)
    return family


def _signal_group(leader: int, number: int, *, whole: bool) -> None:
    """A polite end is asked of the leader alone, who tells its own; a kill goes to all."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        (os.killpg if whole else os.kill)(leader, number)


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=GONE_SECONDS)
