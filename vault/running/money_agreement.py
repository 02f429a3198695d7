"""Compare the bank's, M-Pesa's and Mifos's books with ours: each shilling that came in is in exactly one place.

Pure: takes values, gives back the differences in words. An empty list means that the books agree.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from vault.running.agreement import Books

NOTHING = Decimal(0)
BOOKED = frozenset({"booked", "allocated"})
IN_SUSPENSE = frozenset({"suspense", "possible_duplicate"})
_CODE = re.compile(r"[A-Za-z0-9-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class OurCredit:
    """Money at the bank, as we have it. `booked` is what the ledger took from the bank for it, all in all."""

    reference: str  # the bank's, else M-Pesa's receipt
    amount: Decimal
    status: str
    partner: str  # its code; empty: nobody's yet
    booked: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OurPurchase:
    """Float that we ordered, or meant to."""

    reference: str
    amount: Decimal
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OurCollection:
    """A customer's payment; what of it is not `booked` in Mifos is in suspense."""

    receipt: str
    amount: Decimal
    booked: Decimal
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OurMoney:
    """What our tables say of one run. `floats` are the ledger's, by shortcode, with what is held of them."""

    codes: frozenset[str]
    credits: tuple[OurCredit, ...] = ()
    purchases: tuple[OurPurchase, ...] = ()
    collections: tuple[OurCollection, ...] = ()
    floats: Mapping[str, Decimal] = field(default_factory=dict)
    from_bank: Decimal = NOTHING  # what the ledger moved in through the bank, less what it moved out


def differences(books: Books, ours: OurMoney, *, paybills: Iterable[str] = ()) -> list[str]:
    """Say in words where the books outside and ours disagree about money that came in, and about float.

    :param paybills: the shortcodes that customers pay to
    """
    return [
        *_bank(books, ours),
        *_purchases(books, ours),
        *_floats(books, ours),
        *_collections(books, ours, frozenset(paybills)),
    ]


def _lines(books: Books) -> list[Mapping[str, Any]]:
    accounts = books["ncba"]["accounts"].values()
    return [line for account in accounts for line in account["lines"]]


def _bank(books: Books, ours: OurMoney) -> Iterator[str]:
    """Each credit of the bank is one of ours, in the wallet of whom it names or in suspense, and the other way."""
    lines = {line["reference"]: line for line in _lines(books) if Decimal(line["amount"]) > 0}
    receipts = {line["receipt"]: line["reference"] for line in lines.values() if line["receipt"]}
    found: dict[str, list[OurCredit]] = defaultdict(list)
    for credit in ours.credits:
        found[receipts.get(credit.reference, credit.reference)].append(credit)
    for reference, line in lines.items():
        yield from _of_line(line, [one for one in found[reference] if one.status != "ignored"], ours.codes)
    for reference in found.keys() - lines.keys():
        yield f"bank: we have {found[reference][0].amount} ({reference}), the bank has no such credit"
    total = sum((Decimal(line["amount"]) for line in _lines(books)), NOTHING)
    if total != ours.from_bank:
        yield f"bank: its lines come to {total}, our ledger moved {ours.from_bank} through the bank"


def _of_line(line: Mapping[str, Any], rows: list[OurCredit], codes: frozenset[str]) -> Iterator[str]:
    name, amount = f"bank: {line['amount']} came in ({line['reference']})", Decimal(line["amount"])
    if not rows:
        yield f"{name}, and we know nothing of it"
        return
    booked = sum((one.booked for one in rows), NOTHING)
    if booked != amount:
        yield f"{name}, our ledger booked {booked}"
    named = codes & {word.lower() for word in _CODE.findall(line["narrative"])}
    if len(named) != 1:
        named = frozenset()
    wallets = {one.partner for one in rows if one.status in BOOKED}
    if wallets != named and any(one.status != "allocated" for one in rows):
        whose = ", ".join(sorted(wallets)) or "nobody"
        yield f"{name} for {', '.join(named) or 'nobody'}, we gave it to {whose}"


def _purchases(books: Books, ours: OurMoney) -> Iterator[str]:
    """Float is bought where the bank moved the money for it, and nowhere else."""
    orders = {order["our_reference"]: Decimal(order["amount"]) for order in books["ncba"]["orders"]}
    rows = {row.reference: row for row in ours.purchases}
    for reference, amount in orders.items():
        row = rows.get(reference)
        if row is None or row.status != "bought":
            says = "we know nothing of it" if row is None else f"we say {row.status}"
            yield f"float {reference}: the bank moved {amount}, {says}"
        elif row.amount != amount:
            yield f"float {reference}: the bank moved {amount}, we say {row.amount}"
    for row in ours.purchases:
        if row.status == "bought" and row.reference not in orders:
            yield f"float {row.reference}: we say bought, the bank moved nothing"


def _floats(books: Books, ours: OurMoney) -> Iterator[str]:
    for number, held in ours.floats.items():
        theirs = Decimal(books["daraja"]["shortcodes"][number]["utility"])
        if theirs != held:
            yield f"shortcode {number}: M-Pesa's Utility holds {theirs}, our floats come to {held}"


def _collections(books: Books, ours: OurMoney, paybills: frozenset[str]) -> Iterator[str]:
    """Each shilling that a customer paid is booked in Mifos or in our suspense, never in both, never in neither."""
    paid = {
        one["receipt"]: one
        for one in books["daraja"].get("payments", ())
        if one["shortcode"] in paybills and one["status"] == "completed"
    }
    in_mifos, times = booked_by_receipt(books)
    rows = Counter(row.receipt for row in ours.collections)
    for row in ours.collections:
        if row.receipt not in paid:
            yield f"payment {row.receipt}: we have {row.amount}, M-Pesa has no such payment"
            continue
        if Decimal(paid[row.receipt]["amount"]) != row.amount:
            yield f"payment {row.receipt}: M-Pesa took {paid[row.receipt]['amount']}, we say {row.amount}"
        if in_mifos[row.receipt] != row.booked:
            yield (
                f"payment {row.receipt}: {times[row.receipt]} bookings in Mifos over {in_mifos[row.receipt]}, "
                f"we say {row.booked} of {row.amount} ({row.status})"
            )
        rest = row.amount - row.booked
        if bool(rest) != (row.status != "posted"):
            yield f"payment {row.receipt}: {row.status}, and {rest} of it is not booked"
    for receipt in paid.keys() - rows.keys():
        yield f"payment {receipt}: a customer paid {paid[receipt]['amount']}, and we know nothing of it"


def booked_by_receipt(books: Books) -> tuple[dict[str, Decimal], Counter[str]]:
    """Return what Mifos booked from customers under each receipt, and in how many bookings."""
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    times: Counter[str] = Counter()
    for host in books["fineract"]["hosts"].values():
        for account in (*host["loans"], *host.get("savings", ())):
            for entry in account["transactions"]:
                if entry["receipt"] and not entry["reversed"] and entry["type"] != "disbursement":
                    amounts[entry["receipt"]] += Decimal(entry["amount"])
                    times[entry["receipt"]] += 1
    return amounts, times
