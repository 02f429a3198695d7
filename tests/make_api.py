"""API keys and callers for tests of the REST API."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rest_framework.test import APIClient

from common.changes import By
from partners import operations
from partners.models import ApiKey, Partner
from tests.make import NOW


def key(
    partner: Partner | None = None,
    *,
    scopes: Sequence[str] = ("all",),
    live: bool = True,
    expires_at: datetime | None = None,
    rate: int | None = None,
) -> tuple[ApiKey, str]:
    """Make a key; without a partner the platform's. The tests run as a live installation."""
    return operations.make_api_key(
        partner=partner,
        name="tests",
        scopes=list(scopes),
        live=live,
        expires_at=expires_at,
        by=By(name="tests"),
        at=NOW,
        rate_per_minute=rate,
    )


def caller(partner: Partner | None = None, *scopes: str, **options: Any) -> APIClient:
    """Return a client that calls with a new key; without a partner as the platform."""
    _, text = key(partner, scopes=scopes or ("all",), **options)
    return with_key(text)


def with_key(text: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is this problem, and return it."""
    assert response.headers["Content-Type"] == "application/problem+json", response.content[:300]
    found: dict[str, Any] = response.json()
    assert (response.status_code, found["code"]) == (status, code), found
    assert found["status"] == status
    assert found["detail"]
    assert response.headers["Cache-Control"] == "no-store"
    return found
