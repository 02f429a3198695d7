"""Tell the customer, and by setting the partner, that a payment is booked."""

from datetime import datetime
from decimal import Decimal

from django.db import connection

from c2b.known import KnownAccount
from c2b.models import C2bTransaction
from c2b.reading import rule_of
from common.money import shown
from sms import operations as sms
from sms.wording import MessageType

SMS_LOOKED_FOR = "2 days"  # then its outbox row has ended too


def event_key(row: C2bTransaction) -> str:
    return f"collected:{row.pk}"


def tell(row: C2bTransaction, *, at: datetime) -> None:
    """Queue the receipt for the customer, inside the transaction of the booking."""
    assert row.partner_id is not None
    rule = rule_of(row.partner_id)
    context = {
        "client": row.client_name or row.customer_name or "customer",
        "amount": shown(row.amount),
        "receipt": row.mpesa_receipt,
        "account": row.account_no,
    }
    phone = row.customer_phone or phone_of_client(row)
    if rule.tell_customer and phone:
        balances = _balances(row) if rule.tell_balance else {}
        own = balances.pop(row.account_no, None)
        sms.enqueue(
            event_key=event_key(row),
            message_type=MessageType.TRANSACTION_CONFIRMATION if own else MessageType.PAYMENT_RECEIPT,
            partner_id=row.partner_id,
            phone=phone,
            context=context | ({"balance": own} if own else {}),
            at=at,
        )
        for number, (account, balance) in enumerate(balances.items(), start=1):  # where the rest went
            sms.enqueue(
                event_key=f"{event_key(row)}:{number}",
                message_type=MessageType.ACCOUNT_BALANCE_UPDATE,
                partner_id=row.partner_id,
                phone=phone,
                context={"client": context["client"], "account": account, "balance": balance},
                at=at,
            )
    if rule.tell_partner:
        sms.enqueue_to_partner(
            event_key=f"{event_key(row)}:partner",
            message_type=MessageType.PAYMENT_RECEIPT,
            partner_id=row.partner_id,
            context=context,
            at=at,
        )


def _balances(row: C2bTransaction) -> dict[str, str]:
    """Return what each account that took a part holds or owes now, where Mifos has said it."""
    parts = row.postings.filter(booked_at__isnull=False, balance_after__isnull=False).order_by("created_at")
    return {one.account_no: shown(one.balance_after or Decimal(0)) for one in parts}


def phone_of_client(row: C2bTransaction) -> str:
    """Return the phone of the account's client, where we know it; M-Pesa masks the payer's."""
    if row.partner_id is None or row.mifos_client_id is None:
        return ""
    known = KnownAccount.objects.filter(
        mifos_partner__partner_id=row.partner_id, client_id=row.mifos_client_id
    ).exclude(phone="")
    return known.values_list("phone", flat=True).first() or ""


_NOTE_SENT = f"""
update c2b_transactions t set sms_sent = true
from sms_notifications n
where not t.sms_sent and t.posted_at > %(at)s - interval '{SMS_LOOKED_FOR}'
  and n.event_key = 'collected:' || t.id and n.status in ('sent', 'delivered')
"""  # noqa: S608 - our own text


def note_sent(*, at: datetime) -> int:
    """Note which receipts have gone out; the outbox knows, and does not know us."""
    with connection.cursor() as cursor:
        cursor.execute(_NOTE_SENT, {"at": at})
        return int(cursor.rowcount)
