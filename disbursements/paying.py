"""Send a ready disbursement to M-Pesa, at most once: set the money aside and commit, then speak."""

from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from common import rows, tokens
from common.gateway import OutcomeUnknown, Rejected, Retryable
from common.moves import LostRace
from disbursements import checks, settling
from disbursements.checking import hold, load, standing_dial
from disbursements.models import Attempt, Disbursement
from disbursements.statuses import AttemptStatus, Cause, Status
from mpesa import codes
from mpesa import operations as mpesa
from mpesa.client import Client, Payout
from partners.models import Shortcode, TariffBand, fee, payout_shortcode
from wallet import operations as wallet

LEASE = timedelta(seconds=120)  # longer than any one request may take, its token included
CHECKS_HOLD = timedelta(minutes=10)  # a row that waited longer is checked anew
UNSENT_GAPS = (1, 5, 15, 60, 300)  # seconds before a request that never arrived goes again


def pay(*, disbursement_id: UUID, at: datetime) -> None:
    """Pay one ready disbursement, or say on its timeline why not now.

    :raises LostRace: another worker has it
    """
    row = load(disbursement_id)
    if row.status != Status.READY:
        return
    shortcode = payout_shortcode(row.partner_id)
    if row.checked_at is None or at - row.checked_at > CHECKS_HOLD or shortcode is None:
        check_anew(row, at=at)
        return
    if dial := standing_dial(row, shortcode):
        words = f"Paused ({dial.get_scope_display().lower()}): {dial.reason}"
        step_back(row, checks.no("pause", Cause.PAUSED, words), at=at)
        return
    wait = mpesa.pace().take(shortcode.number, float(shortcode.rate_per_second))
    if wait > 0:
        row.due(at + timedelta(seconds=wait))
        return
    attempt = _claim_or_hold(row, shortcode, at=at)
    if attempt is not None:
        send(attempt, mpesa.connect(attempt.shortcode))


def _claim_or_hold(row: Disbursement, shortcode: Shortcode, *, at: datetime) -> Attempt | None:
    try:
        with transaction.atomic(durable=True):  # committed before a single byte leaves us
            return claim(row, shortcode, at=at)
    except wallet.InsufficientFunds as exc:
        row.refresh_from_db()
        cause = Cause.WALLET_FUNDS if exc.account == "wallet" else Cause.FLOAT_FUNDS
        step_back(row, checks.no("funds", cause, f"{exc} It goes on by itself after a top-up."), at=at)
        return None


def claim(row: Disbursement, shortcode: Shortcode, *, at: datetime) -> Attempt:
    """Take the row for sending and set the money aside, all or nothing.

    A request that provably never arrived is taken up again as itself, with its id and its holds.

    :raises LostRace: another worker has it
    :raises InsufficientFunds: the charge or the principal is not there
    """
    earlier = row.attempts.filter(status=AttemptStatus.UNSENT).select_related("shortcode")
    unsent = earlier.first() if row.attempts_made else None
    charge = unsent.charge if unsent else _fee(TariffBand.Kind.PAYOUT, row, at=at)
    row.move(
        Status.SENDING,
        at=at,
        note="Sending to M-Pesa.",
        next_step_at=at + LEASE,
        sent_at=at,
        charge=charge,
        attempts_made=row.attempts_made + (0 if unsent else 1),
    )
    if unsent:
        unsent.disbursement = row
        unsent.move(AttemptStatus.SENDING, at=at, sends=unsent.sends + 1, last_sent_at=at)
        return unsent
    return _new_attempt(row, shortcode, charge, at=at)


def _new_attempt(row: Disbursement, shortcode: Shortcode, charge: Decimal, *, at: datetime) -> Attempt:
    attempt = Attempt(
        disbursement=row,
        number=row.attempts_made,
        shortcode=shortcode,
        phone=row.phone,
        amount=row.amount,
        charge=charge,
        mpesa_cost=_fee(TariffBand.Kind.MPESA_B2C, row, at=at),
        moved_at=at,
        first_sent_at=at,
        last_sent_at=at,
    )
    rows.insert(attempt)
    wallet.hold(  # last: the wallet's row stays locked until the commit
        reference=attempt.pk,
        partner_id=row.partner_id,
        shortcode_id=shortcode.pk,
        principal=row.amount,
        charge=charge,
        at=at,
    )
    return attempt


def _fee(kind: str, row: Disbursement, *, at: datetime) -> Decimal:
    on = at.astimezone(checks.NAIROBI).date()
    return fee(kind, partner_id=row.partner_id, amount=row.amount, on=on) or Decimal(0)


