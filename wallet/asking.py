"""Ask for float, confirm it by a code or a second person, or call it off. Nothing here speaks to the bank."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from common import audit
from common.changes import By
from common.money import shown, whole_shillings
from partners import pausing
from partners.models import Partner, Shortcode, payout_shortcode
from sms import operations as sms
from wallet import operations
from wallet.models import Account, Kind
from wallet.ncba_shapes import new_reference
from wallet.purchases import AutoFloatRule, FloatPurchase, PurchaseStatus, Route

CODE_LIVES = timedelta(minutes=5)
ASKED_LIVES = timedelta(minutes=15)  # time for another code
TRIES = 5  # wrong codes, over all the codes of one purchase
MOST_CODES = 3
SECOND_PERSON_WITHIN = timedelta(hours=24)
Confirm = FloatPurchase.Confirm


class CannotBuy(Exception):
    """This purchase cannot be made or moved so; the message says why, in words for the person."""


class WrongCode(CannotBuy):
    """The code is not the one that was sent, or it is too old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to buy. `request_id` is the caller's own id: the same one is the same purchase."""

    partner_id: UUID
    amount: Decimal
    reason: str = ""
    request_id: str = ""
    route: str = ""  # empty: the setting's


def ask(*, wish: Wish, by: By, at: datetime) -> FloatPurchase:
    """Write down that a person wants float, and ask for the confirmation that the setting requires.

    :returns: the purchase; confirmed already where the setting asks for nothing. A repeated `request_id` gives
        the earlier one.
    :raises CannotBuy: the amount, the shortcode, a pause, or nobody to send the code to
    :raises InsufficientFunds: the wallet has less now; nothing was written
    """
    if wish.request_id and (earlier := _earlier(wish)):
        return earlier
    shortcode = _fit(wish)
    confirm = str(settings.FLOAT_PURCHASE_CONFIRM)
    try:
        with transaction.atomic():
            row = _write(wish, shortcode, confirm=confirm, by=by, at=at)
            _request_confirmation(row, by=by, at=at)
    except IntegrityError:
        if earlier := _earlier(wish):  # the same request at the same moment
            return earlier
        raise
    return row


def ask_by_rule(*, rule: AutoFloatRule, at: datetime) -> FloatPurchase | None:
    """Write down and confirm a purchase in the name of a rule; None while its last one is still under way.

    :raises CannotBuy: the shortcode or a pause
    :raises InsufficientFunds: the wallet has less now; nothing was written
    """
    wish = Wish(partner_id=rule.partner_id, amount=rule.buy, reason=f"Automatic: {rule}"[:200])
    shortcode = _fit(wish)
    try:
        with transaction.atomic():
            row = _write(wish, shortcode, confirm=Confirm.NONE, by=By(), at=at, rule=rule)
            row.move(
                PurchaseStatus.CONFIRMED, at=at, note=f"By rule: {rule}.", confirmed_at=at, next_step_at=at
            )
    except IntegrityError:
        return None  # `float_purchase_one_by_rule`
    return row


def confirm_code(*, purchase_id: UUID, code: str, by: By, at: datetime) -> FloatPurchase:
    """Confirm a purchase by the code that the partner was sent.

    :raises WrongCode: it is not, or too old; the fifth wrong one cancels the purchase
    :raises CannotBuy: it does not wait for a code
    """
    with transaction.atomic():
        row = _locked(purchase_id, Confirm.CODE)
        refusal = _try_code(row, code, at=at)
        if not refusal:
            _confirmed(row, "The one-time code was right.", by=by, at=at)
    if refusal:  # after the commit: the wrong try must count
        raise WrongCode(refusal)
    return row


def confirm_as_second(*, purchase_id: UUID, by: AbstractBaseUser, at: datetime) -> FloatPurchase:
    """Confirm a purchase that another person asked for.

    :raises CannotBuy: it does not wait for a second person, or this is the first one
    """
    with transaction.atomic():
        row = _locked(purchase_id, Confirm.SECOND_PERSON)
        if row.asked_by_id == by.pk:
            raise CannotBuy("You asked for it, so another person must confirm it.")
        _confirmed(row, "A second person agreed.", by=By(actor=by), at=at)
    return row


