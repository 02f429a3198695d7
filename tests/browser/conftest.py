"""One platform of real processes and one Chromium for all browser tests; a grave word of the browser fails its test.

Both are there for this package only: other tests want the machine, and an event loop of their own.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.eyes import Eyes, House
from tests.browser.scene import Scene, play
from tests.browser.stage import Stage
from tests.endtoend.conftest import left_over
from tests.endtoend.platform import platform_database
from vault.running.processes import Supervisor

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--font-render-hinting=none"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(
                pytest.mark.skipif(
                    not CHROMIUM, reason="no Chromium on this machine: apt-get install chromium"
                )
            )


@pytest.fixture(scope="package")
def running_stage() -> Iterator[Stage]:
    run_dir = Path(tempfile.mkdtemp(prefix="vault-browser-"))
    with Supervisor(run_dir, say=lambda text: None) as supervisor:
        stage = Stage(supervisor=supervisor)
        stage.start()
        yield stage
    assert left_over(run_dir) == []
    shutil.rmtree(run_dir)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch:
        # Playwright keeps an event loop on this thread; the tests' own questions to the database are in order there.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            yield browser
            browser.close()


@pytest.fixture(scope="package")
def open_stage(running_stage: Stage, chromium: Browser, django_db_blocker: pytest.FixtureRequest) -> Stage:
    """The running platform with its doors open: notices are subscribed to, people may log in."""
    from django.test.utils import override_settings

    there = override_settings(
        PUBLIC_BASE_URL=running_stage.address,
        REDIS_URL=running_stage.platform.environment["REDIS_URL"],
        MPESA_BASE_URL=running_stage.platform.environment["MPESA_BASE_URL"],
        ALLOW_PRIVATE_HOSTS=True,
    )
    url = running_stage.platform.environment["DATABASE_URL"]
    with there, platform_database(url), django_db_blocker.unblock():  # type: ignore[attr-defined]
        running_stage.open_doors()
    return running_stage


@pytest.fixture
def stage(open_stage: Stage, settings: object, django_db_blocker: pytest.FixtureRequest) -> Iterator[Stage]:
    """The platform, with its database in place of the tests' own, and no faults left at the end."""
    settings.REDIS_URL = open_stage.platform.environment["REDIS_URL"]  # type: ignore[attr-defined]
    url = open_stage.platform.environment["DATABASE_URL"]
    with platform_database(url), django_db_blocker.unblock():  # type: ignore[attr-defined]
        yield open_stage
        open_stage.outside.delete("faults")


@pytest.fixture(scope="package")
def _played() -> list[Scene]:
    return []


@pytest.fixture
def scene(stage: Stage, _played: list[Scene]) -> Scene:
    """One of everything; it is played once for all tests."""
    if not _played:
        _played.append(play(stage))
    return _played[0]


@pytest.fixture
def house(stage: Stage, chromium: Browser) -> Iterator[House]:
    """The door to the pages. Whatever the browser complained of meanwhile fails the test."""
    allowed = {urlsplit(stage.address).netloc, urlsplit(stage.outside.url).netloc}
    eyes = Eyes(allowed=allowed)
    found = House(browser=chromium, stage=stage, eyes=eyes)
    yield found
    found.close()
    assert eyes.troubles == []
