from collections.abc import Iterator

import pytest
import responses

from tests.mpesa.make_mpesa import HOST


@pytest.fixture
def daraja() -> Iterator[responses.RequestsMock]:
    """Daraja with a token to give; a test adds the answers that it is about."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(f"{HOST}/oauth/v1/generate", json={"access_token": "first", "expires_in": "3599"})
        yield mock
