"""The door with two factors, a text of an SMS, and a list taken away as a file."""

import base64
import csv
import re
from pathlib import Path

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django_otp.oath import TOTP
from playwright.sync_api import Page, expect

from common.models import AuditLine
from sms.models import SmsTemplate
from tests.browser.eyes import House, grave_faults
from tests.browser.scene import Scene
from tests.browser.stage import PASSWORD, Stage


def type_password(page: Page, name: str) -> None:
    page.goto("/admin/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name=re.compile("Log in")).click()


def type_code(page: Page, code: str, button: str) -> None:
    page.locator("input[name=code]").fill(code)
    page.get_by_role("button", name=button).click()


def code_of(secret: str) -> str:
    """Return what an authenticator app shows now for a secret, as the page writes it."""
    return f"{TOTP(base64.b32decode(secret.replace(' ', '').upper())).token():06}"


def test_one_logs_in_with_two_factors(stage: Stage, house: House) -> None:
    person = get_user_model().objects.create_user("njoki", password=PASSWORD, is_staff=True)
    person.groups.add(Group.objects.get(name="operator"))
    page = house.enter()
    type_password(page, "njoki")
    secret = page.locator("#secret").inner_text()
    assert grave_faults(page) == []

    type_code(page, "000000", "Confirm")
    expect(page.locator("#secret")).to_have_text(secret)
    type_code(page, code_of(secret), "Confirm")
    expect(page.locator("#recovery-codes li")).to_have_count(10)
    recovery = page.locator("#recovery-codes li").first.inner_text()
    page.get_by_role("link", name="I have kept them, go on").click()
    expect(page.locator("#pv-overview")).to_be_visible()

    other = house.enter()  # another device, another day: the phone was lost
    type_password(other, "njoki")
    expect(other.locator("#pv-overview")).to_have_count(0)
    type_code(other, recovery, "Go on")
    expect(other.locator("#pv-overview")).to_be_visible()
    expect(other.get_by_text("That was a recovery code")).to_be_visible()


def test_a_text_is_edited_with_a_preview(stage: Stage, house: House) -> None:
    page = house.enter("achieng")
    page.goto("/admin/sms/smstemplate/desk/?type=disbursement_confirmation&language=en&partner=kilimo")
    size = page.locator("#pv-size").inner_text()
    page.locator("#text").fill("Karibu {client}! KES {amount} is yours. Receipt {receipt}. {partner} " * 3)
    expect(page.locator("#pv-preview")).to_contain_text("Karibu")
    expect(page.locator("#pv-size")).not_to_have_text(size)
    page.locator("#text").fill("Hello {nobody}")
    expect(page.get_by_role("alert").filter(has_text="nobody")).to_be_visible()

    page.locator("#text").fill("Karibu {client}! {amount} is yours, receipt {receipt}. {partner}")
    page.get_by_role("button", name="Let it hold").click()

    expect(page.locator("#content-main")).to_contain_text("its own text")
    assert SmsTemplate.objects.get(partner__code="kilimo").text.startswith("Karibu {client}!")
    stage.approve("kilimo", "Esther Were", "254711444001", 3_300)
    assert stage.last_sms("254711444001", "is yours, receipt").startswith("Karibu Esther Were!")


def test_a_list_is_taken_away_as_a_file(house: House, scene: Scene, tmp_path: Path) -> None:
    page = house.enter("otieno")
    page.goto("/admin/disbursements/disbursement/?view=needs-a-person")
    page.get_by_role("link", name="Export").click()
    with page.expect_download() as taken:
        page.get_by_role("button", name="CSV").click()
    path = tmp_path / "list.csv"
    taken.value.save_as(path)

    rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    assert any(scene.refused.client_name in row for row in rows)
    assert not any("254799990033" in cell for row in rows for cell in row), "phones are masked"
    assert AuditLine.objects.filter(actor_name="otieno", action__icontains="export").exists()
