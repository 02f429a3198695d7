"""The frame of the pages: rooms, badge, banner, roles, and secrets that never come out."""

import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from common.changes import secret_fields
from common.models import AuditLine
from partners import pausing
from partners.models import ApiKey, Partner, Shortcode, TariffBand
from tests import make
from tests.make import NOW
from vault.look import ROOMS
from vault.roles import ROLES

pytestmark = pytest.mark.django_db
DIALS = "/admin/partners/pausedial/"


def person(name: str, role: str | None = None) -> User:
    user = User.objects.create(username=name, is_staff=True, is_superuser=role is None)
    if role:
        user.groups.set([Group.objects.get(name=role)])
    return user


def at_the_desk_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(user: User, path: str = "/admin/") -> str:
    return at_the_desk_of(user).get(path).content.decode()


def change_page(row) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def test_the_front_door_leads_to_the_pages(client):
    assert client.get("/").headers["Location"] == "/admin/"
    assert client.get("/admin/").headers["Location"].startswith("/admin/login/")


@pytest.mark.parametrize(("demo", "word"), [(True, "Sandbox"), (False, "Live")])
def test_every_page_says_whether_money_is_real(settings, client, demo, word):
    settings.DEMO = demo
    badge = re.compile(rf">\s*{word}\s*<")
    assert badge.search(client.get("/admin/login/").content.decode())
    assert badge.search(page(person("root")))


def test_all_rooms_that_exist_are_in_the_sidebar_and_no_other():
    text = page(person("root"))
    registered = {f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry}
    for _, links in ROOMS:
        for title, _, name in links:
            if ":" not in name:
                assert (f"/admin/{name.replace('_', '/', 1)}/" in text) == (name in registered), title


def test_the_room_of_people_is_for_administrators():
    assert "/admin/auth/user/" in page(person("ann", "administrator"))
    assert "/admin/auth/user/" not in page(person("victor", "viewer"))


def test_a_dial_that_is_on_is_a_banner_on_every_page():
    kilimo = make.partner()
    pausing.pause_by_platform(scope="partner", target_id=kilimo.pk, reason="Mifos takes nothing", at=NOW)
    victor = person("victor", "viewer")
    for path in ("/admin/", change_page(kilimo), DIALS):
        text = page(victor, path)
        assert "Partner Kilimo SACCO is paused." in text
        assert "Mifos takes nothing" in text


def test_without_a_dial_there_is_no_banner():
    assert 'role="alert"' not in page(person("root"))


def test_a_reason_is_text_and_no_markup():
    pausing.pause_by_platform(scope="everything", target_id=None, reason="<script>x</script>", at=NOW)
    assert "<script>x</script>" not in page(person("root"))


def test_there_are_four_roles_whose_rights_grow():
    codes = {
        name: set(Group.objects.get(name=name).permissions.values_list("codename", flat=True))
        for name in ROLES
    }
    assert codes["viewer"] < codes["operator"] < codes["administrator"]
    assert {code for code in codes["viewer"] if not code.startswith("view_")} == set()
    assert "approve_pausedial" in codes["approver"] - codes["operator"] - codes["administrator"]


@pytest.mark.parametrize("role", list(ROLES))
def test_no_role_may_delete_or_write_money(role):
    codes = Group.objects.get(name=role).permissions.values_list("codename", flat=True)
    assert not [code for code in codes if code.startswith("delete_")]
    written = {code.split("_", 1)[1] for code in codes if code.startswith(("add_", "change_"))}
    assert not written & {"transfer", "hold", "account", "wallettransaction", "disbursement", "auditline"}


SECRETS = ("ck-secret", "cs-secret", "pw-secret")


@pytest.mark.parametrize("role", [None, *ROLES])
def test_no_page_shows_a_secret(role):
    kilimo = make.partner()
    fields = dict(zip(("consumer_key", "consumer_secret", "initiator_password"), SECRETS, strict=True))
    shortcode = make.shortcode(partner=kilimo, **fields)
    user = person("someone", role)
    text = page(user, change_page(kilimo)) + page(user, change_page(shortcode))
    assert "600992" in text
    assert not [secret for secret in SECRETS if secret in text]


