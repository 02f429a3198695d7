"""The way in: name and password, then a code; the first time, setting it up. Nothing else opens the door."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from common import crypto
from common.models import AuditLine
from tests.vault.make_entry import (
    LOGIN,
    PASSWORD,
    browser,
    came_in,
    code_for,
    code_of,
    give_password,
    person,
    with_app,
)
from vault.entry import door
from vault.models import Authenticator, RecoveryCode, Visit

pytestmark = pytest.mark.django_db
CODE, FIRST = "/admin/login/code/", "/admin/login/first/"


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def actions() -> list[str]:
    return list(AuditLine.objects.order_by("at").values_list("action", flat=True))


def test_a_password_alone_opens_nothing():
    with_app(person())
    client = browser()
    assert give_password(client).headers["Location"] == CODE
    assert not is_in(client)
    assert not Visit.objects.exists()


def test_password_and_code_open_the_door_and_lead_where_one_was_going():
    ann = person()
    device, client = with_app(ann), browser()
    goal = reverse("admin:partners_partner_changelist")
    assert client.get(goal).headers["Location"] == f"{LOGIN}?next={goal}"
    give_password(client, goal=goal)
    assert client.post(CODE, {"code": code_of(device)}).headers["Location"] == goal
    assert is_in(client)
    visit = Visit.objects.get()
    assert (visit.user, visit.proof, visit.address) == (ann, Visit.Proof.CODE, "127.0.0.1")
    assert actions() == ["logged in"]


def test_nobody_is_led_to_a_strangers_page():
    device = with_app(person())
    client = browser()
    give_password(client, goal="https://evil.example/admin/")
    assert client.post(CODE, {"code": code_of(device)}).headers["Location"] == "/admin/"


def test_the_code_page_is_closed_to_whoever_gave_no_password():
    with_app(person())
    client = browser()
    assert client.get(CODE).headers["Location"] == LOGIN
    assert client.get(FIRST).headers["Location"] == LOGIN


def test_a_code_is_taken_once():
    device = with_app(person())
    code = code_of(device)
    first, second = browser(), browser()
    give_password(first), give_password(second)
    assert first.post(CODE, {"code": code}).status_code == 302
    answer = second.post(CODE, {"code": code})
    assert "wrong or was used already" in answer.content.decode()
    assert not is_in(second)


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_half_a_minute_off(steps, taken):
    device = with_app(person())
    client = browser()
    give_password(client)
    client.post(CODE, {"code": code_of(device, steps=steps)})
    assert is_in(client) is taken


def test_a_clock_that_drifts_is_followed():
    device = with_app(person())
    Authenticator.objects.update(drift=4)
    client = browser()
    give_password(client)
    client.post(CODE, {"code": code_of(device, steps=5)})
    assert is_in(client)
    device.refresh_from_db()
    assert device.drift == 5


def test_after_three_wrong_codes_even_the_right_one_has_to_wait():
    device = with_app(person())
    client = browser()
    give_password(client)
    for _ in range(3):
        client.post(CODE, {"code": "000000"})
    text = client.post(CODE, {"code": code_of(device)}).content.decode()
    assert re.search(r"There were wrong codes. Try again in \d+ seconds", text)
    assert not is_in(client)
    assert actions() == ["wrong second factor"] * 3


def test_the_right_password_is_forgotten_after_ten_minutes(monkeypatch):
    device = with_app(person())
    client = browser()
    give_password(client)
    monkeypatch.setattr(door, "HALF_FOR", -1.0)
    assert client.post(CODE, {"code": code_of(device)}).headers["Location"] == LOGIN
    assert not is_in(client)


def test_a_password_that_changes_meanwhile_ends_the_half_login():
    ann = person()
    device, client = with_app(ann), browser()
    give_password(client)
    ann.set_password("another-long-one-9")
    ann.save()
    assert client.post(CODE, {"code": code_of(device)}).headers["Location"] == LOGIN


def enrol(client: Client) -> tuple[str, list[str]]:
    """Set up an app, and return its secret and the recovery codes that were shown."""
    client.get(FIRST)
    secret = crypto.decrypt(client.session[door.NEW_SECRET])
    text = client.post(FIRST, {"code": code_for(secret)}).content.decode()
    return secret, re.findall(r"<li>([A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4})</li>", text)


def test_the_first_login_leads_to_setting_up():
    person()
    client = browser()
    assert give_password(client).headers["Location"] == FIRST
    text = client.get(FIRST).content.decode()
    assert "<svg" in text
    assert re.search(r"([A-Z2-7]{4} ){7}[A-Z2-7]{4}", text)
    assert not is_in(client)


def test_setting_up_shows_ten_codes_once_and_lets_in():
    ann = person()
    client = browser()
    give_password(client)
    secret, codes = enrol(client)
    assert len(set(codes)) == 10
    assert is_in(client)
    assert Authenticator.objects.get(user=ann).secret == secret
    assert codes[0] not in client.get(reverse("entry_second_factor")).content.decode()
    assert actions() == ["enrolled a second factor", "made recovery codes", "logged in"]


def test_a_wrong_first_code_sets_up_nothing_and_keeps_the_secret():
    person()
    client = browser()
    give_password(client)
    before = re.search(r"<strong[^>]*id=.secret.>([^<]*)", client.get(FIRST).content.decode())
    text = client.post(FIRST, {"code": "000000"}).content.decode()
    assert "The app shows another code" in text
    assert before
    assert before.group(1) in text
    assert not Authenticator.objects.exists()


def test_secrets_and_recovery_codes_lie_in_the_database_as_nothing_readable():
    person()
    client = browser()
    give_password(client)
    secret, codes = enrol(client)
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("select secret from authenticators")
        assert secret not in cursor.fetchone()[0]
    kept = set(RecoveryCode.objects.values_list("digest", flat=True))
    assert not kept & set(codes)


def test_a_recovery_code_opens_once_and_everybody_is_told():
    person()
    client = browser()
    give_password(client)
    _, codes = enrol(client)
    lost = browser()
    give_password(lost)
    answer = lost.post(CODE, {"code": codes[3].lower().replace("-", " ")}, follow=True)
    assert "That was a recovery code; 9 are left" in answer.content.decode()
    assert Visit.objects.filter(proof=Visit.Proof.RECOVERY).count() == 1
    assert "used a recovery code" in actions()
    again = browser()
    give_password(again)
    again.post(CODE, {"code": codes[3]})
    assert not is_in(again)


def test_whoever_has_a_factor_does_not_get_another_by_the_page_of_the_first_time():
    with_app(person())
    client = browser()
    give_password(client)
    assert client.get(FIRST).headers["Location"] == CODE


def test_where_it_is_optional_a_password_opens_and_the_pages_say_so(settings):
    settings.TWO_FACTOR = "optional"
    person()
    client = browser()
    assert give_password(client).headers["Location"] == "/admin/"
    assert "A password alone opens this door" in client.get("/admin/").content.decode()
    assert Visit.objects.get().proof == Visit.Proof.PASSWORD


def test_where_it_is_optional_whoever_has_a_factor_shows_it(settings):
    settings.TWO_FACTOR = "optional"
    with_app(person())
    client = browser()
    assert give_password(client).headers["Location"] == CODE
    assert not is_in(client)


def test_a_session_of_the_optional_days_ends_when_it_is_required(settings):
    settings.TWO_FACTOR = "optional"
    person()
    client = browser()
    give_password(client)
    settings.TWO_FACTOR = "required"
    assert client.get("/admin/").status_code == 302
    assert "A second factor is needed now" in client.get(LOGIN).content.decode()


def test_the_default_is_required(settings):
    assert settings.TWO_FACTOR == "required"


def test_logging_in_changes_the_session_key():
    device = with_app(person())
    client = browser()
    client.get(LOGIN)
    give_password(client)
    half = client.session.session_key
    client.post(CODE, {"code": code_of(device)})
    assert client.session.session_key != half


def test_logging_out_needs_a_press_and_ends_the_visit():
    ann = person()
    client = came_in(ann, with_app(ann))
    assert client.get("/admin/logout/").status_code == 405
    client.post("/admin/logout/")
    assert not is_in(client)
    assert Visit.objects.get().ended_why == "logged out"


@pytest.mark.parametrize("how", ["unknown", "wrong", "inactive", "no staff"])
def test_every_failure_has_the_same_answer(how):
    ann = person()
    User.objects.filter(pk=ann.pk).update(is_active=how != "inactive", is_staff=how != "no staff")
    name = "nobody" if how == "unknown" else "ann"
    text = give_password(browser(), name, "wrong" if how == "wrong" else PASSWORD).content.decode()
    assert "This name and password do not belong together, or may not come in here" in text
    assert actions() == ["login failed"]


def test_a_name_that_is_nobodys_is_not_written_down():
    person()
    give_password(browser(), "my-secret-password")
    line = AuditLine.objects.get()
    assert "my-secret" not in f"{line.actor_name} {line.object_id} {line.detail}"
