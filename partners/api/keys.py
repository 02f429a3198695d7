"""Who is calling: API keys in `Authorization: Bearer pv_…`."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from common.api import limits
from common.api.problems import Problem
from common.changes import By
from common.network import client_address
from partners.models import LIVE, TEST, ApiKey, Partner, Scope
from partners.operations import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An API key that is good, as one request needs it. Without a partner it is the platform's own."""

    key_id: UUID
    name: str
    prefix: str
    partner: Partner | None
    scopes: frozenset[str]
    rate: int
    expires_at: datetime | None = None
    remote_address: str | None = field(default=None, repr=False)
    is_authenticated: bool = True  # as REST framework asks

    @property
    def is_platform(self) -> bool:
        return self.partner is None

    @property
    def partner_id(self) -> UUID | None:
        return self.partner.pk if self.partner else None

    @property
    def by(self) -> By:
        """Who an audit line names."""
        name = f"API key {self.prefix}… ({self.name})"[:150]
        return By(name=name, remote_address=self.remote_address, key_id=self.key_id)

    def may(self, scope: str) -> bool:
        return scope in self.scopes or Scope.ALL in self.scopes


class BearerKey(BaseAuthentication):
    """Finds the key by its digest; a request costs one read, and none where the text cannot be a key.

    Failures are counted for each address, and told to wait where they are many. A good key is always let
    through: others behind the same address are not locked out, and 256 random bits are not found by trying.

    :raises Problem: `key_…`, or `rate_limited`
    """

    def authenticate(self, request: Request) -> tuple[Any, Any]:
        try:
            row = _found(_text(request), at=timezone.now())
        except Problem as refused:
            raise _throttled(request) or refused from None
        caller = Caller(
            key_id=row.pk,
            name=row.name,
            prefix=row.prefix,
            partner=row.partner,
            scopes=frozenset(row.scopes),
            rate=row.rate_per_minute or settings.API_RATE_PER_MINUTE,
            expires_at=row.expires_at,
            remote_address=client_address(request),
        )
        return caller, row

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Payment Vault"'


def _text(request: Request) -> str:
    kind, _, text = request.headers.get("Authorization", "").strip().partition(" ")
    text = text.strip()
    if kind.lower() != "bearer" or not text:
        raise Problem("key_missing")
    if not text.startswith((LIVE, TEST)) or len(text) > 100:
        raise Problem("key_unknown")
    return text


def _found(text: str, *, at: datetime) -> ApiKey:
    if text.startswith(TEST if not settings.DEMO else LIVE):
        wanted = "pv_test_" if settings.DEMO else "pv_live_"
        raise Problem("key_wrong_kind", f"This installation takes keys that begin with {wanted} only.")
    row = ApiKey.objects.select_related("partner").filter(digest=digest(text)).first()
    if row is None:
        raise Problem("key_unknown")
    if row.revoked_at:
        raise Problem("key_revoked")
    if row.expires_at and row.expires_at <= at:
        raise Problem("key_expired", f"This key expired on {row.expires_at:%d %B %Y}. Ask for a new one.")
    return row


def _throttled(request: Request) -> Problem | None:
    address = client_address(request) or "unknown"
    quota = limits.count(f"refused:{address}", limit=settings.API_REFUSED_PER_MINUTE)
    if quota is None or not quota.spent:
        return None
    words = f"Too many requests without a good key from this address. Wait {quota.seconds} seconds."
    return Problem("rate_limited", words, headers={"Retry-After": str(quota.seconds)})


class _Documented(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "partners.api.keys.BearerKey"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        words = "An API key. Live installations take `pv_live_…`, the sandbox `pv_test_…`."
        return {"type": "http", "scheme": "bearer", "bearerFormat": "pv_…", "description": words}
