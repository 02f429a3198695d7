"""The files of a production-like run, read as a careful colleague would."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from vault.running.stack import WORKER_QUEUES

PROJECT = Path(__file__).resolve().parent.parent.parent
TEXT = (PROJECT / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ["migrate", "web", "worker-payouts", "worker-mifos", "worker-default", "worker-webhooks", "beat"]
SECRET = re.compile(r"SECRET|PASSWORD|KEY")


def dockerfile() -> str:
    return (PROJECT / "Dockerfile").read_text()


def test_the_services_are_those_of_the_design() -> None:
    assert set(SERVICES) == {"postgres", "redis", *OURS}
    assert SERVICES["postgres"]["image"].startswith("postgres:17")
    assert SERVICES["redis"]["image"].startswith("redis:7")


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_each_service_is_bounded_and_comes_back(name: str) -> None:
    service = SERVICES[name]
    assert service["mem_limit"]
    assert service["restart"] == ("on-failure:3" if name == "migrate" else "unless-stopped")
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"]["max-size"]
    assert name == "migrate" or service.get("stop_grace_period")


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in ("web", "migrate")])
def test_each_lasting_service_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


def test_the_web_has_the_images_health_check() -> None:
    assert "healthcheck" not in SERVICES["web"]
    assert re.search(r"^HEALTHCHECK .*\n.*/healthz", dockerfile(), re.MULTILINE)


@pytest.mark.parametrize("name", OURS)
def test_ours_can_write_nowhere_and_have_no_rights(name: str) -> None:
    assert SERVICES[name]["read_only"] is True
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert SERVICES[name]["tmpfs"]


@pytest.mark.parametrize("name", [name for name in OURS if name != "migrate"])
def test_all_wait_for_the_migration(name: str) -> None:
    waits = SERVICES[name]["depends_on"]
    assert waits["migrate"] == {"condition": "service_completed_successfully"}
    assert waits["postgres"] == waits["redis"] == {"condition": "service_healthy"}


def test_no_secret_has_a_default() -> None:
    variables = re.findall(r"\$\{([A-Z_]+)([^}]*)\}", TEXT)
    secrets = {(name, rest[:2]) for name, rest in variables if SECRET.search(name)}
    assert {name for name, _ in secrets} == {
        "SECRET_KEY",
        "VAULT_ENCRYPTION_KEYS",
        "POSTGRES_PASSWORD",
        "REDIS_PASSWORD",
    }
    assert {operator for _, operator in secrets} == {":?"}


def test_every_variable_is_explained_in_the_example() -> None:
    example = (PROJECT / ".env.example").read_text()
    settings = (PROJECT / "vault" / "settings.py").read_text()
    names = set(re.findall(r"\$\{([A-Z_]+)", TEXT)) | set(re.findall(r"env\.\w+\(\s*\"([A-Z_]+)\"", settings))
    assert [name for name in sorted(names) if not re.search(rf"^(# )?{name}=", example, re.MULTILINE)] == []


def test_the_example_holds_no_secret() -> None:
    example = (PROJECT / ".env.example").read_text()
    assert {value for name, value in re.findall(r"^([A-Z_]+)=(.*)$", example, re.MULTILINE)} == {""}


def test_the_workers_take_the_same_queues_as_on_one_machine() -> None:
    words = [word for name in WORKER_QUEUES for word in SERVICES[name]["command"]]
    queues = [word.removeprefix("--queues=") for word in words if word.startswith("--queues=")]
    assert queues == list(WORKER_QUEUES.values())


def test_only_the_web_is_published_and_only_here() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"web"}
    assert SERVICES["web"]["ports"] == ["127.0.0.1:${PORT:-8000}:8000"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}


def test_what_must_last_is_in_volumes() -> None:
    assert SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql/data"]
    assert set(COMPOSE["volumes"]) == {"postgres", "redis"}


def test_the_image_runs_as_nobody_in_particular() -> None:
    users = re.findall(r"^USER (.+)$", dockerfile(), re.MULTILINE)
    assert users == ["10001:10001"]
    assert dockerfile().count("\nFROM ") == 2
    assert ":latest" not in dockerfile()


def test_the_image_holds_neither_secrets_nor_tests() -> None:
    left_out = (PROJECT / ".dockerignore").read_text().split()
    assert {".env*", ".git", ".run", ".venv", "tests", "sandbox", "*.pem"} <= set(left_out)
    assert not re.search(r"^(ENV|ARG) .*(SECRET|PASSWORD|ENCRYPTION)", dockerfile(), re.MULTILINE)
