"""Role by page and action: what a role may not do is neither shown nor accepted, and nobody approves their own work."""

from datetime import timedelta
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse

from c2b.models import C2bTransaction
from common.models import AuditLine
from disbursements import deciding
from disbursements.models import Attempt, Disbursement, SettlementProposal
from partners import pausing
from partners.models import Shortcode
from tests import make
from tests.make import NOW
from tests.vault.make_entry import person
from tests.vault.make_house import address, everything, filled
from vault.roles import ROLES
from wallet import asking
from wallet.bank_models import BankCredit
from wallet.purchases import FloatPurchase

pytestmark = pytest.mark.django_db

POWERS = {  # what each role is for
    "viewer": {"see"},
    "operator": {"see", "operate"},
    "approver": {"see", "approve"},
    "administrator": {"see", "operate", "set up"},
}
# What each action is. One that is not named here must be closed to viewers.
NEEDS = {
    "disbursement": {
        "operate": "hold release retry ask cancel propose",
        "approve": "approve agree refuse propose",
    },
    "floatpurchase": {
        "operate": "confirm_code new_code cancel",
        "approve": "confirm_second propose agree refuse put_aside",
    },
    "bankcredit": {"operate": "allocate decline same_money", "approve": "agree decline"},
    "pausedial": {"operate": "pause ask_to_lift", "approve": "lift"},
    "partnerwallet": {"see": "statement", "operate": "buy_float"},
    "topup": {"operate": "ask"},
    "partner": {"see": "tell", "set up": "go_on"},
    "shortcode": {"set up": "check_credentials"},
    "collector": {"set up": "register"},
    "apikey": {"set up": "revoke"},
    "bankaccount": {"set up": "test_connection renew"},
    "smsgateway": {"set up": "check_balance start_again renew_address"},
    "user": {"set up": "reset_second_factor end_sessions"},
}


@pytest.fixture
def house() -> None:
    everything("kilimo", "600991")
    person("somebody", "viewer")
    pausing.pause_by_platform(scope="everything", target_id=None, reason="2001", at=NOW)


def desk_of(*roles: str, name: str = "pat") -> tuple[User, Client]:
    user = person(name, roles[0])
    user.groups.set(Group.objects.filter(name__in=roles))
    client = Client()
    client.force_login(user)
    return user, client


def actions_of(window: Any) -> list[tuple[str, bool]]:
    """Return the buttons of a window, with whether each belongs to a row."""
    rows = [
        *window._extract_action_names(window.actions_detail),
        *window._extract_action_names(window.actions_row),
    ]
    return [(name, True) for name in rows] + [
        (name, False) for name in window._extract_action_names(window.actions_list)
    ]


def needs(window: Any, action: str) -> set[str]:
    table = NEEDS.get(window.opts.model_name, {})
    found = {power for power, names in table.items() if action in names.split()}
    return found or {"operate", "approve", "set up"}


def shown(window: Any, user: User, row: Any, action: str) -> bool:
    request = RequestFactory().get("/")
    request.user = User.objects.get(pk=user.pk)
    offered = window.get_actions_detail(request, row.pk) if row else window.get_actions_list(request)
    return any(one.action_name.endswith(f"{window.opts.model_name}_{action}") for one in offered)


@pytest.mark.parametrize("role", list(ROLES))
def test_what_a_role_may_not_do_is_neither_shown_nor_accepted(house, role):
    user, desk = desk_of(role)
    refused = 0
    for window in admin.site._registry.values():
        row = window.model._default_manager.exclude(pk=user.pk).first() if window.model is User else (
            window.model._default_manager.first()
        )  # fmt: skip
        for action, of_row in actions_of(window):
            if POWERS[role] & needs(window, action) or (of_row and row is None):
                continue
            before = AuditLine.objects.count()
            page = address(window, action, *([row.pk] if of_row else []))
            sent = {"_form_submitted": "1", "reason": "mischief"}
            assert not shown(window, user, row if of_row else None, action), (window, action)
            assert desk.post(page, sent).status_code == 403, page
            assert desk.get(page).status_code == 403, page
            assert AuditLine.objects.count() == before
            refused += 1
    assert refused > 8


def test_every_action_that_is_named_exists():
    windows = {window.opts.model_name: window for window in admin.site._registry.values()}
    for model, table in NEEDS.items():
        there = {name for name, _ in actions_of(windows[model])}
        named = {name for names in table.values() for name in names.split()}
        assert named <= there, model


@pytest.mark.parametrize("role", list(ROLES))
def test_only_administrators_open_a_form(house, role):
    _, desk = desk_of(role)
    for window in admin.site._registry.values():
        add = desk.get(address(window, "add"), follow=True).status_code
        assert add == 403 or role == "administrator", (window, add)
        row = window.model._default_manager.first()
        if row is not None and role != "administrator":
            assert desk.post(address(window, "change", row.pk), {"x": "y"}).status_code == 403, window
            assert desk.post(address(window, "delete", row.pk), {"post": "yes"}).status_code == 403, window


def test_a_viewer_has_nothing_to_do_to_many_at_once(house):
    user, _ = desk_of("viewer")
    request = RequestFactory().get("/")
    request.user = user
    for window in admin.site._registry.values():
        assert not window.get_actions(request), window


def test_without_a_role_nothing_opens(house):
    nobody = person("nobody", "viewer")
    nobody.groups.clear()
    desk = Client()
    desk.force_login(nobody)
    for window in admin.site._registry.values():
        assert desk.get(address(window, "changelist")).status_code == 403, window


