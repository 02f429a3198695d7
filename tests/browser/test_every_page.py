"""Every page at desktop and phone width, light and dark: nobody is shut out, nothing sticks out, nothing fails."""

from collections.abc import Callable

import pytest
from django.contrib import admin
from django.urls import NoReverseMatch, reverse
from playwright.sync_api import Page

from sms.models import SmsGateway, SmsNotification
from tests.browser.eyes import DESKTOP, PHONE, House, grave_faults, keep_picture, too_wide
from tests.browser.scene import Scene
from wallet.models import PartnerWallet

Address = Callable[[Scene], str]


def change(model: str, which: Callable[[Scene], object]) -> Address:
    return lambda scene: reverse(f"admin:{model}_change", args=[which(scene)])


def at(path: str) -> Address:
    return lambda scene: path


ROOMS: dict[str, Address] = {
    "overview": at("/admin/"),
    "disbursements": at("/admin/disbursements/disbursement/"),
    "disbursement-paid": change("disbursements_disbursement", lambda scene: scene.paid.pk),
    "disbursement-unknown": change("disbursements_disbursement", lambda scene: scene.unknown.pk),
    "disbursement-refused": change("disbursements_disbursement", lambda scene: scene.refused.pk),
    "disbursement-held": change("disbursements_disbursement", lambda scene: scene.held.pk),
    "unknown": at("/admin/unknown/"),
    "collections": at("/admin/c2b/c2btransaction/"),
    "collection": change("c2b_c2btransaction", lambda scene: scene.posted.pk),
    "suspense-desk": at("/admin/c2b/c2btransaction/desk/"),
    "suspense": lambda scene: reverse("admin:c2b_desk_of_one", args=[scene.suspended.pk]),
    "three-way-check": at("/admin/c2b/c2btransaction/check/"),
    "wallets": at("/admin/wallet/partnerwallet/"),
    "wallet": change("wallet_partnerwallet", lambda _: PartnerWallet.objects.get(partner__code="kilimo").pk),
    "float-purchase": change("wallet_floatpurchase", lambda scene: scene.purchase.pk),
    "partners": at("/admin/partners/partner/"),
    "loan-products": at("/admin/mifos/loanproduct/"),
    "sms": at("/admin/sms/smsnotification/"),
    "sms-text": at("/admin/sms/smstemplate/desk/"),
    "sms-message": change("sms_smsnotification", lambda _: SmsNotification.objects.latest("created_at").pk),
    "sms-gateway": change("sms_smsgateway", lambda _: SmsGateway.objects.earliest("created_at").pk),
    "pause-dials": at("/admin/partners/pausedial/"),
    "reports": at("/admin/reports/"),
    "health": at("/admin/health/"),
    "audit": at("/admin/common/auditline/"),
    "search": at("/admin/search/?q=Juma"),
    "second-factor": at("/admin/second-factor/"),
    "sessions": at("/admin/sessions/"),
}
PICTURED = (  # in the documentation, which should not weigh more than the program
    *("overview", "disbursements", "disbursement-paid", "disbursement-unknown", "unknown", "collections"),
    *("suspense", "wallet", "float-purchase", "partners", "loan-products", "sms", "sms-text", "reports"),
    *("health", "audit"),
)
ON_PHONES = ("overview", "disbursements", "disbursement-paid", "wallet")
STILL = "*, *::before, *::after { transition: none !important; animation: none !important; }"


def look(page: Page, name: str, *, size: dict[str, int], theme: str) -> list[str]:
    """Turn the page to a width and a theme, and return what is wrong with it there."""
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", theme == "dark")
    where = f"{size['width']} px, {theme}"
    if size is DESKTOP and name in PICTURED:
        keep_picture(page, f"{name}-{theme}")
    elif size is PHONE and name in ON_PHONES and theme == "light":
        keep_picture(page, f"{name}-phone")
    return [f"{where}: {fault}" for fault in [*grave_faults(page), *too_wide(page)]]


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_is_open_to_everybody(name: str, house: House, scene: Scene) -> None:
    page = house.enter("achieng")
    answer = page.goto(ROOMS[name](scene))
    assert answer is not None
    assert answer.status == 200
    page.add_style_tag(content=STILL)
    page.wait_for_load_state("networkidle")
    faults = []
    for size in (DESKTOP, PHONE):
        for theme in ("light", "dark"):
            faults += look(page, name, size=size, theme=theme)
    assert not faults, "\n".join(faults)


def test_the_lists_of_all_tables_are_too(house: House, scene: Scene) -> None:
    page, faults = house.enter("achieng"), []
    for model in admin.site._registry:
        try:
            path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        except NoReverseMatch:
            continue
        if path in {ROOMS[name](scene) for name in ROOMS}:
            continue
        answer = page.goto(path)
        assert answer is not None
        if answer.status == 403:  # not for an administrator
            continue
        page.add_style_tag(content=STILL)
        faults += [f"{path} {fault}" for fault in look(page, path, size=DESKTOP, theme="light")]
        faults += [f"{path} {fault}" for fault in look(page, path, size=PHONE, theme="dark")]
    assert not faults, "\n".join(faults)


def test_the_dialogs_are_too(house: House, scene: Scene) -> None:
    page, faults = house.enter("otieno"), []
    page.goto(ROOMS["disbursement-held"](scene))
    page.locator("#pv-actions").get_by_role("link", name="Release", exact=True).click()
    page.locator("#dialog [name=reason]").wait_for()
    page.add_style_tag(content=STILL)
    for theme in ("light", "dark"):
        faults += look(page, "dialog", size=DESKTOP, theme=theme)
    assert not faults, "\n".join(faults)


def test_the_door_is_too(house: House) -> None:
    page, faults = house.enter(), []
    page.goto("/admin/login/")
    page.add_style_tag(content=STILL)
    for size in (DESKTOP, PHONE):
        for theme in ("light", "dark"):
            faults += look(page, "login", size=size, theme=theme)
    assert not faults, "\n".join(faults)
