import pytest

from tests.disbursements import outside


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> outside.World:
    """A partner with money and a host, and an outside that answers as told."""
    return outside.world(monkeypatch)
