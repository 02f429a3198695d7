"""The four ways to turn bank money into float: which order goes to whom. The only calls of a purchase."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from common import tokens
from common.gateway import Rejected
from mpesa import operations as mpesa
from partners.models import Shortcode
from wallet import bank, ncba_shapes
from wallet.purchases import FloatPurchase, Route

NAIROBI = ZoneInfo("Africa/Nairobi")
HOLDING_PREFIX = "333"  # Safaricom's holding account for a shortcode (M-PESA for Business FAQ)
HOLDER = "M-PESA Holding Company Limited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An order was taken, now or (`earlier`) before under the same reference."""

    reference: str
    earlier: bool = False


class Bank(Protocol):
    """What of the bank's client a purchase needs."""

    def float_purchase(self, order: ncba_shapes.FloatPurchase) -> ncba_shapes.OrderTaken: ...

    def pay_to_paybill(self, order: ncba_shapes.PaybillPayment) -> ncba_shapes.OrderTaken: ...

    def transfer(self, order: ncba_shapes.InternalTransfer) -> ncba_shapes.OrderTaken: ...


def who(row: FloatPurchase) -> str:
    """Return who is asked: the bank or M-Pesa."""
    return "mpesa" if row.route == Route.DARAJA_TOPUP else "bank"


def order(row: FloatPurchase) -> Taken:
    """Order the float of a claimed purchase by its route. The bank takes one reference once; M-Pesa knows none.

    :raises ValueError: nothing was sent: what we may not send at all
    :raises Rejected: refused, nothing moved
    :raises Retryable: it never left us; may go again with the same reference
    :raises OutcomeUnknown: it may have moved
    """
    if row.route == Route.DARAJA_TOPUP:
        return _from_paybill(row)
    account = bank.active()
    if account is None:
        raise Rejected("No bank account is set up", stop=True)
    taken = _order_at_bank(row, bank.gateway(account), account.account, at=timezone.now())
    return Taken(reference=taken.core_reference, earlier=taken.earlier)


def _order_at_bank(row: FloatPurchase, client: Bank, account: str, *, at: datetime) -> ncba_shapes.OrderTaken:
    if row.route == Route.BANK_333:
        return client.transfer(_to_holding_account(row, account))
    if row.route == Route.LIPA_NA_MPESA:
        return client.pay_to_paybill(_to_paybill(row, account))
    return client.float_purchase(_float(row, account, at=at))


def _float(row: FloatPurchase, account: str, *, at: datetime) -> ncba_shapes.FloatPurchase:
    return ncba_shapes.FloatPurchase(
        reference=row.reference,
        debit_account=account,
        shortcode=row.shortcode.number,
        account_name=settings.NCBA_FLOAT_ACCOUNT_NAME,
        amount=row.amount,
        phone=settings.NCBA_FLOAT_PHONE,
        description=_description(row),
        on=at.astimezone(NAIROBI).date(),
    )


def _to_paybill(row: FloatPurchase, account: str) -> ncba_shapes.PaybillPayment:
    return ncba_shapes.PaybillPayment(
        reference=row.reference,
        debit_account=account,
        shortcode=row.shortcode.number,
        paybill_account=row.reference,
        account_name=settings.NCBA_FLOAT_ACCOUNT_NAME,
        amount=row.amount,
        phone=settings.NCBA_FLOAT_PHONE,
        description=_description(row),
    )


def _to_holding_account(row: FloatPurchase, account: str) -> ncba_shapes.InternalTransfer:
    return ncba_shapes.InternalTransfer(
        reference=row.reference,
        debit_account=account,
        credit_account=f"{HOLDING_PREFIX}{row.shortcode.number}",
        beneficiary_name=HOLDER,
        amount=row.amount,
        narration=_description(row),
    )


def _description(row: FloatPurchase) -> str:
    return f"FLOAT {row.shortcode.number} {row.reference}"


def _from_paybill(row: FloatPurchase) -> Taken:
    """Move it from the paybill of `FLOAT_TOPUP_SHORTCODE`: without protection against doubles, so once only."""
    number = settings.FLOAT_TOPUP_SHORTCODE
    paybill = Shortcode.objects.filter(number=number, is_active=True).first() if number else None
    if paybill is None:
        raise Rejected("FLOAT_TOPUP_SHORTCODE names no active shortcode that the float could come from")
    token = tokens.make("b2b", row.pk)
    accepted = mpesa.connect(paybill).pay_to_bulk(
        to_shortcode=row.shortcode.number,
        amount=row.amount,
        reference=row.reference[-13:],
        result_url=mpesa.callback_address("b2b", token, "result"),
        timeout_url=mpesa.callback_address("b2b", token, "timeout"),
    )
    return Taken(reference=accepted.conversation_id)