def test_no_admin_has_a_secret_among_what_it_only_shows():
    request = type("Request", (), {"user": person("victor", "viewer"), "GET": {}, "POST": {}})()
    for model, window in admin.site._registry.items():
        if secret_fields(model):
            shown = str(window.get_fieldsets(request, model())) + str(window.list_display)
            shown += str(window.readonly_fields)
            assert not [name for name in secret_fields(model) if f"'{name}'" in shown], model


def form_of(user: User, row) -> dict[str, str]:
    """What a browser would send back unchanged."""
    form = at_the_desk_of(user).get(change_page(row)).context["adminform"].form
    found = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    return {name: "" if value is None else value for name, value in found.items()}


def test_an_empty_secret_keeps_the_old_one_and_a_new_one_replaces_it():
    shortcode, ann = make.shortcode(consumer_key="ck-secret"), person("ann", "administrator")
    sent = form_of(ann, shortcode) | {"initiator": "newapi", "consumer_secret": "cs-new"}
    answer = at_the_desk_of(ann).post(change_page(shortcode), sent)
    assert answer.status_code == 302, answer.context["errors"]
    shortcode.refresh_from_db()
    assert (shortcode.consumer_key, shortcode.consumer_secret) == ("ck-secret", "cs-new")
    assert (shortcode.initiator, shortcode.initiator_password) == ("newapi", "password")
    line = AuditLine.objects.get()
    assert (line.actor, line.action, sorted(line.detail["fields"])) == (
        ann,
        "changed",
        ["consumer_secret", "initiator"],
    )


def test_a_wrong_certificate_is_refused_and_the_secret_typed_beside_it_is_not_shown_again():
    shortcode, ann = make.shortcode(), person("ann", "administrator")
    sent = form_of(ann, shortcode) | {"certificate": "hello", "consumer_secret": "cs-typed"}
    text = at_the_desk_of(ann).post(change_page(shortcode), sent).content.decode()
    assert "This is not a PEM certificate" in text
    assert "cs-typed" not in text


def empty_inlines() -> dict[str, str]:
    return {
        f"{prefix}-{name}": "0"
        for prefix in ("shortcodes", "tariff_bands")
        for name in ("TOTAL_FORMS", "INITIAL_FORMS")
    }


def test_a_partner_can_be_set_up_by_hand():
    ann = person("ann", "administrator")
    sent = empty_inlines() | {"code": "umoja", "name": "Umoja", "phones": "0711 000 002\n", "language": "sw"}
    sent |= {"is_active": "on", "shortcodes-TOTAL_FORMS": "1", "shortcodes-0-number": "600555"}
    sent |= {
        "shortcodes-0-kind": "b2c",
        "shortcodes-0-rate_per_second": "5",
        "shortcodes-0-c2b_version": "v2",
    }
    sent |= {"shortcodes-0-response_type": "Completed", "shortcodes-0-consumer_secret": "cs"}
    answer = at_the_desk_of(ann).post("/admin/partners/partner/add/", sent)
    assert answer.status_code == 302, answer.context["errors"]
    umoja = Partner.objects.get()
    assert umoja.phones == ["254711000002"]
    assert Shortcode.objects.get().partner == umoja
    assert {line.object_type for line in AuditLine.objects.all()} == {"partners", "shortcodes"}


def test_a_landline_is_refused_in_words():
    sent = empty_inlines() | {"code": "u", "name": "U", "phones": "0202345678", "language": "en"}
    text = at_the_desk_of(person("root")).post("/admin/partners/partner/add/", sent).content.decode()
    assert "this is not a Kenyan mobile number" in text


def test_a_viewer_sees_masked_phones():
    text = page(person("victor", "viewer"), change_page(make.partner()))
    assert "2547••••001" in text
    assert "254711000001" not in text


def test_a_band_that_has_held_cannot_be_changed():
    make.tariff()
    old = TariffBand.objects.filter(kind="mpesa_b2c").first()
    answer = at_the_desk_of(person("root")).post(change_page(old), {"fee": "0"})
    assert answer.status_code == 403


