"""What the platform consists of on one machine, and the order in which it starts."""

import contextlib
import socket
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from vault import embedded
from vault.running.children import Child
from vault.running.processes import CannotStart, Supervisor

PROJECT = Path(__file__).resolve().parent.parent.parent
POSTGRES, REDIS, SANDBOX, BEAT, WORKERS, WEB = range(1, 7)  # stages: stopped from the last to the first
WORKER_QUEUES = {  # the sweeps have a process of their own: nothing that waits outside may hold them
    "worker-payouts": "payouts",
    "worker-mifos": "recording,mifos,collections",
    "worker-default": "default,sms",
    "worker-webhooks": "webhooks",
}
WORKER_THREADS = {"worker-payouts": 24, "worker-mifos": 32}  # mostly waiting for others' answers
USUAL_THREADS = 12
WEB_PROCESSES, WEB_THREADS = 2, 8


@dataclass(kw_only=True)
class Stack:
    """The platform's processes under one supervisor; `environment` is what all of them get."""

    supervisor: Supervisor
    host: str
    port: int
    database: str = "vault"
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where the pages are, for somebody on this machine."""
        return f"http://{'127.0.0.1' if self.host == '0.0.0.0' else self.host}:{self.port}"  # noqa: S104

    def start_services(self, given: Mapping[str, str]) -> None:
        """Start the embedded PostgreSQL and Redis, each unless its URL is given."""
        embedded.join(self.supervisor.run_dir)
        for variable, stage in (("DATABASE_URL", POSTGRES), ("REDIS_URL", REDIS)):
            self.environment[variable] = given.get(variable) or self._start_service(stage)

    def _start_service(self, stage: int) -> str:
        run_dir = self.supervisor.run_dir
        with embedded.starting(run_dir):
            service = (embedded.postgres if stage == POSTGRES else embedded.redis)(run_dir)
            if service.ready() and not embedded.used_by_others():
                embedded.stop(service)  # a killed run left it
            if not service.ready():
                self.supervisor.start(
                    Child(
                        name=service.name,
                        command=service.command,
                        stage=stage,
                        user=service.user,
                        stop_signal=service.stop_signal,
                        stop_seconds=embedded.STOP_SECONDS,
                    )
                )
                self.supervisor.wait_until(service.ready, what=service.name)
        if stage == POSTGRES:
            embedded.make_database(run_dir, self.database)
        return self._own_url(service.url, stage)

    def _own_url(self, url: str, stage: int) -> str:
        """Keep the demo's data and queue apart from a real run's on the same embedded servers."""
        base = url.rpartition("/")[0]
        if stage == POSTGRES:
            return f"{base}/{self.database}"
        return f"{base}/{0 if self.database == 'vault' else 1}"

    def manage(self, name: str, *words: str) -> str:
        """Run one of `manage.py`'s commands to its end and return what it printed."""
        command = [sys.executable, str(PROJECT / "manage.py"), *words]
        return self.supervisor.run_once(name, command, environment=self.environment)

    def start_platform(self) -> None:
        """Start beat, workers and web, and wait until the web answers."""
        self.start_beat()
        for name in WORKER_QUEUES:
            self.start_worker(name)
        self.start_web()
        self.supervisor.wait_until(lambda: answers(f"{self.address}/healthz"), what="web")

    def start_beat(self) -> Child:
        """Start the one process that says when it is time to sweep and poll."""
        schedule = self.supervisor.run_dir / "beat-schedule"
        return self._start("beat", BEAT, _celery("beat", f"--schedule={schedule}", "--pidfile="))

    def start_worker(self, name: str) -> Child:
        """Start the worker process of a group of queues."""
        options = [f"--queues={WORKER_QUEUES[name]}", f"--hostname={name}@%h", "--pool=threads"]
        options += [f"--concurrency={WORKER_THREADS.get(name, USUAL_THREADS)}", "--prefetch-multiplier=2"]
        options += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        return self._start(name, WORKERS, _celery("worker", *options), stop_seconds=20)

    def start_web(self) -> Child:
        """Start gunicorn. It writes no access log: our callback paths hold secrets."""
        return self._start("web", WEB, gunicorn("vault.wsgi", f"{self.host}:{self.port}"))

    def _start(self, name: str, stage: int, command: list[str], *, stop_seconds: float = 10) -> Child:
        child = Child(
            name=name, command=command, stage=stage, environment=self.environment, stop_seconds=stop_seconds
        )
        return self.supervisor.start(child)


def gunicorn(application: str, address: str) -> list[str]:
    """Build the command that serves an application as the platform's own pages are served."""
    command = [sys.executable, "-m", "gunicorn", application, f"--bind={address}"]
    command += ["--worker-class=gthread", f"--workers={WEB_PROCESSES}", f"--threads={WEB_THREADS}"]
    return [*command, "--timeout=60", "--graceful-timeout=8", "--keep-alive=2", "--no-control-socket"]


def _celery(program: str, *options: str) -> list[str]:
    return [sys.executable, "-m", "celery", "-A", "vault", program, "--loglevel=INFO", *options]


def check_port(host: str, port: int) -> None:
    """Refuse a port that somebody listens on.

    :raises CannotStart: with a way out
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            raise CannotStart(
                f"{host}:{port} cannot be used ({exc.strerror}). Choose another port, as in: PORT={port + 1}"
            ) from exc


def remembered_port(path: Path) -> int:
    """Return the port that was written down last time if it is free, else another one, written down."""
    with contextlib.suppress(OSError, ValueError, CannotStart):
        port = int(path.read_text())
        check_port("127.0.0.1", port)
        return port
    port = embedded.free_port()
    path.write_text(str(port))
    return port


def answers(url: str) -> bool:
    """Whether a page of ours answers with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except OSError:
        return False


def allowed_hosts(public_base_url: str) -> str:
    """Return the host names by which the web may be called, for `ALLOWED_HOSTS`."""
    names = ["127.0.0.1", "localhost", urlsplit(public_base_url).hostname or ""]
    return ",".join(dict.fromkeys(name for name in names if name))
