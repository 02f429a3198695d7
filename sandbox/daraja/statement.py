"""The organisation portal's statement as CSV: every movement of one account, newest first."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from sandbox.daraja import ids
from sandbox.daraja.entries import Entry
from sandbox.daraja.msisdn import masked
from sandbox.daraja.state import Shortcode
from sandbox.world import World

COLUMNS = (
    "Receipt No.",
    "Completion Time",
    "Initiation Time",
    "Details",
    "Transaction Status",
    "Paid In",
    "Withdrawn",
    "Balance",
    "Balance Confirmed",
    "Reason Type",
    "Other Party Info",
    "Linked Transaction ID",
    "A/C No.",
)
TITLES = {"utility": "Utility Account", "working": "Working Account", "charges_paid": "Charges Paid Account"}
PHONE = re.compile(r"\b254[17][0-9]{8}\b")


def as_csv(
    world: World, shortcode: Shortcode, account: str, start: datetime | None, end: datetime | None
) -> str:
    """The statement; ``start`` and ``end`` belong to it."""
    made = io.StringIO()
    lines = csv.writer(made)
    if world.switches.get("daraja.statement_heading") == "on":
        lines.writerow(("Organization Name", shortcode.name))
        lines.writerow(("Short Code", shortcode.number))
        lines.writerow(("Account", TITLES[account]))
        lines.writerow(())
    lines.writerow(COLUMNS)
    lines.writerows(_row(world, entry) for entry in _chosen(shortcode, account, start, end))
    return made.getvalue()


def _chosen(
    shortcode: Shortcode, account: str, start: datetime | None, end: datetime | None
) -> Iterator[Entry]:
    for entry in reversed(shortcode.entries):
        at = entry.movement.at
        if entry.account == account and (start is None or start <= at) and (end is None or at <= end):
            yield entry


def _row(world: World, entry: Entry) -> tuple[str, ...]:
    movement = entry.movement
    return (
        movement.receipt,
        _time(world, movement.at),
        _time(world, movement.initiated_at or movement.at),
        _shown(world, movement.details),
        "Completed",
        _money(world, entry.amount) if entry.amount > 0 else "",
        _money(world, entry.amount) if entry.amount < 0 else "",
        _money(world, entry.balance),
        "true",
        movement.reason,
        _shown(world, movement.other_party),
        movement.linked,
        movement.reference,
    )


def _time(world: World, at: datetime) -> str:
    dashed = world.switches.get("daraja.statement_dates") == "dashed"
    return at.astimezone(ids.NAIROBI).strftime("%d-%m-%Y %H:%M:%S" if dashed else "%Y-%m-%d %H:%M:%S")


def _money(world: World, amount: Decimal) -> str:
    commas = world.switches.get("daraja.statement_commas") == "on"
    return f"{amount:,.2f}" if commas else f"{amount:.2f}"


def _shown(world: World, text: str) -> str:
    if world.switches.get("daraja.statement_phones") == "plain":
        return text
    return PHONE.sub(lambda found: masked(found[0]), text)


def bound(text: str, *, end: bool) -> datetime | None:
    """A day, or a day and a time, in Nairobi; an empty text is no bound. An end includes its day or second.

    :raises ValueError: no such day or time
    """
    if not text:
        return None
    local = datetime.fromisoformat(text)
    whole_day = len(text.strip()) <= len("2026-06-02")
    if end:
        local = (
            datetime.combine(local, time.max)
            if whole_day
            else local + timedelta(seconds=1) - timedelta.resolution
        )
    return (local if local.tzinfo else local.replace(tzinfo=ids.NAIROBI)).astimezone(UTC)
