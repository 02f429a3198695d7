"""Reports: sums that are right, by Nairobi's days, of one partner or all, and taken away with a line."""

import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from openpyxl import load_workbook

from common.ids import first_id
from common.models import AuditLine
from disbursements.models import Attempt, Disbursement
from disbursements.statuses import Status
from partners.models import Partner
from tests import make
from tests.make import JANE, NOW
from vault.house.reports import REPORTS

pytestmark = pytest.mark.django_db
REPORT = "/admin/reports/"


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW + timedelta(hours=5))


@pytest.fixture
def kilimo() -> Partner:
    return make.partner()


def login(role: str | None = "viewer") -> Client:
    user = User.objects.create(username=role or "eve", is_staff=True)
    if role:
        user.groups.set([Group.objects.get(name=role)])
    client = Client()
    client.force_login(user)
    return client


def paid(partner: Partner, number: int = 1, **fields: Any) -> Disbursement:
    defaults = {
        "source": "api",
        "status": Status.COMPLETED,
        "phone": JANE,
        "amount": Decimal(1000),
        "gross_amount": Decimal(1000),
        "charge": Decimal(25),
        "mpesa_cost": Decimal(11),
        "receipt": f"R{partner.code[:2]}{number}",
        "detected_at": NOW,
        "settled_at": NOW + timedelta(seconds=4),
        "moved_at": NOW,
        "outside_ms": 3000,
    }
    return Disbursement.objects.create(
        partner=partner, client_request_id=f"{partner.code}-{number}", **(defaults | fields)
    )


def table(client: Client, name: str, **query: str) -> list[Any]:
    answer = client.get(REPORT, {"report": name} | query)
    assert answer.status_code == 200, answer.context["trouble"]
    return [list(row) for row in answer.context["found"].rows]


def test_a_day_sums_payments_amounts_charges_and_costs(kilimo: Partner) -> None:
    paid(kilimo, 1)
    paid(kilimo, 2)
    (row,) = table(login(), "daily")
    assert row == [NOW.date(), "Kilimo SACCO", 2, 2000, 50, 22, 0, 0]


def test_days_begin_at_midnight_in_nairobi(kilimo: Partner) -> None:
    paid(kilimo, 1, settled_at=NOW.replace(hour=20, minute=59) - timedelta(days=1))
    paid(kilimo, 2, settled_at=NOW.replace(hour=21, minute=1) - timedelta(days=1))
    assert [row[0].day for row in table(login(), "daily")] == [3, 2]


def test_a_partner_is_chosen_by_code(kilimo: Partner) -> None:
    paid(kilimo)
    paid(make.partner("tausi"), 2)
    assert [row[1] for row in table(login(), "daily", partner="tausi")] == ["Tausi SACCO"]


def test_what_was_not_paid_counts_as_no_payment(kilimo: Partner) -> None:
    paid(kilimo, 1, status=Status.FAILED, receipt="")
    (row,) = table(login(), "partners")
    assert row[:4] == ["Kilimo SACCO", 0, 0, 1]


def test_failures_are_told_in_words_with_code_and_share(kilimo: Partner) -> None:
    row = paid(kilimo, 1, status=Status.FAILED, receipt="")
    Attempt.objects.create(
        id=first_id(NOW), disbursement=row,
        number=1, shortcode=make.shortcode(), status="failed", phone=JANE, amount=1000,
        charge=25, result_code="2040", first_sent_at=NOW, last_sent_at=NOW, settled_at=NOW, moved_at=NOW,
    )  # fmt: skip
    ((words, code, count, amount, share),) = table(login(), "failures")
    assert (code, count, amount, share) == ("2040", 1, 1000, 100)
    assert words
    assert "2040" not in words


def test_time_to_money_is_told_by_its_middle_and_its_slow_end(kilimo: Partner) -> None:
    for number, seconds in enumerate((2, 4, 60)):
        paid(kilimo, number, settled_at=NOW + timedelta(seconds=seconds))
    (row,) = table(login(), "time")
    assert (row[1], row[2]) == (3, Decimal(4))
    assert row[3] > 50
    assert round(row[5]) == 67


def test_cost_is_told_for_each_payment_and_for_a_thousand_shillings(kilimo: Partner) -> None:
    paid(kilimo)
    (row,) = table(login(), "cost")
    assert row[5:] == [25, 11, 11, 14]


@pytest.mark.parametrize("name", list(REPORTS))
def test_an_empty_report_says_what_will_stand_there(name: str) -> None:
    assert REPORTS[name].empty.split("'")[0] in login().get(REPORT, {"report": name}).content.decode()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"from": "2026-06-03", "to": "2026-06-01"}, "The first day is after the last one."),
        ({"from": "2026-01-01", "to": "2026-06-01"}, "At most 93 days at a time."),
        ({"from": "yesterday"}, "Write days as 2026-06-30."),
        ({"to": "2031-01-01"}, "Those days are not in our books."),
    ],
)
def test_days_that_make_no_sense_are_refused_in_words(query: dict[str, str], words: str) -> None:
    answer = login().get(REPORT, query)
    assert answer.status_code == 400
    assert words in answer.content.decode()


def test_a_report_is_taken_with_a_line_and_numbers_stay_numbers(kilimo: Partner) -> None:
    paid(kilimo, 1)
    client = login()
    csv = client.post(f"{REPORT}?report=daily", {"format": "csv"}).content.decode("utf-8-sig")
    assert "2026-06-03,Kilimo SACCO,1,1000.00,25.00,11.00,0,0" in csv
    book = load_workbook(io.BytesIO(client.post(f"{REPORT}?report=daily", {"format": "xlsx"}).content))
    assert book.active is not None
    assert book.active["D2"].value == 1000
    assert [line.detail["format"] for line in AuditLine.objects.order_by("id")] == ["csv", "xlsx"]


def test_whoever_may_not_see_money_sees_no_report() -> None:
    assert login(None).get(REPORT).status_code == 403


def test_a_report_costs_the_same_queries_however_much_is_in_it(
    kilimo: Partner, django_assert_max_num_queries
) -> None:
    client = login()
    paid(kilimo)
    table(client, "daily")
    with django_assert_max_num_queries(20) as few:
        table(client, "daily")
    for number in range(2, 12):
        paid(kilimo, number, settled_at=NOW - timedelta(days=number % 5))
    with django_assert_max_num_queries(len(few)):
        table(client, "daily")
