"""Disbursements that moved, endpoints, and a partner's server that remembers what it was sent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from common.changes import By
from common.ids import new_id
from disbursements import intake
from disbursements.models import Disbursement
from partners.events import feed, operations
from partners.events.models import PartnerEvent, WebhookEndpoint
from partners.models import Partner
from tests.make import JANE, NOW

TESTER = By(name="tester", reason="because")


def payout(owner: Partner, reference: str = "p-1", *, at: datetime = NOW) -> Disbursement:
    row, _new = intake.ask_payout(
        partner_id=owner.pk,
        client_request_id=reference,
        phone=JANE,
        amount=Decimal(9500),
        client_name="Jane Wanjiku",
        at=at,
    )
    return row


def moved(row: Disbursement, *statuses: str) -> Disbursement:
    """Move a disbursement through statuses, a second apart, with a receipt where it is paid."""
    for status in statuses:
        extra = {"receipt": "SGH7XK2LMN", "paid_at": NOW} if status == "paid" else {}
        row.move(status, at=row.moved_at + timedelta(seconds=1), note=f"now {status}", **extra)
    return row


def tell(owner: Partner, reference: str = "p-1", *, at: datetime = NOW) -> PartnerEvent:
    """Tell an event as the sweep would."""
    return feed.tell(
        partner_id=owner.pk,
        type="disbursement.created",
        subject_table="disbursements",
        subject_id=new_id(),
        payload={"client_request_id": reference, "amount": "9500.00"},
        at=at,
    )


def endpoint(owner: Partner, url: str = "https://hooks.example/vault", **fields: Any) -> WebhookEndpoint:
    made, _secret = operations.make_endpoint(partner=owner, fields={"url": url} | fields, by=TESTER, at=NOW)
    return made


@dataclass
class Receiver:
    """A partner's server: answers as told and remembers what came."""

    address: str = ""
    status: int = 200
    answer: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    before: Any = None  # called before it answers


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            if receiver.before:
                receiver.before(self)
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(receiver.answer)))
            self.end_headers()
            self.wfile.write(receiver.answer)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a caller may hang up
    receiver.address = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
