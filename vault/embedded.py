"""PostgreSQL and Redis from their Python packages, under `.run/`, for machines that have neither.

Whoever uses them holds a shared lock on `.run/users.lock` for as long as it lives; the last to leave stops
them. The system drops a lock with its process, so a killed process leaves nothing that must be tidied up.
"""

import atexit
import contextlib
import fcntl
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from vault import embedded_postgres, embedded_redis

RUN_DIR = Path(os.environ.get("RUN_DIR") or Path(__file__).resolve().parent.parent / ".run").resolve()
if (
    "pytest" in sys.modules
):  # tests side by side have servers of their own: transactions are seen across databases
    RUN_DIR /= os.environ.get("PYTEST_XDIST_WORKER", "")
START_SECONDS = 60.0  # recovery after a crash may take its time
STOP_SECONDS = 15.0

_handle: IO[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One embedded server: how it is started in the foreground, asked, and stopped."""

    name: str
    command: list[str]
    url: str
    user: str | None  # the system user that runs it, where we are root and it refuses to be
    ready: Callable[[], bool]
    pid: Callable[[], int | None]
    stop_signal: int


def postgres(run_dir: Path = RUN_DIR) -> Service:
    """Prepare the data directory (made at the first time) and describe the server."""
    run_dir.mkdir(parents=True, exist_ok=True)
    data = run_dir / "pg"
    user = embedded_postgres.prepare(data)
    return Service(
        name="postgres",
        command=embedded_postgres.command(data),
        url=embedded_postgres.url(data),
        user=user,
        ready=lambda: embedded_postgres.ready(data),
        pid=lambda: embedded_postgres.running_pid(data),
        stop_signal=signal.SIGINT,  # "fast": does not wait for clients to leave
    )


def redis(run_dir: Path = RUN_DIR) -> Service:
    """Choose the port (last time's where it is free) and describe the server."""
    folder = run_dir / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    port = embedded_redis.choose_port(folder)
    return Service(
        name="redis",
        command=embedded_redis.command(folder, port),
        url=f"redis://127.0.0.1:{port}/0",
        user=None,
        ready=lambda: embedded_redis.ready(port),
        pid=lambda: embedded_redis.running_pid(port),
        stop_signal=signal.SIGTERM,
    )


def database_url(name: str = "") -> str:
    """Start the embedded PostgreSQL unless it runs, make the database, and say how to reach it.

    The demo's is called `demo`, anything else's `vault`.
    """
    name = name or ("demo" if _is_demo() else "vault")
    _use(postgres)
    make_database(name=name)
    return embedded_postgres.url(RUN_DIR / "pg", name)


def make_database(run_dir: Path = RUN_DIR, name: str = "vault") -> None:
    """Create a database of the running PostgreSQL unless it is there."""
    embedded_postgres.make_database(run_dir / "pg", name)


def redis_url() -> str:
    """Start the embedded Redis unless it runs, and say how to reach it."""
    url = _use(redis).url
    return f"{url.removesuffix('/0')}/1" if _is_demo() else url


def _is_demo() -> bool:
    return os.environ.get("DEMO", "").lower() in ("1", "true", "yes", "on")


def _use(describe: Callable[[], Service]) -> Service:
    join()
    with starting():
        service = describe()
        if not service.ready():
            _start(service)
    return service


def _start(service: Service) -> None:
    log_path = RUN_DIR / "logs" / f"{service.name}.log"
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            service.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            user=service.user,
            group=group_of(service.user),
            extra_groups=None if service.user is None else [],
        )
    deadline = time.monotonic() + START_SECONDS
    while not service.ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"The embedded {service.name} did not start; its log is {log_path}")
        time.sleep(0.05)
    # Its end is watched through its own pid; without this, Python warns of a child that it lost sight of.
    process.returncode = 0


def group_of(user: str | None) -> int | None:
    """Return the main group of a system user."""
    return None if user is None else pwd.getpwnam(user).pw_gid


def join(run_dir: Path = RUN_DIR) -> None:
    """Count this process among the users until it ends."""
    global _handle
    if _handle is not None:
        return
    run_dir.mkdir(parents=True, exist_ok=True)
    _handle = (run_dir / "users.lock").open("a")
    fcntl.flock(_handle, fcntl.LOCK_SH)
    atexit.register(_leave, os.getpid(), run_dir)


def _leave(joined_as: int, run_dir: Path) -> None:
    """Stop the servers unless somebody else uses them."""
    if os.getpid() != joined_as:  # a fork shares the lock; its parent decides
        return
    with starting(run_dir):
        alone = not used_by_others()
        if _handle is not None:
            _handle.close()
        if not alone:
            return
        for folder, describe in (("redis", redis), ("pg", postgres)):
            if (run_dir / folder).exists():
                stop(describe(run_dir))


def used_by_others() -> bool:
    """Whether another process that joined still lives."""
    if _handle is None:
        raise RuntimeError("join() first")
    try:
        fcntl.flock(_handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fcntl.flock(_handle, fcntl.LOCK_SH)  # the attempt dropped it
        return True
    fcntl.flock(_handle, fcntl.LOCK_SH)
    return False


def stop(service: Service, *, limit: float = STOP_SECONDS) -> None:
    """Ask a server to end, and kill it when it takes too long."""
    pid = service.pid()
    if pid is None:
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        process.send_signal(service.stop_signal)
        _, alive = psutil.wait_procs(family, timeout=limit)
        for survivor in alive:
            survivor.kill()
        psutil.wait_procs(alive, timeout=5)


@contextlib.contextmanager
def starting(run_dir: Path = RUN_DIR) -> Iterator[None]:
    """Let one process at a time start or stop the servers."""
    run_dir.mkdir(parents=True, exist_ok=True)
    with (run_dir / "start.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def free_port() -> int:
    """Find a TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
