"""A statement as a file: CSV for a spreadsheet, PDF for paper."""

import csv
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any
from xml.sax.saxutils import escape  # writes markup, parses none

from reportlab.lib import colors  # type: ignore[import-untyped]
from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]
from reportlab.lib.styles import getSampleStyleSheet  # type: ignore[import-untyped]
from reportlab.lib.units import mm  # type: ignore[import-untyped]
from reportlab.platypus import (  # type: ignore[import-untyped]
    LongTable,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    TableStyle,
)

from common.exporting import harmless
from wallet.statements import NAIROBI, Line, Section, Statement, label

_WIDTHS = [23 * mm, 60 * mm, 54 * mm, 24 * mm, 25 * mm]
_HEADS = ["Written (EAT)", "What", "Reference", "Amount", "Balance"]
_SUMMARY_WIDTHS = [66 * mm, 30 * mm, 30 * mm, 30 * mm, 30 * mm]
_SUMMARY_HEADS = ["Account", "At the beginning", "Came in", "Went out", "At the end"]
_GREY = colors.HexColor("#f1f3f5")


def as_csv(statement: Statement) -> str:
    """Write a statement as CSV. A text that a spreadsheet would run as a formula is defused."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerows([safe(cell) for cell in row] for row in _rows(statement))
    return out.getvalue()


def safe(cell: Any) -> str:
    """Return a cell that no spreadsheet takes for a formula; amounts stay numbers."""
    if isinstance(cell, Decimal):
        return f"{cell:.2f}"
    return harmless(str(cell))


def _rows(statement: Statement) -> Iterator[list[Any]]:
    yield ["Statement", statement.partner.name, f"{statement.month:%B %Y}", "KES"]
    yield ["Complete up to", _when(statement.until)]
    for section in statement.sections:
        yield []
        yield [section.title]
        yield ["Written", "Happened", "Type", "Description", "Reference", "Amount", "Balance"]
        yield ["", "", "", "Opening balance", "", "", section.opening]
        for line in section.lines:
            yield [
                _when(line.at),
                _when(line.event_at),
                line.type,
                line.words,
                line.reference,
                line.amount,
                line.balance,
            ]
        yield ["", "", "", "Closing balance", "", "", section.closing]
        for total in section.totals:
            yield ["", "", total.type, f"Total: {total.words}", f"{total.count} lines", total.amount, ""]


def as_pdf(statement: Statement) -> bytes:
    """Set a statement on A4 pages."""
    out = BytesIO()
    styles = getSampleStyleSheet()
    title = f"Statement of {statement.partner.name}, {statement.month:%B %Y}"
    page = SimpleDocTemplate(
        out,
        pagesize=A4,
        title=title,
        author="Payment Vault",
        leftMargin=12 * mm,
        rightMargin=12 * mm,
        topMargin=14 * mm,
        bottomMargin=16 * mm,
    )
    parts: list[Any] = [
        Paragraph(escape(title), styles["Title"]),
        Paragraph(
            f"Complete up to {_when(statement.until)} (Nairobi). All amounts in KES.", styles["Normal"]
        ),
        Spacer(1, 5 * mm),
        _table([_SUMMARY_HEADS, *map(_summary, statement.sections)], _SUMMARY_WIDTHS, figures_from=1),
    ]
    for section in statement.sections:
        parts += [Spacer(1, 6 * mm), Paragraph(escape(section.title), styles["Heading2"]), *_tables(section)]

    def number(canvas: Any, page: Any) -> None:
        canvas.setFont("Helvetica", 7)
        canvas.drawString(12 * mm, 8 * mm, title)
        canvas.drawRightString(A4[0] - 12 * mm, 8 * mm, f"Page {canvas.getPageNumber()}")

    page.build(parts, onFirstPage=number, onLaterPages=number)
    return out.getvalue()


def _summary(section: Section) -> list[str]:
    came = sum((line.amount for line in section.lines if line.amount > 0), Decimal(0))
    went = sum((line.amount for line in section.lines if line.amount < 0), Decimal(0))
    return [section.title, *(_amount(one) for one in (section.opening, came, went, section.closing))]


def _tables(section: Section) -> list[Any]:
    body = [["", "Opening balance", "", "", _amount(section.opening)]]
    body += [
        [
            _when(line.at)[:16],
            _cut(_what(line), 48),
            _cut(line.reference, 40),
            _amount(line.amount),
            _amount(line.balance),
        ]
        for line in section.lines
    ]
    body.append(["", "Closing balance", "", "", _amount(section.closing)])
    lines = _table([_HEADS, *body], _WIDTHS, bold=(1, -1))
    if not section.totals:
        return [lines]
    sums = [["", "Totals", "", "Amount", ""]]
    sums += [
        [
            "",
            total.words,
            f"{total.count:,} {'line' if total.count == 1 else 'lines'}",
            _amount(total.amount),
            "",
        ]
        for total in section.totals
    ]
    return [lines, Spacer(1, 4 * mm), _table(sums, _WIDTHS)]


def _what(line: Line) -> str:
    """Name the type, and what the line says of itself where that is more."""
    kind = label(line.type)
    return kind if line.words == kind else f"{kind}: {line.words}"


def _table(
    rows: list[list[str]], widths: list[float], *, figures_from: int = 3, bold: tuple[int, ...] = ()
) -> Any:
    table = LongTable(rows, colWidths=widths, repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), _GREY),
                *(("FONTNAME", (0, row), (-1, row), "Helvetica-Bold") for row in bold),
                ("FONTSIZE", (0, 0), (-1, -1), 7),
                ("FONTNAME", (0, 0), (-1, 0), "Helvetica-Bold"),
                ("ALIGN", (figures_from, 0), (-1, -1), "RIGHT"),
                ("LINEBELOW", (0, 0), (-1, 0), 0.5, colors.black),
                ("LINEBELOW", (0, 1), (-1, -1), 0.1, colors.lightgrey),
                ("TOPPADDING", (0, 0), (-1, -1), 1.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
            ]
        )
    )
    return table


def _when(at: datetime) -> str:
    return f"{at.astimezone(NAIROBI):%Y-%m-%d %H:%M:%S}"


def _amount(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
