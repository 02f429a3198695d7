"""The Celery application and what beats."""

import logging
import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun, worker_ready
from django.conf import settings
from django.db import close_old_connections, connection

from vault import beat, garbage

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vault.settings")

app = Celery("vault")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Celery closes the thread's connection before and after each task, and PostgreSQL pays a new process for every
# one. The threads keep theirs instead; `fresh_connection` asks whether it still lives.
app.conf.CELERY_DB_REUSE_MAX = 10**12
app.autodiscover_tasks()
app.autodiscover_tasks(["wallet"], related_name="float_tasks")


@app.on_after_configure.connect
def set_pace(sender: Celery, **_: Any) -> None:
    sender.conf.beat_schedule = beat.schedule(settings)
    sender.conf.task_routes = beat.routes()


@setup_logging.connect
def configure_logs(**_: Any) -> None:
    from common.logs import configure

    configure(level=settings.LOG_LEVEL)
    logging.getLogger("celery.beat").setLevel(logging.WARNING)  # it tells of every wake-up


@task_prerun.connect
def forget_last_task(**_: Any) -> None:
    from common.correlation import forget

    forget()


@task_prerun.connect
@task_postrun.connect
def fresh_connection(**_: Any) -> None:
    """Let go of a connection that broke; the next use of a kept one asks first whether it lives."""
    if not connection.in_atomic_block:  # a test that runs a task inside its own transaction
        close_old_connections()


@worker_ready.connect
def settle_garbage(**_: Any) -> None:
    garbage.settle()
