"""docs/sandbox.md names everything that can be set."""

from pathlib import Path

import pytest

from sandbox.damza.state import FAULT_KINDS as SMS_KINDS
from sandbox.daraja.codes import MAGIC_CODES, MAGIC_FAULTS
from sandbox.daraja.switches import FAULT_KINDS
from sandbox.faults import GENERIC_KINDS
from tests.sandbox.conftest import Sandbox

PAGE = Path(__file__).parents[2].joinpath("docs/sandbox.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", sorted({*GENERIC_KINDS, *FAULT_KINDS, *SMS_KINDS}))
def test_every_fault_kind_is_described(kind: str) -> None:
    assert f"`{kind}`" in PAGE


def test_every_switch_of_daraja_and_sms_is_described(sandbox: Sandbox) -> None:
    switches = sandbox.control("GET", "switches")
    ours = {name for name in switches if name.startswith(("daraja.", "damza."))}
    assert {name for name in ours if f"`{name}`" not in PAGE} == {"daraja.status_not_found_text"}
    assert "`…_text`" in PAGE  # written beside its neighbour


@pytest.mark.parametrize(("number", "code"), sorted(MAGIC_CODES.items()))
def test_every_magic_code_is_in_the_table(number: int, code: str) -> None:
    assert f"| {number:02} | {code} |" in PAGE.replace(" (unlisted)", "")


@pytest.mark.parametrize("number", sorted(set(MAGIC_FAULTS) - set(range(71, 75))))
def test_every_magic_fault_is_in_the_table(number: int) -> None:
    rows = PAGE[PAGE.index("| nn | fault |") :]
    assert str(number) in rows[: rows.index("\n\n")]