def turn(user: User, path: str, **fields: str):
    return at_the_desk_of(user).post(f"{DIALS}{path}", {"_form_submitted": "1"} | fields)


def test_an_operator_pauses_and_a_viewer_does_not():
    kilimo = make.partner()
    wanted = {"target": f"partner:{kilimo.pk}", "reason": "month end"}
    assert turn(person("victor", "viewer"), "pause/", **wanted).status_code == 403
    assert not pausing.active()
    answer = turn(person("olive", "operator"), "pause/", **wanted)
    assert answer.headers["HX-Redirect"].startswith(DIALS)
    assert pausing.standing(partner_id=kilimo.pk).reason == "month end"


def test_a_pause_without_a_reason_stays_in_the_dialog():
    answer = turn(person("olive", "operator"), "pause/", target="everything", reason="")
    assert "HX-Redirect" not in answer.headers
    assert not pausing.active()


def test_looking_at_the_dialog_turns_nothing():
    at_the_desk_of(person("olive", "operator")).get(f"{DIALS}pause/")
    assert not pausing.active()


def test_everything_is_resumed_by_two_people_on_the_page_too():
    dial = pausing.pause_by_platform(scope="everything", target_id=None, reason="2001", at=NOW)
    olive, april = person("olive", "operator"), person("april", "approver")
    assert turn(april, f"{dial.pk}/lift/", reason="mended").status_code == 403
    turn(olive, f"{dial.pk}/ask_to_lift/", reason="mended")
    assert turn(olive, f"{dial.pk}/lift/", reason="mended").status_code == 403
    assert pausing.active() == [dial]
    turn(april, f"{dial.pk}/lift/", reason="I looked")
    assert not pausing.active()


def test_a_key_is_revoked_from_its_page():
    key = ApiKey.objects.create(name="old", prefix="pv_live_x", digest="0" * 64)
    path = f"/admin/partners/apikey/{key.pk}/revoke/"
    sent = {"_form_submitted": "1", "reason": "leaked"}
    assert at_the_desk_of(person("olive", "operator")).post(path, sent).status_code == 403
    at_the_desk_of(person("ann", "administrator")).post(path, sent)
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert AuditLine.objects.get().reason == "leaked"


def test_nobody_gives_themselves_a_role():
    ann = person("ann", "administrator")
    form = at_the_desk_of(ann).get(change_page(ann)).context["adminform"].form
    assert not {"groups", "is_superuser", "is_staff", "user_permissions"} & set(form.fields)


def test_an_administrator_makes_no_superuser_and_touches_none():
    ann, root, new = person("ann", "administrator"), person("root"), person("new", "viewer")
    form = at_the_desk_of(ann).get(change_page(new)).context["adminform"].form
    assert "groups" in form.fields
    assert not {"is_superuser", "user_permissions"} & set(form.fields)
    assert at_the_desk_of(ann).post(change_page(root), {"username": "mine"}).status_code == 403
    password = reverse("admin:auth_user_password_change", args=[root.pk])
    assert at_the_desk_of(ann).get(password).status_code == 403


def test_audit_lines_are_a_window_only():
    pausing.pause_by_platform(scope="everything", target_id=None, reason="why not", at=NOW)
    line, root = AuditLine.objects.get(), person("root")
    assert "why not" in page(root, "/admin/common/auditline/")
    assert at_the_desk_of(root).post(change_page(line), {"reason": "x"}).status_code == 403
    assert at_the_desk_of(root).get("/admin/common/auditline/add/").status_code == 403


def test_every_list_and_search_opens():
    make.partner(), make.shortcode(), make.tariff()
    desk = at_the_desk_of(person("root"))
    for model in admin.site._registry:
        path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        assert desk.get(path, {"q": "600992"}, follow=True).status_code == 200, path
    assert desk.get("/admin/search/", {"s": "kilimo"}).status_code == 200


def test_a_page_for_people_knows_no_stranger(rf):
    from django.contrib.auth.models import AnonymousUser

    from common.windows import person as who

    request = rf.get("/")
    request.user = AnonymousUser()
    with pytest.raises(PermissionDenied):
        who(request)
