"""Push events to partners' endpoints: claim a handful, post them at once, settle them together.

One worker drains one endpoint at a time, for some seconds; an endpoint that does not answer is left alone for
longer and longer, so that it costs one request now and then, and nobody else waits for it.
"""

import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from common.gateway import GatewayError
from common.ids import new_id
from partners.events import feed
from partners.events.client import Posted, WebhookClient
from partners.events.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint, WebhookTry
from partners.events.shape import as_bytes
from partners.events.signing import headers

log = structlog.get_logger("webhooks")

IN_FLIGHT = 8
LEASE = timedelta(seconds=60)  # longer than any exchange takes; then a claimed delivery is tried again
CLAIMED_FOR = timedelta(seconds=30)  # longer than a worker drains one endpoint
GAPS = tuple(  # between the tries of one delivery, a fifth more or less; the last one goes on until a day is over
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 3600, 7200, 14400, 21600)
)
RESTS = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 120, 300))  # of an endpoint that fails
LONGEST_REST = timedelta(hours=1)  # also where it asks for more by Retry-After
GONE = 410
LAST_TRY_BEFORE_END = timedelta(minutes=1)

# The rows are chosen in a `with`: a subquery in `in (…)` may be run again for each row, past its limit.
_CLAIM_ENDPOINTS = """
with chosen as materialized (
    select e.id from webhook_endpoints e
    where e.is_active and e.deleted_at is null
        and (e.claimed_until is null or e.claimed_until <= %(at)s)
        and (e.rest_until is null or e.rest_until <= %(at)s)
        and exists (select from webhook_deliveries d where d.endpoint_id = e.id
                    and d.status in ('pending', 'sending') and d.next_step_at <= %(at)s)
    order by e.claimed_until nulls first limit 500 for update skip locked
)
update webhook_endpoints e set claimed_until = %(until)s from chosen where e.id = chosen.id returning e.id
"""

_CLAIM = """
with chosen as materialized (
    select id from webhook_deliveries
    where endpoint_id = %(endpoint)s and status = 'pending' and next_step_at <= %(at)s
    order by next_step_at, id limit %(limit)s for update skip locked
)
update webhook_deliveries d
set status = 'sending', moved_at = %(at)s, next_step_at = %(lease)s, tries = d.tries + 1
from chosen where d.id = chosen.id and d.status = 'pending' returning d.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one request."""

    row: WebhookDelivery
    posted: Posted | None = None
    error: str = ""
    milliseconds: int = 0

    @property
    def taken(self) -> bool:
        return self.posted is not None and self.posted.taken

    @property
    def words(self) -> str:
        """Why it was not taken; empty when it was."""
        if self.posted is None or self.taken:
            return self.error
        if 300 <= self.posted.status < 400:
            return f"HTTP {self.posted.status}: redirects are not followed; register the final address"
        return f"HTTP {self.posted.status}"


