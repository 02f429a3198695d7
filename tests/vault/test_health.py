"""What load balancers, watchers of the workers and Prometheus are told, also on bad days."""

from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError, connection, connections
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from common.models import InboundMessage
from tests import make
from vault import readiness
from vault.embedded import free_port


@pytest.fixture
def no_redis(settings: Any) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the connection at a port where nobody listens."""
    connection.close()
    changed = {"HOST": "127.0.0.1", "PORT": str(free_port()), "TEST": {}, "USER": "nobody"}
    wrapper = connections["default"]
    monkeypatch.setattr(wrapper, "settings_dict", wrapper.settings_dict | changed)


def due_message(minutes: int) -> InboundMessage:
    now = timezone.now()
    return InboundMessage.objects.create(
        source="daraja",
        kind="b2c_result",
        body="{}",
        body_digest="0" * 64,
        received_at=now,
        last_received_at=now,
        next_step_at=now - timedelta(minutes=minutes),
    )


def gauges(client: Client) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(client.get("/metrics").content.decode())
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_healthz_answers_without_asking_anybody(client: Client) -> None:
    answer = client.get("/healthz")  # the database is not allowed in this test
    assert (answer.status_code, answer.content) == (200, b"ok\n")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_machines_only_read(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405


@pytest.mark.django_db
def test_ready_when_all_is_well(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert set(answer.json()["checks"]) == {"database", "redis", "migrations", "work"}
    assert answer.json()["checks"]["work"]["oldest_due_seconds"]["inbound_messages"] == 0


@pytest.mark.django_db
@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_is_degraded_and_still_ready(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"]["redis"]["ok"] is False


@pytest.mark.django_db(transaction=True)
def test_without_a_database_it_is_not_ready(client: Client, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("no_database")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["down"] == ["database"]
    assert client.get("/metrics").status_code == 503


@pytest.mark.django_db
def test_a_missing_migration_is_named_and_stops(client: Client) -> None:
    MigrationRecorder(connection).record_unapplied("common", "0001_initial")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"]["missing"] == ["common.0001_initial"]


@pytest.mark.django_db
def test_work_left_lying_stops_only_whoever_watches_the_workers(client: Client) -> None:
    due_message(minutes=6)
    assert client.get("/readyz").status_code == 200
    assert client.get("/readyz").json()["status"] == "degraded"
    answer = client.get("/readyz?of=work")
    assert answer.status_code == 503
    assert "inbound_messages" in answer.json()["checks"]["work"]["reason"]


@pytest.mark.django_db
def test_work_that_is_due_but_young_is_well(client: Client) -> None:
    due_message(minutes=4)
    answer = client.get("/readyz?of=work")
    assert answer.status_code == 200
    assert 239 < answer.json()["checks"]["work"]["oldest_due_seconds"]["inbound_messages"] < 250


@pytest.mark.django_db
def test_a_work_question_that_takes_too_long_does_not_stop_the_web(client: Client) -> None:
    with mock.patch.object(readiness, "due_ages", side_effect=OperationalError("statement timeout")):
        answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"]["work"] == {"ok": False, "reason": "Not known: OperationalError"}


@pytest.mark.django_db
def test_rows_handed_to_a_worker_that_never_takes_them_up_grow_old() -> None:
    at = timezone.now()
    given = {"queued_at": at - timedelta(minutes=9), "next_step_at": at + timedelta(minutes=1)}
    make_disbursement(**given)
    assert readiness.due_ages(at=at)["disbursements"] == 540


def make_disbursement(**fields: Any) -> Any:
    from disbursements.models import Disbursement

    return Disbursement.objects.create(
        partner=make.partner(),
        source="api",
        amount=1000,
        gross_amount=1000,
        detected_at=timezone.now(),
        moved_at=timezone.now(),
        **fields,
    )


@pytest.mark.django_db
def test_figures_count_what_is_there_and_name_no_partner(client: Client) -> None:
    make_disbursement(attention="Look at this", next_step_at=timezone.now() - timedelta(minutes=2))
    due_message(minutes=1)
    found = gauges(client)
    assert found["vault_disbursements_day", "detected"] == 1
    assert found["vault_disbursements_day", "paid"] == 0
    assert found["vault_attention",] == 1
    assert found["vault_inbound_unapplied",] == 1
    assert 119 < found["vault_oldest_due_seconds", "disbursements"] < 130
    assert found["vault_open_steps", "disbursements"] == 1
    assert "kilimo" not in str(found).lower()


@pytest.mark.django_db
def test_figures_leave_out_what_is_older_than_a_day(client: Client) -> None:
    from vault.metrics import first_id

    make_disbursement(id=first_id(timezone.now() - timedelta(hours=25)))
    assert gauges(client)["vault_disbursements_day", "detected"] == 0


@pytest.mark.django_db
def test_health_is_cheap(client: Client, django_assert_max_num_queries: Any) -> None:
    readiness.needed_migrations()
    with django_assert_max_num_queries(5 + 2 * len(readiness.working_models())):
        client.get("/readyz")
    with django_assert_max_num_queries(10 + 3 * len(readiness.working_models())):
        client.get("/metrics")
