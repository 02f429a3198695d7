"""Nothing is remembered from the test before."""

import pytest

from sms import routes


@pytest.fixture(autouse=True)
def _fresh_routes() -> None:
    routes.forget()
