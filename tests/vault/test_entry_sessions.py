"""Sessions: how long they last, what becomes of a form when one ends, who sees and ends them."""

import re
import time
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from common.models import AuditLine
from partners.models import Partner
from tests import make
from tests.vault.make_entry import LOGIN, PASSWORD, browser, came_in, code_of, give_password, person, with_app
from vault.entry import freshness, visits
from vault.models import Authenticator, Visit

pytestmark = pytest.mark.django_db
SESSIONS = "/admin/sessions/"


@pytest.fixture
def ann():
    return person("ann", "administrator")


@pytest.fixture
def app(ann):
    return with_app(ann)


@pytest.fixture
def desk(ann, app) -> Client:
    return came_in(ann, app)


def change(client: Client, **values: float) -> Client:
    session = client.session
    for name, ago in values.items():
        session[getattr(freshness, name)] = time.time() - ago
    session.save()
    return client


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def test_half_an_hour_without_anybody_ends_a_session(desk):
    change(desk, SEEN=31 * 60)
    assert not is_in(desk)
    assert "Nobody did anything for 30 minutes" in desk.get(LOGIN).content.decode()
    assert Visit.objects.get().ended_at


def test_work_keeps_it_open_and_a_page_that_renews_itself_does_not(desk):
    change(desk, SEEN=29 * 60)
    desk.get("/admin/", headers={"sec-fetch-mode": "cors"})
    assert time.time() - desk.session[freshness.SEEN] > 28 * 60
    desk.get("/admin/", headers={"sec-fetch-mode": "navigate"})
    assert time.time() - desk.session[freshness.SEEN] < 60


def test_twelve_hours_end_it_however_busy(desk):
    change(desk, BEGUN=12 * 3600 + 1, SEEN=1)
    assert not is_in(desk)


def test_how_long_is_a_setting(desk, settings):
    settings.SESSION_IDLE_MINUTES = 5
    change(desk, SEEN=6 * 60)
    assert not is_in(desk)


def test_cookies_are_for_this_address_only():
    assert django_settings.SESSION_COOKIE_HTTPONLY is True
    assert django_settings.SESSION_COOKIE_SAMESITE == "Lax"
    assert django_settings.SESSION_EXPIRE_AT_BROWSER_CLOSE is True


def new_partner() -> dict[str, str]:
    inlines = {
        f"{prefix}-{name}": "0"
        for prefix in ("shortcodes", "tariff_bands")
        for name in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    return inlines | {
        "code": "umoja",
        "name": "Umoja SACCO",
        "phones": "",
        "language": "sw",
        "is_active": "on",
    }


def test_a_form_that_a_session_did_not_outlive_is_kept_and_sent_after_logging_in(desk, ann, app):
    change(desk, SEEN=31 * 60)
    address = reverse("admin:partners_partner_add")
    answer = desk.post(address, new_partner())
    assert answer.headers["Location"].startswith(LOGIN)
    assert "What you typed is kept" in desk.get(answer.headers["Location"]).content.decode()
    give_password(desk, goal=address)
    answer = desk.post("/admin/login/code/", {"code": code_of(app)}, follow=True)
    text = answer.content.decode()
    assert "Umoja SACCO" in text
    assert not Partner.objects.exists()
    kept = re.search(r'name="pv_kept" value="([^"]+)"', text)
    assert kept
    desk.post(address, {"pv_kept": kept.group(1)})
    assert Partner.objects.get().name == "Umoja SACCO"


def test_a_session_that_ends_while_the_code_is_asked_for_loses_nothing_either(desk, app):
    change(desk, FACTOR_AT=11 * 60)
    address = reverse("admin:partners_partner_add")
    text = desk.post(address, new_partner()).content.decode()
    kept = re.search(r'name="pv_kept" value="([^"]+)"', text)
    assert kept
    change(desk, SEEN=31 * 60)
    desk.post(address, {"pv_kept": kept.group(1), "pv_code": code_of(app)})
    give_password(desk, goal=address)
    answer = desk.post("/admin/login/code/", {"code": code_of(app)}, follow=True)
    assert "Umoja SACCO" in answer.content.decode()


def test_what_was_kept_lies_in_the_session_sealed(desk):
    change(desk, SEEN=31 * 60)
    desk.post(reverse("admin:partners_partner_add"), new_partner() | {"name": "Siri Kubwa"})
    assert "Siri Kubwa" not in str(dict(desk.session.items()))


def test_what_one_person_typed_is_not_shown_to_the_next(desk):
    change(desk, SEEN=31 * 60)
    desk.post(reverse("admin:partners_partner_add"), new_partner())
    other = person("oscar", "operator")
    device = with_app(other)
    give_password(desk, "oscar")
    answer = desk.post("/admin/login/code/", {"code": code_of(device)}, follow=True)
    assert "Umoja" not in answer.content.decode()


def test_a_dialog_says_that_the_session_ended(desk):
    change(desk, SEEN=31 * 60)
    kilimo = make.partner()
    answer = desk.post(
        reverse("admin:partners_pausedial_pause"),
        {"_form_submitted": "1", "target": f"partner:{kilimo.pk}", "reason": "r"},
        headers={"hx-request": "true", "hx-current-url": "http://testserver/admin/partners/pausedial/"},
    )
    text = answer.content.decode()
    assert 'id="dialog-form"' in text
    assert "Your session has ended, and nothing was done" in text
    assert "next=%2Fadmin%2Fpartners%2Fpausedial%2F" in text


def test_a_dialog_that_is_opened_too_late_leads_to_the_door():
    answer = browser().get(
        reverse("admin:partners_pausedial_pause"),
        headers={"hx-request": "true", "hx-current-url": "http://testserver/admin/"},
    )
    assert answer.headers["HX-Redirect"].startswith(LOGIN)


def test_whoever_logged_out_elsewhere_is_told_that_nothing_was_done(desk):
    desk.post("/admin/logout/")
    answer = desk.post(reverse("admin:partners_partner_add"), new_partner(), follow=True)
    assert "so nothing was done" in answer.content.decode()
    assert not Partner.objects.exists()


def strict(client: Client) -> Client:
    client.handler.enforce_csrf_checks = True
    return client


OURS = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}