def claim_endpoints(*, at: datetime) -> list[UUID]:
    """Return endpoints with something due that no worker drains, and keep others off them for a while."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM_ENDPOINTS, {"at": at, "until": at + CLAIMED_FOR})
        return [row_id for (row_id,) in cursor.fetchall()]


def release_endpoint(endpoint_id: UUID) -> None:
    """Let another worker drain it."""
    WebhookEndpoint.objects.filter(pk=endpoint_id).update(claimed_until=None)


def tidy(*, at: datetime) -> int:
    """Take up what a killed worker left, give up what is a day old, and return how many were given up."""
    left = WebhookDelivery.objects.filter(status=DeliveryStatus.SENDING, next_step_at__lte=at)
    left.update(status=DeliveryStatus.PENDING, moved_at=at)
    overdue = WebhookDelivery.objects.filter(status=DeliveryStatus.PENDING, give_up_at__lte=at)
    return overdue.update(status=DeliveryStatus.FAILED, moved_at=at, next_step_at=None)


def deliver(*, endpoint_id: UUID, at: datetime) -> int:
    """Post a handful of an endpoint's due deliveries; return how many were tried.

    An endpoint whose last request failed gets one first. No transaction is open while we wait.
    """
    endpoint = WebhookEndpoint.objects.select_related("partner").get(pk=endpoint_id)
    if not endpoint.is_active or endpoint.deleted_at or (endpoint.rest_until and endpoint.rest_until > at):
        return 0
    rows = _claim(endpoint, at=at, limit=1 if endpoint.failures else IN_FLIGHT)
    if rows:
        _settle(endpoint, _post_all(endpoint, rows, at=at), at=at)
    return len(rows)


def _claim(endpoint: WebhookEndpoint, *, at: datetime, limit: int) -> list[WebhookDelivery]:
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        values: dict[str, Any] = {"endpoint": endpoint.pk, "at": at, "lease": at + LEASE, "limit": limit}
        cursor.execute(_CLAIM, values)
        ids = [row_id for (row_id,) in cursor.fetchall()]
    rows = WebhookDelivery.objects.filter(pk__in=ids).select_related("event__partner")
    return list(rows.order_by("event__number"))


def _post_all(endpoint: WebhookEndpoint, rows: Sequence[WebhookDelivery], *, at: datetime) -> list[Outcome]:
    client = WebhookClient(allow_private=settings.ALLOW_PRIVATE_HOSTS, connections=len(rows))
    keys = [endpoint.secret]
    if endpoint.old_secret and endpoint.old_secret_until and endpoint.old_secret_until > at:
        keys.append(endpoint.old_secret)
    try:
        with ThreadPoolExecutor(max_workers=len(rows)) as threads:
            return list(threads.map(lambda row: _post(client, endpoint.url, keys, row, at), rows))
    finally:
        client.close()


def _post(client: WebhookClient, url: str, keys: list[str], row: WebhookDelivery, at: datetime) -> Outcome:
    """Post one delivery, in a thread of its own; it touches no database."""
    body = as_bytes(row.event)
    started = time.monotonic()
    posted, error = None, ""
    try:
        posted = client.post(url, body, headers(message_id=str(row.event_id), at=at, body=body, keys=keys))
    except GatewayError as exc:
        error = str(exc)
    spent = round((time.monotonic() - started) * 1000)
    outcome = str(posted.status) if posted else error
    log.info("call", system="webhook", operation="post", reference=str(row.pk), outcome=outcome, ms=spent)
    return Outcome(row=row, posted=posted, error=error, milliseconds=spent)


def _settle(endpoint: WebhookEndpoint, outcomes: Sequence[Outcome], *, at: datetime) -> None:
    taken = [one.row.pk for one in outcomes if one.taken]
    with transaction.atomic():
        WebhookTry.objects.bulk_create(_try(one, at) for one in outcomes)
        ours = WebhookDelivery.objects.filter(status=DeliveryStatus.SENDING)
        ours.filter(pk__in=taken).update(
            status=DeliveryStatus.DELIVERED,
            moved_at=at,
            delivered_at=at,
            next_step_at=None,
            last_error="",
            last_status=200,  # or another 2xx; the try says which
        )
        for one in outcomes:
            if not one.taken:
                ours.filter(pk=one.row.pk, moved_at=one.row.moved_at).update(**_again(one, at))
        _note(endpoint, outcomes, at=at)


def _try(one: Outcome, at: datetime) -> WebhookTry:
    return WebhookTry(
        id=new_id(),
        delivery_id=one.row.pk,
        at=at,
        status=one.posted.status if one.posted else None,
        milliseconds=one.milliseconds,
        answer=one.posted.answer if one.posted else "",
        error=one.words[:300],
    )


def _again(one: Outcome, at: datetime) -> dict[str, object]:
    """Say when a delivery that was not taken is tried again: a last time just before its day is over."""
    gap = GAPS[min(one.row.tries, len(GAPS)) - 1] * random.uniform(0.8, 1.2)  # noqa: S311 - only spreads them
    last = one.row.give_up_at - LAST_TRY_BEFORE_END
    told = {"moved_at": at, "last_error": one.words[:300], "last_status": one.posted and one.posted.status}
    if at >= last:
        return told | {"status": DeliveryStatus.FAILED, "next_step_at": None}
    return told | {"status": DeliveryStatus.PENDING, "next_step_at": min(at + gap, last)}


def _note(endpoint: WebhookEndpoint, outcomes: Sequence[Outcome], *, at: datetime) -> None:
    """Keep how the endpoint does: let it rest while nothing arrives, and switch it off after days of that."""
    rows = WebhookEndpoint.objects.filter(pk=endpoint.pk)
    if any(one.taken for one in outcomes):
        if endpoint.failures:
            rows.update(failures=0, failing_since=None, rest_until=None)
        return
    since = endpoint.failing_since or at
    asked = [
        timedelta(seconds=one.posted.retry_after) for one in outcomes if one.posted and one.posted.retry_after
    ]
    rest = min(max([RESTS[min(endpoint.failures, len(RESTS) - 1)], *asked]), LONGEST_REST)
    rows.update(failures=F("failures") + 1, failing_since=since, rest_until=at + rest)
    if any(one.posted and one.posted.status == GONE for one in outcomes):
        _disable(endpoint, "It answered that it is gone (HTTP 410).", at=at)
    elif at - since >= timedelta(days=settings.WEBHOOK_DISABLE_AFTER_DAYS):
        days = settings.WEBHOOK_DISABLE_AFTER_DAYS
        _disable(endpoint, f"Nothing has arrived for {days} days: {outcomes[-1].words}.", at=at)


def _disable(endpoint: WebhookEndpoint, reason: str, *, at: datetime) -> None:
    on = WebhookEndpoint.objects.filter(pk=endpoint.pk, is_active=True)
    if not on.update(is_active=False, disabled_at=at, disabled_reason=reason[:300], disabled_told_at=None):
        return
    log.warning("webhook endpoint switched off", endpoint=str(endpoint.pk), reason=reason)
    feed.tell(
        partner_id=endpoint.partner_id,
        type="webhook.disabled",
        subject_table="webhook_endpoints",
        subject_id=endpoint.pk,
        payload={"id": str(endpoint.pk), "url": endpoint.url, "reason": reason},
        at=at,
    )
