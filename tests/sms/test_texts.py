"""Texts are written with a live preview; what could not be filled in later is refused in words."""

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.test import Client

from common.changes import By
from common.models import AuditLine
from sms import recent_values, routes, texts
from sms.models import SmsTemplate
from sms.wording import TEXTS, MessageType
from tests import make
from tests.make import NOW
from tests.sms import make_sms

pytestmark = pytest.mark.django_db
DESK = "/admin/sms/smstemplate/desk/"
WEIGH = "/admin/sms/smstemplate/weigh/"
PAID = str(MessageType.DISBURSEMENT_CONFIRMATION)
MARY = By(name="mary")


def desk_of(role: str) -> Client:
    user = User.objects.create(username=f"mary-{role}", is_staff=True)
    user.groups.set([Group.objects.get(name=role)])
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def desk() -> Client:
    return desk_of("administrator")


def typed(text: str, *, partner: str = "", language: str = "en") -> dict[str, str]:
    return {"type": PAID, "language": language, "partner": partner, "text": text}


def test_a_partners_own_text_wins_over_the_platforms_and_that_over_ours() -> None:
    kilimo = make.partner()
    ask = {"partner": kilimo, "message_type": PAID, "language": "en"}
    assert texts.held(**ask).source == "wording"
    texts.put_text(**ask | {"partner": None}, text="All: {amount}", by=MARY, at=NOW)
    assert (texts.held(**ask).source, texts.held(**ask).text) == ("platform", "All: {amount}")
    texts.put_text(**ask, text="Kilimo: {amount}", by=MARY, at=NOW)
    found = texts.held(**ask)
    assert (found.source, found.text, found.default) == ("partner", "Kilimo: {amount}", "All: {amount}")


def test_back_to_default_takes_the_own_text_away_and_the_audit_keeps_it() -> None:
    kilimo = make.partner()
    row = texts.put_text(
        partner=kilimo, message_type=PAID, language="en", text="Ours: {amount}", by=MARY, at=NOW
    ).row
    texts.back_to_default(row=row, by=MARY, at=NOW)
    assert routes.of_partner(kilimo.pk).text(PAID, "en") == TEXTS[PAID, "en"]
    assert AuditLine.objects.get(action="back to default").detail["text"] == "Ours: {amount}"


def test_an_unknown_variable_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"Unknown: \{amout\}"):
        texts.put_text(partner=None, message_type=PAID, language="en", text="{amout}", by=MARY, at=NOW)


def test_the_desk_refuses_in_words_and_keeps_what_was_typed(desk: Client) -> None:
    answer = desk.post(DESK, typed("Dear {cleint}, pesa imetumwa"))
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "Unknown: {cleint}. This message has:" in text
    assert "pesa imetumwa</textarea>" in text
    assert not SmsTemplate.objects.exists()


def test_the_desk_saves_a_text_for_one_partner_only(desk: Client) -> None:
    make.partner()
    desk.post(DESK, typed("Kilimo sent {amount}.", partner="kilimo") | {"act": "save"})
    row = SmsTemplate.objects.get()
    assert (row.partner and row.partner.code, row.text) == ("kilimo", "Kilimo sent {amount}.")
    desk.post(DESK, typed("", partner="kilimo") | {"act": "default"})
    assert not SmsTemplate.objects.exists()


def test_weighing_tells_parts_and_cost_by_the_partners_tariff_and_saves_nothing(desk: Client) -> None:
    kilimo = make.partner()
    make.tariff(kilimo, "sms", bands=[(250_000, 2)])
    said = desk.post(WEIGH, typed("x" * 161 + "{amount}", partner="kilimo")).json()
    assert said["ok"]
    assert said["size"].startswith("2 parts, ")
    assert said["cost"].startswith("KES 4 for each message")
    assert not SmsTemplate.objects.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "The text is empty."),
        ("{amount", "A brace stands alone."),
        ("{pin}", "Unknown: {pin}."),
        ("x" * 601, "601 characters; 600 is the most"),
    ],
)
def test_weighing_says_why_a_text_cannot_be_used(desk: Client, text: str, words: str) -> None:
    said = desk.post(WEIGH, typed(text)).json()
    assert not said["ok"]
    assert words in said["words"]


def test_what_makes_a_text_expensive_is_named(desk: Client) -> None:
    said = desk.post(WEIGH, typed("Asante \U0001f600 {amount}")).json()
    assert "UCS-2" in said["size"]
    assert "\U0001f600" in said["note"]


def test_the_preview_has_the_values_of_the_last_message() -> None:
    kilimo = make.partner()
    make_sms.queued(kilimo)
    values, told_at = recent_values.of_last(message_type=PAID, partner_id=kilimo.pk)
    assert (values["client"], values["loan"], told_at) == ("Jane Wanjiku", "000000123", NOW)


def test_a_message_of_another_text_gives_sample_values() -> None:
    kilimo = make.partner()
    make_sms.queued(kilimo)
    for language in ("en", "sw"):
        texts.put_text(partner=kilimo, message_type=PAID, language=language, text="New", by=MARY, at=NOW)
    assert recent_values.of_last(message_type=PAID, partner_id=kilimo.pk)[1] is None


def test_a_one_time_code_is_never_read_back() -> None:
    kilimo = make.partner()
    make_sms.queued(kilimo, message_type="one_time_code")
    _values, told_at = recent_values.of_last(message_type="one_time_code", partner_id=kilimo.pk)
    assert told_at is None


def test_a_viewer_reads_and_does_not_write() -> None:
    viewer = desk_of("viewer")
    assert viewer.get(DESK).status_code == 200
    assert viewer.post(DESK, typed("Mine {amount}")).status_code == 403


@pytest.mark.parametrize("query", ["?type=nonsense", "?language=fr", "?partner=nobody"])
def test_a_text_that_does_not_exist_is_not_found(desk: Client, query: str) -> None:
    assert desk.get(DESK + query).status_code == 404
