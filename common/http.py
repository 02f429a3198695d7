"""One way to speak HTTP to the outside: sessions with timeouts, answers never believed blindly."""

import ipaddress
import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import requests
import structlog
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.poolmanager import PoolManager

from common.gateway import OutcomeUnknown, Retryable

log = structlog.get_logger("outside")

Session = requests.Session  # so that only clients and this file name `requests`

MAX_ANSWER_BYTES = 20 * 1024 * 1024
USER_AGENT = "PaymentVault/1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """Seconds to connect, and to wait between two pieces of an answer."""

    connect: float = 5.0
    read: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, whatever its status. Header names are case-insensitive."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the parsed body with exact decimals, or None when it is not JSON."""
        try:
            return json.loads(self.text, parse_float=Decimal)
        except (ValueError, RecursionError):  # the second: thousands of brackets
            return None

    def object(self) -> dict[str, Any]:
        """Return the body as a JSON object, or an empty one when it is anything else."""
        parsed = self.json()
        return parsed if isinstance(parsed, dict) else {}


def never_sent(exc: Exception) -> bool:
    """Whether the connection was never made, so that the other side cannot have acted.

    A TLS failure is not among these: it can also come after the request has left.
    """
    reason = getattr(exc.args[0] if exc.args else None, "reason", None)
    return isinstance(exc, requests.ConnectTimeout) or isinstance(
        reason, NewConnectionError | ConnectTimeoutError
    )


def call(
    session: requests.Session,
    method: str,
    url: str,
    *,
    system: str,
    operation: str,
    reference: str = "",
    timeout: Timeout | None = None,
    **options: Any,
) -> Answer:
    """Send one request and return its answer, with one log line that holds no body, no secret and no URL.

    Redirects are not followed: none of our systems redirects, and a followed one turns a POST into a GET.

    :param options: passed to `requests` (`json`, `data`, `params`, `headers`, `auth`)
    :raises Retryable: the connection was never made
    :raises OutcomeUnknown: it was made, and the answer was lost
    """
    timeout = timeout or Timeout()
    started = time.monotonic()
    outcome = "lost"
    try:
        answer = _send(session, method, url, timeout, options)
        outcome = str(answer.status)
    except (requests.RequestException, HTTPError, OSError) as exc:  # urllib3's own while the body is read
        if never_sent(exc):
            outcome = "not sent"
            raise Retryable(f"{system} could not be reached") from exc
        raise OutcomeUnknown(f"{system} did not answer ({type(exc).__name__})") from exc
    else:
        return answer
    finally:
        spent = round((time.monotonic() - started) * 1000)
        log.info("call", system=system, operation=operation, reference=reference, outcome=outcome, ms=spent)


def _send(
    session: requests.Session, method: str, url: str, timeout: Timeout, options: dict[str, Any]
) -> Answer:
    request = _prepared(session, method, url, **options)
    adapter = session.get_adapter(url)
    with adapter.send(
        request,
        timeout=(timeout.connect, timeout.read),
        stream=True,
        verify=session.verify if session.verify is not None else True,
    ) as response:
        body = response.raw.read(MAX_ANSWER_BYTES + 1, decode_content=True)
        if len(body) > MAX_ANSWER_BYTES:
            raise requests.ConnectionError("the answer is too large")
        text = body.decode(response.encoding or "utf-8", errors="replace")
        return Answer(status=response.status_code, headers=response.headers, text=text)


def _prepared(
    session: requests.Session, method: str, url: str, *, headers: Mapping[str, str] | None = None, **body: Any
) -> requests.PreparedRequest:
    """Make the request as the session would, without its cookies, proxies, redirects and hooks: we have none."""
    request = requests.PreparedRequest()
    request.prepare(method=method, url=url, headers={**session.headers, **(headers or {})}, **body)
    return request


def new_session(*, allow_private: bool, verify: bool | str = True, connections: int = 16) -> requests.Session:
    """Make a session to keep for one host: pooled connections, no retries, no proxies from the environment.

    :param allow_private: False refuses addresses that are not public, judged on the connection itself, so
        that neither DNS tricks nor redirects lead inside
    :param verify: True, or the path of a CA file
    """
    session = requests.Session()
    session.trust_env = False
    session.verify = verify
    session.headers["User-Agent"] = USER_AGENT
    adapter = (HTTPAdapter if allow_private else PublicOnlyAdapter)(
        pool_connections=1, pool_maxsize=connections, max_retries=0
    )
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class _PublicHTTPConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _only_public(super()._new_conn(), self)


class _PublicHTTPSConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _only_public(super()._new_conn(), self)


class _PublicHTTPPool(HTTPConnectionPool):
    ConnectionCls = _PublicHTTPConnection


class _PublicHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _PublicHTTPSConnection


class PublicOnlyAdapter(HTTPAdapter):
    """Connects to public addresses only; anything else counts as never sent."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        self.poolmanager = PoolManager(num_pools=args[0], maxsize=args[1], block=kwargs.get("block", False))
        self.poolmanager.pool_classes_by_scheme = {"http": _PublicHTTPPool, "https": _PublicHTTPSPool}


def _only_public(connection: socket.socket, owner: HTTPConnection) -> socket.socket:
    if ipaddress.ip_address(connection.getpeername()[0]).is_global:
        return connection
    connection.close()
    raise NewConnectionError(owner, "the host has no public address")
