"""People of a partner see their own partner's rows, on every page that there is, and nothing of another's."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from common.marks import is_for_partners
from common.models import AuditLine
from disbursements.models import Disbursement
from partners import pausing
from partners.models import Partner, PartnerUser
from tests import make
from tests.make import NOW
from tests.vault.make_entry import person
from tests.vault.make_house import address, everything, rows_of, windows
from vault.models import Visit

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours() -> Partner:
    return everything("kilimo", "600991")


@pytest.fixture
def theirs() -> Partner:
    return everything("zebra", "600992")


def of(partner: Partner, role: str = "operator", name: str = "paul") -> User:
    user = person(name, role)
    PartnerUser.objects.create(user=user, partner=partner)
    return user


def at_the_desk_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def leaks(text: str, theirs: Partner) -> list[str]:
    """Return what of another partner stands in a text: its name, or the id of any of its rows."""
    signs = {"zebra", "600992"} | {str(row.pk) for window in windows() for row in rows_of(theirs, window)}
    return [sign for sign in signs if sign in text.lower()]


def test_every_open_window_has_a_row_of_each_so_that_the_walk_proves_something(ours, theirs):
    for window in windows():
        assert rows_of(ours, window), window
        assert rows_of(theirs, window), window


@pytest.mark.parametrize("role", ["viewer", "operator", "approver", "administrator"])
def test_no_list_shows_a_row_of_another(ours, theirs, role):
    desk = at_the_desk_of(of(ours, role))
    for window in windows():
        for query in ("", "?q=sacco", "?q=6009", f"?partner__id__exact={theirs.pk}", "?all="):
            answer = desk.get(address(window, "changelist") + query, follow=True)
            assert answer.status_code == 200, (window, query)
            text = answer.content.decode().replace(str(theirs.pk), "")  # it was asked for
            assert not leaks(text, theirs), (window, query)


def test_every_own_row_is_there(ours, theirs):
    desk = at_the_desk_of(of(ours))
    for window in windows():
        for row in rows_of(ours, window):
            answer = desk.get(address(window, "change", row.pk), follow=True)
            assert answer.status_code == 200, window
            assert not leaks(answer.content.decode(), theirs), window


@pytest.mark.parametrize("role", ["operator", "administrator"])
def test_pages_and_actions_of_rows_of_another_are_not_there(ours, theirs, role):
    desk = at_the_desk_of(of(ours, role))
    for window in windows():
        row = rows_of(theirs, window)[0]
        pages = [address(window, "change", row.pk), address(window, "history", row.pk)]
        pages += [address(window, name, row.pk) for name in map(str, window.actions_detail)]
        for page in pages:
            for answer in (desk.get(page), desk.post(page, {"_form_submitted": "1", "reason": "r"})):
                assert answer.status_code == 404, page


def test_windows_without_a_path_are_closed(ours):
    desk = at_the_desk_of(of(ours, "administrator"))
    closed = [one for one in admin.site._registry.values() if one not in windows()]
    assert {one.model._meta.label for one in closed} >= {
        "auth.User",
        "common.AuditLine",
        "wallet.BankAccount",
    }
    for window in closed:
        assert desk.get(address(window, "changelist")).status_code == 404, window
        if window.has_add_permission.__func__ is not None:
            assert desk.get(address(window, "add")).status_code == 404, window


def all_admin_pages() -> list[tuple[str, Any]]:
    """Return every page under /admin/ with its view, whatever hung it there."""
    found: list[tuple[str, Any]] = []

    def walk(patterns: Any, before: str) -> None:
        for one in patterns:
            path = before + str(one.pattern)
            if isinstance(one, URLResolver):
                walk(one.url_patterns, path)
            elif isinstance(one, URLPattern) and path.startswith("admin/"):
                found.append((path, one.callback))

    walk(get_resolver().url_patterns, "")
    return found


def test_the_walk_over_every_page_finds_nothing_of_another(ours, theirs):
    """Each address is filled with an id of the other partner; what opens nevertheless shows none of its rows."""
    desk = at_the_desk_of(of(ours, "administrator"))
    opened = 0
    for path, _view in all_admin_pages():
        if "(?P" in path or "logout" in path:
            continue
        for row in (Disbursement.objects.get(partner=theirs), theirs):
            filled = re.sub(r"<path:[^>]+>|<uuid:[^>]+>", str(row.pk), path)
            filled = re.sub(r"<(str|slug|int):[^>]+>", "mifos", filled)
            for asked in ({}, {"partner": theirs.code, "q": "client", "s": "client"}):
                answer = desk.get(f"/{filled}", asked)
                assert answer.status_code in (200, 302, 400, 403, 404, 405), filled
                if answer.status_code == 200 and not answer.streaming:
                    opened += 1
                    assert not leaks(answer.content.decode().replace("partner=zebra", ""), theirs), filled
    assert opened > 40


def test_pages_are_closed_unless_they_say_that_they_are_for_partners(ours):
    desk = at_the_desk_of(of(ours, "administrator"))
    for name in ("admin:c2b_suspense", "admin:c2b_check", "entry_sessions", "entry_second_factor"):
        assert desk.get(reverse(name)).status_code == 200, name
    for name in ("admin:partners_pausedial_pause", "admin:partners_partner_begin"):
        assert desk.get(reverse(name)).status_code == 404, name
    assert sum(is_for_partners(view) for _, view in all_admin_pages()) < 20


def test_the_first_page_has_their_own_figures(ours, theirs):
    text = at_the_desk_of(of(ours)).get("/admin/").content.decode()
    assert "Kilimo SACCO" in text
    assert "KES 100,000" in text or "KES 90,500" in text
    assert not leaks(text, theirs)


def test_the_sidebar_leads_only_where_they_may_go(ours, theirs):
    desk = at_the_desk_of(of(ours, "administrator"))
    nav = desk.get("/admin/").context["sidebar_navigation"]
    links = [str(item["link"]) for room in nav for item in room["items"]]
    assert len(links) > 8
    assert {link: desk.get(link).status_code for link in links} == dict.fromkeys(links, 200)


def test_filters_name_nobody_else(ours, theirs):
    desk = at_the_desk_of(of(ours))
    text = desk.get(reverse("admin:disbursements_disbursement_changelist")).content.decode()
    assert "zebra" not in text.lower()


def test_pickers_offer_nobody_else(ours, theirs):
    desk = at_the_desk_of(of(ours, "operator"))
    asked = desk.get("/admin/autocomplete/", {
        "app_label": "wallet", "model_name": "autofloatrule", "field_name": "partner", "term": "",
    })  # fmt: skip
    assert not leaks(asked.content.decode(), theirs)
    assert not leaks(desk.get(reverse("admin:wallet_topup_ask")).content.decode(), theirs)
    sent = {"_form_submitted": "1", "partner": str(theirs.pk), "phone": make.JANE, "amount": "10", "key": "k"}
    assert "Select a valid choice" in desk.post(reverse("admin:wallet_topup_ask"), sent).content.decode()


def test_a_payment_cannot_be_given_to_another_partner(ours, theirs):
    desk = at_the_desk_of(of(ours, "operator"))
    from c2b.models import C2bTransaction

    row = C2bTransaction.objects.get(partner=ours)
    page = reverse("admin:c2b_desk_of_one", args=[row.pk])
    assert not leaks(desk.get(page).content.decode(), theirs)
    desk.post(page, {"act": "send", "partner": str(theirs.pk), "reason": "r"})
    row.refresh_from_db()
    assert row.partner == ours
    assert not row.decisions.exists()


def test_they_act_on_their_own_by_their_role(ours):
    row = Disbursement.objects.get(partner=ours)
    hold = reverse("admin:disbursements_disbursement_hold", args=[row.pk])
    sent = {"_form_submitted": "1", "reason": "wait"}
    assert at_the_desk_of(of(ours, "viewer", "vic")).post(hold, sent).status_code == 403
    assert "HX-Redirect" in at_the_desk_of(of(ours, "operator")).post(hold, sent).headers
    row.refresh_from_db()
    assert row.status == "held"


def test_they_set_nothing_up_whatever_their_role(ours):
    user = of(ours, "administrator")
    desk = at_the_desk_of(user)
    assert not [one for one in user.get_all_permissions() if re.search(r"\.(add|change|delete)_", one)]
    for window in windows():
        row = rows_of(ours, window)[0]
        assert desk.post(address(window, "change", row.pk), {"name": "x"}).status_code == 403, window


def test_bulk_actions_touch_no_row_of_another(ours, theirs):
    desk = at_the_desk_of(of(ours))
    row = Disbursement.objects.get(partner=theirs)
    desk.post(
        reverse("admin:disbursements_disbursement_changelist"),
        {"action": "hold_many", "_selected_action": [str(row.pk)], "reason": "mischief", "index": "0"},
    )
    row.refresh_from_db()
    assert row.status != "held"


def test_a_pause_of_another_is_not_their_business(ours, theirs):
    pausing.pause_by_platform(scope="partner", target_id=theirs.pk, reason="Mifos takes nothing", at=NOW)
    pausing.pause_by_platform(scope="partner", target_id=ours.pk, reason="month end", at=NOW)
    text = at_the_desk_of(of(ours)).get("/admin/").content.decode()
    assert "month end" in text
    assert "Mifos takes nothing" not in text


def test_people_of_the_platform_see_all(ours, theirs):
    text = at_the_desk_of(person("olive", "operator")).get(
        reverse("admin:disbursements_disbursement_changelist")
    )
    assert {"kilimo client", "zebra client"} <= set(re.findall(r"\w+ client", text.content.decode()))


def form_of(desk: Client, user: User) -> dict[str, Any]:
    form = desk.get(reverse("admin:auth_user_change", args=[user.pk])).context["adminform"].form
    found = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    found["groups"] = [group.pk for group in user.groups.all()]
    blank = {name: "" if value is None else value for name, value in found.items()}
    return blank | {"partner_user-TOTAL_FORMS": "1", "partner_user-INITIAL_FORMS": "0"}


def test_an_administrator_says_on_the_users_page_to_whom_somebody_belongs(ours):
    desk, paul = at_the_desk_of(person("ann", "administrator")), person("paul", "operator")
    Visit.objects.create(user=paul, session_key="k", proof="code", begun_at=NOW, seen_at=NOW)
    sent = form_of(desk, paul) | {"partner_user-0-partner": str(ours.pk), "partner_user-0-user": str(paul.pk)}
    answer = desk.post(reverse("admin:auth_user_change", args=[paul.pk]), sent)
    assert answer.status_code == 302, answer.context and answer.context["errors"]
    assert PartnerUser.objects.get().user == paul
    assert AuditLine.objects.filter(
        object_type="partner_users", action="created", partner_id=ours.pk
    ).exists()
    assert Visit.objects.get().ended_at


def test_a_superuser_belongs_to_no_partner(ours):
    desk, boss = at_the_desk_of(person("root")), person("boss")
    sent = form_of(desk, boss) | {"partner_user-0-partner": str(ours.pk), "partner_user-0-user": str(boss.pk)}
    text = desk.post(reverse("admin:auth_user_change", args=[boss.pk]), sent).content.decode()
    assert "A superuser belongs to the platform" in text
    assert not PartnerUser.objects.exists()


def test_nobody_changes_to_whom_they_belong_themselves():
    ann = person("ann", "administrator")
    text = at_the_desk_of(ann).get(reverse("admin:auth_user_change", args=[ann.pk])).content.decode()
    assert "partner_user-TOTAL_FORMS" not in text
