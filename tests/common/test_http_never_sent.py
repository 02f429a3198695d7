"""Against real sockets: what was provably never sent, and what may have been done."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from common.gateway import OutcomeUnknown, Retryable
from common.http import Timeout, call, new_session

QUICK = Timeout(connect=0.5, read=0.5)


@contextlib.contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Accept one connection and do with it as told."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join(timeout=5)


def post(url: str, *, allow_private: bool = True) -> None:
    with new_session(allow_private=allow_private) as session:
        call(session, "POST", url, system="test", operation="pay", timeout=QUICK, json={"amount": 1})


def read_then(then: bytes | None) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        if then is not None:
            connection.sendall(then)

    return answer


def silence(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.settimeout(3)
    connection.recv(1)  # until the other side gives up


def reset(connection: socket.socket) -> None:
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://no-such-host.invalid/"])
def test_a_connection_that_was_never_made_may_be_tried_again(url: str) -> None:
    with pytest.raises(Retryable):
        post(url)


def test_a_connect_timeout_may_be_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as stack:
        for _ in range(4):  # fill the backlog, so that the next connection hangs
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(full.getsockname())
        with pytest.raises(Retryable):
            post(f"http://127.0.0.1:{full.getsockname()[1]}/")


@pytest.mark.parametrize(
    "behaviour",
    [
        read_then(None),
        read_then(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
        read_then(b"this is not HTTP\r\n\r\n"),
        silence,
        reset,
    ],
    ids=["hang up", "half a body", "no HTTP", "read timeout", "reset"],
)
def test_a_lost_answer_is_unknown(behaviour: Callable[[socket.socket], None]) -> None:
    with server(behaviour) as url, pytest.raises(OutcomeUnknown):
        post(url)


def test_broken_tls_is_unknown() -> None:
    with server(read_then(b"no TLS here")) as url, pytest.raises(OutcomeUnknown):
        post(url.replace("http://", "https://"))


def test_a_private_address_is_refused_before_anything_is_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with pytest.raises(Retryable):
            post(f"http://127.0.0.1:{listener.getsockname()[1]}/", allow_private=False)
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(1) == b""