def send(attempt: Attempt, client: Client) -> None:
    """Make the one outside call of a claimed attempt, and note what came of it.

    Its result may have arrived before its acknowledgement; then there is nothing left to note.
    """
    with suppress(LostRace):
        try:
            accepted = client.pay(payout(attempt))
        except Rejected as exc:
            settling.refused(attempt, exc, at=timezone.now())
        except ValueError as exc:  # what we may not send at all, such as an address with a forbidden word
            settling.refused(attempt, Rejected(f"our request is not allowed: {exc}"), at=timezone.now())
        except Retryable as exc:
            _not_sent(attempt, exc, at=timezone.now())
        except OutcomeUnknown as exc:
            _unknown(attempt, str(exc), at=timezone.now())
        else:
            _accepted(attempt, accepted.conversation_id, earlier=accepted.earlier, at=timezone.now())


def payout(attempt: Attempt) -> Payout:
    """Return the request of an attempt, the same whenever it is sent."""
    row = attempt.disbursement
    token = tokens.make("b2c", attempt.pk)
    return Payout(
        originator_conversation_id=attempt.originator_conversation_id,
        phone=attempt.phone,
        amount=attempt.amount,
        remarks=f"Loan {row.loan_account_no}" if row.loan_account_no else "Payout",
        result_url=mpesa.callback_address("b2c", token, "result"),
        timeout_url=mpesa.callback_address("b2c", token, "timeout"),
    )


def _accepted(attempt: Attempt, conversation_id: str, *, earlier: bool, at: datetime) -> None:
    note = "M-Pesa had it already." if earlier else "M-Pesa took the request; waiting for its result."
    ask_at = at + timedelta(seconds=settings.STATUS_QUERY_AFTER_SECONDS)
    with transaction.atomic():
        attempt.disbursement.move(
            Status.ACCEPTED, at=at, note=note, who="mpesa", accepted_at=at, next_step_at=ask_at
        )
        attempt.move(AttemptStatus.ACCEPTED, at=at, conversation_id=conversation_id[:60])


def _not_sent(attempt: Attempt, exc: Retryable, *, at: datetime) -> None:
    if exc.code in codes.SLOW_DOWN:
        mpesa.pace().slow_down(attempt.shortcode.number)
    gap = UNSENT_GAPS[min(attempt.sends, len(UNSENT_GAPS)) - 1]
    note = f"{exc}. Nothing was sent; it goes again with the same id."
    with transaction.atomic():
        attempt.disbursement.move(Status.READY, at=at, note=note, next_step_at=at + timedelta(seconds=gap))
        attempt.move(AttemptStatus.UNSENT, at=at, result_text=str(exc))


def _unknown(attempt: Attempt, words: str, *, at: datetime) -> None:
    note = f"{words.rstrip('.')}. M-Pesa may have it or not; asking."
    with transaction.atomic():
        attempt.disbursement.move(Status.UNKNOWN, at=at, note=note, next_step_at=at)
        attempt.move(AttemptStatus.UNKNOWN, at=at, result_text=words)


def recover(*, disbursement_id: UUID, at: datetime) -> None:
    """Take up a row whose worker stopped between the commit and the answer: nobody knows what was sent."""
    row = load(disbursement_id)
    attempt = row.attempts.filter(status=AttemptStatus.SENDING).select_related("shortcode").first()
    if row.status == Status.SENDING and attempt is not None:
        attempt.disbursement = row
        _unknown(attempt, "The worker stopped while sending", at=at)


def check_anew(row: Disbursement, *, at: datetime) -> None:
    """Send a ready row back to its checks, which may find another phone or amount: an unsent request is given up."""
    with transaction.atomic():
        row.move(Status.DETECTED, at=at, note="The checks grew old; checking again.", next_step_at=at)
        give_up_unsent(row, at=at)


def step_back(row: Disbursement, refusal: checks.Verdict, *, at: datetime) -> None:
    """Hold a ready row. A request that never arrived is given up, so that no money stays set aside for it."""
    with transaction.atomic():
        hold(row, refusal, [], at=at)
        give_up_unsent(row, at=at)


def give_up_unsent(row: Disbursement, *, at: datetime) -> None:
    """Release the money of a request that provably never reached M-Pesa."""
    for attempt in row.attempts.filter(status=AttemptStatus.UNSENT):
        attempt.move(
            AttemptStatus.FAILED, at=at, settled_at=at, result_text="Given up; it never reached M-Pesa."
        )
        wallet.release(reference=attempt.pk, at=at, reason="never sent")
