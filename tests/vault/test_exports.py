"""Every money list can be taken away as CSV or Excel: filtered as on the screen, defused, masked, written down."""

import csv
import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from openpyxl import load_workbook

from common import exporting
from common.export_pages import Exports
from common.exporting import harmless
from common.models import AuditLine
from disbursements.models import Disbursement
from disbursements.statuses import Status
from partners.models import Partner
from tests import make
from tests.make import JANE, NOW

pytestmark = pytest.mark.django_db
EXPORT = "/admin/disbursements/disbursement/export/"


@pytest.fixture
def kilimo() -> Partner:
    return make.partner()


def login(role: str | None = None) -> Client:
    user = User.objects.create(username=role or "root", is_staff=True, is_superuser=role is None)
    if role:
        user.groups.set([Group.objects.get(name=role)])
    client = Client()
    client.force_login(user)
    return client


def payouts(partner: Partner, count: int = 3, **fields: Any) -> None:
    defaults = {
        "source": "api",
        "phone": JANE,
        "amount": Decimal("9500.50"),
        "gross_amount": Decimal("9500.50"),
    }
    for number in range(count):
        at = NOW + timedelta(minutes=number)
        Disbursement.objects.create(
            partner=partner,
            client_request_id=f"{partner.code}-{number}-{fields.get('status', '')}",
            detected_at=at,
            moved_at=at,
            **(defaults | {"client_name": f"Client {number}"} | fields),
        )


def taken(client: Client, form: str = "csv", path: str = EXPORT, **said: str) -> bytes:
    answer = client.post(path, {"format": form} | said)
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def rows_of(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))


def test_a_csv_has_each_row_newest_first_with_nairobi_times_and_plain_amounts(kilimo: Partner) -> None:
    payouts(kilimo)
    found = rows_of(taken(login()))
    assert [row["Client"] for row in found] == ["Client 2", "Client 1", "Client 0"]
    assert (found[2]["Seen"], found[2]["Amount (KES)"]) == ("2026-06-03 10:00:00", "9500.50")
    assert found[0]["State"] == "Detected"


def test_excel_has_numbers_as_numbers_and_times_as_times(kilimo: Partner) -> None:
    payouts(kilimo, 1)
    sheet = load_workbook(io.BytesIO(taken(login(), "xlsx"))).active
    assert sheet is not None
    titles, row = ([cell.value for cell in line] for line in sheet.iter_rows())
    said = dict(zip(titles, row, strict=True))
    assert said["Amount (KES)"] == 9500.5
    assert said["Seen"].isoformat() == "2026-06-03T10:00:00"


def test_the_filter_of_the_screen_holds_for_the_file(kilimo: Partner) -> None:
    payouts(kilimo, 2)
    payouts(make.partner("tausi"), 1, client_name="Somebody Else")
    raw = taken(login(), path=f"{EXPORT}?partner__id__exact={kilimo.pk}")
    assert {row["Partner"] for row in rows_of(raw)} == {"Kilimo SACCO"}


def test_the_search_of_the_screen_holds_for_the_file(kilimo: Partner) -> None:
    payouts(kilimo, 2)
    payouts(kilimo, 1, client_name="Wanjiku", status=Status.CANCELLED)
    assert [row["Client"] for row in rows_of(taken(login(), path=f"{EXPORT}?q=wanj"))] == ["Wanjiku"]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_formula_is_defused(kilimo: Partner, form: str) -> None:
    payouts(kilimo, 1, client_name="=HYPERLINK(1)")
    raw = taken(login(), form)
    if form == "csv":
        assert rows_of(raw)[0]["Client"] == "'=HYPERLINK(1)"
    else:
        sheet = load_workbook(io.BytesIO(raw)).active
        assert sheet is not None
        assert "'=HYPERLINK(1)" in [cell.value for cell in sheet[2]]
        assert all(cell.data_type != "f" for cell in sheet[2])


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "\uff1d1"])
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Jane", "1=1", "a-b", "KES 5"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert harmless(text) == text


def test_phones_are_masked_unless_asked_for(kilimo: Partner) -> None:
    payouts(kilimo, 1, reason=f"Sent to {JANE}")
    raw = taken(login("operator")).decode()
    assert JANE not in raw
    assert raw.count("2547••••149") == 2