def test_a_form_from_before_the_last_login_is_kept_and_sent_by_one_more_press(desk):
    address = reverse("admin:partners_partner_add")
    answer = strict(desk).post(address, new_partner(), headers=OURS)
    text = answer.content.decode()
    assert answer.status_code == 403
    assert "This form was not sent, and nothing was done" in text
    assert "Umoja SACCO" in text
    fields = dict(
        re.findall(r'name="(csrfmiddlewaretoken|pv_kept)" value="([^"]+)"', text.split("<dl", 1)[1])
    )
    desk.post(address, fields, headers=OURS)
    assert Partner.objects.get().name == "Umoja SACCO"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "http://testserver", "sec-fetch-site": "cross-site"},
    ],
)
def test_a_form_from_elsewhere_is_refused_and_offered_no_second_press(desk, headers):
    answer = strict(desk).post(reverse("admin:partners_partner_add"), new_partner(), headers=headers)
    assert answer.status_code == 403
    assert "pv_kept" not in answer.content.decode()


def test_the_page_says_from_where_since_when_and_which_is_this_one(desk, ann, app):
    came_in(ann, app, **{"user-agent": "Mozilla/5.0 (Linux; Android 16) Chrome/150.0 Mobile Safari/537.36"})
    text = desk.get(SESSIONS).content.decode()
    assert "Firefox on Windows" in text
    assert "Chrome on Android" in text
    assert "127.0.0.1" in text
    assert text.count("this one") == 1


def test_a_session_that_is_ended_is_out_at_once(desk, ann, app):
    lost = came_in(ann, app)
    visit = Visit.objects.order_by("-begun_at").first()
    assert visit
    desk.post(reverse("entry_end_session", args=[visit.pk]))
    assert not is_in(lost)
    assert is_in(desk)
    assert AuditLine.objects.filter(action="ended a session").count() == 1


def test_all_others_can_be_ended(desk, ann, app):
    others = [came_in(ann, app), came_in(ann, app)]
    desk.post(reverse("entry_end_others"))
    assert [is_in(other) for other in others] == [False, False]
    assert is_in(desk)


