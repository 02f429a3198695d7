"""What every provider's client must make of a broken outside, as one table for all of them."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError

from common.gateway import GatewayError, OutcomeUnknown, Rejected, Retryable
from sms.gateways import Message

HELLO = Message(phone="254708374149", text="Habari & karibu", reference="0197f0000000700080000000000000aa")
SECRETS = ("key-that-nobody-may-see", "pass-that-nobody-may-see")

_REFUSED = requests.ConnectionError(
    MaxRetryError(None, "/", NewConnectionError(None, "refused"))  # type: ignore[arg-type]
)
FAULTS: list[Any] = [
    pytest.param({"body": "<html><b>Warning</b></html>"}, OutcomeUnknown, id="HTML with 200"),
    pytest.param({"body": "SMS queued"}, OutcomeUnknown, id="plain text"),
    pytest.param({"body": ""}, OutcomeUnknown, id="nothing"),
    pytest.param({"json": [1, 2]}, OutcomeUnknown, id="a JSON list"),
    pytest.param({"json": "ok"}, OutcomeUnknown, id="a JSON text"),
    pytest.param({"json": {}}, OutcomeUnknown, id="an empty object"),
    pytest.param({"body": "<html>", "status": 502}, OutcomeUnknown, id="bad gateway"),
    pytest.param({"json": {"code": "ok"}, "status": 500}, OutcomeUnknown, id="500 that says ok"),
    pytest.param({"body": "", "status": 302}, OutcomeUnknown, id="a redirect"),
    pytest.param({"body": "no", "status": 401}, Rejected, id="401"),
    pytest.param({"body": "slow", "status": 429}, Retryable, id="429"),
    pytest.param({"body": requests.ReadTimeout()}, OutcomeUnknown, id="read timeout"),
    pytest.param({"body": requests.ConnectionError("reset")}, OutcomeUnknown, id="reset"),
    pytest.param({"body": requests.exceptions.SSLError()}, OutcomeUnknown, id="TLS"),
    pytest.param({"body": requests.ConnectTimeout()}, Retryable, id="connect timeout"),
    pytest.param({"body": _REFUSED}, Retryable, id="refused"),
]


def refusal(send: Callable[[], object]) -> GatewayError:
    """Return the error that a call ends in; it tells no secret and no phone."""
    with pytest.raises(GatewayError) as raised:
        send()
    said = f"{raised.value!s} {raised.value!r}"
    assert not any(secret in said for secret in (*SECRETS, HELLO.phone))
    return raised.value
