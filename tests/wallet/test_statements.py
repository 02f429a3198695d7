"""A month on paper: it begins and ends as the ledger does, and no cell is a formula."""

import csv
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.db import connection

from tests import make
from tests.wallet.make_wallet import Funded, capture, funded, release, topup
from wallet import statements
from wallet.models import PartnerWallet
from wallet.statement_files import as_csv, as_pdf, safe

pytestmark = pytest.mark.django_db
JUNE = date(2026, 6, 1)
JULY = datetime(2026, 7, 1, 0, 0, tzinfo=UTC)  # 03:00 in Nairobi: July there


@pytest.fixture
def books() -> Funded:
    busy = funded(at=datetime(2026, 5, 31, 20, 59, tzinfo=UTC))  # 23:59 in Nairobi: May there
    capture(busy.hold(), mpesa_cost=Decimal(11))
    release(busy.hold())
    topup(busy, 500)
    return busy


def june(books: Funded) -> statements.Statement:
    return statements.of_month(books.partner, JUNE, at=JULY)


def test_it_leads_from_the_opening_to_the_closing_balance(books: Funded) -> None:
    wallet = june(books).wallet
    assert (wallet.opening, wallet.closing) == (1000, 1455)
    assert [(line.type, line.amount, line.balance) for line in wallet.lines] == [
        ("hold", -45, 955),
        ("hold", -45, 910),
        ("release", 45, 955),
        ("topup", 500, 1455),
    ]
    assert {total.type: (total.count, total.amount) for total in wallet.totals} == {
        "hold": (2, -90),
        "release": (1, 45),
        "topup": (1, 500),
    }
    assert wallet.opening + sum(total.amount for total in wallet.totals) == wallet.closing


def test_the_float_has_a_section_of_its_own(books: Funded) -> None:
    (float_,) = june(books).floats
    assert (float_.title, float_.opening, float_.closing) == ("Float on 600992", 100_000, 90_500)


def test_months_join_without_a_gap(books: Funded) -> None:
    topup(books, 70, reference="FT2")
    books.hold(at=JULY)
    may, july = (
        statements.of_month(books.partner, day, at=JULY) for day in (date(2026, 5, 5), date(2026, 7, 9))
    )
    assert may.wallet.closing == june(books).wallet.opening
    assert june(books).wallet.closing == july.wallet.opening == 1525
    assert july.wallet.closing == PartnerWallet.objects.get().current_balance
    assert statements.months(books.partner) == [date(2026, 7, 1), JUNE, date(2026, 5, 1)]


def test_a_ledger_that_does_not_add_up_gives_no_statement(books: Funded) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set local session_replication_role = replica")
        cursor.execute("update partner_wallets set current_balance = current_balance + 1")
        cursor.execute("set local session_replication_role = origin")
    with pytest.raises(statements.Unbalanced, match="1455"):
        june(books)


def test_a_partner_with_nothing_has_an_empty_statement() -> None:
    empty = statements.of_month(make.partner(), JUNE, at=JULY)
    assert (empty.wallet.opening, empty.wallet.lines, empty.wallet.closing) == (0, (), 0)
    assert as_pdf(empty).startswith(b"%PDF")


def test_the_csv_has_every_line_and_adds_up(books: Funded) -> None:
    rows = list(csv.reader(StringIO(as_csv(june(books)))))
    amounts = [Decimal(row[5]) for row in rows if len(row) > 5 and row[0].startswith("2026-") and row[6]]
    assert len(amounts) == 4 + 3
    assert ["", "", "", "Closing balance", "", "", "1455.00"] in rows


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+254", "'+254"),
        ("-x", "'-x"),
        ("\t=1", "'\t=1"),
        ("  =1", "'  =1"),
        ("＝1+1", "'＝1+1"),
        ("\n=1", "'\n=1"),
        (Decimal("-45.5"), "-45.50"),
        ("FT1", "FT1"),
    ],
)
def test_no_text_is_a_formula(cell: object, written: str) -> None:
    assert safe(cell) == written


def test_a_partner_whose_name_is_a_formula_is_harmless(books: Funded) -> None:
    books.partner.name = "=HYPERLINK(1)<b>"
    assert "'=HYPERLINK" in as_csv(june(books))
    assert as_pdf(june(books)).startswith(b"%PDF")


def test_a_long_month_fills_pages(books: Funded) -> None:
    for number in range(150):
        topup(books, 1, reference=f"FTX{number}")
    pdf = as_pdf(june(books))
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") >= 3
    assert june(books).wallet.closing == 1605


def test_the_present_month_is_complete_up_to_now(books: Funded) -> None:
    now = make.NOW + timedelta(hours=1)
    assert statements.of_month(books.partner, JUNE, at=now).until == now
    assert june(books).until == datetime(2026, 6, 30, 21, 0, tzinfo=UTC)


@pytest.mark.parametrize(("month", "days"), [(date(2026, 12, 15), 31), (date(2028, 2, 29), 29)])
def test_a_month_ends_where_the_next_begins(month: date, days: int) -> None:
    start, end = statements.bounds(month)
    assert (end - start).days == days
