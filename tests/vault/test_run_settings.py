"""`make run` refuses to start with what it cannot work with, and says what to do."""

import socket
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from vault.embedded import free_port
from vault.running import run, stack
from vault.running.processes import CannotStart

KEY = Fernet.generate_key().decode()
GOOD = {"SECRET_KEY": "something", "VAULT_ENCRYPTION_KEYS": KEY}


def test_what_is_enough_is_not_refused() -> None:
    assert run.refusals(GOOD) == []
    assert (
        run.refusals(GOOD | {"PUBLIC_BASE_URL": "https://vault.example", "REDIS_URL": "redis://h:1/0"}) == []
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set. Make one:"),
        ({"VAULT_ENCRYPTION_KEYS": " , "}, "VAULT_ENCRYPTION_KEYS is not set. Make one:"),
        ({"VAULT_ENCRYPTION_KEYS": f"{KEY},short"}, "key 2 of 2 is not a Fernet key"),
        ({"PUBLIC_BASE_URL": "vault.example"}, "PUBLIC_BASE_URL must be a whole address"),
        ({"DATABASE_URL": "mysql://h/vault"}, "DATABASE_URL must be a whole address"),
        ({"MPESA_BASE_URL": "api.safaricom.co.ke"}, "MPESA_BASE_URL must be a whole address"),
    ],
)
def test_what_is_missing_or_wrong_is_named(given: dict[str, str], words: str) -> None:
    (problem,) = run.refusals(GOOD | given)
    assert words in problem


def test_the_keys_themselves_are_not_shown() -> None:
    assert "geheim" not in str(run.refusals(GOOD | {"VAULT_ENCRYPTION_KEYS": "geheim"}))


def test_the_public_name_may_be_used_to_call_us() -> None:
    found = run.addresses({"PUBLIC_BASE_URL": "https://vault.example:8443"}, port=8000)
    assert found["ALLOWED_HOSTS"] == "127.0.0.1,localhost,vault.example"
    assert run.addresses({}, port=8001)["PUBLIC_BASE_URL"] == "http://127.0.0.1:8001"
    assert run.addresses({"ALLOWED_HOSTS": "a"}, port=8001)["ALLOWED_HOSTS"] == "a"


def test_a_port_in_use_is_refused_with_a_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=f"PORT={port + 1}"):
            stack.check_port("127.0.0.1", port)
    stack.check_port("127.0.0.1", free_port())


def test_a_port_is_remembered_while_it_is_free(tmp_path: Path) -> None:
    first = stack.remembered_port(tmp_path / "port")
    assert stack.remembered_port(tmp_path / "port") == first


def test_a_remembered_port_that_is_taken_is_replaced(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        (tmp_path / "port").write_text(str(taken.getsockname()[1]))
        assert stack.remembered_port(tmp_path / "port") != taken.getsockname()[1]


def test_a_spoiled_note_of_the_port_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("no number")
    assert stack.remembered_port(tmp_path / "port") > 0


def test_the_env_file_stands_behind_the_environment(tmp_path: Path, monkeypatch: Any) -> None:
    from vault.running.__main__ import settings_given

    monkeypatch.setenv("VAULT_TEST_ONE", "environment")
    monkeypatch.setenv("VAULT_TEST_TWO", "to be taken back")
    monkeypatch.delenv("VAULT_TEST_TWO")
    (tmp_path / ".env").write_text("VAULT_TEST_ONE=file\nVAULT_TEST_TWO=file\n")
    found = settings_given(tmp_path / ".env")
    assert (found["VAULT_TEST_ONE"], found["VAULT_TEST_TWO"]) == ("environment", "file")
