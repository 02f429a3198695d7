"""The one request: what it says, how it is signed, where it may go, and how long it may take."""

import base64
import gzip
import hashlib
import hmac
import socket
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from common.gateway import OutcomeUnknown, Retryable
from common.network import is_public
from partners.events import client as module
from partners.events import signing
from partners.events.client import WebhookClient
from tests.events.make_events import Receiver, receiving

AT = datetime(2026, 6, 3, 7, 0, tzinfo=UTC)


@pytest.fixture
def receiver() -> Any:
    with receiving() as found:
        yield found


def inside() -> WebhookClient:
    return WebhookClient(allow_private=True)


def outside() -> WebhookClient:
    return WebhookClient(allow_private=False)


def test_the_body_arrives_byte_by_byte_with_its_headers(receiver: Receiver) -> None:
    posted = inside().post(receiver.address, '{"name":"Wanjikũ"}'.encode(), {"webhook-id": "e1"})
    (headers, body), *rest = receiver.got
    assert (posted.status, posted.answer, rest) == (200, "ok", [])
    assert body == '{"name":"Wanjikũ"}'.encode()
    assert headers["webhook-id"] == "e1"
    assert headers["content-type"] == "application/json"


def test_the_signature_is_the_standards() -> None:
    secret = "whsec_" + base64.b64encode(b"0123456789abcdef").decode()
    found = signing.headers(message_id="msg_1", at=AT, body=b"{}", keys=[secret])
    signed = f"msg_1.{int(AT.timestamp())}.{{}}".encode()
    wanted = base64.b64encode(hmac.new(b"0123456789abcdef", signed, hashlib.sha256).digest()).decode()
    assert found == {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(AT.timestamp())),
        "webhook-signature": f"v1,{wanted}",
    }


def test_the_signature_is_the_one_of_the_standards_own_example() -> None:
    """The sample of the specification's reference libraries."""
    found = signing.headers(
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=datetime.fromtimestamp(1614265330, tz=UTC),
        body=b'{"test": 2432232314}',
        keys=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    assert found["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_two_secrets_sign_at_once() -> None:
    found = signing.headers(
        message_id="m", at=AT, body=b"", keys=[signing.new_secret(), signing.new_secret()]
    )
    assert [part[:3] for part in found["webhook-signature"].split(" ")] == ["v1,", "v1,"]


def test_a_redirect_is_told_and_not_followed(receiver: Receiver) -> None:
    receiver.status, receiver.headers = 307, {"Location": receiver.address}
    assert inside().post(receiver.address, b"{}", {}).status == 307
    assert len(receiver.got) == 1


def test_only_the_beginning_of_a_long_answer_is_read(receiver: Receiver) -> None:
    receiver.answer = b"x" * 1_000_000
    assert inside().post(receiver.address, b"{}", {}).answer == "x" * module.KEPT


def test_a_packed_answer_is_not_unpacked(receiver: Receiver) -> None:
    receiver.answer, receiver.headers = gzip.compress(b"x" * 10_000_000), {"Content-Encoding": "gzip"}
    assert len(inside().post(receiver.address, b"{}", {}).answer) <= module.KEPT


def test_a_connection_is_used_again(receiver: Receiver) -> None:
    ports = set()
    receiver.before = lambda handler: ports.add(handler.client_address[1])
    one = inside()
    for _ in range(3):
        one.post(receiver.address, b"{}", {})
    one.close()
    assert len(ports) == 1


def test_whoever_drips_is_cut_off(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOTAL_SECONDS", 0.3)

    def drip(handler: Any) -> None:
        for _ in range(40):
            try:
                handler.wfile.write(b"H")
                time.sleep(0.05)  # the other side's slowness is what is tested
            except OSError:
                return

    receiver.before = drip
    started = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        inside().post(receiver.address, b"{}", {})
    assert time.monotonic() - started < 1.5


def test_a_lost_answer_leaves_it_unknown(receiver: Receiver) -> None:
    receiver.before = lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)
    with pytest.raises(OutcomeUnknown):
        inside().post(receiver.address, b"{}", {})


def test_a_port_that_nobody_listens_on_is_never_sent() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(Retryable, match="nobody"):
        inside().post(f"http://127.0.0.1:{port}/", b"{}", {})


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "localhost", "0.0.0.0"],
)
def test_nothing_inside_is_even_connected_to(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.socket, "create_connection", lambda *_, **__: pytest.fail("connected"))
    with pytest.raises(Retryable, match="not public"):
        outside().post(f"https://{host}/hook", b"{}", {})


def test_a_host_with_one_address_inside_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(0, 0, 0, "", ("41.90.1.1", 443)), (0, 0, 0, "", ("10.0.0.1", 443))]
    monkeypatch.setattr(module.socket, "getaddrinfo", lambda *_, **__: answers)
    monkeypatch.setattr(module.socket, "create_connection", lambda *_, **__: pytest.fail("connected"))
    with pytest.raises(Retryable, match="not public"):
        outside().post("https://two-faced.example/", b"{}", {})


def test_it_connects_to_the_address_that_was_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def refuse(where: Any, **_: Any) -> Any:
        asked.append(where)
        raise ConnectionRefusedError

    answers = [(0, 0, 0, "", ("41.90.1.1", 8443))]
    monkeypatch.setattr(module.socket, "getaddrinfo", lambda *_, **__: answers)
    monkeypatch.setattr(module.socket, "create_connection", refuse)
    with pytest.raises(Retryable):
        outside().post("https://hooks.example:8443/", b"{}", {})
    assert asked == [("41.90.1.1", 8443)]


def test_plain_http_does_not_leave_the_house() -> None:
    with pytest.raises(Retryable, match="https"):
        outside().post("http://hooks.example/", b"{}", {})


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("41.90.1.1", True),
        ("2c0f:fe38::1", True),
        ("::ffff:41.90.1.1", True),
        ("100.64.0.1", False),
        ("192.168.1.1", False),
        ("224.0.0.1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
        ("2001:0:4136:e378:8000:63bf:f5ff:fffe", False),
    ],
)
def test_what_counts_as_public(address: str, public: bool) -> None:
    assert is_public(address) is public
