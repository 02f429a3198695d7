"""One run at a time in a run directory. The system drops the lock with its process, however that ends."""

import fcntl
import os
from pathlib import Path
from typing import IO


class AlreadyRunning(Exception):
    """Another process runs the platform in this directory."""


class RunLock:
    """The file `supervisor.lock`: locked while a run lives, with the run's process id for people."""

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / "supervisor.lock"
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Take the lock.

        :raises AlreadyRunning: with the process id of the one that has it
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            pid = file.read().strip() or "unknown"
            file.close()
            raise AlreadyRunning(
                f"It is already running here (process {pid}). Stop that first: Ctrl-C there, or kill {pid}."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        """Let the next run begin."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None
