"""Judge customers' payments by the sandbox's books: every shilling that was paid is in exactly one place.

In Mifos, in our suspense, returned, or waiting with a reason. Pure: takes values, gives back what is wrong in words.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from vault.running.agreement import Books
from vault.running.money_agreement import booked_by_receipt

NOTHING = Decimal(0)
IN_MIFOS, IN_SUSPENSE, RETURNED, REFUSED = "posted", "unmatched", "reversed", "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OurPayment:
    """What our tables say of one payment; `words` is why it is where it is, `next_step` when it goes on."""

    receipt: str
    amount: Decimal
    booked: Decimal
    status: str
    words: str
    next_step: Any = None

    @property
    def at_rest(self) -> bool:
        """Whether nothing is under way: all is booked or returned, or a person is asked, with the reason."""
        if self.status in (IN_MIFOS, RETURNED):
            return True
        return self.status in (IN_SUSPENSE, REFUSED) and bool(self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Each a list of sentences; all empty means that nothing is wrong."""

    twice: list[str]
    lost: list[str]
    stuck: list[str]
    different: list[str]


def judge(books: Books, ours: Iterable[OurPayment], *, paybills: Collection[str]) -> Findings:
    """Compare what customers paid to these shortcodes with what we have and what Mifos has."""
    rows, paid = {row.receipt: row for row in ours}, completed(books, paybills)
    sums, times = booked_by_receipt(books)
    in_mifos = {receipt: sums.get(receipt, NOTHING) for receipt in {*sums, *paid, *rows}}
    return Findings(
        twice=[
            f"payment {receipt}: {one['amount']} paid, {times[receipt]} bookings in Mifos over {in_mifos[receipt]}"
            for receipt, one in paid.items()
            if in_mifos[receipt] > Decimal(one["amount"])
        ],
        lost=[
            f"payment {receipt}: a customer paid {one['amount']}, and we know nothing of it"
            for receipt, one in paid.items()
            if receipt not in rows
        ],
        stuck=[
            f"payment {row.receipt}: {row.status}; next step {row.next_step or 'never'}; "
            f"{row.words or 'no reason given'}"
            for row in rows.values()
            if not row.at_rest
        ],
        different=[
            text
            for row in rows.values()
            for text in _differences(row, paid.get(row.receipt), in_mifos[row.receipt])
        ]
        + [f"Mifos booked {receipt}, and nobody paid it" for receipt in sums.keys() - paid.keys()],
    )


def completed(books: Books, paybills: Collection[str]) -> dict[str, Mapping[str, Any]]:
    """Return what customers really paid, by receipt."""
    return {
        one["receipt"]: one
        for one in books["daraja"]["payments"]
        if one["shortcode"] in paybills and one["status"] == "completed"
    }


def _differences(row: OurPayment, paid: Mapping[str, Any] | None, in_mifos: Decimal) -> Iterator[str]:
    name = f"payment {row.receipt}"
    if paid is None:
        yield f"{name}: we have {row.amount}, M-Pesa took no such payment"
        return
    if Decimal(paid["amount"]) != row.amount:
        yield f"{name}: M-Pesa took {paid['amount']}, we say {row.amount}"
    if in_mifos != row.booked:
        yield f"{name}: Mifos has {in_mifos}, we say {row.booked} of {row.amount} ({row.status})"
    if (row.booked == row.amount) != (row.status == IN_MIFOS) and row.at_rest:
        yield f"{name}: {row.status}, and {row.amount - row.booked} of it is not booked"
    if (row.status == RETURNED) != bool(paid["reversed_by"]):
        yield f"{name}: {row.status}, and M-Pesa says {paid['reversed_by'] or 'it was not given back'}"
