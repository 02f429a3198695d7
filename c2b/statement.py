"""Read the organisation's statement (CSV of the M-Pesa portal) and take in what no notice told."""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from c2b import pulling
from c2b.statuses import Channel
from common import audit
from common.changes import By
from mpesa.collections import Notice, amount, payer, receipt
from mpesa.times import EAT, read_time
from partners.models import Shortcode

_COLUMNS = {
    "receipt": ("receipt no.", "receipt no", "receipt"),
    "time": ("completion time", "initiation time"),
    "details": ("details",),
    "status": ("transaction status", "status"),
    "paid_in": ("paid in",),
    "party": ("other party info", "opposite party"),
    "account": ("a/c no.", "a/c no", "account no.", "account no"),
}
_LAYOUTS = ("%d-%m-%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%d/%m/%Y %H:%M")
_ACCOUNT = re.compile(r"\bacc(?:ount)?\.?\s*(?:no\.?)?\s*[:\-]?\s*(\S.*)$", re.IGNORECASE)
_FROM_CUSTOMERS = re.compile(r"\b(pay ?bill|merchant payment|buy goods|customer)\b", re.IGNORECASE)
_NOT_FROM_CUSTOMERS = re.compile(r"reversal|transfer of funds|charge", re.IGNORECASE)
LARGEST = 20 * 1024 * 1024


class WrongFile(ValueError):
    """Not a statement that can be read; the message says what is wrong, for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    lines: int
    new: int
    left_out: int


def read(text: str, *, shortcode: str) -> tuple[list[Notice], int]:
    """Return the completed payments of a statement, and how many other lines it has.

    :raises WrongFile: no header, another shortcode's, or a payment whose amount or time cannot be read
    """
    rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff"))))
    start = next((n for n, row in enumerate(rows) if _named(row, "receipt") is not None), None)
    if start is None:
        raise WrongFile("There is no line of titles with `Receipt No.` in the file.")
    _check_owner(rows[:start], shortcode)
    places = {name: place for name in _COLUMNS if (place := _named(rows[start], name)) is not None}
    if missing := {"time", "paid_in", "details"} - places.keys():
        raise WrongFile(f"The columns are not those of a statement; missing: {', '.join(sorted(missing))}.")
    found, left_out = [], 0
    for number, row in enumerate(rows[start + 1 :], start=start + 2):
        cells = {name: row[place].strip() if place < len(row) else "" for name, place in places.items()}
        if not cells["receipt"]:
            continue
        notice = _payment(cells, shortcode, number)
        if notice is None:
            left_out += 1
        else:
            found.append(notice)
    return found, left_out


def _named(row: list[str], name: str) -> int | None:
    titles = [title.strip().lower() for title in row]
    return next((titles.index(title) for title in _COLUMNS[name] if title in titles), None)


def _check_owner(head: list[list[str]], shortcode: str) -> None:
    for row in head:
        if len(row) > 1 and row[0].strip().lower().replace(" ", "").startswith("shortcode"):
            number = row[1].strip()
            if number and number != shortcode:
                raise WrongFile(f"The statement is of shortcode {number}, not of {shortcode}.")


def _payment(cells: Mapping[str, str], shortcode: str, line: int) -> Notice | None:
    """Return a customer's completed payment; None for anything else.

    :raises WrongFile: it is one, and its amount or time cannot be read
    """
    paid_in, details = cells["paid_in"], cells.get("details", "")
    if not paid_in or cells.get("status", "Completed").lower() != "completed":
        return None
    if not _FROM_CUSTOMERS.search(details) or _NOT_FROM_CUSTOMERS.search(details):
        return None
    value, moment = amount(paid_in), _time(cells["time"])
    if value is None or moment is None or not receipt(cells["receipt"]):
        raise WrongFile(f"Line {line}: receipt, amount or time cannot be read.")
    if value <= 0:
        return None
    phone, _, name = cells.get("party", "").partition(" - ")
    typed = _ACCOUNT.search(details)
    return Notice(
        receipt=receipt(cells["receipt"]),
        amount=value,
        shortcode=shortcode,
        bill_ref=(cells.get("account", "") or (typed[1].strip() if typed else ""))[:100],
        kind="Statement",
        payer=payer(phone.strip()),
        name=name.strip()[:200],
        paid_at=moment,
    )


def _time(text: str) -> datetime | None:
    found = read_time(text)
    if found is not None:
        return found
    for layout in _LAYOUTS:
        try:
            return datetime.strptime(text, layout).replace(tzinfo=EAT).astimezone(UTC)
        except ValueError:
            continue
    return None


def import_statement(*, shortcode_id: UUID, raw: bytes, by: By, at: datetime) -> Imported:
    """Take in a statement of a shortcode. It may be imported again: nothing is doubled.

    :raises WrongFile: it cannot be read; nothing was taken in
    """
    if len(raw) > LARGEST:
        raise WrongFile("The file is larger than 20 MB. Export fewer days at a time.")
    shortcode = Shortcode.objects.get(pk=shortcode_id)
    found, left_out = read(raw.decode("utf-8", errors="replace"), shortcode=shortcode.number)
    new = pulling.take_all(found, shortcode=shortcode, channel=Channel.STATEMENT, at=at)
    audit.write(
        action="statement imported",
        subject=shortcode,
        at=at,
        actor=by.actor,
        actor_name=by.name,
        reason=by.reason,
        detail={"lines": len(found), "new": new, "left_out": left_out},
    )
    return Imported(lines=len(found), new=new, left_out=left_out)
