"""Ask M-Pesa every hour for all payments of the last two days, and take in what no notice told."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from c2b import addresses, receiving
from c2b.models import Collector, StatementLine
from c2b.statuses import Channel
from common import audit
from common.gateway import GatewayError
from mpesa import operations as mpesa
from mpesa.client import Client
from mpesa.collecting import PULL_PAGE, PULL_WINDOW
from mpesa.collections import Notice
from mpesa.times import EAT
from partners.models import Shortcode

log = structlog.get_logger("c2b.pull")

EVERY = timedelta(hours=1)
TROUBLE_GAP = timedelta(minutes=10)
OVERLAP = timedelta(hours=1)  # a payment may be listed late
MOST_PAGES = 100


def pull(*, collector_id: UUID, at: datetime) -> int:
    """Take in what M-Pesa lists since the last time, and return how many payments were new to us."""
    row = Collector.objects.select_related("shortcode").get(pk=collector_id)
    if not row.pull_enabled:
        Collector.objects.filter(pk=row.pk).update(next_step_at=None)
        return 0
    try:
        client = mpesa.connect(row.shortcode)
        _register(row, client, at=at)
        new = _pull(row, client, at=at)
    except (GatewayError, ValueError) as exc:
        Collector.objects.filter(pk=row.pk).update(
            next_step_at=at + TROUBLE_GAP, pull_note=f"Not pulled: {exc}"[:300]
        )
        return 0
    note = f"{new} payments that no notice had told." if new else "Nothing was missing."
    note += _gap(row, at=at)
    Collector.objects.filter(pk=row.pk).update(next_step_at=at + EVERY, pulled_until=at, pull_note=note)
    return new


def _register(row: Collector, client: Client, *, at: datetime) -> None:
    if row.pull_registered_at is None:
        client.register_pull(nominated=row.pull_phone, callback_url=addresses.address(row.shortcode, "pull"))
        Collector.objects.filter(pk=row.pk).update(pull_registered_at=at)


def _gap(row: Collector, *, at: datetime) -> str:
    """Say, also on the audit trail, which time was not listed at all, because M-Pesa tells of two days only."""
    since, until = row.pulled_until, at - PULL_WINDOW
    if since is None or since >= until:
        return ""
    days = " to ".join(f"{one.astimezone(EAT):%d %b %Y %H:%M}" for one in (since, until))
    words = f" Not listed: {days}. Import the statement of that time."
    audit.write(
        action="pull has a gap",
        subject=row,
        at=at,
        reason=words.strip(),
        partner_id=row.shortcode.partner_id,
        detail={"from": since.isoformat(), "until": until.isoformat()},
    )
    log.error("pull has a gap", shortcode=row.shortcode.number)
    return words


def _pull(row: Collector, client: Client, *, at: datetime) -> int:
    since = max(at - PULL_WINDOW, (row.pulled_until or at - PULL_WINDOW) - OVERLAP)
    new = offset = 0
    for _ in range(MOST_PAGES):
        page = client.pull(since=since, until=at, offset=offset)
        new += take_all(page, shortcode=row.shortcode, channel=Channel.PULL, at=at)
        offset += len(page)
        if len(page) < PULL_PAGE:
            break
    return new


def take_all(notices: Iterable[Notice], *, shortcode: Shortcode, channel: Channel, at: datetime) -> int:
    """Take payments of M-Pesa's own list by the same road as notices, keep the lines, return how many were new."""
    new = 0
    for notice in notices:
        if not notice.complete or notice.amount is None:
            log.error("a line without receipt or amount", shortcode=shortcode.number)
            continue
        taken = receiving.take(notice, shortcode=shortcode, channel=channel, raw="", at=at)
        new += taken.fresh
        StatementLine.objects.update_or_create(
            mpesa_receipt=notice.receipt,
            defaults={
                "shortcode": shortcode,
                "amount": notice.amount,
                "paid_at": notice.paid_at or at,
                "source": channel,
                "seen_at": at,
            },
        )
    return new
