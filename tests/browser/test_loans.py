"""Loans as operators see them: paid before their eyes, held and released, and doubt that two people end."""

import re

from django.contrib.auth import get_user_model
from django.utils import timezone
from playwright.sync_api import expect

from disbursements.models import Disbursement
from partners import pausing
from partners.models import Partner
from tests.browser.eyes import House
from tests.browser.press import headline, mark, press, state, still_marked
from tests.browser.scene import row_in
from tests.browser.stage import Stage
from tests.endtoend.platform import eventually

SILENT_PHONE = "254799990070"  # M-Pesa takes it, says "Initiated" whenever it is asked, and no more


def story(row: Disbursement) -> str:
    return f"/admin/disbursements/disbursement/{row.pk}/change/"


def test_a_loan_is_paid_before_ones_eyes(stage: Stage, house: House) -> None:
    stage.outside.put("latency", {"daraja.b2c_result": {"p50_ms": 6000}})
    loan = stage.approve("kilimo", "Achieng Odhiambo", "254711222001", 12_500)
    row = row_in(stage, "kilimo", loan, "accepted")
    page = house.enter("mutua")
    page.goto(story(row))
    mark(page)
    expect(page.locator(".pv-steps li").nth(3)).to_have_text(re.compile("waiting for M-Pesa|being asked"))
    page.locator("summary", has_text="References").click()

    expect(headline(page)).to_contain_text("KES 12,500 paid to ACHIENG ODHIAMBO", timeout=30_000)
    expect(page.locator(".pv-steps")).to_contain_text("recorded", timeout=20_000)
    expect(state(page)).to_have_text("Completed")
    assert still_marked(page)
    assert page.locator("details[open] dt", has_text="OriginatorConversationID").is_visible(), (
        "stays unfolded"
    )
    assert str(row.pk) in page.inner_text("#pv-disbursement")
    stage.outside.put("latency", {"daraja.b2c_result": {"p50_ms": 0}})


def test_one_is_held_and_released(stage: Stage, house: House) -> None:
    kilimo, otieno = Partner.objects.get(code="kilimo"), get_user_model().objects.get(username="otieno")
    dial = pausing.pause(
        scope="partner", target_id=kilimo.pk, reason="Before the market day", by=otieno, at=timezone.now()
    )
    row = row_in(stage, "kilimo", stage.approve("kilimo", "Wafula Simiyu", "254711222002", 7_700), "held")
    page = house.enter("otieno")
    page.goto(story(row))
    expect(page.get_by_role("alert")).to_contain_text("Kilimo SACCO is paused. Before the market day")

    press(page, "Hold", why="The branch asks to wait")
    expect(state(page)).to_have_text("Held")
    pausing.lift(dial_id=dial.pk, by=otieno, at=timezone.now(), reason="It is over")
    expect(page.locator("#pv-disbursement")).to_contain_text("The branch asks to wait")
    assert row_in(stage, "kilimo", row.mifos_loan_id or 0, "held").attempts_made == 0

    press(page, "Release", why="The branch agrees")
    mark(page)
    expect(headline(page)).to_contain_text("KES 7,700 paid to WAFULA SIMIYU", timeout=30_000)
    expect(page.locator("#pv-disbursement")).to_contain_text("The branch agrees")
    assert still_marked(page)


def test_two_people_end_a_doubt(stage: Stage, house: House) -> None:
    loan = stage.approve("kilimo", "Chebet Kiprono", SILENT_PHONE, 6_300)
    row = row_in(stage, "kilimo", loan, "unknown")
    one, other = house.enter("otieno"), house.enter("wanjiru")
    one.goto(story(row))
    expect(state(one)).to_have_text("Unknown")
    asked = row.attempts.get().asks
    press(one, "Ask M-Pesa now")
    eventually(lambda: row.attempts.get().asks > asked, "M-Pesa is asked once more")

    press(one, "Propose a settlement", why="Not in the statement of the day", outcome="not_paid")
    expect(one.locator("#pv-disbursement")).to_contain_text("Another person must agree or refuse")
    expect(one.locator("#pv-actions")).not_to_contain_text("Agree")

    other.goto(story(row))
    expect(other.locator("#pv-disbursement")).to_contain_text("Not in the statement of the day")
    press(other, "Agree", why="I looked as well: it is not there")
    expect(state(other)).to_have_text("Failed")
    expect(other.locator("#pv-disbursement")).to_contain_text("Released")
    row.refresh_from_db()
    assert (row.status, row.receipt) == ("failed", "")
