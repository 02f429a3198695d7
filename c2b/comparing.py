"""The three-way check of a day: what M-Pesa lists, what we have, what Mifos has. All three must be equal."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q

from c2b.models import C2bTransaction, Posting, StatementLine
from c2b.reading import host_of
from c2b.statuses import Status
from common.exporting import harmless
from common.gateway import GatewayError
from mifos.accounts import AccountKind
from mifos.client import Mifos
from mifos.hosts import speaking_to
from partners.models import Partner

NAIROBI = ZoneInfo("Africa/Nairobi")
NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the three books: how many payments, and how much."""

    count: int
    total: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A payment of the day as the three books have it, None where one has it not."""

    receipt: str
    mpesa: Decimal | None
    ours: Decimal | None
    mifos: Decimal | None
    words: str
    transaction_id: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A day of a partner. `differences` are the lines that a person, or time, has to mend."""

    mpesa: Side
    ours: Side
    mifos: Side
    lines: list[Line]
    asked_mpesa: bool
    unchecked: int

    @property
    def differences(self) -> list[Line]:
        return [line for line in self.lines if line.words]


def compare(partner: Partner, day: date) -> Comparison:
    """Compare a day in Nairobi by what we know now; `check_in_mifos` asks Mifos anew."""
    start = datetime.combine(day, time.min, tzinfo=NAIROBI)
    of_day = Q(paid_at__gte=start, paid_at__lt=start + timedelta(days=1))
    listed = {
        one.mpesa_receipt: one for one in StatementLine.objects.filter(of_day, shortcode__partner=partner)
    }
    rows = C2bTransaction.objects.filter(of_day).filter(Q(partner=partner) | Q(shortcode__partner=partner))
    ours = {row.mpesa_receipt: row for row in rows.prefetch_related("postings")}
    receipts = sorted({*listed, *ours})
    lines = [_line(receipt, listed.get(receipt), ours.get(receipt), bool(listed)) for receipt in receipts]
    unchecked = sum(
        1 for row in ours.values() for one in row.postings.all() if one.booked_at and not one.checked_at
    )
    return Comparison(
        mpesa=_side(line.mpesa for line in lines),
        ours=_side(line.ours for line in lines),
        mifos=_side(line.mifos for line in lines),
        lines=lines,
        asked_mpesa=bool(listed),
        unchecked=unchecked,
    )


def _side(amounts: Iterable[Decimal | None]) -> Side:
    there = [amount for amount in amounts if amount is not None]
    return Side(count=len(there), total=sum(there, NOTHING))


def _line(receipt: str, listed: StatementLine | None, row: C2bTransaction | None, asked: bool) -> Line:
    booked = [one for one in row.postings.all() if one.booked_at] if row else []
    in_mifos = sum((_in_mifos(one) for one in booked), NOTHING) if booked else None
    return Line(
        receipt=receipt,
        mpesa=listed.amount if listed else None,
        ours=row.amount if row else None,
        mifos=in_mifos,
        words=" ".join(_differences(listed, row, booked, in_mifos, asked)),
        transaction_id=row.pk if row else None,
    )


def _in_mifos(one: Posting) -> Decimal:
    """Return what Mifos showed when it was last asked, else what it said when it was booked."""
    shown: Decimal | None = one.amount if one.checked_at is None else one.checked_amount
    return NOTHING if shown is None else shown


def _differences(
    listed: StatementLine | None,
    row: C2bTransaction | None,
    booked: list[Posting],
    in_mifos: Decimal | None,
    asked: bool,
) -> list[str]:
    if row is None:
        return ["We do not have it: import the statement, or wait for the next Pull."]
    found = []
    if listed is None and asked:
        found.append("M-Pesa does not list it.")
    if listed is not None and listed.amount != row.amount:
        found.append(f"M-Pesa lists KES {listed.amount}, we have KES {row.amount}.")
    found += [one.check_words for one in booked if one.check_words]
    if row.status == Status.REVERSED:
        return found
    if (in_mifos or NOTHING) != row.amount:
        found.append(row.reason or f"It is {row.get_status_display().lower()}.")
    return found


def check_in_mifos(partner: Partner, day: date, *, at: datetime) -> str:
    """Ask Mifos for every booking of a day, keep what it shows, and say what kept us from asking all."""
    start = datetime.combine(day, time.min, tzinfo=NAIROBI)
    host = host_of(partner.pk)
    if host is None:
        return "The partner has no Mifos connection that is switched on."
    rows = Posting.objects.filter(
        mifos_partner=host,
        booked_at__isnull=False,
        transaction__paid_at__gte=start,
        transaction__paid_at__lt=start + timedelta(days=1),
    )
    for one in rows.select_related("transaction").iterator():
        try:
            with speaking_to(host, at=at) as client:
                _check(one, client, at=at)
        except GatewayError as exc:
            return f"Mifos could not be asked for all of them: {exc}."
    return ""


def _check(one: Posting, client: Mifos, *, at: datetime) -> None:
    """:raises Rejected, Retryable: Mifos did not answer"""
    if one.account_kind == AccountKind.LOAN:
        entry = client.loan_entry(one.account_id, external_id=str(one.pk))
    else:
        receipt = one.transaction.mpesa_receipt
        entry = client.savings_entry(one.account_id, external_id=str(one.pk), receipt=receipt)
    words, amount = "", None
    if entry is None:
        words = f"Mifos does not show our booking of KES {one.amount} on {one.kind} {one.account_no}."
    elif entry.reversed:
        words = f"Somebody undid our booking of KES {one.amount} on {one.kind} {one.account_no} in Mifos."
    else:
        amount = entry.amount
        if amount != one.amount:
            words = f"Mifos shows KES {amount} where KES {one.amount} were booked."
    Posting.objects.filter(pk=one.pk).update(checked_at=at, checked_amount=amount, check_words=words)


def as_csv(found: Comparison) -> str:
    """Write a comparison as CSV; texts that a spreadsheet would run as formulas are defused."""
    made = io.StringIO()
    lines = csv.writer(made)
    lines.writerow(("Receipt", "M-Pesa", "Payment Vault", "Mifos", "Difference"))
    for line in found.lines:
        amounts = ("" if one is None else str(one) for one in (line.mpesa, line.ours, line.mifos))
        lines.writerow((harmless(line.receipt), *amounts, harmless(line.words)))
    return made.getvalue()