def test_only_administrators_see_and_end_the_sessions_of_others(desk):
    oscar = person("oscar", "operator")
    device = with_app(oscar)
    his = came_in(oscar, device)
    visit = Visit.objects.get(user=oscar)
    theirs = Visit.objects.exclude(user=oscar).get()
    assert "oscar" in desk.get(SESSIONS).content.decode()
    assert "ann" not in his.get(SESSIONS).content.decode().split('id="content-main"', 1)[1]
    assert his.post(reverse("entry_end_session", args=[theirs.pk])).status_code == 403
    desk.post(reverse("entry_end_session", args=[visit.pk]))
    assert not is_in(his)


def test_a_new_password_ends_every_other_session_and_keeps_this_one(desk, ann, app):
    other = came_in(ann, app)
    new = "ndizi-mbivu-nane-9"
    sent = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    answer = desk.post("/admin/password_change/", sent, follow=True)
    assert "Your password is changed" in answer.content.decode()
    assert is_in(desk)
    assert not is_in(other)
    assert [visit.session_key for visit in visits.open_ones(at=timezone.now())] == [desk.session.session_key]
    assert AuditLine.objects.filter(action="changed own password").exists()


@pytest.mark.parametrize("bad", ["short-9", "123456789012345", "password12345", "ann-administrator-ann"])
def test_a_poor_password_is_refused(desk, ann, bad):
    ann.first_name = "ann-administrator"
    ann.save()
    sent = {"old_password": PASSWORD, "new_password1": bad, "new_password2": bad}
    answer = desk.post("/admin/password_change/", sent)
    assert answer.status_code == 200
    assert answer.context["form"].errors


def test_somebody_who_is_switched_off_is_out_at_once(desk, ann):
    ann.is_active = False
    ann.save()
    assert not is_in(desk)


def test_another_phone_needs_a_code_of_the_first_even_when_it_was_just_shown(desk, app):
    text = desk.get("/admin/second-factor/app/").content.decode()
    assert "First a code of the app that you have now" in text
    assert "<svg" not in text.split('id="content-main"', 1)[1]
    desk.post("/admin/second-factor/app/", {"code": code_of(app)})
    assert "<svg" in desk.get("/admin/second-factor/app/").content.decode().split('id="content-main"', 1)[1]


def test_an_administrator_resets_the_factor_of_another_with_a_reason(desk, ann):
    oscar = person("oscar", "operator")
    his = came_in(oscar, with_app(oscar))
    reset = reverse("admin:auth_user_reset_second_factor", args=[oscar.pk])
    desk.post(reset, {"_form_submitted": "1", "reason": "phone stolen"})
    assert not Authenticator.objects.filter(user=oscar).exists()
    assert not is_in(his)
    line = AuditLine.objects.get(action="reset second factor")
    assert (line.actor, line.object_id, line.reason) == (ann, str(oscar.pk), "phone stolen")
    assert give_password(browser(), "oscar").headers["Location"] == "/admin/login/first/"


def test_nobody_resets_their_own_and_no_operator_that_of_another(desk, ann):
    oscar, olive = person("oscar", "operator"), person("olive", "operator")
    with_app(olive)
    his = came_in(oscar, with_app(oscar))
    sent = {"_form_submitted": "1", "reason": "please"}
    own = reverse("admin:auth_user_reset_second_factor", args=[ann.pk])
    assert desk.post(own, sent).status_code == 403
    others = reverse("admin:auth_user_reset_second_factor", args=[olive.pk])
    assert his.post(others, sent).status_code == 403
    assert Authenticator.objects.count() == 3


def test_an_administrator_does_not_reset_a_superuser(desk):
    root = person("root")
    with_app(root)
    reset = reverse("admin:auth_user_reset_second_factor", args=[root.pk])
    assert desk.post(reset, {"_form_submitted": "1", "reason": "please"}).status_code == 403


def test_an_old_visit_is_not_shown(desk):
    Visit.objects.update(seen_at=timezone.now() - timedelta(hours=2))
    assert not visits.open_ones(at=timezone.now())


def test_the_last_administrator_is_reset_on_the_server(ann, app):
    from django.core.management import call_command

    call_command("reset_second_factor", "ann", reason="phone in the lake")
    assert not Authenticator.objects.exists()
    line = AuditLine.objects.get(action="reset second factor")
    assert (line.actor, line.actor_name, line.reason) == (None, "command line", "phone in the lake")
