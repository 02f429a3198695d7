"""The sandbox, as the demo sees it: its control API over HTTP."""

import json
import urllib.error
import urllib.request
from typing import Any

TIMEOUT_SECONDS = 30


class Refused(Exception):
    """The sandbox did not do what it was asked; the text is its answer."""


class Outside:
    """Speaks to `/control` of a running sandbox."""

    def __init__(self, url: str) -> None:
        self.url = url

    def up(self) -> bool:
        """Whether it answers."""
        try:
            self.get("switches")
        except (OSError, Refused):
            return False
        return True

    def get(self, path: str) -> Any:
        """Read something."""
        return self._ask("GET", path, None)

    def post(self, path: str, **fields: Any) -> Any:
        """Make or move something."""
        return self._ask("POST", path, fields)

    def put(self, path: str, fields: dict[str, Any]) -> Any:
        """Set something."""
        return self._ask("PUT", path, fields)

    def delete(self, path: str) -> Any:
        """Take something away."""
        return self._ask("DELETE", path, None)

    def text(self, path: str) -> str:
        """Read something that is not JSON."""
        return self._send("GET", path, None).decode()

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        return json.loads(self._send(method, path, body))

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - our own sandbox
            f"{self.url}/control/{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                return bytes(answer.read())
        except urllib.error.HTTPError as exc:
            raise Refused(
                f"{method} /control/{path}: {exc.code} {exc.read().decode(errors='replace')}"
            ) from exc
