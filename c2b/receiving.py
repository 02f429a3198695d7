"""Store a payment, in one statement and one commit, before anybody answers or acts.

A receipt that is known already is only counted: a first amount is never replaced, a blank may be filled in.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection

from c2b.statuses import Channel
from common import correlation, rows
from common.ids import new_id
from mpesa.collections import Notice
from partners.models import Shortcode

_COLUMNS = (
    "id",
    "partner_id",
    "shortcode_id",
    "channel",
    "status",
    "mpesa_receipt",
    "amount",
    "paid_at",
    "bill_ref",
    "business_shortcode",
    "mpesa_type",
    "customer_phone",
    "phone_hash",
    "msisdn_raw",
    "customer_name",
    "validation_id",
    "notice",
    "correlation_id",
)
_TYPES = dict.fromkeys(("id", "partner_id", "shortcode_id"), "uuid") | {
    "amount": "numeric",
    "paid_at": "timestamptz",
}
_STAMPS = ["heard_at", "moved_at", "next_step_at", "created_at", "updated_at"]
_FIXED = {
    "notices": "1",
    "booked_amount": "0",
    "record_tries": "0",
    "touched_by_person": "false",
    "sms_sent": "false",
} | dict.fromkeys(
    (
        "transaction_type",
        "account_no",
        "client_name",
        "matched_by",
        "confidence",
        "match_words",
        "reason",
        "attention",
        "contradiction",
    ),
    "''",
)
_FILLED = ("bill_ref", "customer_phone", "phone_hash", "msisdn_raw", "customer_name", "mpesa_type")

# A payment in suspense whose account becomes known by a later notice is looked at again.
_STORE = rows.Statement(
    f"""
insert into c2b_transactions ({", ".join([*_COLUMNS, *_STAMPS, *_FIXED])})
values ({rows.marks(len(_COLUMNS))}, {", ".join([f"${len(_COLUMNS) + 1}"] * len(_STAMPS))},
        {", ".join(_FIXED.values())})
on conflict (mpesa_receipt) do update set
    notices = c2b_transactions.notices + 1,
    heard_at = excluded.heard_at,
    {
        ", ".join(
            f"{name} = case when c2b_transactions.{name} = '' then excluded.{name} else c2b_transactions.{name} end"
            for name in _FILLED
        )
    },
    next_step_at = case when c2b_transactions.status = 'unmatched' and c2b_transactions.bill_ref = ''
        and excluded.bill_ref <> '' then excluded.heard_at else c2b_transactions.next_step_at end,
    contradiction = case
        when c2b_transactions.amount <> excluded.amount
            then 'A later notice gives the amount as KES ' || excluded.amount || '. The first one stands; '
                || 'compare with M-Pesa''s statement.'
        when c2b_transactions.shortcode_id <> excluded.shortcode_id
            then 'The same receipt was announced to another shortcode. Compare with M-Pesa''s statement.'
        else c2b_transactions.contradiction end
returning id, notices, amount, shortcode_id
""",  # noqa: S608 - our own column names
    (*(_TYPES.get(name, "text") for name in _COLUMNS), "timestamptz"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a notice. `agrees` is False where an earlier one said another amount or shortcode."""

    id: UUID
    fresh: bool
    agrees: bool


class NoPayment(ValueError):
    """A notice without a receipt, or without an amount above zero."""


def take(
    notice: Notice, *, shortcode: Shortcode, channel: Channel, raw: str, at: datetime, bill_ref: str = ""
) -> Taken:
    """Store a payment that M-Pesa tells of, or count it where its receipt is known. Commits at once.

    :param bill_ref: the account that we know from elsewhere, where the notice does not name it
    :raises NoPayment: it is none
    """
    if not notice.complete or notice.amount is None:
        raise NoPayment("a payment has a receipt and an amount above zero")
    amount: Decimal = notice.amount
    who = notice.payer
    row_id, notices, stands, owner = _store(
        {
            "id": new_id(),
            "partner_id": shortcode.partner_id,
            "shortcode_id": shortcode.pk,
            "channel": channel.value,
            "status": "received",
            "mpesa_receipt": notice.receipt,
            "amount": amount,
            "paid_at": notice.paid_at or at,
            "bill_ref": notice.bill_ref or bill_ref[:100],
            "business_shortcode": notice.shortcode,
            "mpesa_type": notice.kind,
            "customer_phone": who.phone,
            "phone_hash": who.digest,
            "msisdn_raw": who.shown[:40],
            "customer_name": notice.name,
            "validation_id": notice.validation_id,
            "notice": raw.replace("\x00", "\ufffd"),
            "correlation_id": correlation.current(),
            "at": at,
        }
    )
    agrees = stands == amount and owner == shortcode.pk
    return Taken(id=row_id, fresh=notices == 1, agrees=agrees)


def _store(values: dict[str, Any]) -> tuple[UUID, int, Decimal, UUID]:
    """Store it on the kept connection; where that has broken, once more on a new one.

    So a connection need not be asked before each payment whether it lives. To store twice is only to count twice.
    """
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        return _execute(values)
    except (InterfaceError, OperationalError):
        if connection.in_atomic_block:
            raise
        connection.close()
        return _execute(values)


def _execute(values: dict[str, Any]) -> tuple[UUID, int, Decimal, UUID]:
    _, ((row_id, notices, stands, owner),) = rows.run(_STORE, [values[name] for name in (*_COLUMNS, "at")])
    return row_id, notices, stands, owner
