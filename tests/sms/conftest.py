"""Nothing is remembered from the test before."""

import pytest

from sms import accounts, routes
from tests.sms.fakes import FakeGateway


@pytest.fixture(autouse=True)
def _fresh_routes() -> None:
    routes.forget()


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    """One fake behind every account."""
    fake = FakeGateway()
    monkeypatch.setattr(accounts, "load", lambda _: fake)
    return fake