def test_phones_in_full_need_a_reason_and_are_written_down(kilimo: Partner) -> None:
    payouts(kilimo, 1)
    olivia = login("operator")
    refused = olivia.post(EXPORT, {"format": "csv", "phones": "1", "reason": " "})
    assert (refused.status_code, AuditLine.objects.count()) == (400, 0)
    assert rows_of(taken(olivia, phones="1", reason="The auditor asks"))[0]["Phone"] == JANE
    line = AuditLine.objects.get()
    assert (line.reason, line.detail["phones"]) == ("The auditor asks", "in full")


def test_a_viewer_gets_no_phone_in_full(kilimo: Partner) -> None:
    payouts(kilimo, 1)
    answer = login("viewer").post(EXPORT, {"format": "csv", "phones": "1", "reason": "Please"})
    assert answer.status_code == 400
    assert JANE not in answer.content.decode()


def test_an_export_leaves_a_line_with_who_which_filter_and_how_many(kilimo: Partner) -> None:
    payouts(kilimo)
    taken(login("viewer"), path=f"{EXPORT}?status__exact=detected&q=0708374149&p=2")
    line = AuditLine.objects.get()
    assert (line.actor_name, line.action, line.object_type) == ("viewer", "exported", "disbursements")
    assert line.detail["rows"] == 3
    assert line.detail["filter"] == {"status": "detected", "search": "2547••••149"}


def test_nothing_is_exported_by_looking(kilimo: Partner) -> None:
    payouts(kilimo)
    answer = login().get(EXPORT)
    assert "3 rows." in answer.content.decode()
    assert not AuditLine.objects.exists()


def test_an_empty_list_says_so(kilimo: Partner) -> None:
    client = login()
    assert "No row fits this filter." in client.get(EXPORT).content.decode()
    assert client.post(EXPORT, {"format": "csv"}).status_code == 400


def test_more_than_excel_takes_is_refused_in_words(kilimo: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "EXCEL_MOST", 2)
    payouts(kilimo)
    answer = login().post(EXPORT, {"format": "xlsx"})
    assert "That is more than 2 rows. Narrow the filter or take CSV." in answer.content.decode()


def test_a_long_file_is_read_in_slices_and_misses_nothing(
    kilimo: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "SLICE", 2)
    payouts(kilimo, 7)
    assert [row["Client"] for row in rows_of(taken(login()))] == [f"Client {n}" for n in range(6, -1, -1)]


def test_a_filter_that_makes_no_sense_is_no_page(kilimo: Partner) -> None:
    assert login().get(f"{EXPORT}?status__nonsense=1").status_code in (302, 404)


def test_whoever_may_not_see_a_list_may_not_take_it(kilimo: Partner) -> None:
    nobody = User.objects.create(username="nobody", is_staff=True)
    client = Client()
    client.force_login(nobody)
    assert client.get(EXPORT).status_code == 403
    assert client.post(EXPORT, {"format": "csv"}).status_code == 403


MONEY_LISTS = [
    "disbursements_disbursement", "c2b_c2btransaction", "c2b_stkpush", "sms_smsnotification",
    "wallet_wallettransaction", "wallet_ledgerline", "wallet_transfer", "wallet_hold", "wallet_floatpurchase",
    "wallet_topup", "wallet_bankcredit", "wallet_bankdebit", "common_auditline",
]  # fmt: skip


@pytest.mark.parametrize("name", MONEY_LISTS)
def test_every_money_list_can_be_taken_and_its_columns_exist(name: str) -> None:
    from django.urls import reverse

    client = login()
    assert "Export" in client.get(reverse(f"admin:{name}_changelist")).content.decode()
    assert client.get(reverse(f"admin:{name}_export")).status_code == 200
    _, window = next(
        pair
        for pair in admin.site._registry.items()
        if pair[0]._meta.label_lower == name.replace("_", ".", 1)
    )
    assert isinstance(window, Exports)
    request = client.get("/admin/").wsgi_request
    rows = window.get_queryset(request)  # type: ignore[attr-defined]
    assert list(exporting.slices(rows, [column.path for column in window.export_columns], most=1)) == []