def confirm_by_key(*, purchase_id: UUID, key_made_at: datetime, by: By, at: datetime) -> FloatPurchase:
    """Confirm a purchase as the second one, by an API key other than the one that asked for it.

    :param key_made_at: when the key was made: one that is younger than the purchase may be its asker's
    :raises CannotBuy: it does not wait for a second one, or the key is the first one's
    """
    with transaction.atomic():
        row = _locked(purchase_id, Confirm.SECOND_PERSON)
        if by.key_id is None or row.asked_by_key == by.key_id:
            raise CannotBuy("This key asked for it, so another key or a person must confirm it.")
        if key_made_at >= row.asked_at:
            raise CannotBuy(
                "This key was made after it was asked for. Confirm with an older one, or by a person."
            )
        _confirmed(row, "A second key agreed.", by=by, at=at)
    return row


def send_code(*, purchase_id: UUID, by: By, at: datetime) -> FloatPurchase:
    """Send the partner a new code; the one before is void.

    :raises CannotBuy: it does not wait for a code, or enough have been sent
    """
    with transaction.atomic():
        row = _locked(purchase_id, Confirm.CODE)
        if row.codes_sent >= MOST_CODES:
            raise CannotBuy(f"{MOST_CODES} codes have been sent for it. Cancel it and ask anew.")
        _new_code(row, at=at)
        _audit("sent a new float code", row, by=by, at=at)
    return row


def cancel(*, purchase_id: UUID, by: By, at: datetime) -> FloatPurchase:
    """Call a purchase off before anything is sent.

    :raises CannotBuy: it is sent, or has ended
    """
    with transaction.atomic():
        row = FloatPurchase.objects.select_for_update(no_key=True).get(pk=purchase_id)
        if row.status not in (PurchaseStatus.ASKED, PurchaseStatus.CONFIRMED):
            raise CannotBuy(f"It is {row.get_status_display().lower()}: only evidence moves it on.")
        _cancel(row, f"Called off: {by.reason}" if by.reason else "Called off.", at=at, who=_name(by))
        _audit("cancelled float purchase", row, by=by, at=at)
    return row


def expire(*, purchase_id: UUID, at: datetime) -> None:
    """Cancel a purchase that nobody confirmed in time."""
    with transaction.atomic():
        row = FloatPurchase.objects.select_for_update(no_key=True).get(pk=purchase_id)
        if row.status == PurchaseStatus.ASKED and row.next_step_at and row.next_step_at <= at:
            _cancel(row, "Nobody confirmed it in time.", at=at)


def _fit(wish: Wish) -> Shortcode:
    """Refuse what could not be bought at all, before a person is troubled with a code."""
    if wish.amount < settings.FLOAT_PURCHASE_MIN:
        raise CannotBuy(f"The least that the bank moves is {shown(Decimal(settings.FLOAT_PURCHASE_MIN))}.")
    try:
        whole_shillings(wish.amount)
    except ValueError as exc:
        raise CannotBuy(str(exc)) from None
    shortcode = payout_shortcode(wish.partner_id)
    if shortcode is None:
        raise CannotBuy("No shortcode pays out for this partner.")
    if not Partner.objects.filter(pk=wish.partner_id, is_active=True).exists():
        raise CannotBuy("The partner is switched off.")
    if dial := pausing.standing(partner_id=wish.partner_id, shortcode_id=shortcode.pk):
        raise CannotBuy(f"Paused ({dial.get_scope_display().lower()}): {dial.reason}")
    account = Account.objects.filter(kind=Kind.WALLET, partner_id=wish.partner_id).first()
    available = account.balance if account and account.balance else Decimal(0)
    if available < wish.amount:
        raise operations.InsufficientFunds(account="wallet", needed=wish.amount, available=available)
    return shortcode


def _earlier(wish: Wish) -> FloatPurchase | None:
    row = FloatPurchase.objects.filter(partner_id=wish.partner_id, request_id=wish.request_id).first()
    if row and wish.request_id and row.amount != wish.amount:
        raise CannotBuy(f"This request id was used before, for {shown(row.amount)}.")
    return row if wish.request_id else None


def _write(
    wish: Wish, shortcode: Shortcode, *, confirm: str, by: By, at: datetime, rule: AutoFloatRule | None = None
) -> FloatPurchase:
    operations.open_accounts(partner_id=wish.partner_id, shortcode_id=shortcode.pk, at=at)
    row = FloatPurchase.objects.create(
        reference=new_reference(at),
        partner_id=wish.partner_id,
        shortcode=shortcode,
        rule=rule,
        amount=wish.amount,
        route=Route(wish.route or settings.NCBA_FLOAT_ROUTE),
        request_id=wish.request_id,
        reason=wish.reason[:200],
        asked_by_id=by.actor.pk if by.actor else None,
        asked_by_key=by.key_id,
        asked_at=at,
        moved_at=at,
        confirm=confirm,
    )
    row.remark(f"{shown(row.amount)} of float asked for.", at=at, who=_name(by))
    _audit("asked for float", row, by=by, at=at)
    return row


