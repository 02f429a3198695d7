"""Lists as files: CSV of any length, written while it is read, and Excel up to a limit; formulas are defused.

A file has the rows of the list as it was filtered, newest first. It is read in slices by the primary key, which
grows with time, so that a million rows take no more memory than a few thousand, here and in PostgreSQL.
"""

import csv
import io
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any, Literal
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from common.phone import masked, without_phones

NAIROBI = ZoneInfo("Africa/Nairobi")
CSV_MOST, EXCEL_MOST = 2_000_000, 100_000
SLICE = 5_000
LONGEST = 32_000  # characters of a cell; Excel holds 32,767
WIDTHS = {"money": 16, "time": 20, "day": 12, "number": 12, "phone": 16}

Shape = Literal["text", "money", "time", "day", "number", "phone", "flag", "json"]
Rows = QuerySet[Any]

_SIGNS = tuple("=+-@＝＋－＠")
_CONTROLS = ("\t", "\r", "\n")
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # no cell of Excel may hold them


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a file: its title, where its value stands (`partner__name`), and what kind of value it is."""

    title: str
    path: str
    shape: Shape = "text"
    words: Mapping[str, str] = field(default_factory=dict)  # of a status: what people call it


def col(title: str, path: str, shape: Shape = "text", words: Iterable[tuple[Any, Any]] = ()) -> Column:
    """Describe a column in one line."""
    return Column(title=title, path=path, shape=shape, words={str(key): str(word) for key, word in words})


def harmless(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run as a formula."""
    runs = text[:1] in _CONTROLS or text.lstrip()[:1] in _SIGNS
    return f"'{text}" if runs else text


def readers(columns: Sequence[Column], *, phones: bool) -> list[Callable[[Any], Any]]:
    """Return for each column what turns a value of the database into one of a cell.

    :param phones: show phones in full
    """
    return [_reader(column, phones=phones) for column in columns]


def _reader(column: Column, *, phones: bool) -> Callable[[Any], Any]:
    def text(value: Any) -> str:
        said = column.words.get(str(value), str(value))
        cut = _UNWRITABLE.sub(" ", said)[:LONGEST]
        return harmless(cut if phones else without_phones(cut))

    def as_json(value: Any) -> str:
        return text(json.dumps(value, ensure_ascii=False, sort_keys=True)) if value else ""

    made: Mapping[Shape, Callable[[Any], Any]] = {
        "text": text,
        "json": as_json,
        "phone": lambda value: str(value) if phones else masked(str(value)),
        "flag": lambda value: "yes" if value else "no",
        "time": lambda value: value.astimezone(NAIROBI).replace(tzinfo=None, microsecond=0),
        "money": lambda value: value,
        "number": lambda value: value,
        "day": lambda value: value,
    }
    read = made[column.shape]
    return lambda value: None if value is None or value == "" else read(value)


def slices(rows: Rows, paths: Sequence[str], *, most: int) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows newest first, some thousands at a time: each slice begins where the last one ended."""
    ordered = rows.order_by("-pk").values_list("pk", *paths)
    left, last = most, None
    while left > 0:
        part = ordered if last is None else ordered.filter(pk__lt=last)
        found = list(part[: min(SLICE, left)])
        if not found:
            return
        yield [row[1:] for row in found]
        last, left = found[-1][0], left - len(found)


def as_csv(columns: Sequence[Column], rows: Rows, *, phones: bool, most: int) -> Iterator[bytes]:
    """Write a CSV while the rows are read. It begins with a mark by which Excel knows UTF-8."""
    read = readers(columns, phones=phones)
    yield ("\ufeff" + _lines([[column.title for column in columns]])).encode()
    for part in slices(rows, [column.path for column in columns], most=most):
        yield _lines(
            [_plain(make(value)) for make, value in zip(read, row, strict=True)] for row in part
        ).encode()


def _lines(rows: Iterable[Sequence[Any]]) -> str:
    made = io.StringIO()
    csv.writer(made).writerows(rows)
    return made.getvalue()


def _plain(value: Any) -> Any:
    return value.isoformat(sep=" ") if isinstance(value, datetime) else value


def as_excel(columns: Sequence[Column], rows: Rows, *, phones: bool, most: int) -> IO[bytes]:
    """Write a workbook to a file that goes with its last reader: numbers are numbers, times are times."""
    read = readers(columns, phones=phones)
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Rows")
    sheet.freeze_panes = "A2"
    for number, column in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(number)].width = WIDTHS.get(column.shape, 24)
    sheet.append([_title(sheet, column.title) for column in columns])
    for part in slices(rows, [column.path for column in columns], most=most):
        for row in part:
            sheet.append([make(value) for make, value in zip(read, row, strict=True)])
    made = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    book.save(made)
    made.seek(0)
    return made


def table_csv(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Write a small table, which is in memory already, as CSV."""
    made = [[_plain(_cell(value)) for value in row] for row in rows]
    return ("\ufeff" + _lines([list(titles), *made])).encode()


def table_excel(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Write the same as a workbook."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Rows")
    sheet.freeze_panes = "A2"
    for number in range(1, len(titles) + 1):
        sheet.column_dimensions[get_column_letter(number)].width = 20
    sheet.append([_title(sheet, title) for title in titles])
    for row in rows:
        sheet.append([_cell(value) for value in row])
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return harmless(without_phones(_UNWRITABLE.sub(" ", value)[:LONGEST]))
    if isinstance(value, datetime):
        return value.astimezone(NAIROBI).replace(tzinfo=None, microsecond=0)
    return value


def _title(sheet: Any, words: str) -> Any:
    cell = WriteOnlyCell(sheet, value=words)
    cell.font = Font(bold=True)
    return cell
