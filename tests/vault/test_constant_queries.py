"""However many rows there are, a page and an endpoint take the same number of queries."""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from partners.models import Partner
from tests.make_api import caller
from tests.vault.make_entry import person
from vault.roles import ADMINISTRATOR, OPERATOR
from vault.running.bench import furnished, history, places

pytestmark = pytest.mark.django_db(transaction=True)
FEW, MANY = 24, 600  # a third of them for the first partner; a full page of a list has 50 or 100
KINDS = 4  # more queries for kinds of rows that few do not have: each is one, however many rows it is for


@pytest.fixture
def first(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Partner:
    monkeypatch.setattr(history, "DAYS", 2)  # so that yesterday has rows
    furnished.furnish(SimpleNamespace(supervisor=SimpleNamespace(run_dir=tmp_path)))
    return Partner.objects.earliest("code")


def queries_of(opened: Callable[[str], Any], addresses: Mapping[str, str]) -> dict[str, int]:
    """Open each twice, and count the second time: by then what is remembered is remembered."""
    counted = {}
    for name, path in addresses.items():
        assert opened(path).status_code == 200, path
        with CaptureQueriesContext(connection) as captured:
            opened(path)
        counted[name] = len(captured)
    return counted


def grown(opened: Callable[[str], Any], addresses: Callable[[], Mapping[str, str]]) -> dict[str, Any]:
    """Return what takes more queries with many rows than with few."""
    furnished.fill(FEW)
    few = queries_of(opened, addresses())
    furnished.fill(MANY)
    many = queries_of(opened, {name: path for name, path in addresses().items() if name in few})
    return {name: (few[name], many[name]) for name in many if many[name] > few[name] + KINDS}


def test_a_page_takes_as_many_queries_for_few_rows_as_for_many(first: Partner) -> None:
    ann = person("ann", OPERATOR)
    ann.groups.add(Group.objects.get(name=ADMINISTRATOR))
    browser = Client()
    browser.force_login(ann)
    assert not grown(browser.get, places.pages)


@pytest.mark.parametrize("platform", [True, False])
def test_so_does_an_endpoint(platform: bool, first: Partner, settings: Any) -> None:
    settings.API_RATE_PER_MINUTE = 100_000
    program = caller(None if platform else first)
    assert not grown(program.get, lambda: places.api(platform=platform))
