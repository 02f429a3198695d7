"""Prometheus gauges, computed from the database when they are asked for, so that no process keeps its own.

Labels are kinds and statuses only, never a partner or a phone. Counts of finished rows are those of the last
day: the whole history would cost more with every day.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F, QuerySet
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from common.ids import first_id
from common.models import InboundMessage
from disbursements.models import Disbursement
from disbursements.statuses import Status
from partners.models import PauseDial
from sms.models import SmsNotification
from sms.models import Status as SmsStatus
from vault.readiness import STATEMENT_LIMIT, due_ages, due_rows, working_models
from wallet.models import PartnerWallet

DAY = timedelta(days=1)


class Gauges(Collector):
    """What the database says at one moment."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield all gauges."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("select set_config('statement_timeout', %s, true)", [STATEMENT_LIMIT])
            yield from self._journeys()
            yield from self._work()
            yield from self._states()

    def _journeys(self) -> Iterator[GaugeMetricFamily]:
        since = first_id(self.at - DAY)
        loans = Disbursement.objects.filter(pk__gte=since)
        yield _by_status("vault_disbursements_day", "Seen in the last 24 hours", loans, Status.values)
        messages = SmsNotification.objects.filter(pk__gte=since)
        yield _by_status("vault_sms_day", "SMS written in the last 24 hours", messages, SmsStatus.values)

    def _work(self) -> Iterator[GaugeMetricFamily]:
        ages = GaugeMetricFamily(
            "vault_oldest_due_seconds", "Age of the oldest step that is due", labels=["kind"]
        )
        waiting = GaugeMetricFamily("vault_open_steps", "Rows with a next step", labels=["kind"])
        for kind, seconds in due_ages(at=self.at).items():
            ages.add_metric([kind], seconds)
        for model in working_models():
            count = due_rows(model).count()
            waiting.add_metric([model._meta.db_table], count)
        yield ages
        yield waiting

    def _states(self) -> Iterator[GaugeMetricFamily]:
        wallets = PartnerWallet.objects.all()
        low = wallets.filter(current_balance__lt=F("low_balance_threshold"))
        unapplied = InboundMessage.objects.filter(next_step_at__isnull=False)
        counts = {
            "vault_attention": (
                "Disbursements that need a person",
                Disbursement.objects.exclude(attention=""),
            ),
            "vault_wallets": ("Wallets", wallets),
            "vault_wallets_low": ("Wallets below their threshold", low),
            "vault_inbound_unapplied": ("Messages from outside still to be applied", unapplied),
            "vault_pauses": ("Pause dials that are on", PauseDial.objects.filter(lifted_at__isnull=True)),
        }
        for name, (words, rows) in counts.items():
            yield GaugeMetricFamily(name, words, value=rows.count())


def _by_status(name: str, words: str, rows: "QuerySet[Any]", known: list[str]) -> GaugeMetricFamily:
    found = dict(rows.order_by().values_list("status").annotate(count=Count("pk")))
    family = GaugeMetricFamily(name, words, labels=["status"])
    for status in known:
        family.add_metric([status], found.get(status, 0))
    return family


def exposition(*, at: datetime) -> bytes:
    """Return the gauges in Prometheus' text format.

    :raises DatabaseError: the database is down or too slow
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Gauges(at))
    return generate_latest(registry)
