"""One request to a host: who calls, where, and how each refusal leaves the house."""

import base64
import binascii
import hmac
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.fineract.errors import (
    UNMAPPED,
    BootRefusal,
    HangUp,
    Refusal,
    loan_not_found,
    not_authorized,
    not_found,
    password_outdated,
)
from sandbox.fineract.host import Host
from sandbox.fineract.records import Client, Loan, Savings, User
from sandbox.fineract.state import boot_body, sees
from sandbox.fineract.wire import dumps
from sandbox.routing import Handler, hang_up, operation
from sandbox.world import World

log = logging.getLogger("sandbox.fineract")

BASE = "/fineract/{host}/fineract-provider/api/v1"
BASE_V2 = "/fineract/{host}/fineract-provider/api/v2"
CHALLENGE = 'Basic realm="Fineract Platform API"'


class Call:
    """What a handler gets: the world, the host, the user and the request."""

    __slots__ = ("host", "request", "user", "world")

    def __init__(self, world: World, host: Host, user: User, request: web.Request) -> None:
        self.world, self.host, self.user, self.request = world, host, user, request

    @property
    def develops(self) -> bool:
        """Whether the host plays `develop (mid-2026)`."""
        return self.world.fineract.develops(self.host)

    def need_read(self, permission: str, resource: str) -> None:
        """Refuse a reader without the permission.

        :raises Refusal: 403
        """
        if not self.user.may(permission):
            raise not_authorized(f"READ {resource}")

    def number(self, name: str) -> int:
        """A number from the path; routes let only digits through."""
        return int(self.request.match_info[name])

    def loan(self) -> Loan:
        """The loan of the path, by id or external id.

        :raises Refusal: 404
        """
        external = self.request.match_info.get("loan_external_id")
        if external is not None:
            loan = self.host.by_external.get(external)
            code, text = "error.msg.loan.external.id.invalid", "Loan with external identifier"
            missing = not_found(code, f"{text} {external} does not exist", external)
        else:
            loan_id = self.number("loan_id")
            loan = self.host.loans.get(loan_id)
            missing = loan_not_found(loan_id)
        if loan is None or not sees(self.user, loan):
            raise missing
        return loan

    def client(self) -> Client:
        """The client of the path.

        :raises Refusal: 404
        """
        external = self.request.match_info.get("client_external_id")
        wanted = external if external is not None else self.number("client_id")
        if external is None:
            client = self.host.clients.get(self.number("client_id"))
        else:
            client = next((row for row in self.host.clients.values() if row.external_id == external), None)
        if client is None:
            text = f"Client with identifier {wanted} does not exist"
            raise not_found("error.msg.client.id.invalid", text, wanted)
        return client

    def savings(self) -> Savings:
        """The savings account of the path.

        :raises Refusal: 404
        """
        external = self.request.match_info.get("savings_external_id")
        wanted = external if external is not None else self.number("savings_id")
        account = (
            self.host.savings.get(self.number("savings_id"))
            if external is None
            else self.host.savings_by_external.get(external)
        )
        if account is None:
            text = f"Savings account with identifier {wanted} does not exist"
            raise not_found("error.msg.saving.account.id.invalid", text, wanted)
        return account


Endpoint = Callable[[Call], Awaitable[Any]]


def api_path(request: web.Request) -> str:
    """The path as the server itself sees it, without our prefix for the host."""
    return "/" + request.path.split("/", 3)[3]


class Untyped(web.Response):
    """An answer without Content-Type, which aiohttp would otherwise add; servlet filters answer so."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self._headers.popall("Content-Type", None)


def reply(
    value: Any, status: int = 200, *, content_type: bool = True, cached: bool = False
) -> web.StreamResponse:
    """Write an answer; text goes out as it is."""
    headers = {"X-Notification-Refresh": "false"}
    if content_type:
        headers["Content-Type"] = "application/json"
    if cached:
        headers["x-served-from-cache"] = "true"
    text = value if isinstance(value, str) else dumps(value)
    kind = web.Response if content_type else Untyped
    return kind(body=text.encode(), status=status, headers=headers)


def endpoint(world: World, name: str, handler: Endpoint, *, public: bool = False) -> Handler:
    """Make a route's handler: latency and generic faults outside, tenant and credentials inside."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            host = tenant(world, request)
            host.counts[name] += 1
            user = NOBODY if public else authenticate(host, request)
            if user.password_outdated:
                raise password_outdated()
            done = await handler(Call(world, host, user, request))
            return done if isinstance(done, web.StreamResponse) else reply(done)
        except Refusal as exc:
            return reply(exc.body, exc.status, content_type=exc.content_type)
        except BootRefusal as exc:
            return boot_reply(world, request, exc)
        except HangUp:
            return hang_up(request)
        except UNMAPPED:
            log.exception("%s: unmapped", name)
            return boot_reply(world, request, BootRefusal(500))

    return operation(world, "fineract", name)(handle)


NOBODY = User(username="", password="", id=0, permissions=frozenset())


def tenant(world: World, request: web.Request) -> Host:
    """The host of the path, if the tenant header fits; checked before credentials.

    :raises BootRefusal: 400
    """
    host = world.fineract.hosts.get(request.match_info["host"])
    wanted = request.headers.get("Fineract-Platform-TenantId") or request.query.get("tenantIdentifier")
    if host is None or wanted != host.tenant:
        raise BootRefusal(400, challenge=True)
    if host.endpoint is None:
        host.endpoint = f"{request.scheme}://{request.host}/fineract/{host.name}/fineract-provider/api/"
    return host


def authenticate(host: Host, request: web.Request) -> User:
    """The user of the Basic header.

    :raises BootRefusal: 401
    """
    header = request.headers.get("Authorization", "")
    user = host.accepted.get(header)
    if user is None:
        user = check_password(host, *_credentials(header))
        if user is None:
            raise BootRefusal(401, challenge=True)
        host.accepted[header] = user
    return user


def _credentials(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        username, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return username, password


def check_password(host: Host, username: str, password: str) -> User | None:
    """The user, if the password is right."""
    user = host.users.get(username)
    if user is None or not user.password:
        return None
    return user if hmac.compare_digest(user.password.encode(), password.encode()) else None


def boot_reply(world: World, request: web.Request, refusal: BootRefusal) -> web.StreamResponse:
    """Write Spring Boot's error: JSON, or a page for who asks for one."""
    headers = {"WWW-Authenticate": CHALLENGE} if refusal.challenge else {}
    if "text/html" in request.headers.get("Accept", ""):
        page = "<html><body><h1>Whitelabel Error Page</h1></body></html>"
        return web.Response(text=page, status=refusal.status, content_type="text/html", headers=headers)
    body = boot_body(world, refusal.status, api_path(request))
    return web.Response(
        body=dumps(body).encode(), status=refusal.status, content_type="application/json", headers=headers
    )
