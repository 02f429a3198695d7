"""The schedule names tasks that exist, at paces that settings decide, in queues that a worker takes."""

import fnmatch
import inspect
from typing import Any

import pytest
from django.conf import settings

from vault import beat
from vault.celery import app
from vault.running.stack import WORKER_QUEUES

TAKEN = {queue for queues in WORKER_QUEUES.values() for queue in queues.split(",")}


def ours() -> dict[str, Any]:
    app.loader.import_default_modules()
    return {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}


def test_every_task_that_beats_exists() -> None:
    assert set(beat.schedule(settings)) <= set(ours())


def test_every_task_that_needs_no_row_beats() -> None:
    wakes = {name for name, task in ours().items() if not inspect.signature(task.run).parameters}
    assert wakes == set(beat.schedule(settings))


def test_sweeps_follow_the_setting(settings: Any) -> None:
    settings.SWEEP_INTERVAL_SECONDS = 0.5
    entry = beat.schedule(settings)["disbursements.tasks.sweep_due"]
    assert entry["schedule"] == 0.5
    assert entry["options"] == {"expires": 10.0}


@pytest.mark.parametrize("name", list(beat.routes()))
def test_every_routed_task_exists_in_a_queue_that_a_worker_takes(name: str) -> None:
    assert fnmatch.filter(ours(), name)
    assert beat.routes()[name]["queue"] in TAKEN


def test_no_task_waits_in_a_queue_that_nobody_takes() -> None:
    for name in ours():
        assert app.amqp.router.route({}, name)["queue"].name in TAKEN, name


def test_celery_has_the_schedule_and_the_routes() -> None:
    assert app.conf.beat_schedule == beat.schedule(settings)
    assert app.amqp.router.route({}, "disbursements.tasks.pay")["queue"].name == "payouts"
    assert app.amqp.router.route({}, "disbursements.tasks.sweep_due")["queue"].name == "default"
