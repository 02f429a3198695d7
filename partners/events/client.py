"""Post a webhook to an address that a partner chose: outside only, once, and not for long.

The address is resolved once for each connection, judged, and connected to as judged, so that a second answer of
the DNS cannot lead elsewhere. Redirects are not followed. The whole exchange ends after `TOTAL_SECONDS`, however
slowly the other side drips.
"""

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.poolmanager import PoolManager

from common.gateway import OutcomeUnknown, Retryable
from common.http import USER_AGENT, never_sent
from common.network import is_public

CONNECT_SECONDS = 4.0
READ_SECONDS = 8.0
TOTAL_SECONDS = 12.0
MOST_BYTES = 4096  # of the answer; what is longer is cut off with the connection
KEPT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What an endpoint answered."""

    status: int
    answer: str  # its first bytes
    retry_after: int | None = None  # seconds, where it asked for that

    @property
    def taken(self) -> bool:
        return 200 <= self.status < 300


class WebhookClient:
    """Speaks to one endpoint. Up to `connections` threads may use it at once."""

    def __init__(self, *, allow_private: bool, connections: int = 1) -> None:
        """:param allow_private: reach private addresses too, and plain http (tests, a demo, a closed network)"""
        self._session = requests.Session()
        self._session.trust_env = False
        adapter = _OutsideAdapter(
            allow_private=allow_private, pool_connections=1, pool_maxsize=connections, max_retries=0
        )
        self._session.mount("https://", adapter)
        if allow_private:
            self._session.mount("http://", adapter)
        else:
            self._session.adapters.pop("http://")

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> Posted:
        """Post a body and return what came back, whatever its status.

        :raises Retryable: it never left us, because the address is not one that we speak to or nobody answers
        :raises OutcomeUnknown: it left, and no answer came
        """
        sent = headers | {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "Accept-Encoding": "identity",
        }
        try:
            return self._post(url, body, sent)
        except requests.exceptions.InvalidSchema:
            raise Retryable("only https is spoken to outside") from None
        except (requests.RequestException, HTTPError, OSError, ValueError) as exc:
            if never_sent(exc):
                raise Retryable(_why_not(exc)) from exc
            raise OutcomeUnknown(f"no answer came ({type(exc).__name__})") from exc

    def close(self) -> None:
        self._session.close()

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> Posted:
        with self._session.post(
            url,
            data=body,
            headers=headers,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            allow_redirects=False,
            stream=True,
        ) as response:
            text = response.raw.read(MOST_BYTES).decode("utf-8", errors="replace")
            return Posted(
                status=response.status_code,
                answer=text[:KEPT].replace("\x00", "\ufffd"),
                retry_after=_seconds(response.headers.get("Retry-After", "")),
            )


def _seconds(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def _why_not(exc: Exception) -> str:
    reason = getattr(exc.args[0] if exc.args else None, "reason", None)
    if isinstance(reason, _NotOutside):
        return "the host has an address that is not public"
    return "nobody could be reached there"


class _NotOutside(NewConnectionError):
    """The host has an address that we do not speak to."""


class _Bounded(HTTPConnection):
    """A connection to a judged address that is cut when its time is over."""

    allow_private = False
    _guard: socket.socket | None = None
    _timer: threading.Timer | None = None

    def _new_conn(self) -> socket.socket:
        address = self._judged()
        try:
            found = socket.create_connection((address, self.port or 443), timeout=CONNECT_SECONDS)
        except OSError as exc:
            raise NewConnectionError(self, "nobody listens there") from exc
        self._drop_guard()
        self._guard = found.dup()  # TLS takes the socket over; this one still reaches the connection
        self._wind()
        return found

    def _judged(self) -> str:
        try:
            found = socket.getaddrinfo(self._dns_host, self.port or 443, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:
            raise NewConnectionError(self, "the host has no address") from exc
        addresses = [str(one[4][0]) for one in found]
        if not addresses or not (self.allow_private or all(map(is_public, addresses))):
            raise _NotOutside(self, "the host has an address that is not public")
        return addresses[0]

    def request(self, *words: Any, **options: Any) -> None:
        self._wind()
        super().request(*words, **options)

    def close(self) -> None:
        self._drop_guard()
        super().close()

    def _wind(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        guard = self._guard
        if guard is not None:
            self._timer = threading.Timer(TOTAL_SECONDS, _cut, [guard])
            self._timer.daemon = True
            self._timer.start()

    def _drop_guard(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._guard is not None:
            self._guard.close()
        self._guard = self._timer = None


def _cut(guard: socket.socket) -> None:
    with suppress(OSError):  # it is closed already
        guard.shutdown(socket.SHUT_RDWR)


class _BoundedHTTPS(_Bounded, HTTPSConnection):
    """The same over TLS."""


class _AnywhereHTTP(_Bounded):
    allow_private = True


class _AnywhereHTTPS(_BoundedHTTPS):
    allow_private = True


def _pools(http: type[HTTPConnection], https: type[HTTPSConnection]) -> dict[str, Any]:
    return {
        "http": type("Pool", (HTTPConnectionPool,), {"ConnectionCls": http}),
        "https": type("PoolTLS", (HTTPSConnectionPool,), {"ConnectionCls": https}),
    }


class _OutsideAdapter(HTTPAdapter):
    def __init__(self, *, allow_private: bool, **options: Any) -> None:
        self._classes = (
            _pools(_AnywhereHTTP, _AnywhereHTTPS) if allow_private else _pools(_Bounded, _BoundedHTTPS)
        )
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        self.poolmanager = PoolManager(num_pools=args[0], maxsize=args[1], block=True)
        self.poolmanager.pool_classes_by_scheme = self._classes
