"""The real processes, started once for all tests here, with PostgreSQL, Redis and a sandbox of their own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from django.conf import LazySettings

from tests.endtoend.platform import platform_database
from vault.running.children import MARK
from vault.running.ground import Ground, Lender
from vault.running.processes import Supervisor

LENDERS = (
    Lender(code="kilimo", first_phone=254710000000),
    Lender(code="pwani", first_phone=254720000000, release="develop", own_shortcode="600200"),
    Lender(code="mlima", first_phone=254724000000, poll_seconds=3600),
    Lender(code="ziwa", first_phone=254790000000),
)


@pytest.fixture(scope="session")
def running() -> Iterator[Ground]:
    # Not pytest's own folder: another session closes that to the user who runs PostgreSQL for root.
    run_dir = Path(tempfile.mkdtemp(prefix="vault-e2e-"))
    with Supervisor(run_dir, say=lambda text: None) as supervisor:
        ground = Ground(supervisor=supervisor, lenders=LENDERS)
        ground.start()
        yield ground
    assert left_over(run_dir) == []
    shutil.rmtree(run_dir)


@pytest.fixture
def ground(
    running: Ground, settings: LazySettings, django_db_blocker: pytest.FixtureRequest
) -> Iterator[Ground]:
    """The running platform, with its database in place of the tests' own, and no faults left at the end."""
    settings.PUBLIC_BASE_URL = running.platform.address
    settings.REDIS_URL = running.platform.environment["REDIS_URL"]
    with platform_database(running.platform.environment["DATABASE_URL"]), django_db_blocker.unblock():  # type: ignore[attr-defined]
        yield running
        running.end_faults()


def left_over(run_dir: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(run_dir) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found
