"""Ask a customer's phone for a payment. M-Pesa knows no id of ours, so that nothing is ever sent twice."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from c2b import receiving
from c2b.models import C2bTransaction, Collector, StkPush
from c2b.statuses import Channel, PromptStatus
from common import correlation, inbound, tokens
from common.gateway import OutcomeUnknown, Rejected, Retryable
from common.models import InboundMessage
from common.money import whole_shillings
from common.moves import ForbiddenMove, LostRace
from common.phone import canonical
from mifos.accounts import AccountKind
from mpesa import operations as mpesa
from mpesa import stk
from mpesa.collecting import Prompt
from mpesa.collections import Notice
from mpesa.stk import Outcome, Push
from partners.models import Partner, Shortcode

PURPOSE = "stk"
ASK_AFTER = timedelta(seconds=60)  # a customer has about half a minute to type the PIN
ASK_GAPS = (30, 60, 120, 300, 900, 3600)
ASKED_FOR = timedelta(days=1)
NEVER_ANSWERED = (
    "M-Pesa has not proved for a day how this ended, and is not asked any more. If the customer has paid, "
    "Pull or the statement brings the payment."
)
LARGEST = Decimal(250_000)


class CannotPrompt(ValueError):
    """The phone cannot be asked; the message says why, for a person."""


def prompt(
    *,
    partner: Partner,
    phone: str,
    amount: Decimal,
    kind: AccountKind,
    account_id: int,
    account_no: str,
    asked_by: str,
    at: datetime,
    client_request_id: str | None = None,
) -> StkPush:
    """Ask a customer to pay for a loan or into a savings account, and return the request as it stands.

    :param client_request_id: the partner's own; the same one again asks nobody and returns the first request
    :raises CannotPrompt: no shortcode with a passkey, or an amount that M-Pesa does not take
    :raises BadPhone: not a Kenyan mobile number
    :raises BadAmount: it has cents
    """
    if earlier := _earlier(partner, client_request_id):
        return earlier
    whole_shillings(amount)
    if not 0 < amount <= LARGEST:
        raise CannotPrompt("M-Pesa takes from KES 1 to KES 250,000.")
    shortcode, collector = _collecting(partner)
    row = _write(
        at=at,
        partner=partner,
        shortcode=shortcode,
        phone=canonical(phone),
        amount=amount,
        kind=kind,
        account_id=account_id,
        account_no=account_no,
        asked_by=asked_by,
        client_request_id=client_request_id,
    )
    _send(row, shortcode, collector, at=at)
    return row


def _earlier(partner: Partner, client_request_id: str | None) -> StkPush | None:
    if client_request_id is None:
        return None
    return StkPush.objects.filter(partner=partner, client_request_id=client_request_id).first()


def _write(*, at: datetime, **facts: Any) -> StkPush:
    """Commit a request before a single byte leaves us."""
    row = StkPush(
        sent_at=at, moved_at=at, next_step_at=at + ASK_AFTER, correlation_id=correlation.current(), **facts
    )
    with transaction.atomic(durable=True):
        row.save(force_insert=True)
    return row


def _collecting(partner: Partner) -> tuple[Shortcode, Collector]:
    """:raises CannotPrompt: the partner has none that can prompt"""
    rows = Collector.objects.filter(shortcode__partner=partner, shortcode__is_active=True)
    for collector in rows.select_related("shortcode").order_by("shortcode__number"):
        if collector.passkey and collector.shortcode.kind != Shortcode.Kind.B2C:
            return collector.shortcode, collector
    raise CannotPrompt("The partner has no collecting shortcode with a passkey.")


def _send(row: StkPush, shortcode: Shortcode, collector: Collector, *, at: datetime) -> None:
    wanted = Prompt(
        phone=row.phone,
        amount=row.amount,
        account=row.account_no,
        description="Savings" if row.kind == AccountKind.SAVINGS else "Loan",
        callback_url=f"{settings.PUBLIC_BASE_URL}/callbacks/stk/{tokens.make(PURPOSE, row.pk)}/result",
        passkey=collector.passkey,
        store=collector.store_number,
        buy_goods=bool(collector.store_number),
    )
    try:
        answer = mpesa.connect(shortcode).prompt(wanted, reference=str(row.pk), at=at)
    except (Rejected, Retryable) as exc:
        _move(row, PromptStatus.FAILED, at=at, note=str(exc), result_code=exc.code[:20], settled_at=at)
    except OutcomeUnknown as exc:
        words = f"The phone may be asked or not: {exc}"
        _move(row, PromptStatus.UNKNOWN, at=at, note=words, next_step_at=at + ASK_AFTER)
    else:
        _move(
            row,
            PromptStatus.WAITING,
            at=at,
            merchant_id=answer.merchant_id,
            checkout_id=answer.checkout_id,
            next_step_at=at + ASK_AFTER,
        )


def _move(row: StkPush, new: str, *, at: datetime, note: str = "", **changes: object) -> None:
    """Move a prompt; its result may have come before its acknowledgement."""
    try:
        row.move(new, at=at, note=note, **changes)
    except LostRace:
        row.refresh_from_db()


def apply(*, message: InboundMessage, at: datetime) -> UUID | None:
    """Act on a result that was stored, once.

    :returns: the payment that it proves
    """
    if message.applied_at is not None:
        return None
    prompts = StkPush.objects.select_related("shortcode")
    row = prompts.filter(pk=message.subject_id).first() if message.subject_id else None
    said = stk.parse_callback(message.body)
    if row is None or said is None:
        inbound.applied(message.pk, outcome="for no prompt of ours" if row is None else "not readable", at=at)
        return None
    correlation.bind(row.correlation_id)
    paid = None
    try:
        paid = _settle(row, said, message.body, at=at)
    except (LostRace, ForbiddenMove) as exc:
        inbound.postpone(message, reason=f"the row moved meanwhile: {exc}", at=at)
        return None
    inbound.applied(message.pk, outcome=said.outcome.value, at=at)
    return paid


def _settle(row: StkPush, said: Push, raw: str, *, at: datetime) -> UUID | None:
    """Note how a prompt ended. A receipt makes a payment, whatever amount or phone the notice names."""
    misfit = bool(row.checkout_id and said.checkout_id and said.checkout_id != row.checkout_id)
    if misfit or said.outcome == Outcome.UNKNOWN:
        return None  # somebody else's result, or none that proves anything: asked, or told by Pull
    if said.outcome == Outcome.NOT_PAID:
        if row.status not in (PromptStatus.PAID, PromptStatus.FAILED):
            row.move(PromptStatus.FAILED, at=at, note=said.words, result_code=said.code[:20], settled_at=at)
        return None
    if said.amount is None or said.amount != row.amount:
        StkPush.objects.filter(pk=row.pk).update(
            reason="A result names another amount than was asked for; only M-Pesa's own list decides."
        )
        return None
    notice = Notice(
        receipt=said.receipt,
        amount=said.amount,
        shortcode=row.shortcode.number,
        bill_ref=row.account_no,
        kind="STK",
        payer=said.payer,
        name="",
        paid_at=said.paid_at,
    )
    if row.status != PromptStatus.PAID:
        row.move(
            PromptStatus.PAID,
            at=at,
            note="The customer has paid.",
            mpesa_receipt=said.receipt,
            result_code="0",
            settled_at=at,
        )
    return receiving.take(notice, shortcode=row.shortcode, channel=Channel.STK, raw=raw, at=at).id


def ask(*, prompt_id: UUID, at: datetime) -> None:
    """Ask M-Pesa how a prompt ended. A success is a hint: the money is proved by a notice, or by Pull."""
    row = StkPush.objects.select_related("shortcode__collector").get(pk=prompt_id)
    if row.status not in (PromptStatus.SENDING, PromptStatus.WAITING, PromptStatus.UNKNOWN):
        return
    if row.status == PromptStatus.SENDING:  # we died while asking
        _move(row, PromptStatus.UNKNOWN, at=at, note="Nobody knows whether the phone was asked.")
    if _paid_otherwise(row, at=at):
        return
    if at - row.sent_at > ASKED_FOR:
        StkPush.objects.filter(pk=row.pk).update(next_step_at=None, reason=NEVER_ANSWERED)
        return
    said = _answer(row, at=at) if row.checkout_id else None
    if said is not None and said.outcome == Outcome.NOT_PAID:
        _move(row, PromptStatus.FAILED, at=at, note=said.words, result_code=said.code[:20], settled_at=at)
        return
    gap = timedelta(seconds=ASK_GAPS[min(row.asks, len(ASK_GAPS) - 1)])
    StkPush.objects.filter(pk=row.pk).update(asks=row.asks + 1, next_step_at=at + gap)


def _answer(row: StkPush, *, at: datetime) -> Push | None:
    collector = row.shortcode.collector
    try:
        return mpesa.connect(row.shortcode).ask_prompt(
            checkout_id=row.checkout_id, passkey=collector.passkey, store=collector.store_number, at=at
        )
    except (Rejected, Retryable):
        return None  # logged by the client; asked again


def _paid_otherwise(row: StkPush, *, at: datetime) -> bool:
    """Whether the money has come by another notice: same shortcode, phone, account and amount, just after."""
    if not row.phone:
        return False
    found = C2bTransaction.objects.filter(
        shortcode_id=row.shortcode_id,
        amount=row.amount,
        customer_phone=row.phone,
        bill_ref=row.account_no,
        paid_at__gte=row.sent_at - timedelta(minutes=1),
        paid_at__lte=row.sent_at + timedelta(minutes=5),
    )
    receipts = [one.mpesa_receipt for one in found[:2]]
    if len(receipts) != 1 or StkPush.objects.filter(mpesa_receipt=receipts[0]).exists():
        return False
    _move(
        row,
        PromptStatus.PAID,
        at=at,
        note="The payment came by another notice.",
        mpesa_receipt=receipts[0],
        settled_at=at,
    )
    return True
