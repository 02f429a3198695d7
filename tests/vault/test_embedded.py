"""The embedded servers: shared while somebody uses them, gone afterwards, and up again after every kind of end."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from vault import embedded, embedded_postgres, embedded_redis
from vault.running.processes import Supervisor
from vault.running.stack import Stack

pytestmark = pytest.mark.processes
PROJECT = Path(__file__).resolve().parent.parent.parent
USER = """
import sys
from vault import embedded
print(embedded.database_url(), embedded.redis_url(), flush=True)
sys.stdin.read()
"""


def eventually(fact: Callable[[], object], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.05)


USERS: list["User"] = []


class User:
    """A process that uses the embedded servers until it is told to leave."""

    def __init__(self, run_dir: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "DEMO"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER],
            env=environment | {"RUN_DIR": str(run_dir)},
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        USERS.append(self)
        self.database_url, _, self.redis_url = self.process.stdout.readline().strip().partition(" ")
        assert self.redis_url, "it did not start"

    def leave(self) -> None:
        self.process.communicate(timeout=30)
        assert self.process.returncode == 0

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """Give a folder that PostgreSQL's user can reach; pytest closes its own to everybody else."""
    with tempfile.TemporaryDirectory(prefix="vault-test-", ignore_cleanup_errors=True) as name:
        yield Path(name).resolve()


@pytest.fixture(scope="module")
def run_dir() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder
        end(folder)


def end(folder: Path) -> None:
    for user in USERS:
        user.kill()
    for pid in pids(folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def pids(run_dir: Path) -> list[int]:
    found = [embedded_postgres.running_pid(run_dir / "pg")]
    with contextlib.suppress(OSError):
        port = int((run_dir / "redis" / "port").read_text())
        if embedded_redis.directory(port) == run_dir / "redis":
            found.append(embedded_redis.running_pid(port))
    return [pid for pid in found if pid]


def query(url: str, sql: str) -> object:
    with contextlib.closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0] if cursor.description else None


def test_the_last_to_leave_stops_both(run_dir: Path) -> None:
    first, second = User(run_dir), User(run_dir)
    assert (first.database_url, first.redis_url) == (second.database_url, second.redis_url)
    assert query(first.database_url, "show max_connections") == "200"
    first.leave()
    assert len(pids(run_dir)) == 2
    second.leave()
    assert pids(run_dir) == []


def test_what_was_written_is_there_the_next_time(run_dir: Path) -> None:
    user = User(run_dir)
    query(user.database_url, "create table kept as select 7 as seven")
    user.leave()
    user = User(run_dir)
    assert query(user.database_url, "select seven from kept") == 7
    user.leave()


def test_what_a_killed_user_left_is_taken_over_and_stopped(run_dir: Path) -> None:
    User(run_dir).kill()
    assert len(pids(run_dir)) == 2
    heir = User(run_dir)
    heir.leave()
    assert pids(run_dir) == []


def test_it_starts_after_both_servers_were_killed(run_dir: Path) -> None:
    killed = User(run_dir)
    for pid in pids(run_dir):
        os.kill(pid, signal.SIGKILL)
    killed.kill()
    user = User(run_dir)
    assert query(user.database_url, "select 1") == 1
    assert redis.Redis.from_url(user.redis_url).ping()
    user.leave()


def test_a_dead_servers_number_that_is_another_process_now_does_not_matter(run_dir: Path) -> None:
    User(run_dir).leave()
    stale = [
        str(os.getpid()),
        str(run_dir / "pg"),
        "1700000000",
        "5432",
        str(run_dir / "pg"),
        "",
        "  1 2",
        "ready",
    ]
    (run_dir / "pg" / "postmaster.pid").write_text("\n".join(stale))
    user = User(run_dir)
    assert query(user.database_url, "select 1") == 1
    user.leave()
    assert psutil.pid_exists(os.getpid())


def test_a_port_that_somebody_else_took_meanwhile_is_left_to_them(run_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        (run_dir / "redis" / "port").write_text(str(taken.getsockname()[1]))
        user = User(run_dir)
        assert str(taken.getsockname()[1]) not in user.redis_url
        user.leave()


def test_somebody_elses_redis_is_not_taken_for_ours(run_dir: Path, tmp_path: Path) -> None:
    other = User(run_dir)
    port = int(other.redis_url.rpartition(":")[2].partition("/")[0])
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "port").write_text(str(port))
    assert embedded_redis.choose_port(tmp_path / "redis") != port
    other.leave()


def test_half_a_data_directory_is_made_anew() -> None:
    with open_folder() as folder:
        (folder / "pg" / "base").mkdir(parents=True)
        (folder / "pg" / "PG_VERSION").write_text("18")
        embedded_postgres.prepare(folder / "pg")
        assert (folder / "pg" / "global" / "pg_control").exists()
        assert not (folder / "pg.new").exists()


def test_a_path_too_long_for_a_socket_gets_a_short_one(tmp_path: Path) -> None:
    short = embedded_postgres.socket_folder(tmp_path / ("long" * 30) / "pg")
    assert len(str(short / embedded_postgres.SOCKET_NAME)) < 104
    assert short != embedded_postgres.socket_folder(tmp_path / ("long" * 31) / "pg")
    assert embedded_postgres.socket_folder(Path("/srv/pg")) == Path("/srv/pg")


def test_killed_under_a_supervisor_they_come_back_at_the_same_address(run_dir: Path) -> None:
    with Supervisor(run_dir, say=print) as supervisor:
        stack = Stack(supervisor=supervisor, host="127.0.0.1", port=0)
        stack.start_services({})
        database, queue = stack.environment["DATABASE_URL"], stack.environment["REDIS_URL"]
        query(database, "create table survives as select 1 as one")
        before = pids(run_dir)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: len(pids(run_dir)) == 2 and not set(pids(run_dir)) & set(before))
        eventually(lambda: embedded_postgres.ready(run_dir / "pg"))
        assert query(database, "select one from survives") == 1
        assert redis.Redis.from_url(queue).ping()
    assert pids(run_dir) == []


def test_given_addresses_are_used_and_nothing_is_started(tmp_path: Path) -> None:
    given = {"DATABASE_URL": "postgres://somewhere/else", "REDIS_URL": "redis://somewhere/2"}
    with Supervisor(tmp_path, say=print) as supervisor:
        stack = Stack(supervisor=supervisor, host="127.0.0.1", port=0)
        stack.start_services(given)
        assert stack.environment == given
        assert supervisor.children == []


def test_the_demo_has_a_database_and_a_queue_of_its_own(run_dir: Path) -> None:
    with Supervisor(run_dir, say=print) as supervisor:
        stack = Stack(supervisor=supervisor, host="127.0.0.1", port=0, database="demo")
        stack.start_services({})
        assert query(stack.environment["DATABASE_URL"], "select current_database()") == "demo"
        assert stack.environment["REDIS_URL"].endswith("/1")


def test_the_url_can_be_read_by_django_and_by_libpq(run_dir: Path) -> None:
    assert embedded_postgres.url(Path("/srv/pg")) == "postgres://postgres@%2Fsrv%2Fpg/vault"
    assert embedded.free_port() > 1023
