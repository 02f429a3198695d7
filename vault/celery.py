"""The Celery application and what beats."""

import logging
import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_prerun
from django.conf import settings

from vault import beat

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vault.settings")

app = Celery("vault")
app.config_from_object("django.conf:settings", namespace="CELERY")
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
