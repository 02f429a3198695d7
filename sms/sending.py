"""Send what is due: claim a handful, hand all of it over at once, settle it together.

As many messages are in flight as were claimed, so that a killed worker leaves in doubt only what may really
have been sent.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from common import audit, correlation
from common.gateway import GatewayError, OutcomeUnknown, Rejected, Retryable
from sms import accounts, outbox
from sms.gateways import Accepted, Gateway, Message
from sms.models import SmsGateway, SmsNotification, Status
from sms.outbox import Settled

log = structlog.get_logger("sms")

IN_FLIGHT = 8
MOST_TRIES = 6
GAPS = tuple(timedelta(seconds=seconds) for seconds in (15, 60, 300, 900, 3600))
FIRST_QUESTION = timedelta(minutes=1)  # before we ask what has become of an accepted message

Outcome = Accepted | GatewayError


def send_due(*, gateway_id: UUID, at: datetime, limit: int = 100) -> int:
    """Send an account's due messages, at most `limit` and not above its pace; return how many were tried.

    No transaction is open while the provider is asked. Nothing is raised for a message: where it went and
    why is on its row.
    """
    tried, wanted = 0, min(IN_FLIGHT, limit)
    while wanted and (taken := outbox.claim(gateway_id=gateway_id, at=at, limit=wanted)):
        account, claimed = taken
        _settle(account, claimed, _ask_all(account, claimed, at), at=at)
        tried += len(claimed)
        wanted = min(IN_FLIGHT, limit - tried)
    return tried


def _ask_all(account: SmsGateway, claimed: Sequence[SmsNotification], at: datetime) -> list[Outcome]:
    try:
        client = accounts.load(account)
    except Rejected as exc:
        return [exc] * len(claimed)
    with ThreadPoolExecutor(max_workers=len(claimed)) as threads:
        return list(threads.map(lambda row: _ask(client, row, at), claimed))


def _ask(client: Gateway, row: SmsNotification, at: datetime) -> Outcome:
    """Hand one message over, in a thread of its own; it touches no database."""
    correlation.bind(row.correlation_id)
    if row.expires_at and row.expires_at <= at:
        return Rejected("it came too late to be of use", code="expired")
    message = Message(
        phone=row.recipient_phone,
        text=row.message_content,
        reference=row.pk.hex,
        unicode=row.encoding == "ucs2",
    )
    try:
        return client.send(message)
    except GatewayError as exc:
        return exc
    except Exception as exc:
        log.exception("sms answer not understood", gateway=type(client).__name__, error=type(exc).__name__)
        return OutcomeUnknown(f"the answer was not understood ({type(exc).__name__})")


def _settle(
    account: SmsGateway, claimed: Sequence[SmsNotification], outcomes: Sequence[Outcome], *, at: datetime
) -> None:
    settled = [_settled(account, row, outcome, at) for row, outcome in zip(claimed, outcomes, strict=True)]
    ours = outbox.settle(settled, at=at)
    stops = [outcome for outcome in outcomes if isinstance(outcome, GatewayError) and outcome.stop]
    if stops:
        stop(account, reason=str(stops[0]), at=at)
    for late in {one.id for one in settled} - ours:
        log.warning("sms answer came after its lease", notification=str(late))


def _settled(account: SmsGateway, row: SmsNotification, outcome: Outcome, at: datetime) -> Settled:
    """Decide where a message goes from its answer; the whole rule in one place."""
    here = Settled(
        id=row.pk,
        claimed_at=row.moved_at,
        new=Status.SENT,
        gateway_id=account.pk,
        on_second=row.on_second,
        tries=row.tries,
    )
    if isinstance(outcome, Accepted):
        asked = account.dlr_mode == SmsGateway.Reports.PULL and bool(outcome.message_id)
        question = at + FIRST_QUESTION if asked else None
        return replace(here, reference=outcome.message_id, cost=outcome.cost, next_step_at=question)
    if isinstance(outcome, OutcomeUnknown):
        return replace(here, unconfirmed=True, error=f"Unconfirmed: {outcome}")
    if outcome.stop:  # not the message's fault: it waits for the account, or takes the other one
        waits = replace(here, new=Status.PENDING, tries=row.tries - 1, next_step_at=at, error=str(outcome))
        return _over_to_second(account, waits, at) or waits
    if isinstance(outcome, Retryable) and row.tries < MOST_TRIES:
        gap = GAPS[min(row.tries, len(GAPS)) - 1]
        least = accounts.CLIENTS[account.kind].retry_after.get(outcome.code, gap)
        return replace(here, new=Status.PENDING, next_step_at=at + max(gap, least), error=str(outcome))
    refused = replace(here, new=Status.FAILED, error=str(outcome))
    expired = outcome.code == "expired"
    return (None if expired else _over_to_second(account, refused, at)) or refused


def _over_to_second(account: SmsGateway, given_up: Settled, at: datetime) -> Settled | None:
    """Hand a message that provably was not sent to the account that helps out, once."""
    second = account.second
    if given_up.on_second or second is None or not second.usable:
        return None
    return replace(
        given_up, new=Status.PENDING, gateway_id=second.pk, on_second=True, tries=0, next_step_at=at
    )


def stop(account: SmsGateway, *, reason: str, at: datetime) -> None:
    """Send nothing more through an account until a person has mended it."""
    running = SmsGateway.objects.filter(pk=account.pk, stopped_at__isnull=True)
    if running.update(stopped_at=at, stopped_reason=reason[:300]):
        audit.write(action="sms account stopped", subject=account, at=at, reason=reason[:300])
        log.error("sms account stopped", gateway=account.name, reason=reason)
