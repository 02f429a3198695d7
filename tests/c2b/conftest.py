from collections.abc import Iterator
from typing import Any

import pytest

from c2b.models import Collector
from mpesa import operations as mpesa
from partners.models import Shortcode
from tests.c2b.make_c2b import World, make_world
from tests.sandbox.conftest import Inbox, Sandbox, running_inbox, running_sandbox, sandbox, sandbox_loop

__all__ = ["running_inbox", "running_sandbox", "sandbox", "sandbox_loop"]


@pytest.fixture
def world(db: None, sandbox: Sandbox) -> Iterator[World]:
    """A partner that collects, whose Mifos is the sandbox's host `kilimo`; its business date is 3 June 2026."""
    return make_world(sandbox)


@pytest.fixture
def daraja(world: World, running_inbox: Inbox, settings: Any) -> World:
    """The same world, whose shortcode exists at the simulated M-Pesa; what it posts is kept in the inbox."""
    running_inbox.start_anew()
    settings.MPESA_BASE_URL = f"{world.sandbox.url}/daraja"
    settings.PUBLIC_BASE_URL = running_inbox.url
    mpesa._tokens.cache_clear()
    access = {"consumer_key": "key", "consumer_secret": "secret"}
    world.sandbox.control(
        "POST", "daraja/shortcodes", {"number": "600100", "kind": "c2b", "passkey": "pk"} | access
    )
    Shortcode.objects.filter(pk=world.shortcode.pk).update(**access)
    Collector.objects.create(
        shortcode=world.shortcode, passkey="pk", pull_enabled=True, pull_phone="254711000001"
    )
    return world
