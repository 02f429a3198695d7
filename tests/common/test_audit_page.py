"""The audit page: found by person, object, action and address; read as before and after."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from common import audit
from common.admin import told
from common.changes import By, put
from common.models import AuditLine
from common.paging import values_of
from tests import make
from tests.make import JANE, NOW

pytestmark = pytest.mark.django_db
AUDIT = "/admin/common/auditline/"


@pytest.fixture
def pages() -> Client:
    client = Client()
    client.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))
    return client


def line(action: str = "hold", name: str = "mary", **fields: object) -> AuditLine:
    return audit.write(action=action, subject=User(pk=7), at=NOW, actor_name=name, **fields)  # type: ignore[arg-type]


def listed(pages: Client, **query: str) -> list[str]:
    answer = pages.get(AUDIT, query)
    assert answer.status_code == 200
    return sorted(f"{one.actor_name} {one.action}" for one in answer.context["cl"].result_list)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"actor_name": "mary"}, ["mary hold"]),
        ({"action": "release"}, ["peter release"]),
        ({"object_type": "auth_user"}, ["mary hold", "peter release"]),
        ({"object_type": "partners"}, []),
        ({"q": "7"}, ["mary hold", "peter release"]),
        ({"q": "peter"}, ["peter release"]),
        ({"q": "10.0.0.9"}, ["peter release"]),
        ({"q": "nobody"}, []),
    ],
)
def test_a_line_is_found_by_person_action_object_and_address(
    pages: Client, query: dict[str, str], found: list[str]
) -> None:
    line()
    line("release", "peter", remote_address="10.0.0.9")
    assert listed(pages, **query) == found


def test_the_filters_offer_what_there_is(pages: Client) -> None:
    for name in ("mary", "peter", "mary"):
        line(name=name)
    assert values_of(AuditLine, "actor_name") == ["mary", "peter"]


def test_a_change_is_read_as_before_and_after(pages: Client) -> None:
    kilimo = make.partner()
    put(kilimo, {"name": "Kilimo Sacco Society"}, by=By(name="apply", reason="It was renamed"), at=NOW)
    written = AuditLine.objects.get()
    text = pages.get(f"{AUDIT}{written.pk}/change/").content.decode()
    assert "<td>Name</td><td>Kilimo SACCO</td><td>Kilimo Sacco Society</td>" in text
    assert "It was renamed" in text


def test_a_secret_only_says_that_it_changed_and_a_phone_is_masked() -> None:
    rows = told(
        {
            "consumer_key": "changed",
            "phones": {"old": [], "new": [JANE]},
            "is_active": {"old": True, "new": False},
        }
    )
    assert rows == [
        ("Consumer key", "–", "changed"),
        ("Phones", "nothing", "2547••••149"),
        ("Is active", "yes", "no"),
    ]


def test_markup_in_a_value_is_text(pages: Client) -> None:
    written = line(detail={"name": "<script>x</script>"})
    assert "<script>x</script>" not in pages.get(f"{AUDIT}{written.pk}/change/").content.decode()
