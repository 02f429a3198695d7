"""Somebody who opens pages over HTTP, logged in with both factors, or calls the API with a key."""

import time
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64decode
from dataclasses import dataclass, field
from http.cookiejar import CookieJar

from django.contrib.auth.models import Group, User
from django.utils import timezone
from django_otp.oath import TOTP

from common.ids import new_id
from vault.entry import factor
from vault.models import Authenticator
from vault.roles import ADMINISTRATOR, OPERATOR
from vault.running.bench.counted import HEADER
from vault.running.processes import CannotStart

LONGEST_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one request took."""

    status: int
    ms: float
    queries: int
    in_database_ms: float
    length: int


@dataclass(kw_only=True)
class Visitor:
    """A browser, or a program with a key."""

    address: str
    headers: dict[str, str] = field(default_factory=dict)
    cookies: CookieJar = field(default_factory=CookieJar)

    def __post_init__(self) -> None:
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies), _Stay())

    def get(self, path: str) -> Answer:
        """Open an address."""
        return self._open(urllib.request.Request(self.address + path, headers=self.headers))  # noqa: S310

    def post(self, path: str, **fields: str) -> Answer:
        """Send a form."""
        token = next((one.value or "" for one in self.cookies if one.name == "csrftoken"), "")
        body = urllib.parse.urlencode(fields | {"csrfmiddlewaretoken": token}).encode()
        return self._open(urllib.request.Request(self.address + path, data=body, headers=self.headers))  # noqa: S310

    def _open(self, request: urllib.request.Request) -> Answer:
        begun = time.perf_counter()
        try:
            answer = self._opener.open(request, timeout=LONGEST_SECONDS)
        except urllib.error.HTTPError as exc:
            answer = exc
        with answer:
            body = answer.read()
        ms = 1000 * (time.perf_counter() - begun)
        queries, inside = (answer.headers.get(HEADER) or "0 0").split()
        return Answer(
            status=answer.status, ms=ms, queries=int(queries), in_database_ms=float(inside), length=len(body)
        )


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other."""

    def redirect_request(self, *_: object) -> None:
        return None


def operator(address: str) -> Visitor:
    """Make a person who may see every room, and log in by the door with password and code.

    :raises CannotStart: the door stayed shut
    """
    name, password = f"operator-{new_id().hex[-8:]}", factor.new_secret()
    user = User.objects.create_user(name, password=password, is_staff=True)
    user.groups.set(Group.objects.filter(name__in=[OPERATOR, ADMINISTRATOR]))
    device = Authenticator.objects.create(user=user, secret=factor.new_secret(), created_at=timezone.now())
    visitor = Visitor(address=address, headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) bench"})
    visitor.get("/admin/login/")
    visitor.post("/admin/login/", username=name, password=password)
    clock = TOTP(b64decode(device.secret))
    clock.time = time.time()
    visitor.post("/admin/login/code/", code=f"{clock.token():06d}")
    if (answer := visitor.get("/admin/")).status != 200:
        raise CannotStart(f"the operator could not log in: {answer.status}")
    return visitor
