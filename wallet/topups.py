"""Top-ups that are asked for: a question on a phone, and the bank's notice that answers it.

What the status query says is a hint and never books anything.
"""

import re
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from common import audit, correlation, rows
from common.changes import By
from common.gateway import GatewayError, OutcomeUnknown, Rejected, Retryable
from common.ids import new_id
from common.money import BadAmount, shown, whole_shillings
from common.moves import LostRace
from common.phone import BadPhone, canonical, sha256
from partners.models import Partner
from wallet import bank, ncba_settings
from wallet.bank_models import PAYABLE, BankAccount, BankCredit, TopUp, TopUpEvent, TopUpStatus
from wallet.ncba_shapes import Hint, StkPush, StkTaken
from wallet.operations import Contradiction

LEASE = timedelta(seconds=90)  # longer than a push may take, its token included
ASK_GAPS = (20, 30, 60, 120, 300)  # seconds between questions; the last repeats
UNSENT_GAPS = (2, 5, 15, 60)  # seconds before a request that never left goes again
LATE = timedelta(hours=24)  # a payment this late still answers a question
EARLY = timedelta(minutes=5)  # the bank's clock may be behind ours, and some of its times know minutes only


class CannotTopUp(Exception):
    """This cannot be asked for; the message says why, in words for the person."""


def ask_topup(
    *,
    partner_id: UUID,
    phone: str,
    amount: Decimal,
    client_key: str,
    at: datetime,
    by: AbstractBaseUser | By | None = None,
) -> TopUp:
    """Ask that a phone be asked for money. The same key again returns the earlier top-up.

    Only a row is written here: the sweep, or a nudge after the commit, speaks to NCBA.

    :param client_key: the asker's own id of this wish, unique for the partner
    :raises CannotTopUp: no till, a partner that is off, an amount or a phone that M-Pesa does not take
    :raises Contradiction: the key was used for another amount or phone
    """
    who = by if isinstance(by, By) else By(actor=by)
    account, partner = bank.active(), Partner.objects.get(pk=partner_id)
    phone = _checked(account, partner, phone=phone, amount=amount, client_key=client_key)
    assert account is not None  # or it was refused
    expires_at = at + timedelta(seconds=ncba_settings.current().topup_expires_seconds)
    row = TopUp(
        id=new_id(),
        partner=partner,
        account=account,
        client_key=client_key,
        phone=phone,
        amount=amount,
        reference=bank.account_reference(account, partner.code),
        asked_by_id=who.actor.pk if who.actor else None,
        asked_at=at,
        moved_at=at,
        expires_at=expires_at,
        next_step_at=at,
        correlation_id=correlation.current(),
    )
    return _insert(row, by=who, at=at)


def _checked(
    account: BankAccount | None, partner: Partner, *, phone: str, amount: Decimal, client_key: str
) -> str:
    maximum = ncba_settings.current().topup_maximum
    if account is None or not (account.till and account.till_username and account.till_password):
        raise CannotTopUp("The till at NCBA is not set up, so nobody can be asked for money.")
    if not partner.is_active:
        raise CannotTopUp(f"{partner} is switched off.")
    if not client_key or len(client_key) > 100:
        raise CannotTopUp("The request needs a key of its own of up to 100 characters.")
    try:
        if not 1 <= whole_shillings(amount) <= maximum:
            raise CannotTopUp(f"M-Pesa takes from KES 1 to {shown(maximum)} at a time.")
        return canonical(phone)
    except (BadAmount, BadPhone) as exc:
        raise CannotTopUp(f"{exc}.") from exc


def _insert(row: TopUp, *, by: By, at: datetime) -> TopUp:
    name = by.actor.get_username() if by.actor else by.name
    try:
        with transaction.atomic():
            rows.insert(row)
            note = "Asked for." if name == By().name else f"Asked for by {name}."
            rows.insert(TopUpEvent(topup=row, old="", new=row.status, at=at, note=note))
            audit.write(
                action="asked for a top-up",
                subject=row,
                at=at,
                actor=by.actor,
                actor_name=by.name,
                remote_address=by.remote_address,
                detail={"amount": str(row.amount)},
            )
    except IntegrityError:
        earlier = TopUp.objects.filter(partner=row.partner, client_key=row.client_key).first()
        if earlier is None:
            raise
        if (earlier.phone, earlier.amount) != (row.phone, row.amount):
            raise Contradiction("This key was used for a top-up of another amount or phone.") from None
        return earlier
    return row


def step(*, topup_id: UUID, at: datetime) -> None:
    """Take the next step of a top-up, whatever it is.

    :raises LostRace: another worker, or its payment, was quicker
    """
    row = TopUp.objects.select_related("account", "partner").get(pk=topup_id)
    correlation.bind(row.correlation_id)
    if row.status == TopUpStatus.ASKED:
        _prompt(row, at=at)
    elif row.status == TopUpStatus.SENDING:
        words = "The worker stopped while asking; the phone may ring or not."
        row.move(TopUpStatus.UNKNOWN, at=at, note=words, next_step_at=at)
    elif row.status in (TopUpStatus.PROMPTED, TopUpStatus.UNKNOWN):
        _look(row, at=at)


