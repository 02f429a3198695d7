"""docs/sandbox.md names everything that can be set for NCBA, and the page shows its accounts."""

import pytest

from sandbox.ncba import POSTS
from sandbox.ncba.switches import FAULT_KINDS
from tests.sandbox.conftest import Sandbox
from tests.sandbox.ncba_client import ACCOUNT, TILL, Bank
from tests.sandbox.test_core_docs import PAGE


@pytest.mark.parametrize("name", sorted({*FAULT_KINDS, *(f".{operation}" for _, operation, _ in POSTS)}))
def test_every_fault_kind_and_operation_is_described(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_every_switch_is_described(sandbox: Sandbox) -> None:
    names = [name for name in sandbox.control("GET", "switches") if name.startswith("ncba.")]
    assert [name for name in names if f"`{name}`" not in PAGE] == []


def test_the_page_shows_the_account_and_its_newest_line(bank: Bank, sandbox: Sandbox) -> None:
    bank.pay()
    (shown,) = sandbox.get("/page.json").json()["accounts"]
    assert (shown["account"], shown["till"], shown["balance"]) == (ACCOUNT, TILL, "505000.00")
    assert (shown["lines"], shown["newest"]) == (1, f"{TILL} KILIMO")


def test_the_books_of_all_systems_show_the_banks(bank: Bank, sandbox: Sandbox) -> None:
    assert sandbox.control("GET", "books")["ncba"]["accounts"][ACCOUNT]["balance"] == "500000.00"
