"""One HTTP session per Mifos server and trusted certificate, kept by the process."""

import hashlib
import tempfile
import threading
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path

from common.http import new_session
from mifos.client import Session

_lock = threading.Lock()
_sessions: dict[tuple[str, str, bool], Session] = {}


def session_for(base_url: str, *, ca_certificate: str, allow_private: bool) -> Session:
    """Return the server's session; it keeps no cookies, since tenants share it.

    :param ca_certificate: PEM to trust instead of the public authorities; empty for these
    """
    verify = _file(ca_certificate) if ca_certificate else True
    key = (base_url, str(verify), allow_private)
    with _lock:
        if key not in _sessions:
            session = new_session(allow_private=allow_private, verify=verify)
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            _sessions[key] = session
        return _sessions[key]


def _file(pem: str) -> str:
    path = _directory() / f"{hashlib.sha256(pem.encode()).hexdigest()}.pem"
    if not path.exists():
        written = path.with_suffix(f".{threading.get_ident()}")
        written.write_text(pem)
        written.replace(path)  # never half a file under the name that TLS reads
    return str(path)


@lru_cache(maxsize=1)
def _home() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="mifos-ca-", ignore_cleanup_errors=True)


def _directory() -> Path:
    path = Path(_home().name)
    path.mkdir(mode=0o700, exist_ok=True)  # a cleaner of temporary files may have been here
    return path
