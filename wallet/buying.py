"""Buy float, at most once: set the money aside and commit, then speak; what is unclear stays unknown."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from common.gateway import OutcomeUnknown, Rejected, Retryable
from common.moves import LostRace
from partners import pausing
from partners.models import TariffBand, fee
from wallet import drift, evidence, funding, operations
from wallet.models import Hold
from wallet.purchases import FloatPurchase, PurchaseStatus

NAIROBI = ZoneInfo("Africa/Nairobi")
LEASE = timedelta(minutes=4)  # longer than any one order may take, its token included
UNSENT_GAPS = (5, 30, 120, 600)  # seconds before an order that never arrived goes again
MOST_SENDS = 6
PAUSED_GAP = timedelta(seconds=30)


def buy(*, purchase_id: UUID, at: datetime) -> None:
    """Send one confirmed purchase on its way, or write down why not.

    :raises LostRace: another worker has it
    """
    row = load(purchase_id)
    if row.status != PurchaseStatus.CONFIRMED:
        return
    if dial := pausing.standing(partner_id=row.partner_id, shortcode_id=row.shortcode_id):
        row.wait(at + PAUSED_GAP, f"Paused ({dial.get_scope_display().lower()}): {dial.reason}")
        return
    try:
        with transaction.atomic(durable=True):  # committed before a single byte leaves us
            claim(row, at=at)
    except operations.InsufficientFunds as exc:
        row.refresh_from_db()
        with transaction.atomic():
            row.move(
                PurchaseStatus.FAILED,
                at=at,
                note=str(exc),
                result_text=str(exc),
                next_step_at=None,
                settled_at=at,
            )
            evidence.tell_failure(row, str(exc), at=at)
        return
    send(row, funding.order)


def claim(row: FloatPurchase, *, at: datetime) -> None:
    """Take the row for sending and set its money aside, all or nothing; a repetition keeps its hold.

    :raises LostRace: another worker has it
    :raises InsufficientFunds: the wallet has less than the amount and the charge
    """
    first = row.sends == 0
    charge = _charge(row, at=at) if first else row.charge
    row.move(
        PurchaseStatus.SENDING,
        at=at,
        note="Ordering the float.",
        next_step_at=at + LEASE,
        sends=row.sends + 1,
        charge=charge,
        first_sent_at=at if first else row.first_sent_at,
        last_sent_at=at,
        drift_before=drift.exact_drift(row.shortcode),
    )
    operations.hold(  # last: the wallet's row stays locked until the commit
        reference=row.pk,
        partner_id=row.partner_id,
        shortcode_id=row.shortcode_id,
        principal=row.amount,
        charge=charge,
        at=at,
        purpose=Hold.Purpose.FLOAT_PURCHASE,
    )


def _charge(row: FloatPurchase, *, at: datetime) -> Decimal:
    on = at.astimezone(NAIROBI).date()
    kind = TariffBand.Kind.FLOAT_PURCHASE
    return fee(kind, partner_id=row.partner_id, amount=row.amount, on=on) or Decimal(0)


def send(row: FloatPurchase, order: "Callable[[FloatPurchase], funding.Taken]") -> None:
    """Make the one outside call of a claimed purchase, and note what came of it."""
    try:
        taken = order(row)
    except Rejected as exc:
        words, stop = f"Refused: {exc}.", exc.stop
        _note(row, lambda at: _refused(row, words, stop=stop, at=at))
    except Retryable as exc:
        words = f"{exc}. Nothing was sent."
        _note(row, lambda at: _not_sent(row, words, at=at))
    except OutcomeUnknown as exc:
        words = f"{exc}. The order may have been taken or not; only evidence decides."
        _note(row, lambda at: _unknown(row, words, at=at))
    except ValueError as exc:  # what we may not send at all
        words = f"Our order is not allowed: {exc}"
        _note(row, lambda at: _refused(row, words, stop=False, at=at))
    else:
        _note(row, lambda at: _accepted(row, taken, at=at))


def _note(row: FloatPurchase, write: "Callable[[datetime], None]") -> None:
    """Write what an answer says, also where the row was taken for lost while the answer was on its way."""
    with suppress(LostRace):  # evidence was quicker, and says more
        try:
            write(timezone.now())
        except LostRace:
            row.refresh_from_db()
            if row.status != PurchaseStatus.UNKNOWN:
                raise
            write(timezone.now())


def _accepted(row: FloatPurchase, taken: "funding.Taken", *, at: datetime) -> None:
    had = "had it already" if taken.earlier else "took the order"
    row.move(
        PurchaseStatus.ACCEPTED,
        at=at,
        note=f"{funding.who(row).capitalize()} {had}; waiting for evidence.",
        who=funding.who(row),
        bank_reference=taken.reference[:60],
        next_step_at=at + evidence.FIRST_LOOK,
    )


def _refused(row: FloatPurchase, words: str, *, stop: bool, at: datetime) -> None:
    evidence.not_bought(row, words, at=at, who=funding.who(row))
    if stop:
        row.ask_for_person(f"{words} Mend the access before anything more is ordered.", at=at)


def _not_sent(row: FloatPurchase, words: str, *, at: datetime) -> None:
    if row.status == PurchaseStatus.UNKNOWN or row.sends >= MOST_SENDS:
        evidence.not_bought(row, f"{words} Given up; it never left us.", at=at)
        return
    gap = timedelta(seconds=UNSENT_GAPS[min(row.sends, len(UNSENT_GAPS)) - 1])
    row.move(
        PurchaseStatus.CONFIRMED,
        at=at,
        note=f"{words} It goes again with the same reference.",
        result_text=words[:300],
        next_step_at=at + gap,
    )


def _unknown(row: FloatPurchase, words: str, *, at: datetime) -> None:
    if row.status == PurchaseStatus.UNKNOWN:
        return
    row.move(
        PurchaseStatus.UNKNOWN,
        at=at,
        note=words,
        result_text=words[:300],
        next_step_at=at + evidence.FIRST_LOOK,
    )


def recover(*, purchase_id: UUID, at: datetime) -> None:
    """Take up a purchase whose worker stopped between the commit and the answer: nobody knows what was sent."""
    row = load(purchase_id)
    if row.status == PurchaseStatus.SENDING and row.next_step_at and row.next_step_at <= at:
        _unknown(row, "The worker stopped while ordering. The order may have been taken or not.", at=at)


def load(purchase_id: UUID) -> FloatPurchase:
    """Read a purchase with all that sending and settling it need."""
    return FloatPurchase.objects.select_related("partner", "shortcode").get(pk=purchase_id)