def _request_confirmation(row: FloatPurchase, *, by: By, at: datetime) -> None:
    if row.confirm == Confirm.CODE:
        _new_code(row, at=at)
    elif row.confirm == Confirm.SECOND_PERSON:
        row.due(at + SECOND_PERSON_WITHIN)
    else:
        _confirmed(row, "No confirmation is required here.", by=by, at=at)


def _new_code(row: FloatPurchase, *, at: datetime) -> None:
    code = f"{secrets.randbelow(1_000_000):06d}"
    row.code_digest, row.code_expires_at = _digest(row, code), at + CODE_LIVES
    row.codes_sent, row.next_step_at = row.codes_sent + 1, at + ASKED_LIVES
    row.save(update_fields=["code_digest", "code_expires_at", "codes_sent", "next_step_at"])
    sent = sms.enqueue_to_partner(
        event_key=f"float-code:{row.pk}:{row.codes_sent}",
        message_type="one_time_code",
        partner_id=row.partner_id,
        context={
            "code": code,
            "purpose": f"float purchase of {shown(row.amount)}",
            "minutes": str(int(CODE_LIVES.total_seconds() // 60)),
        },
        at=at,
        expires_at=row.code_expires_at,
    )
    if not sent:
        raise CannotBuy("The partner has no phone that a code could be sent to.")
    row.remark(f"A one-time code was sent to the partner ({row.codes_sent}).", at=at)


def _digest(row: FloatPurchase, code: str) -> str:
    key = settings.SECRET_KEY.encode()
    return hmac.new(key, f"float-code:{row.pk}:{code}".encode(), hashlib.sha256).hexdigest()


def _try_code(row: FloatPurchase, code: str, *, at: datetime) -> str:
    """Return why a code is not good, or nothing. A wrong one is counted."""
    if row.code_expires_at is None or at > row.code_expires_at:
        return "The code is too old. Have a new one sent."
    if hmac.compare_digest(row.code_digest, _digest(row, code.strip())):
        return ""
    row.wrong_codes += 1
    row.save(update_fields=["wrong_codes"])
    left = TRIES - row.wrong_codes
    row.remark(f"A wrong code was entered ({row.wrong_codes} of {TRIES}).", at=at)
    if left > 0:
        return f"This is not the code that was sent; {left} {'try' if left == 1 else 'tries'} left."
    _cancel(row, f"{TRIES} wrong codes.", at=at)
    return f"{TRIES} wrong codes: the purchase is cancelled."


def _confirmed(row: FloatPurchase, note: str, *, by: By, at: datetime) -> None:
    row.move(
        PurchaseStatus.CONFIRMED,
        at=at,
        note=note,
        who=_name(by),
        confirmed_by_id=by.actor.pk if by.actor else None,
        confirmed_by_key=by.key_id,
        confirmed_at=at,
        code_digest="",
        next_step_at=at,
    )
    _audit("confirmed float purchase", row, by=by, at=at)


def _cancel(row: FloatPurchase, note: str, *, at: datetime, who: str = "us") -> None:
    held = row.sends > 0  # confirmed, sent, and provably never arrived: its money is still set aside
    row.move(
        PurchaseStatus.CANCELLED, at=at, note=note, who=who, next_step_at=None, settled_at=at, code_digest=""
    )
    if held:
        operations.release(reference=row.pk, at=at, reason="cancelled, never sent")


def _locked(purchase_id: UUID, confirm: str) -> FloatPurchase:
    row = FloatPurchase.objects.select_for_update(no_key=True).get(pk=purchase_id)
    if row.status != PurchaseStatus.ASKED:
        raise CannotBuy(f"It is {row.get_status_display().lower()} already.")
    if row.confirm != confirm:
        words = FloatPurchase.Confirm(row.confirm).label.lower()
        raise CannotBuy(f"It waits for another kind of confirmation: {words}.")
    return row


def _name(by: By) -> str:
    return by.actor.get_username() if by.actor else "us" if by.name == "platform" else by.name


def _audit(action: str, row: FloatPurchase, *, by: By, at: datetime) -> None:
    audit.write(
        action=action,
        subject=row,
        at=at,
        actor=by.actor,
        actor_name=by.name,
        remote_address=by.remote_address,
        reason=by.reason or row.reason,
        detail={"reference": row.reference, "amount": str(row.amount)},
    )
