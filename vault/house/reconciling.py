"""Reconciliation: a day's payouts and collections as M-Pesa, we and Mifos have them; all three must be equal.

Of payouts M-Pesa's side is its own result with a receipt (the attempt), ours is the ledger (the hold that was
captured), Mifos's is the loan that it booked. Of collections M-Pesa's side is its statement or Pull. A day is
Nairobi's; a payout belongs to the day on which we knew of it, a collection to that of M-Pesa's own time.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from c2b import comparing
from common.exporting import NAIROBI
from partners.models import Partner

MOST = 500  # lines that differ, shown at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What one of the three has of a day."""

    name: str
    count: int
    total: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A payment that the three have differently, and why, in words."""

    name: str
    mpesa: Decimal | None
    ours: Decimal | None
    mifos: Decimal | None
    words: str
    page: str
    row_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Payouts or collections of a day and partner. `missing` says what keeps it from being certified."""

    title: str
    books: list[Book]
    lines: int
    differences: list[Line]
    missing: str = ""

    @property
    def agrees(self) -> bool:
        return not self.differences and not self.missing


_PAYOUTS = """
with moved as (
    select d.id, d.receipt, d.amount, d.status, d.source, d.attention, d.reason, d.loan_account_no,
           a.receipt as said, a.amount as told, h.status as held, h.principal, h.receipt as booked
    from disbursements d
    left join disbursement_attempts a on a.disbursement_id = d.id and a.status = 'paid'
    left join ledger_holds h on h.reference = a.id
    where d.settled_at >= %(start)s and d.settled_at < %(end)s and d.receipt <> '' and d.partner_id = %(partner)s
)
"""
_SUMS = (
    _PAYOUTS
    + """
select count(said), coalesce(sum(told), 0),
       count(*) filter (where held = 'captured'), coalesce(sum(principal) filter (where held = 'captured'), 0),
       count(*) filter (where status = 'completed'), coalesce(sum(amount) filter (where status = 'completed'), 0),
       count(*) from moved
"""
)
_DIFFERENT = (
    _PAYOUTS
    + """
select id, receipt, amount, status, source, reason, said, told, held, principal, booked from moved
where said is distinct from receipt or told is distinct from amount or held is distinct from 'captured'
      or principal is distinct from amount or booked is distinct from receipt
      or (status <> 'completed' and source = 'mifos')
order by receipt limit %(most)s
"""
)


def payouts(partner: Partner, day: date) -> Side:
    """Compare a day's payouts of a partner."""
    values = _values(partner, day)
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, values)
        told, told_sum, ours, ours_sum, booked, booked_sum, lines = cursor.fetchone()
        cursor.execute(_DIFFERENT, values)
        different = [_payout(*row) for row in cursor.fetchall()]
    return Side(
        title="Payouts",
        books=[
            Book(name="M-Pesa", count=told, total=told_sum),
            Book(name="Payment Vault", count=ours, total=ours_sum),
            Book(name="Mifos", count=booked, total=booked_sum),
        ],
        lines=lines,
        differences=different,
    )


def _values(partner: Partner, day: date) -> dict[str, Any]:
    start = datetime.combine(day, time.min, tzinfo=NAIROBI)
    return {"start": start, "end": start + timedelta(days=1), "partner": partner.pk, "most": MOST}


def _payout(
    row_id: UUID, receipt: str, amount: Decimal, status: str, source: str, reason: str,
    said: str | None, told: Decimal | None, held: str | None, principal: Decimal | None, booked: str | None,
) -> Line:  # fmt: skip
    words = []
    if said is None:
        words.append("No attempt of it has M-Pesa's receipt.")
    elif (said, told) != (receipt, amount):
        words.append(f"M-Pesa's result says KES {told} with receipt {said}.")
    if held != "captured":
        words.append("The ledger has not booked it as paid.")
    elif (principal, booked) != (amount, receipt):
        words.append(f"The ledger booked KES {principal} with receipt {booked or 'none'}.")
    in_mifos = status == "completed"
    if not in_mifos and source == "mifos":
        words.append(f"Mifos has not booked it. {reason}".strip())
    return Line(
        name=receipt,
        mpesa=told,
        ours=principal if held == "captured" else None,
        mifos=amount if in_mifos and source == "mifos" else None,
        words=" ".join(words),
        page="admin:disbursements_disbursement_change",
        row_id=row_id,
    )


def collections(partner: Partner, day: date) -> Side:
    """Compare a day's collections of a partner; what they hold is `c2b.comparing`'s."""
    found = comparing.compare(partner, day)
    sides = (("M-Pesa", found.mpesa), ("Payment Vault", found.ours), ("Mifos", found.mifos))
    missing = ""
    if found.lines and not found.asked_mpesa:
        missing = "M-Pesa's own list of this day is not here: import the statement, or switch Pull on."
    elif found.unchecked:
        missing = f"Mifos was not asked again for {found.unchecked:,} bookings since they were made."
    return Side(
        title="Collections",
        books=[Book(name=name, count=side.count, total=side.total) for name, side in sides],
        lines=len(found.lines),
        differences=[
            Line(
                name=line.receipt,
                mpesa=line.mpesa,
                ours=line.ours,
                mifos=line.mifos,
                words=line.words,
                page="admin:c2b_c2btransaction_change",
                row_id=line.transaction_id,
            )
            for line in found.differences[:MOST]
        ],
        missing=missing,
    )
