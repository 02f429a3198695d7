"""Pause dials: one per target, seen in one query, everything resumed by two people, all of it audited."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from common.models import AuditLine
from partners import pausing
from partners.models import PauseDial
from tests import make
from tests.make import NOW

pytestmark = pytest.mark.django_db
EVERYTHING = PauseDial.Scope.EVERYTHING


@pytest.fixture
def ann() -> User:
    return User.objects.create(username="ann")


@pytest.fixture
def ben() -> User:
    return User.objects.create(username="ben")


def pause(
    by: User, scope: str = EVERYTHING, target_id=None, reason: str = "the books are closed"
) -> PauseDial:
    return pausing.pause(scope=scope, target_id=target_id, reason=reason, by=by, at=NOW)


def test_a_paused_partner_stands_and_another_does_not(ann):
    kilimo, umoja = make.partner("kilimo"), make.partner("umoja")
    dial = pause(ann, "partner", kilimo.pk)
    assert pausing.standing(partner_id=kilimo.pk, product_id=uuid4(), shortcode_id=uuid4()) == dial
    assert pausing.standing(partner_id=umoja.pk, product_id=uuid4(), shortcode_id=uuid4()) is None


def test_the_widest_dial_is_named_first(ann):
    kilimo, shortcode = make.partner(), make.shortcode()
    pause(ann, "shortcode", shortcode.pk)
    pause(ann, "partner", kilimo.pk)
    everything = pause(ann)
    assert pausing.standing(partner_id=kilimo.pk, shortcode_id=shortcode.pk) == everything
    assert [dial.scope for dial in pausing.active()] == ["everything", "partner", "shortcode"]


def test_a_target_of_another_kind_with_the_same_id_is_not_paused(ann):
    kilimo = make.partner()
    pause(ann, "partner", kilimo.pk)
    assert pausing.standing(partner_id=uuid4(), product_id=kilimo.pk, shortcode_id=kilimo.pk) is None


def test_asking_what_stands_is_one_query(ann):
    pause(ann, "partner", make.partner().pk)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        pausing.standing(partner_id=uuid4(), product_id=uuid4(), shortcode_id=uuid4())
    assert len(queries) == 1


def test_pausing_twice_is_refused_for_a_person(ann, ben):
    pause(ann)
    with pytest.raises(pausing.CannotPause, match="already"):
        pause(ben)
    assert PauseDial.objects.count() == 1


def test_the_platform_pauses_once_and_says_so_by_none():
    shortcode = make.shortcode()
    wanted = {"scope": "shortcode", "target_id": shortcode.pk, "reason": "2001 from M-Pesa", "at": NOW}
    first = pausing.pause_by_platform(**wanted)
    assert first is not None
    assert first.by_platform
    assert pausing.pause_by_platform(**wanted) is None
    assert AuditLine.objects.get().actor_name == "platform"


@pytest.mark.parametrize(
    ("scope", "target", "reason", "words"),
    [
        ("everything", None, "  ", "reason"),
        ("everything", "some", "why", "Say which"),
        ("partner", None, "why", "Say which"),
        ("partner", "some", "why", "no such partner"),
        ("shortcode", "some", "why", "no such shortcode"),
        ("moon", None, "why", "no dial"),
    ],
)
def test_nonsense_is_refused_in_words(ann, scope, target, reason, words):
    with pytest.raises(pausing.CannotPause, match=words):
        pause(ann, scope, uuid4() if target else None, reason)
    assert not PauseDial.objects.exists()
    assert not AuditLine.objects.exists()


def test_one_person_lifts_a_partners_dial(ann):
    kilimo = make.partner()
    dial = pause(ann, "partner", kilimo.pk)
    pausing.lift(dial_id=dial.pk, by=ann, at=NOW, reason="books are open")
    assert pausing.standing(partner_id=kilimo.pk) is None
    with pytest.raises(pausing.CannotPause, match="off already"):
        pausing.lift(dial_id=dial.pk, by=ann, at=NOW, reason="again")


def test_nobody_resumes_everything_alone(ann, ben):
    dial = pause(ann)
    with pytest.raises(pausing.NeedsSecondPerson):
        pausing.lift(dial_id=dial.pk, by=ann, at=NOW, reason="mended")
    pausing.ask_to_lift(dial_id=dial.pk, by=ann, at=NOW, reason="mended")
    with pytest.raises(pausing.NeedsSecondPerson):
        pausing.lift(dial_id=dial.pk, by=ann, at=NOW, reason="mended")
    assert pausing.active() == [dial]
    pausing.lift(dial_id=dial.pk, by=ben, at=NOW + timedelta(minutes=1), reason="I looked, too")
    assert pausing.active() == []


def test_the_database_too_wants_two_people_for_everything(ann, ben):
    dial = pause(ann)
    with pytest.raises(IntegrityError, match="pause_dial_two_people"):
        PauseDial.objects.filter(pk=dial.pk).update(lifted_by=ben, lifted_at=NOW)


def test_a_lifted_dial_can_be_turned_on_again(ann):
    kilimo = make.partner()
    dial = pause(ann, "partner", kilimo.pk)
    pausing.lift(dial_id=dial.pk, by=ann, at=NOW, reason="open")
    assert pause(ann, "partner", kilimo.pk) != dial


def test_every_turn_leaves_a_line_with_who_and_why(ann, ben):
    dial = pause(ann, reason="fraud?")
    pausing.ask_to_lift(dial_id=dial.pk, by=ann, at=NOW, reason="it was none")
    pausing.lift(dial_id=dial.pk, by=ben, at=NOW, reason="agreed")
    lines = AuditLine.objects.order_by("id").values_list("actor_name", "action", "reason")
    assert list(lines) == [
        ("ann", "paused", "fraud?"),
        ("ann", "asked to lift", "it was none"),
        ("ben", "lifted pause", "agreed"),
    ]
