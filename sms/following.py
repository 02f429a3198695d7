"""What became of messages: reports that we ask for, reports that are pushed, and answers that never came."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction

from common import correlation, inbound
from common.gateway import GatewayError, OutcomeUnknown, Rejected
from common.models import InboundMessage
from common.moves import LostRace
from common.sweep import claim_due
from sms import accounts, callbacks, outbox
from sms.gateways import Gateway, Report
from sms.models import SmsGateway, SmsNotification, Status
from sms.outbox import Settled
from sms.sending import IN_FLIGHT

log = structlog.get_logger("sms")

REPORT = "sms_report"  # kind of the stored message
STRANGER_TRIES = 3  # a report can come before our own note of the id
LONGEST_GAP = timedelta(hours=6)
ASKED_FOR = timedelta(days=3)  # an absent phone is reported up to a day late
DIED = "Unconfirmed: the worker ended before the answer came"


def doubt_overdue(*, at: datetime, limit: int = 500) -> int:
    """Take messages whose worker died while sending as sent but unconfirmed; return how many.

    The provider may have them, and gave no id to ask by, so they are not sent again by themselves.
    """
    overdue = SmsNotification.objects.filter(status=Status.SENDING, next_step_at__lte=at)[:limit]
    settled = [
        Settled(
            id=row.pk,
            claimed_at=row.moved_at,
            new=Status.SENT,
            gateway_id=row.gateway_id,
            on_second=row.on_second,
            tries=row.tries,
            unconfirmed=True,
            error=DIED,
        )
        for row in overdue
    ]
    return len(outbox.settle(settled, at=at)) if settled else 0


def accounts_to_ask(*, at: datetime) -> list[UUID]:
    """Return the accounts that have messages whose fate is to be asked for now."""
    due = SmsNotification.objects.filter(status=Status.SENT, next_step_at__lte=at)
    return [gateway_id for gateway_id in due.values_list("gateway_id", flat=True).distinct() if gateway_id]


def ask_reports(*, gateway_id: UUID, at: datetime, limit: int = 100) -> int:
    """Ask an account's provider what became of messages that are due for the question; return how many."""
    account = SmsGateway.objects.get(pk=gateway_id)
    due = SmsNotification.objects.filter(status=Status.SENT, gateway_id=gateway_id)
    rows = list(SmsNotification.objects.filter(pk__in=claim_due(due, at=at, limit=limit)))
    for row, report in zip(rows, _ask_all(account, rows), strict=True):
        if report is None or report.fate == "waiting":
            row.ask_later(at=at, gap=_next_gap(row, at))
        else:
            with suppress(LostRace):
                _apply(row, report, at)
    return len(rows)


def apply_reports(*, at: datetime, limit: int = 500) -> int:
    """Apply stored reports that were pushed to us, oldest first; return how many were looked at."""
    due = InboundMessage.objects.filter(kind=REPORT)
    ids = claim_due(due, at=at, limit=limit)
    for message in InboundMessage.objects.filter(pk__in=ids).order_by("received_at"):
        correlation.bind(message.correlation_id)
        apply_report(message, at=at)
    return len(ids)


def apply_report(message: InboundMessage, *, at: datetime) -> None:
    """Apply one pushed report. Only messages that this very account has sent are found by it."""
    account = SmsGateway.objects.filter(pk=message.subject_id).first() if message.subject_id else None
    report = callbacks.parse(account.kind, message.body) if account else None
    if account is None or report is None:
        inbound.applied(message.pk, outcome="not a delivery report; ignored", at=at)
        return
    mine = SmsNotification.objects.filter(gateway=account, damza_reference=report.message_id)
    row = mine.order_by("-created_at").first()
    if row is None and message.tries < STRANGER_TRIES:
        inbound.postpone(message, reason="no message of this account has that id yet", at=at)
        return
    with suppress(LostRace), transaction.atomic():  # after a lost race it is still due, and read again
        outcome = _apply(row, report, at) if row else "no message of this account has that id; ignored"
        inbound.applied(message.pk, outcome=outcome, at=at)


def _apply(row: SmsNotification, report: Report, at: datetime) -> str:
    """Move a message to its reported end, once; a final state stays.

    :returns: what was done, in words
    :raises LostRace: somebody else moved it at the same moment
    """
    if report.fate == "waiting":
        return f"not final: {report.words}"
    wanted = Status.DELIVERED if report.fate == "delivered" else Status.FAILED
    if row.status != Status.SENT:
        agrees = "as we know" if row.status == wanted else f"but it is {row.status}, which stays"
        return f"reported {report.fate} ({report.words}), {agrees}"
    if report.fate == "delivered":
        row.mark_delivered(at=at, note=report.words)
    else:
        row.mark_undelivered(at=at, reason=f"Not delivered: {report.words}")
    return report.fate


def _ask_all(account: SmsGateway, rows: Sequence[SmsNotification]) -> list[Report | None]:
    try:
        client = accounts.load(account)
    except Rejected:
        return [None] * len(rows)
    with ThreadPoolExecutor(max_workers=IN_FLIGHT) as threads:
        return list(threads.map(lambda row: _ask(client, row), rows))


def _ask(client: Gateway, row: SmsNotification) -> Report | None:
    correlation.bind(row.correlation_id)
    try:
        if not client.can_be_asked or not row.damza_reference:
            raise OutcomeUnknown("there is nobody, or nothing, to ask by")
        return client.report(row.damza_reference)
    except GatewayError as exc:
        log.info("no delivery report", notification=str(row.pk), reason=str(exc))
        return None


def _next_gap(row: SmsNotification, at: datetime) -> timedelta | None:
    """Double the age of a message between questions; after a few days there is nothing more to learn."""
    age = at - (row.sent_at or row.created_at)
    return None if age > ASKED_FOR else min(max(age, timedelta(minutes=1)), LONGEST_GAP)
