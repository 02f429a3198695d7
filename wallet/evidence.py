"""End a purchase on evidence: the bank's debit, M-Pesa's result, the observed balance, or two people.

An answer of the bank is no evidence by itself. A contradiction changes nothing and asks for a person.
"""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from common.models import InboundMessage
from common.money import shown
from common.moves import LostRace
from mpesa import callbacks
from mpesa.codes import Kind as Code
from partners.models import Shortcode
from sms import operations as sms
from wallet import alarms, drift, operations
from wallet.bank_models import BankAccount
from wallet.models import Kind, PartnerWallet, Transfer, TransferType
from wallet.observations import FloatWatch
from wallet.purchases import OPEN, FloatPurchase, PurchaseStatus, Route

NAIROBI = ZoneInfo("Africa/Nairobi")
FIRST_LOOK = timedelta(seconds=60)
LOOK_GAPS = (60, 120, 300, 600, 1800, 3600)  # seconds between looks; the last repeats
LONG = timedelta(hours=2)  # without evidence after this, a person should look as well
FRESH = timedelta(seconds=45)
EARLY = timedelta(minutes=5)  # the bank's clock may be behind ours
LATE = timedelta(hours=24)  # a debit without our reference is taken for ours only this long
_WORD = re.compile(r"[A-Z0-9]+")
NOT_MOVED = frozenset({Code.FAILED, Code.FAILED_TODAY, Code.NO_FLOAT, Code.CONFIGURATION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Proof that a purchase happened. `receipt` is unique within its source."""

    source: str  # bank, mpesa, balance or people
    receipt: str
    event_at: datetime
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Debit:
    """Money that left the bank account, as its notice or its statement says; the amount is positive."""

    reference: str  # of the bank's core
    amount: Decimal
    text: str  # narrative and whatever else may name our reference
    at: datetime
    cost: bool = False  # a fee of the bank, not the order itself


def bought(row: FloatPurchase, proof: Evidence, *, at: datetime) -> bool:
    """Settle a purchase as bought, once: charge and money go, the float is up, the partner is told.

    :returns: False when it was settled before; attention is raised where that contradicts
    """
    if row.status not in OPEN:
        _compare(row, proof, at=at)
        return False
    with transaction.atomic():
        row.move(
            PurchaseStatus.BOUGHT,
            at=at,
            note=proof.words,
            who=proof.source,
            receipt=proof.receipt[:40],
            evidence=proof.source,
            settled_at=at,
            next_step_at=None,
            attention="",
        )
        event_at = max(
            proof.event_at, row.last_sent_at or proof.event_at
        )  # a statement may know the day only
        _book_where_it_came_from(row, event_at=event_at, at=at)
        _tell(row, at=at)
        operations.capture(  # last: it locks the wallet's row
            reference=row.pk, at=at, event_at=event_at, receipt=row.receipt, mpesa_cost=None
        )
    return True


def not_bought(row: FloatPurchase, words: str, *, at: datetime, who: str = "us") -> bool:
    """Settle a purchase as proved not bought, once, and give its money back.

    :returns: False when it was settled before
    """
    if row.status not in OPEN:
        if row.status == PurchaseStatus.BOUGHT:
            row.remark(words, at=at, who=who)
            row.ask_for_person(
                f"It is bought (receipt {row.receipt}), and now this was said: {words}"[:300], at=at
            )
        return False
    with transaction.atomic():
        row.move(
            PurchaseStatus.FAILED,
            at=at,
            note=f"{words} The money was given back.",
            who=who,
            result_text=words[:300],
            settled_at=at,
            next_step_at=None,
        )
        tell_failure(row, words, at=at)
        operations.release(reference=row.pk, at=at, reason=words)  # last: it locks the wallet's row
    return True


def _compare(row: FloatPurchase, proof: Evidence, *, at: datetime) -> None:
    if row.status == PurchaseStatus.BOUGHT:
        if proof.source != row.evidence or proof.receipt[:40] == row.receipt:
            return  # the same purchase, seen from another side
        row.ask_for_person(f"A second proof came, {proof.receipt}: was it bought twice?", at=at)
    else:
        words = f"It is {row.get_status_display().lower()}, and now there is proof that it was bought: {proof.words}"
        row.ask_for_person(words[:300], at=at)
    row.remark(proof.words, at=at, who=proof.source)


def _book_where_it_came_from(row: FloatPurchase, *, event_at: datetime, at: datetime) -> None:
    """Book that money left the bank (or a paybill) for M-Pesa, so that the bank's book stays the bank's."""
    source = Kind.WORKING if row.route == Route.DARAJA_TOPUP else Kind.BANK
    operations.transfer(
        type=TransferType.FUNDING,
        reference=str(row.pk),
        from_account=operations.platform_account(Kind.UTILITY),
        to_account=operations.platform_account(source),
        amount=row.amount,
        at=at,
        event_at=event_at,
        description=f"{row.reference} {row.bank_reference}".strip(),
    )


def _tell(row: FloatPurchase, *, at: datetime) -> None:
    wallet = PartnerWallet.objects.get(partner_id=row.partner_id)
    sms.enqueue_to_partner(
        event_key=f"float-bought:{row.pk}",
        message_type="float_purchase",
        partner_id=row.partner_id,
        context={
            "amount": shown(row.amount),
            "reference": row.bank_reference or row.reference,
            "balance": shown(wallet.current_balance),  # what is held is not in it, so it is right after too
        },
        at=at,
    )


def tell_failure(row: FloatPurchase, words: str, *, at: datetime) -> None:
    """Tell the partner that its float is not bought and that its money is where it was."""
    sms.enqueue_to_partner(
        event_key=f"float-failed:{row.pk}",
        message_type="float_purchase_failure",
        partner_id=row.partner_id,
        context={"amount": shown(row.amount), "reference": row.reference, "reason": words},
        at=at,
    )


def take_debit(debit: Debit, *, at: datetime) -> FloatPurchase | None:
    """Let a debit of the bank prove the purchase that it belongs to, and return that one.

    By our reference, or the bank's own; without either, by amount and time where exactly one fits.
    """
    row, sure = _named_by(debit), True
    if row is None:
        if debit.cost:
            return None
        row, sure = _by_amount(debit, at=at), False
    if row is None:
        return None
    if debit.cost:
        _note_cost(row, debit, at=at)
        return row
    if debit.amount != row.amount:
        words = f"The bank took {shown(debit.amount)} for it, we ordered {shown(row.amount)}. Nothing was changed."
        row.remark(words, at=at, who="bank")
        row.ask_for_person(words, at=at)
        return row
    how = "with our reference" if sure else "of this amount at this time, and no other purchase fits"
    words = f"The bank took {shown(debit.amount)} {how} ({debit.reference})."
    if row.route == Route.BANK_333 and row.status in OPEN:
        _arrived_in_working(row, debit, words, at=at)
        return row
    bought(row, Evidence(source="bank", receipt=debit.reference, event_at=debit.at, words=words), at=at)
    return row


def _named_by(debit: Debit) -> FloatPurchase | None:
    words = {*_WORD.findall(debit.text.upper()), debit.reference.strip().upper()}
    ours = Q(reference__in=words)
    theirs = ~Q(bank_reference="") & Q(bank_reference__in=words)
    return (
        FloatPurchase.objects.select_related("shortcode").filter(ours | theirs).order_by("asked_at").first()
    )


def _by_amount(debit: Debit, *, at: datetime) -> FloatPurchase | None:
    fitting = FloatPurchase.objects.select_related("shortcode").filter(
        _at_that_time(debit), status__in=OPEN, amount=debit.amount
    )
    rows = list(fitting.exclude(route=Route.DARAJA_TOPUP)[:2])
    if len(rows) == 1 and not _twins(rows[0], debit):
        return rows[0]
    for row in rows:
        row.ask_for_person(
            f"The bank took {shown(debit.amount)} ({debit.reference}) without a reference, and more than one "
            "purchase fits. Ask the bank which it was.",
            at=at,
        )
    return None


def _twins(row: FloatPurchase, debit: Debit) -> bool:
    """Whether the debit may be that of an earlier purchase of this amount, which was proved in another way."""
    bought_ = FloatPurchase.objects.filter(
        _at_that_time(debit), status=PurchaseStatus.BOUGHT, amount=debit.amount
    )
    return bought_.exclude(pk=row.pk).exclude(evidence="bank").exists()


def _at_that_time(debit: Debit) -> Q:
    """Match what was ordered within a day before a debit; a statement knows the day only."""
    day_only = debit.at.astimezone(NAIROBI).time() == time()
    last = debit.at + (timedelta(days=1) if day_only else EARLY)
    return Q(first_sent_at__gte=debit.at - LATE, first_sent_at__lte=last)


def _arrived_in_working(row: FloatPurchase, debit: Debit, words: str, *, at: datetime) -> None:
    """Money sent to 333 + shortcode lands in the Working account and is float only once it was moved on."""
    if row.bank_reference != debit.reference:
        FloatPurchase.objects.filter(pk=row.pk).update(bank_reference=debit.reference[:60])
        row.remark(words, at=at, who="bank")
    row.ask_for_person(
        f"The money is at M-Pesa, in the Working account of {row.shortcode.number}. Move it to Utility; "
        "the balance then proves it.",
        at=at,
    )


def _note_cost(row: FloatPurchase, debit: Debit, *, at: datetime) -> None:
    """Record what the bank took for the order, beside our charge; each line of the bank once."""
    with transaction.atomic():
        FloatPurchase.objects.select_for_update(no_key=True, of=("self",)).get(pk=row.pk)
        if book_cost(debit, at=at, words=f"for {row.reference}"):
            total = Coalesce(F("bank_cost"), Decimal(0)) + debit.amount
            FloatPurchase.objects.filter(pk=row.pk).update(bank_cost=total)


def book_cost(debit: Debit, *, at: datetime, words: str) -> bool:
    """Book a fee that the bank took as our cost, and say whether it was not booked before."""
    reference = f"{debit.reference}:{debit.amount}"  # a charge and its duty may share a reference
    if Transfer.objects.filter(type=TransferType.BANK_COST, reference=reference).exists():
        return False
    operations.transfer(
        type=TransferType.BANK_COST,
        reference=reference,
        from_account=operations.platform_account(Kind.BANK_COST),
        to_account=operations.platform_account(Kind.BANK),
        amount=debit.amount,
        at=at,
        event_at=debit.at,
        description=words,
    )
    return True


def apply_result(*, message: InboundMessage, at: datetime) -> str:
    """Act on M-Pesa's result of a transfer between shortcodes, and say what it did.

    :raises LostRace: the row moved meanwhile; the message is to be applied again
    """
    rows = FloatPurchase.objects.select_related("shortcode").filter(route=Route.DARAJA_TOPUP)
    row = rows.filter(pk=message.subject_id).first() if message.subject_id else None
    if row is None:
        return "for no purchase of ours"
    if message.kind.endswith("_timeout"):
        return _doubt(row, "M-Pesa's queue timed out before it looked at the order.", at=at)
    result = callbacks.parse(message.body)
    if result is None:
        row.remark("M-Pesa sent a result that nobody can read.", at=at, who="mpesa")
        return "not readable"
    said = callbacks.payout_result(result)
    if said.verdict.kind == Code.PAID:
        if said.amount is not None and said.amount != row.amount:
            words = f"M-Pesa moved {shown(said.amount)}, we ordered {shown(row.amount)}. Nothing was changed."
            row.ask_for_person(words, at=at)
            return "another amount"
        words = f"M-Pesa moved {shown(row.amount)} to {row.shortcode.number}, receipt {said.receipt}."
        when = said.completed_at or message.received_at
        proof = Evidence(source="mpesa", receipt=said.receipt, event_at=when, words=words)
        return "bought" if bought(row, proof, at=at) else "settled before"
    if said.verdict.kind in NOT_MOVED:
        words = f"{said.verdict.words} ({result.code})"
        return "not bought" if not_bought(row, words, at=at, who="mpesa") else "settled before"
    return _doubt(row, f"{said.verdict.words} ({result.code})", at=at)


def _doubt(row: FloatPurchase, words: str, *, at: datetime) -> str:
    if row.status in (PurchaseStatus.SENDING, PurchaseStatus.ACCEPTED):
        row.move(
            PurchaseStatus.UNKNOWN,
            at=at,
            note=words,
            who="mpesa",
            result_text=words[:300],
            next_step_at=at + FIRST_LOOK,
        )
    else:
        row.remark(words, at=at, who="mpesa")
    return "in doubt"


def take_balance(*, shortcode_id: UUID, at: datetime) -> int:
    """Let the observed Utility balance prove what was bought for a shortcode, and say how many it proved.

    It proves only while no payout blurs it, and only where it rose by exactly what is open.
    """
    shortcode = Shortcode.objects.get(pk=shortcode_id)
    if shortcode.balance_at is None:
        return 0
    rows = FloatPurchase.objects.select_related("shortcode").filter(
        shortcode=shortcode, status__in=OPEN, last_sent_at__lt=shortcode.balance_at
    )
    open_ = list(rows.order_by("last_sent_at"))
    now = drift.exact_drift(shortcode) if open_ else None
    if now is None or open_[0].drift_before is None:
        return 0
    if now - open_[0].drift_before != sum(row.amount for row in open_):
        return 0
    return sum(_proved_by_balance(row, shortcode, at=at) for row in open_)


def _proved_by_balance(row: FloatPurchase, shortcode: Shortcode, *, at: datetime) -> bool:
    now = shown(shortcode.utility_balance or Decimal(0))
    words = f"The Utility balance of {shortcode.number} rose by this amount, to {now}."
    when = shortcode.balance_at or at
    proof = Evidence(source="balance", receipt=f"UTILITY-{row.reference}", event_at=when, words=words)
    try:
        return bought(row, proof, at=at)
    except LostRace:
        return False


def look(*, purchase_id: UUID, at: datetime) -> None:
    """Look for evidence of an open purchase once more, and ask for a person when it stays away."""
    row = FloatPurchase.objects.select_related("shortcode").get(pk=purchase_id)
    if row.status not in OPEN or row.first_sent_at is None:
        return
    take_balance(shortcode_id=row.shortcode_id, at=at)
    row.refresh_from_db()
    if row.status not in OPEN:
        return
    age = at - (row.last_sent_at or row.first_sent_at)
    gap = next((gap for gap in LOOK_GAPS if timedelta(seconds=4 * gap) > age), LOOK_GAPS[-1])
    row.due(at + timedelta(seconds=gap))
    _bring_forward(row, at=at)
    if age > LONG:
        _ask_for_person(row, at=at)


def _bring_forward(row: FloatPurchase, *, at: datetime) -> None:
    """Have the statement and the balance asked for now, where they are older than a moment."""
    stale = Q(statement_at__isnull=True) | Q(statement_at__lt=at - FRESH)
    if row.route != Route.DARAJA_TOPUP:
        BankAccount.objects.filter(stale, is_active=True, next_step_at__gt=at).update(next_step_at=at)
    unasked = Q(asked_at__isnull=True) | Q(asked_at__lt=at - FRESH)
    watches = FloatWatch.objects.filter(
        unasked, shortcode_id=row.shortcode_id, failures=0, next_step_at__gt=at
    )
    watches.update(next_step_at=at)


def _ask_for_person(row: FloatPurchase, *, at: datetime) -> None:
    since = f"{row.first_sent_at:%d %b %H:%M} UTC"
    row.ask_for_person(
        f"No evidence since {since} that it was bought or not. Look for {row.reference} on the bank's statement; "
        "two people can then decide.",
        at=at,
    )
    alarms.tell_operators(
        event_key=f"float-unknown:{row.pk}",  # once
        reason=f"{shown(row.amount)} of float, {row.reference}: no evidence since {since}",
        partner_id=row.partner_id,
        at=at,
    )
