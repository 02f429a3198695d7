"""A browser that notices what must never happen on any page: errors in it, strangers called, a server that fails."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

from tests.browser.stage import Stage

AXE = Path(__file__).with_name("axe.min.js")  # axe-core 4.14.1 (MPL 2.0), as published on npm
SCREENSHOTS = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 375, "height": 812}
GRAVE = ("serious", "critical")
_AXE_RUN = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map(
    (one) => ({rule: one.id, impact: one.impact, help: one.help,
               nodes: one.nodes.slice(0, 6).map((node) => `${node.target.join(" ")} :: ${node.html.slice(0, 160)} :: ${
                   (node.any[0] || node.all[0] || node.none[0] || {message: ""}).message.slice(0, 200)}`)}))"""
_WIDER = """() => [...document.querySelectorAll("body *")].filter((one) => {
    const box = one.getBoundingClientRect();
    return box.width && box.right > innerWidth + 1 && getComputedStyle(one).position !== "fixed";
}).slice(0, 8).map((one) => `${one.tagName}.${one.className} ${Math.round(one.getBoundingClientRect().right)}`)"""


@dataclass
class Eyes:
    """What was seen that should not have been, over all pages of one test."""

    allowed: set[str]
    troubles: list[str] = field(default_factory=list)
    forgiving: bool = False

    def watch(self, context: BrowserContext) -> None:
        """Listen to all pages of a context, also to those that are opened later."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self._note(f"page error: {error.error}"))
        context.on("request", self._request)
        context.on("response", self._response)

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Forgive what the page says of a server that the test itself took away."""
        self.forgiving = True
        yield
        self.forgiving = False

    def _note(self, trouble: str) -> None:
        if not self.forgiving:
            self.troubles.append(trouble)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(f"console: {message.text} ({message.location.get('url', '')})")

    def _request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in ("data", "blob") and url.netloc not in self.allowed:
            self._note(f"a stranger is asked: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self._note(f"{response.status} from {response.url}")


@dataclass
class House:
    """Opens the operators' pages as one of the people."""

    browser: Browser
    stage: Stage
    eyes: Eyes
    contexts: list[BrowserContext] = field(default_factory=list)

    def enter(self, name: str = "", *, theme: str = "light", size: Any = None) -> Page:
        """Open an empty page, logged in as somebody; without a name as a stranger."""
        context = self.browser.new_context(
            base_url=self.stage.address,
            viewport=size or DESKTOP,
            color_scheme="dark" if theme == "dark" else "light",
            locale="en-GB",
            timezone_id="Africa/Nairobi",
            reduced_motion="reduce",
            is_mobile=bool(size and size["width"] < 600),
            has_touch=bool(size and size["width"] < 600),
        )
        context.set_default_timeout(15_000)
        self.eyes.watch(context)
        # The theme switch of the house keeps its choice in the browser.
        context.add_init_script(
            f"try {{ localStorage.setItem('adminTheme', JSON.stringify('{theme}')) }} catch {{}}"
        )
        if name:
            cookie = {"name": "sessionid", "value": self.stage.cookies[name], "url": self.stage.address}
            context.add_cookies([cookie])  # type: ignore[list-item]
        self.contexts.append(context)
        return context.new_page()

    def close(self) -> None:
        for context in self.contexts:
            context.close()


def grave_faults(page: Page) -> list[str]:
    """Return what axe finds serious or critical on a page."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text() + ";undefined")
    found = page.evaluate(_AXE_RUN)
    return [
        f"{one['impact']} {one['rule']}: {one['help']}\n      " + "\n      ".join(one["nodes"])
        for one in found
        if one["impact"] in GRAVE
    ]


def too_wide(page: Page) -> list[str]:
    """Return what sticks out where the page can be pushed sideways."""
    # A phone's browser makes the window as wide as what sticks out: compare with what was asked for.
    width = (page.viewport_size or DESKTOP)["width"]
    if page.evaluate("width => document.scrollingElement.scrollWidth <= width", width):
        return []
    return ["the page can be pushed sideways: " + "; ".join(page.evaluate(_WIDER))]


def keep_picture(page: Page, name: str) -> None:
    """Put a screenshot beside the documentation, when pictures are asked for."""
    if os.environ.get("SCREENSHOTS"):
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled", caret="hide")
