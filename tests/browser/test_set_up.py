"""A partner is set up through the wizard, each credential proved by a real call to the simulated outside."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from partners.models import ApiKey, Partner, Shortcode
from tests.browser.eyes import House, grave_faults
from tests.browser.stage import Stage

WORKED = 30_000  # ms; a step asks somebody outside


def outside_of(stage: Stage) -> None:
    """Make what a new partner has outside: a Mifos host with a product, a shortcode, an SMS account."""
    post = stage.outside.post
    post("fineract/hosts", host="mto", username="vault", password="mifos-mto", version="1.14")
    post("fineract/mto/products", name="Mazao", min_principal="500", principal="5000", max_principal="50000")
    app = {"consumer_key": "consumer-key-mto", "consumer_secret": "consumer-secret-mto"}
    names = {"initiator": "mtoapi", "initiator_password": "initiator-password-mto"}
    post("daraja/shortcodes", number="600300", kind="b2c", utility="800000", **app, **names)
    post("damza/accounts", api_key="sms-mto", sender_id="MTO", credits="500")


def fill(page: Page, **typed: str) -> None:
    """Type into the fields of a step, by their names."""
    for name, value in typed.items():
        box = page.locator(f"form [name={name}]")
        if box.evaluate("one => one.tagName") == "SELECT":
            box.select_option(value)
        else:
            box.fill(value)


def save(page: Page) -> None:
    page.locator("button.pv-primary[value=save], button.pv-primary").first.click()


def test_a_partner_is_set_up_through_the_six_steps(stage: Stage, house: House) -> None:
    outside_of(stage)
    page = house.enter("achieng")
    page.goto("/admin/partners/partner/set-up/new/")
    assert grave_faults(page) == []
    fill(page, code="mto", name="Mto SACCO", phones="0711 555 001")
    save(page)
    page.wait_for_url(re.compile("/set-up/mifos/"))
    mto = Partner.objects.get(code="mto")

    endpoint = "/fineract/mto/fineract-provider/api/v1"
    fill(page, mifos_host_url=stage.outside.url, api_endpoint=endpoint, mifos_username="vault")
    fill(page, mifos_password="wrong")
    save(page)
    expect(page.locator(".pv-badge.pv-person").first).to_be_visible(timeout=WORKED)
    assert grave_faults(page) == []
    page.goto(page.url)
    fill(page, mifos_password="mifos-mto")
    save(page)
    expect(page.get_by_text("Mazao")).to_be_visible(timeout=WORKED)
    page.get_by_label(re.compile("Mazao")).check()
    page.get_by_role("button", name="Pay the ticked ones by themselves").click()

    page.goto(f"/admin/partners/partner/{mto.pk}/set-up/shortcodes/?add")
    certificate = Path(stage.platform.environment["CERTIFICATE"]).read_text()
    fill(page, number="600300", kind="b2c", consumer_key="consumer-key-mto", certificate=certificate)
    fill(page, consumer_secret="consumer-secret-mto", initiator="mtoapi")
    fill(page, initiator_password="initiator-password-mto")
    save(page)
    expect(page.locator("body")).to_contain_text("600300", timeout=WORKED)
    assert Shortcode.objects.get(number="600300").partner_id == mto.pk

    page.goto(f"/admin/partners/partner/{mto.pk}/set-up/wallet/")
    fill(page, low_balance_threshold="2000", up_to_0="10000", fee_0="25", up_to_1="250000", fee_1="45")
    save(page)
    expect(page.locator("body")).to_contain_text("free in the wallet", timeout=WORKED)

    page.goto(f"/admin/partners/partner/{mto.pk}/set-up/sms/?own")
    fill(page, api_key="sms-mto", sender_id="MTO")
    save(page)
    expect(page.locator("body")).to_contain_text("500", timeout=WORKED)

    page.goto(f"/admin/partners/partner/{mto.pk}/set-up/keys/")
    page.locator("form [name=name]").fill("Core banking")
    save(page)
    expect(page.locator("body")).to_contain_text("It is shown now and never again", timeout=WORKED)
    assert re.search(r"pv_\w+", page.inner_text("body"))
    assert ApiKey.objects.filter(partner=mto).count() == 1

    stage.outside.post("ncba/pay", till="123456", code="MTO", phone="254711555001", name="Mto", amount="9000")
    page.goto(f"/admin/partners/partner/{mto.pk}/set-up/keys/")
    assert grave_faults(page) == []
    assert Partner.objects.get(pk=mto.pk).is_active