def press(desk: Client, page: str, **said: Any) -> Any:
    return desk.post(page, {"_form_submitted": "1", "reason": "I say so"} | said)


def test_nobody_approves_twice(house):
    row = Disbursement.objects.get()
    user, desk = desk_of("operator", "approver")
    Disbursement.objects.filter(pk=row.pk).update(status="held", hold_cause="second_person")
    page = reverse("admin:disbursements_disbursement_approve", args=[row.pk])
    press(desk, page), press(desk, page)
    row.refresh_from_db()
    assert (row.status, row.first_approver) == ("held", user)


def test_nobody_agrees_to_their_own_settlement(house):
    row = Disbursement.objects.get()
    Disbursement.objects.filter(pk=row.pk).update(status="unknown")
    filled(Attempt, disbursement=row, shortcode=Shortcode.objects.get(), status="unknown", amount=row.amount)
    _, desk = desk_of("operator", "approver")
    press(
        desk,
        reverse("admin:disbursements_disbursement_propose", args=[row.pk]),
        outcome="not_paid",
        receipt="",
    )
    assert SettlementProposal.objects.count() == 1
    press(desk, reverse("admin:disbursements_disbursement_agree", args=[row.pk]))
    row.refresh_from_db()
    assert row.status == "unknown"


def test_nobody_confirms_their_own_float_purchase(house, settings):
    settings.FLOAT_PURCHASE_CONFIRM = "second_person"
    row = FloatPurchase.objects.get()
    user, desk = desk_of("operator", "approver")
    FloatPurchase.objects.filter(pk=row.pk).update(status="asked", confirm="second_person", asked_by=user)
    press(desk, reverse("admin:wallet_floatpurchase_confirm_second", args=[row.pk]))
    row.refresh_from_db()
    assert row.status == "asked"
    with pytest.raises(asking.CannotBuy):
        asking.confirm_as_second(purchase_id=row.pk, by=user, at=NOW)


def test_nobody_agrees_to_their_own_outcome_of_a_purchase(house):
    row = FloatPurchase.objects.get()
    FloatPurchase.objects.filter(pk=row.pk).update(status="unknown")
    _, desk = desk_of("operator", "approver")
    propose = reverse("admin:wallet_floatpurchase_propose", args=[row.pk])
    press(desk, propose, outcome="failed", receipt="")
    press(desk, reverse("admin:wallet_floatpurchase_agree", args=[row.pk]))
    row.refresh_from_db()
    assert row.status == "unknown"


def test_nobody_agrees_to_their_own_allocation_of_bank_money(house):
    row = BankCredit.objects.get()
    user, desk = desk_of("operator", "approver")
    BankCredit.objects.filter(pk=row.pk).update(
        status="suspense", partner=None, booked_at=None, proposed_partner=row.partner, proposed_by=user
    )
    assert press(desk, reverse("admin:wallet_bankcredit_agree", args=[row.pk])).status_code == 403
    row.refresh_from_db()
    assert row.status == "suspense"


def test_nobody_agrees_to_their_own_wish_at_the_suspense_desk(house):
    row = C2bTransaction.objects.get()
    user, desk = desk_of("operator", "approver")
    wish = row.decisions.create(what="returned", reason="r", asked_by=user, asked_at=NOW, needs_second=True)
    desk.post(reverse("admin:c2b_desk_of_one", args=[row.pk]), {"act": "agree", "reason": "yes"})
    wish.refresh_from_db()
    assert wish.decided_at is None


def test_nobody_lifts_alone_what_they_asked_to_lift(house):
    dial = pausing.active()[0]
    _, desk = desk_of("operator", "approver")
    press(desk, reverse("admin:partners_pausedial_ask_to_lift", args=[dial.pk]))
    assert press(desk, reverse("admin:partners_pausedial_lift", args=[dial.pk])).status_code == 403
    assert pausing.active()


@pytest.mark.django_db(transaction=True)
def test_two_operators_press_the_same_button_and_one_of_them_is_told_so():
    from django.core.management import call_command

    call_command("migrate", verbosity=0)  # writes the roles, which the test before took away
    kilimo = make.partner()
    row = Disbursement.objects.create(
        partner=kilimo, source="api", client_request_id="1", phone=make.JANE, amount=Decimal(900),
        gross_amount=Decimal(900), detected_at=NOW - timedelta(hours=1), moved_at=NOW,
    )  # fmt: skip
    deciding.hold(disbursement_id=row.pk, by=person("boss"), reason="wait", at=NOW)
    desks = [desk_of("operator", name=name)[1] for name in ("olive", "oscar")]
    page = reverse("admin:disbursements_disbursement_release", args=[row.pk])
    start = Barrier(2)

    def go(desk: Client) -> None:
        try:
            start.wait(timeout=10)
            press(desk, page)
        finally:
            connection.close()

    threads = [Thread(target=go, args=[desk]) for desk in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    listed = reverse("admin:disbursements_disbursement_changelist")
    told = [[str(one) for one in desk.get(listed).context["messages"]] for desk in desks]
    done = [one for one in told if any("Released" in words for words in one)]
    assert len(done) == 1, told
    late = next(one for one in told if one not in done)
    assert any("moved it a moment ago" in words or "does not fit any more" in words for words in late), told
    assert row.events.filter(note__contains="I say so").count() == 1
