import pytest

from tests.wallet import make_float
from tests.wallet.make_ncba import net

__all__ = ["net", "scene"]


@pytest.fixture
def scene(db: None, monkeypatch: pytest.MonkeyPatch) -> make_float.Scene:
    """A partner that can buy float, a bank and an M-Pesa that answer as told."""
    return make_float.scene(monkeypatch)
