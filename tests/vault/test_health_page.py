"""The health page: it comes whatever is down, and says what."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from common.models import InboundMessage
from partners import pausing
from partners.models import Partner
from tests import make
from vault.house import health_page

pytestmark = pytest.mark.django_db
HEALTH = "/admin/health/"


@pytest.fixture
def victor() -> Client:
    user = User.objects.create(username="victor", is_staff=True)
    user.groups.set([Group.objects.get(name="viewer")])
    client = Client()
    client.force_login(user)
    return client


def said(client: Client) -> str:
    answer = client.get(HEALTH)
    assert answer.status_code == 200
    return answer.content.decode()


def overdue(partner: Partner) -> None:
    at = timezone.now()
    InboundMessage.objects.create(
        source="daraja",
        kind="b2c_result",
        subject_id=partner.pk,
        body="{}",
        body_digest="1",
        received_at=at,
        last_received_at=at,
        next_step_at=at - timedelta(minutes=20),
    )


def test_with_nothing_to_do_everything_works(victor: Client) -> None:
    text = said(victor)
    assert "Everything works." in text
    assert "Nobody outside has told us anything in the last hour." in text


def test_old_work_is_said_with_its_age(victor: Client) -> None:
    overdue(make.partner())
    text = said(victor)
    assert "Nobody works off: inbound_messages" in text
    assert "20 min" in text
    assert "1 in the hour" in text


def test_without_redis_the_page_still_comes_and_says_so(victor: Client, settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    text = said(victor)
    assert "It works, with something amiss." in text
    assert "Redis is away: queues are not known." in text
    assert "Redis is away: what was learned is not known" in text


def test_a_learned_pace_is_told_with_its_setting(victor: Client) -> None:
    one = make.shortcode()
    with health_page._redis() as client:
        client.hset(f"mpesa:pace:{one.number}", mapping={"share": "0.5", "since": str(client.time()[0])})
    assert f"a second of {one.rate_per_second:g}: slower since a spike arrest" in said(victor)


def test_dials_that_are_on_stand_there_with_their_reason(victor: Client) -> None:
    pausing.pause_by_platform(scope="everything", target_id=None, reason="Nobody answers", at=timezone.now())
    assert "Pause dials that are on" in said(victor)


def test_whoever_has_no_role_sees_no_health() -> None:
    client = Client()
    client.force_login(User.objects.create(username="eve", is_staff=True))
    assert client.get(HEALTH).status_code == 403


def test_the_page_costs_the_same_queries_however_much_is_there(
    victor: Client, django_assert_max_num_queries
) -> None:
    make.shortcode()
    said(victor)
    with django_assert_max_num_queries(120) as few:
        said(victor)
    for number in range(5):
        make.shortcode(f"60010{number}")
    with django_assert_max_num_queries(len(few)):
        said(victor)
