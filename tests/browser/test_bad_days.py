"""The overview on bad days: it comes, it says what is away, it renews itself, and it leaves the keyboard alone."""

import os
import signal

from playwright.sync_api import Page, expect

from tests.browser.eyes import House
from tests.browser.press import mark, still_marked
from tests.browser.scene import Scene
from tests.browser.stage import Stage

RENEWED = 40_000  # ms; the page renews itself every ten seconds


def asked_since(page: Page) -> list[str]:
    """Return a list that grows with every question that the page asks the server from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


def test_a_mifos_host_goes_down_and_comes_back(stage: Stage, house: House, scene: Scene) -> None:
    page = house.enter("mutua")
    page.goto("/admin/")
    mark(page)
    host = page.locator("li", has_text="Mifos of Pwani Microfinance")
    expect(host).to_contain_text("Answers")

    stage.outside.post(
        "faults", system="fineract", operation="*", kind="refuse", rate=1, match={"host": "pwani"}
    )
    expect(host).to_contain_text("Failing since", timeout=RENEWED)
    stage.outside.delete("faults")
    assert still_marked(page)


def test_redis_goes_away_and_the_page_says_so(stage: Stage, house: House) -> None:
    page = house.enter("mutua")
    redis = stage.child("redis").pid
    assert redis
    os.kill(redis, signal.SIGSTOP)
    try:
        answer = page.goto("/admin/")
        assert answer is not None
        assert answer.status == 200
        away = page.get_by_text("Nothing is lost: work goes on with the sweep")
        expect(away).to_be_visible(timeout=RENEWED)  # the page is remembered for a moment, then renews itself
    finally:
        os.kill(redis, signal.SIGCONT)
    expect(away).to_have_count(0, timeout=RENEWED)


def test_the_page_keeps_the_keyboards_place_and_rests_while_nobody_looks(house: House, scene: Scene) -> None:
    page = house.enter("mutua")
    page.goto("/admin/")
    needs = page.locator(".pv-need a").first
    needs.focus()
    held = needs.get_attribute("href")
    with page.expect_response(lambda answer: answer.url.endswith("/admin/"), timeout=RENEWED):
        pass
    page.wait_for_timeout(300)
    assert page.evaluate("document.activeElement.getAttribute('href')") == held

    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.nobodyLooks !== false})")
    asked = asked_since(page)
    page.wait_for_timeout(11_000)
    assert asked == []
    page.evaluate("window.nobodyLooks = false; document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(500)
    assert len(asked) == 1


def test_a_server_that_is_away_is_said_and_the_picture_stays(house: House) -> None:
    page = house.enter("mutua")
    page.goto("/admin/")
    with house.eyes.closed():
        page.context.set_offline(True)
        expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached", timeout=RENEWED)
        expect(page.locator("#pv-overview")).to_contain_text("Paid out today")
        page.context.set_offline(False)
        expect(page.locator("#pv-live")).to_contain_text("renewed every 10 seconds", timeout=RENEWED)
