"""Money in suspense finds its account, alone and with a second person; float is bought with a code."""

import re

from playwright.sync_api import Page, expect

from c2b.models import C2bTransaction
from tests.browser.eyes import House
from tests.browser.press import headline, press, state
from tests.browser.scene import payment, row_in
from tests.browser.stage import Stage
from wallet.models import PartnerWallet
from wallet.purchases import FloatPurchase


def in_suspense(stage: Stage, client: str, phone: str, *, amount: int) -> C2bTransaction:
    """A borrower pays, and types the letter O where the number of his account has zeros."""
    loan = row_in(stage, "kilimo", stage.approve("kilimo", client, phone, 40_000), "completed")
    return payment(stage.pay(loan.loan_account_no.replace("0", "O"), phone, amount), "unmatched")


def desk(row: C2bTransaction) -> str:
    return f"/admin/c2b/c2btransaction/{row.pk}/desk/"


def use_the_suggestion(page: Page, why: str) -> None:
    """Take the first suggestion, say why, and allocate."""
    page.get_by_role("button", name="Use this one").first.click()
    expect(page.locator("#pv-decide [name=account_id]").first).not_to_have_value("")
    expect(page.locator("#pv-decide [name=reason]")).to_be_focused()
    page.locator("#pv-decide [name=reason]").fill(why)
    page.get_by_role("button", name=re.compile("^Allocate")).click()


def test_an_operator_allocates_with_a_suggestion(stage: Stage, house: House) -> None:
    row = in_suspense(stage, "Njeri Karanja", "254711333001", amount=1_500)
    page = house.enter("otieno")
    page.goto("/admin/c2b/c2btransaction/desk/")
    page.get_by_role("link", name="KES 1,500 from NJERI").click()
    expect(page.locator("#content-main")).to_contain_text("letters that look like digits are read as digits")
    expect(page.locator("#content-main")).to_contain_text("Owes KES 40,000 now, KES 38,500 after")

    use_the_suggestion(page, "The phone is hers")

    expect(page.get_by_text("It is being booked.")).to_be_visible()
    payment(row.mpesa_receipt, "posted")
    page.goto(f"/admin/c2b/c2btransaction/{row.pk}/change/")
    expect(state(page)).to_have_text("Posted")
    expect(page.locator("#pv-collection")).to_contain_text("The phone is hers")


def test_above_the_limit_a_second_person_must_agree(stage: Stage, house: House) -> None:
    row = in_suspense(stage, "Kamau Wafula", "254711333002", amount=30_000)
    one, other = house.enter("otieno"), house.enter("wanjiru")
    one.goto(desk(row))
    use_the_suggestion(one, "He called about it")
    expect(one.get_by_text("Another person must agree before it is booked.")).to_be_visible()
    expect(one.get_by_role("button", name="Agree")).to_have_count(0)
    assert payment(row.mpesa_receipt, "unmatched").booked_amount == 0

    other.goto(desk(row))
    expect(other.locator("#content-main")).to_contain_text("He called about it")
    other.locator("#why-decision").fill("His loan, seen in Mifos")
    other.get_by_role("button", name="Agree").click()

    expect(other.get_by_text("Agreed, and done.")).to_be_visible()
    assert payment(row.mpesa_receipt, "posted").booked_amount == 30_000


def test_float_is_bought_with_the_code_from_the_sms(stage: Stage, house: House) -> None:
    wallet = PartnerWallet.objects.get(partner__code="kilimo")
    page = house.enter("otieno")
    page.goto(f"/admin/wallet/partnerwallet/{wallet.pk}/change/")
    press(page, "Buy float", why="For Friday's loans", amount="15000")
    expect(headline(page)).to_contain_text("KES 15,000 of float asked for")
    purchase = FloatPurchase.objects.get(reason="For Friday's loans")

    press(page, "Enter the code", code="000000")
    expect(page.get_by_text("This is not the code that was sent; 4 tries left.")).to_be_visible()
    text = stage.last_sms("254711000001", "float purchase of KES 15,000")
    press(page, "Enter the code", code=re.search(r"\d{6}", text).group())  # type: ignore[union-attr]

    expect(headline(page)).to_contain_text("KES 15,000 of float bought", timeout=40_000)
    purchase.refresh_from_db()
    assert purchase.status == "bought"
    ordered = [one["amount"] for one in stage.outside.get("books")["ncba"]["float"]]
    assert [float(one) for one in ordered].count(15_000) == 1
