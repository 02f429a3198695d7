"""docs/sandbox.md names every operation and every magic number of money from customers."""

import pytest

from sandbox.daraja import APIS
from sandbox.daraja.c2b_magic import MAGIC_FAULTS
from sandbox.daraja.stk_codes import MAGIC_CODES
from sandbox.daraja.stk_codes import MAGIC_FAULTS as STK_FAULTS
from tests.sandbox.test_core_docs import PAGE

SECTION = PAGE[PAGE.index("## Daraja, C2B") : PAGE.index("## SMS gateways")]


@pytest.mark.parametrize("operation", sorted({api.operation for api in APIS.values()}))
def test_every_operation_is_named(operation: str) -> None:
    assert f"`.{operation}`" in PAGE or f"`daraja.{operation}`" in PAGE


@pytest.mark.parametrize(("number", "code"), sorted(MAGIC_CODES.items()))
def test_every_magic_code_is_in_the_table(number: int, code: str) -> None:
    assert f"| {number:02} | {code} |" in SECTION.replace(" (unlisted)", "")


@pytest.mark.parametrize(("title", "numbers"), [("C2B fault", MAGIC_FAULTS), ("STK fault", STK_FAULTS)])
def test_every_magic_fault_is_in_the_table(title: str, numbers: dict[int, object]) -> None:
    rows = SECTION[SECTION.index(f"| nn | {title} |") :]
    rows = rows[: rows.index("\n\n")]
    assert [number for number in numbers if f"{number:02}" not in rows] == []
