"""Match a payment that has come in: to an account, or to suspense with the reason."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from c2b import finding
from c2b.finding import Finding, Target
from c2b.models import C2bTransaction, Posting
from c2b.prompts import StkPush
from c2b.reading import collector_of, host_of, load, rule_of, shortcode_of
from c2b.reversals import under_way
from c2b.statuses import CONFIDENCE, MatchedBy, Status, TransactionType
from common.gateway import GatewayError
from common.ids import new_id
from mifos.accounts import AccountKind
from mifos.hosts import busy, speaking_to
from mifos.models import MifosPartner
from mpesa.collections import Payer

BUSY_GAP = timedelta(seconds=1)
GAPS = (2, 5, 15, 60, 300)  # seconds between tries to reach Mifos; the last goes on for ever
MATCHABLE = (Status.RECEIVED, Status.UNMATCHED)
TYPES = {
    AccountKind.LOAN: TransactionType.LOAN_REPAYMENT,
    AccountKind.SAVINGS: TransactionType.SAVINGS_DEPOSIT,
}


def match(*, transaction_id: UUID, at: datetime) -> bool:
    """Match one payment.

    :returns: whether its account is known now, so that it can be booked
    :raises LostRace: another worker moved it first
    """
    row = load(transaction_id)
    if row.status not in MATCHABLE:
        return False
    if row.status == Status.UNMATCHED and under_way(row):
        row.due(None)
        return False
    if words := _not_ours(row):
        return to_suspense(row, words, at=at)
    assert row.partner_id is not None
    host = host_of(row.partner_id)
    if host is None:
        return to_suspense(row, "The partner has no Mifos connection that is switched on.", at=at)
    try:
        found = _find(row, host, at=at)
    except GatewayError as exc:
        _wait(row, host, exc, at=at)
        return False
    if found.target is None:
        return to_suspense(row, found.words, at=at, found=found)
    settle(row, host, found, at=at)
    return True


def _not_ours(row: C2bTransaction) -> str:
    """Say why a payment must not be matched by itself, whatever was typed."""
    if row.partner_id is None:
        return "The shortcode is shared, so nobody can say whose customer paid."
    shortcode = shortcode_of(row.shortcode_id)
    own = {shortcode.number, collector_of(shortcode).store_number} if shortcode else set()
    if row.business_shortcode and row.business_shortcode not in own:
        return (
            f"The notice names shortcode {row.business_shortcode}, but came to the address of "
            f"{shortcode.number if shortcode else 'another one'}."
        )
    return ""


def _find(row: C2bTransaction, host: MifosPartner, *, at: datetime) -> Finding:
    """:raises Rejected, Retryable: Mifos did not answer"""
    assert row.partner_id is not None
    if prompted := _prompted(row):
        return prompted
    rule = rule_of(row.partner_id)
    remembered = finding.known(row.bill_ref, rule=rule, mifos_partner_id=host.pk, at=at)
    if remembered is not None:
        return remembered
    payer = Payer(phone=row.customer_phone, digest=row.phone_hash)
    with speaking_to(host, at=at) as client:
        return finding.search(row.bill_ref, payer, rule=rule, client=client)


def _prompted(row: C2bTransaction) -> Finding | None:
    """Return the account that we asked this very payment for."""
    asked = StkPush.objects.filter(mpesa_receipt=row.mpesa_receipt, shortcode_id=row.shortcode_id).first()
    if asked is None:
        return None
    target = Target(
        kind=AccountKind(asked.kind),
        account_id=asked.account_id,
        account_no=asked.account_no,
        client_id=None,
        client_name="",
    )
    return Finding(target=target, by=MatchedBy.PROMPT, words=f"{asked.asked_by} asked the customer for it.")


def settle(row: C2bTransaction, host: MifosPartner, found: Finding, *, at: datetime) -> None:
    """Note the account of a payment, and plan its booking.

    :raises LostRace: another worker moved it first
    """
    target = found.target
    assert target is not None
    with transaction.atomic():
        row.move(
            Status.MATCHED,
            at=at,
            note=found.words,
            evidence=found.evidence(),
            transaction_type=TYPES[target.kind],
            mifos_account_id=target.account_id,
            account_no=target.account_no[:50],
            mifos_client_id=target.client_id,
            client_name=target.client_name[:200],
            matched_by=found.by,
            confidence=CONFIDENCE[found.by],
            match_words=found.words,
            matched_at=at,
            next_step_at=at,
        )
        plan(row, host, target, at=at)
        if found.candidates and found.by in (MatchedBy.NUMBER, MatchedBy.EXTERNAL_ID):
            finding.remember(found, mifos_partner_id=host.pk, at=at)


def plan(row: C2bTransaction, host: MifosPartner, target: Target, *, at: datetime) -> Posting:
    """Plan the booking of all that is left of a payment to one account; the first has the payment's id."""
    first = not row.postings.exists()
    return Posting.objects.create(
        id=row.pk if first else new_id(),
        transaction=row,
        mifos_partner=host,
        kind=target.kind,
        account_id=target.account_id,
        account_no=target.account_no[:50],
        client_id=target.client_id,
        amount=row.rest,
        created_at=at,
    )


def to_suspense(row: C2bTransaction, words: str, *, at: datetime, found: Finding | None = None) -> bool:
    """Put a payment into suspense with the reason; one that is there already gets the newer reason."""
    if row.status == Status.UNMATCHED:
        C2bTransaction.objects.filter(pk=row.pk, status=row.status).update(
            next_step_at=None, queued_at=None, reason=words, match_words=words
        )
        return False
    row.move(
        Status.UNMATCHED,
        at=at,
        note=words,
        match_words=words,
        evidence=found.evidence() if found else None,
        attention=words,
        attention_at=at,
    )
    return False


def _wait(row: C2bTransaction, host: MifosPartner, exc: GatewayError, *, at: datetime) -> None:
    """Come back later: what Mifos did not answer is no reason for suspense."""
    if busy(exc):
        row.due(at + BUSY_GAP)
        return
    tries = row.record_tries
    again = at + timedelta(seconds=GAPS[min(tries, len(GAPS) - 1)])
    if host.retry_at and host.retry_at > again:
        again = host.retry_at
    C2bTransaction.objects.filter(pk=row.pk, status=row.status).update(
        next_step_at=again,
        queued_at=None,
        record_tries=tries + 1,
        reason=f"Mifos could not be asked: {exc}. It is tried again by itself.",
    )
