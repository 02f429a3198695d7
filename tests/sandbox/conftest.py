"""A running sandbox on a free port, and an inbox that takes its callbacks."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from aiohttp import web

from sandbox.app import WORLD, make_app
from tests.sandbox.c2b_client import Paybill
from tests.sandbox.daraja_client import Daraja
from tests.sandbox.ncba_client import Bank

WAIT_SECONDS = 10
Post = dict[str, Any]


def accept(post: Post) -> web.Response:
    """What M-Pesa wants to hear."""
    return web.json_response({"ResultCode": 0, "ResultDesc": "Accepted"})


class Inbox:
    """Remembers what was posted to it; ``wait`` blocks until enough has come."""

    def __init__(self) -> None:
        self.origin = self.url = ""
        self.posts: list[Post] = []
        self.reply: Callable[[Post], web.Response] = accept
        self._round = 0
        self._changed = threading.Condition()

    def start_anew(self) -> None:
        """Forget everything; what is still under way to the old address is not counted."""
        with self._changed:
            self._round += 1
            self.url = f"{self.origin}/{self._round}"
            self.posts.clear()
            self.reply = accept

    async def take(self, request: web.Request) -> web.Response:
        raw = await request.text()
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        _, number, path = request.path.split("/", 2)
        post = {"path": f"/{path}", "body": body, "raw": raw, "headers": dict(request.headers)}
        with self._changed:
            if number == str(self._round):
                self.posts.append(post)
            self._changed.notify_all()
        return self.reply(post)

    def wait(self, count: int = 1, where: Callable[[dict[str, Any]], bool] = lambda post: True) -> list[Any]:
        """The bodies of the first posts that fit, when there are enough of them."""

        def fitting() -> list[Any]:
            return [post["body"] for post in self.posts if where(post)]

        with self._changed:
            assert self._changed.wait_for(lambda: len(fitting()) >= count, WAIT_SECONDS), self.posts
        return fitting()


class Sandbox:
    """Talks to the running sandbox."""

    def __init__(self, app: web.Application, url: str) -> None:
        self.world, self.url = app[WORLD], url
        self.session = requests.Session()

    def request(self, method: str, path: str, **more: Any) -> requests.Response:
        return self.session.request(method, self.url + path, timeout=WAIT_SECONDS, **more)

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> requests.Response:
        return self.request("POST", path, **more)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """A control call that must succeed; its JSON."""
        answer = self.request(method, f"/control/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def switch(self, **switches: Any) -> None:
        """Turn switches; ``daraja__result_id="gateway"`` is ``daraja.result_id``."""
        self.control("PUT", "switches", {name.replace("__", "."): value for name, value in switches.items()})

    def fault(self, system: str, operation: str, kind: str, **more: Any) -> None:
        self.control("POST", "faults", {"system": system, "operation": operation, "kind": kind} | more)


async def _listen(app: web.Application) -> tuple[web.AppRunner, str]:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


@pytest.fixture(scope="session")
def sandbox_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(WAIT_SECONDS)
    loop.close()


@pytest.fixture(scope="session")
def running_sandbox(sandbox_loop: asyncio.AbstractEventLoop) -> Iterator[Sandbox]:
    app = make_app()
    runner, url = asyncio.run_coroutine_threadsafe(_listen(app), sandbox_loop).result(WAIT_SECONDS)
    yield Sandbox(app, url)
    asyncio.run_coroutine_threadsafe(runner.cleanup(), sandbox_loop).result(WAIT_SECONDS)


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    running_sandbox.control("POST", "reset", {"seed": 1})
    return running_sandbox


@pytest.fixture(scope="session")
def running_inbox(sandbox_loop: asyncio.AbstractEventLoop) -> Iterator[Inbox]:
    inbox, app = Inbox(), web.Application()
    app.router.add_route("*", "/{path:.*}", inbox.take)
    runner, inbox.origin = asyncio.run_coroutine_threadsafe(_listen(app), sandbox_loop).result(WAIT_SECONDS)
    yield inbox
    asyncio.run_coroutine_threadsafe(runner.cleanup(), sandbox_loop).result(WAIT_SECONDS)


@pytest.fixture
def inbox(sandbox: Sandbox, running_inbox: Inbox) -> Inbox:
    running_inbox.start_anew()
    return running_inbox


@pytest.fixture
def daraja(sandbox: Sandbox, inbox: Inbox) -> Daraja:
    return Daraja(sandbox, inbox)


@pytest.fixture
def bank(sandbox: Sandbox, inbox: Inbox) -> Bank:
    return Bank(sandbox, inbox)


@pytest.fixture
def paybill(sandbox: Sandbox, inbox: Inbox) -> Paybill:
    return Paybill(sandbox, inbox)