def _prompt(row: TopUp, *, at: datetime) -> None:
    """Ask the phone, at most once: what is unclear is not asked again."""
    if at >= row.expires_at:
        row.move(
            TopUpStatus.EXPIRED, at=at, note="NCBA could not be reached in time; the phone was not asked."
        )
        return
    with transaction.atomic(durable=True):  # committed before a single byte leaves us
        row.move(
            TopUpStatus.SENDING, at=at, note="Asking NCBA.", sends=row.sends + 1, next_step_at=at + LEASE
        )
    with suppress(LostRace):  # the payment may be told of before the answer comes
        try:
            push = StkPush(phone=row.phone, amount=row.amount, account=row.reference)
            taken = bank.till(row.account).push(push)
        except Rejected as exc:
            row.move(TopUpStatus.FAILED, at=timezone.now(), note=f"{exc}.")
        except Retryable as exc:
            _not_sent(row, exc, at=timezone.now())
        except OutcomeUnknown as exc:
            words = f"{exc}. The phone may ring or not."
            row.move(TopUpStatus.UNKNOWN, at=timezone.now(), note=words, next_step_at=row.expires_at)
        else:
            _prompted(row, taken, at=timezone.now())


def _prompted(row: TopUp, taken: StkTaken, *, at: datetime) -> None:
    row.move(
        TopUpStatus.PROMPTED,
        at=at,
        note="The phone asks for the PIN; waiting for the bank's notice.",
        transaction_id=taken.transaction_id[:100],
        next_step_at=at + timedelta(seconds=ncba_settings.current().topup_ask_seconds),
    )


def _not_sent(row: TopUp, exc: Retryable, *, at: datetime) -> None:
    gap = UNSENT_GAPS[min(row.sends, len(UNSENT_GAPS)) - 1]
    words = f"{exc}. Nothing was sent; it is tried again."
    row.move(TopUpStatus.ASKED, at=at, note=words, next_step_at=at + timedelta(seconds=gap))


def _look(row: TopUp, *, at: datetime) -> None:
    """Ask what became of it, for people to see; end it when nobody paid in time."""
    if at >= row.expires_at:
        _give_up(row, at=at)
        return
    if not row.transaction_id:
        row.due(row.expires_at)
        return
    try:
        said = bank.till(row.account).ask(row.transaction_id)
        hint, words = str(said.hint), said.words
    except GatewayError as exc:
        hint, words = row.hint, str(exc)
    gap = ASK_GAPS[min(row.asks, len(ASK_GAPS) - 1)]
    row.count_ask(hint=hint, words=words, next_at=min(at + timedelta(seconds=gap), row.expires_at))
    if hint == Hint.DONE:  # paid, it says: its notice is late or lost, so look at the statement
        BankAccount.objects.filter(pk=row.account_id, next_step_at__gt=at).update(next_step_at=at)


def _give_up(row: TopUp, *, at: datetime) -> None:
    if row.hint != Hint.DONE:
        row.move(TopUpStatus.EXPIRED, at=at, note="No payment came in time. A late one is still taken.")
        return
    words = (
        "NCBA says that it was paid, and no notice or statement line has come. Look at the bank's statement."
    )
    changes = {"attention": words, "attention_at": at}
    if row.status == TopUpStatus.PROMPTED:
        row.move(TopUpStatus.UNKNOWN, at=at, note=words, **changes)
    else:
        row.due(None, **changes)


def match(*, credit: BankCredit, partner_id: UUID, phone: str, at: datetime) -> TopUp | None:
    """End the top-up that a credit answers: same partner and amount, and the same phone where one is told.

    Joins the transaction that books the credit, and locks the row it moves.
    """
    paid_at = at if credit.day_only else credit.event_at
    open_ones = TopUp.objects.select_for_update(of=("self",)).filter(
        partner_id=partner_id,
        amount=credit.amount,
        status__in=[str(status) for status in PAYABLE],
        asked_at__range=(paid_at - LATE, paid_at + EARLY),
    )
    row = next((one for one in open_ones.order_by("asked_at") if _may_be(one.phone, phone)), None)
    if row is not None:
        note = f"The bank told of the payment ({credit.reference})."
        row.move(TopUpStatus.CREDITED, at=at, note=note, credit_id=credit.pk, attention="", attention_at=None)
    return row


def _may_be(ours: str, told: str) -> bool:
    """Whether the phone that is told can be ours; it may be hashed, or no phone at all."""
    if re.fullmatch(r"[0-9a-fA-F]{64}", told):
        return told.lower() == sha256(ours)
    if re.fullmatch(r"(254|\+254|0)[17]\d{8}", told):
        return told[-9:] == ours[-9:]
    return True
