"""How a person presses buttons and waits for what the page says."""

from playwright.sync_api import Locator, Page, expect


def press(page: Page, button: str, *, why: str = "", **fields: str) -> None:
    """Press a button at the top of a page, say why in its dialog, and go on when the page says what was done."""
    page.locator("#pv-actions").get_by_role("link", name=button, exact=True).click()
    dialog = page.locator("#dialog")
    expect(dialog).to_be_visible()
    for name, value in fields.items() | ({("reason", why)} if why else set()):
        box = dialog.locator(f"[name={name}]")
        if box.evaluate("one => one.tagName") == "SELECT":
            box.select_option(value)
        else:
            box.fill(value)
    dialog.get_by_role("button").last.click()
    expect(dialog).to_be_hidden()


def headline(page: Page) -> Locator:
    """Return the sentence that says what happened."""
    return page.locator(".pv-headline").first


def state(page: Page) -> Locator:
    """Return the word of the state, in its colour."""
    return page.locator(".pv-head .pv-badge").first


def mark(page: Page) -> None:
    """Put a mark into a page that a reload would wipe out."""
    page.evaluate("window.stillTheSamePage = true")


def still_marked(page: Page) -> bool:
    """Whether the page was not loaded again since."""
    return bool(page.evaluate("window.stillTheSamePage === true"))
