"""Talks to one simulated Mifos host inside a test's own event loop."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from sandbox.app import WORLD, make_app

API = "/fineract/kilimo/fineract-provider/api/v1"
HEADERS = {"Fineract-Platform-TenantId": "default", "Accept": "application/json"}
LOGIN = aiohttp.encode_basic_auth("api", "secret")
TODAY = "2026-06-10"
FORMAT = {"dateFormat": "yyyy-MM-dd", "locale": "en"}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str
    headers: Any

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """What an adapter branches on: the item's code, else the top-level one."""
        body = self.json
        items = body.get("errors")
        return (items[0] if items else body)["userMessageGlobalisationCode"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the hook receiver got."""

    method: str
    path: str
    headers: Any
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Mifos:
    """The host `kilimo`, whose business date is 10 June 2026."""

    def __init__(self, client: TestClient[Any, Any]) -> None:
        self.client, self.world = client, client.app[WORLD]
        self.inbox = ""  # where hooks may be sent; set when the receiver runs
        self.inbox_status = 204
        self.inbox_redirect = ""  # where the receiver sends its callers on
        self.got: list[Delivery] = []

    async def send(self, method: str, path: str, **more: Any) -> Answer:
        login = more.pop("login", LOGIN)
        headers = more.pop("headers", HEADERS) | more.pop("more_headers", {})
        more["headers"] = headers | ({"Authorization": login} if login else {})
        url = path if path.startswith("/") else f"{API}/{path}"
        async with self.client.request(method, url, **more) as answer:
            return Answer(answer.status, await answer.text(), answer.headers)

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.send("GET", path, **more)

    async def post(self, path: str, body: Any = None, *, key: str | None = None, **more: Any) -> Answer:
        headers = {"Idempotency-Key": key} if key else {}
        return await self.send("POST", path, json=body, more_headers=headers, **more)

    async def control(self, path: str, body: Any = None, method: str = "POST") -> Any:
        async with self.client.request(method, f"/control/{path}", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def settings(self, **body: Any) -> None:
        await self.control("fineract/hosts", {"host": "kilimo"} | body)

    async def fault(self, operation: str, kind: str, **more: Any) -> None:
        await self.control(
            "faults", {"system": "fineract", "operation": operation, "kind": kind, "times": 1} | more
        )

    async def switch(self, **switches: Any) -> None:
        await self.control(
            "switches", {f"fineract.{name}": value for name, value in switches.items()}, method="PUT"
        )

    async def product(self, **body: Any) -> int:
        made = await self.control("fineract/kilimo/products", {"name": "Personal"} | body)
        return int(made["id"])

    async def client_of(self, **body: Any) -> int:
        return int((await self.control("fineract/kilimo/clients", {"name": "Jane Doe"} | body))["id"])

    async def loan(self, *, product: dict[str, Any] | None = None, **body: Any) -> int:
        """A loan of 10,000, approved unless told otherwise."""
        ids = {"client_id": body.pop("client_id", None) or await self.client_of()}
        ids["product_id"] = await self.product(**(product or {}))
        body = {"principal": "10000", "approve": True, "approved_on": "2026-06-02"} | ids | body
        return int((await self.control("fineract/kilimo/loans", body))["id"])

    async def active_loan(self, **body: Any) -> int:
        loan = await self.loan(**body)
        assert (await self.disburse(loan)).status == 200
        return loan

    async def disburse(self, loan: int, *, key: str | None = None, **body: Any) -> Answer:
        sent = FORMAT | {"actualDisbursementDate": "2026-06-03"} | body
        sent = {name: value for name, value in sent.items() if value is not None}
        return await self.post(f"loans/{loan}?command=disburse", sent, key=key)

    async def repay(
        self, loan: int, amount: str = "1000.00", *, key: str | None = None, **body: Any
    ) -> Answer:
        sent = FORMAT | {"transactionDate": "2026-06-05", "transactionAmount": amount} | body
        return await self.post(f"loans/{loan}/transactions?command=repayment", sent, key=key)

    async def status(self, loan: int) -> int:
        return int((await self.get(f"loans/{loan}")).json["status"]["id"])

    async def books(self) -> Any:
        return await self.control("fineract/kilimo/books", method="GET")

    async def settle(self) -> None:
        """Let background deliveries finish."""
        while self.world._timers or self.world._running:
            await asyncio.sleep(0.001)

    async def take(self, request: web.Request) -> web.Response:
        """The hook receiver of the test."""
        self.got.append(Delivery(request.method, request.path_qs, request.headers, await request.text()))
        if self.inbox_redirect and request.path != self.inbox_redirect:
            raise web.HTTPFound(self.inbox_redirect)
        return web.Response(status=self.inbox_status)

    async def register(self, url: str = "", content_type: str = "json", **more: Any) -> Answer:
        """Register a hook for approvals and disbursals, and forget the ping."""
        body = {
            "name": "Web",
            "displayName": "payment-vault",
            "isActive": True,
            "events": [{"entityName": "LOAN", "actionName": name} for name in ("APPROVE", "DISBURSE")],
            "config": {"Payload URL": url or self.inbox, "Content Type": content_type},
        }
        return await self.post("hooks", body | more)

    async def deliveries(self) -> list[Delivery]:
        """The POSTs that came, when all are through."""
        await self.settle()
        return [delivery for delivery in self.got if delivery.method == "POST"]


Story = Callable[..., Awaitable[None]]


def mifos(**settings: Any) -> Callable[[Story], Callable[..., None]]:
    """Run an async test against a fresh sandbox with one host; the host is its first argument."""

    def wrap(story: Story) -> Callable[..., None]:
        @functools.wraps(story)
        def test(**parameters: Any) -> None:
            asyncio.run(_tell(story, settings, parameters))

        signature = inspect.signature(story)
        test.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])  # type: ignore[attr-defined]
        return test

    return wrap


async def _tell(story: Story, settings: dict[str, Any], parameters: dict[str, Any]) -> None:
    async with TestClient(TestServer(make_app())) as client:
        host = Mifos(client)
        receiver = web.Application()
        receiver.router.add_route("*", "/{path:.*}", host.take)
        async with TestServer(receiver) as inbox:
            host.inbox = str(inbox.make_url("/hook/TOKEN/"))
            await host.switch(retry_seconds=0)
            defaults = {"username": "api", "password": "secret", "business_date": TODAY}
            await host.settings(**defaults | settings)
            await story(host, **parameters)
            await host.settle()
