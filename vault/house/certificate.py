"""The certificate of a day: that all lines of a partner agree between M-Pesa, us and Mifos, and who made it."""

from datetime import date, datetime
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]
from reportlab.lib.styles import getSampleStyleSheet  # type: ignore[import-untyped]
from reportlab.lib.units import mm  # type: ignore[import-untyped]
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle  # type: ignore[import-untyped]

from common.exporting import NAIROBI
from common.money import shown
from vault.house.reconciling import Side

_LINES = TableStyle(
    [
        ("FONTNAME", (0, 0), (-1, 0), "Helvetica-Bold"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, "#c9ced6"),
        ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
    ]
)


def as_pdf(*, partner: str, day: date, sides: list[Side], by: str, at: datetime) -> bytes:
    """Set the certificate on one A4 page.

    :raises ValueError: a side does not agree, so that there is nothing to certify
    """
    if not all(side.agrees for side in sides):
        raise ValueError("Not everything agrees.")
    out, styles = BytesIO(), getSampleStyleSheet()
    title = f"Certificate of {day:%-d %B %Y}"
    page = SimpleDocTemplate(
        out, pagesize=A4, title=title, author="Payment Vault", leftMargin=20 * mm, rightMargin=20 * mm
    )
    parts: list[Any] = [
        Paragraph(escape(title), styles["Title"]),
        Paragraph(escape(partner), styles["Heading2"]),
        Spacer(1, 4 * mm),
    ]
    for side in sides:
        parts += [Paragraph(escape(sentence(side, day)), styles["Normal"]), Spacer(1, 3 * mm), _table(side)]
        parts.append(Spacer(1, 6 * mm))
    made = f"Made by {by} on {at.astimezone(NAIROBI):%-d %B %Y at %H:%M:%S} (Nairobi), by Payment Vault."
    parts += [Paragraph(escape(made), styles["Normal"]), Spacer(1, 20 * mm)]
    parts.append(Paragraph("Signature: ______________________________", styles["Normal"]))
    page.build(parts)
    return out.getvalue()


def sentence(side: Side, day: date) -> str:
    """Say what is certified of one side."""
    if not side.lines:
        return f"{side.title}: there were none on {day:%-d %B %Y}."
    if side.lines == 1:
        return (
            f"{side.title}: on {day:%-d %B %Y} the only line agrees between M-Pesa, Payment Vault and Mifos."
        )
    return f"{side.title}: on {day:%-d %B %Y} all {side.lines:,} lines agree between M-Pesa, Payment Vault and Mifos."


def _table(side: Side) -> Table:
    rows = [["", "Lines", "Together"]]
    rows += [[book.name, f"{book.count:,}", shown(book.total)] for book in side.books]
    return Table(rows, colWidths=[70 * mm, 40 * mm, 60 * mm], style=_LINES)
