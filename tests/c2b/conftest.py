from collections.abc import Iterator

import pytest

from tests.c2b.make_c2b import World, make_world
from tests.sandbox.conftest import Sandbox, running_inbox, running_sandbox, sandbox, sandbox_loop

__all__ = ["running_inbox", "running_sandbox", "sandbox", "sandbox_loop"]


@pytest.fixture
def world(db: None, sandbox: Sandbox) -> Iterator[World]:
    """A partner that collects, whose Mifos is the sandbox's host `kilimo`; its business date is 3 June 2026."""
    return make_world(sandbox)
