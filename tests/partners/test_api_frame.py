"""What all of the API shares: limits, pages, tags, problems, and its description."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from common.api import limits, open_doors
from common.api.kinds import KINDS
from common.shared import Away
from partners.models import Partner
from tests import make
from tests.make_api import caller, problem

pytestmark = pytest.mark.django_db


def test_a_key_is_told_how_much_is_left_and_then_to_wait() -> None:
    client = caller(rate=2)
    assert client.get("/api/partners").headers["RateLimit"] == '"minute";r=1;t=60'
    last = client.get("/api/partners")
    assert last.headers["RateLimit-Policy"] == '"minute";q=2;w=60'
    assert last.headers["RateLimit"].startswith('"minute";r=0;t=')
    refused = client.get("/api/partners")
    problem(refused, 429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert caller().get("/api/partners").status_code == 200


def test_bad_keys_from_one_address_are_told_to_wait_and_good_ones_are_not(
    client: Client, settings: Any
) -> None:
    settings.API_REFUSED_PER_MINUTE = 3
    good = caller()
    for _ in range(3):
        problem(client.get("/api/partners"), 401, "key_missing")
    refused = client.get("/api/partners", headers={"Authorization": "Bearer pv_live_guess"})
    problem(refused, 429, "rate_limited")
    assert refused.headers["Retry-After"]
    assert good.get("/api/partners").status_code == 200


def test_without_redis_the_api_goes_on(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    class Gone:
        def ask(self, question: Any) -> Any:
            raise Away

    monkeypatch.setattr(limits, "shared", lambda url: Gone())
    response = caller(rate=1).get("/api/partners")
    assert response.status_code == 200
    assert "RateLimit" not in response.headers
    problem(client.get("/api/partners"), 401, "key_missing")


def _walk(client: Any, url: str, way: str) -> list[str]:
    names: list[str] = []
    while url:
        page = client.get(url).json()
        names += [row["code"] for row in page["results"]]
        url = page[way]
    return names


def test_pages_are_walked_forth_and_back_without_gap_or_double(django_assert_num_queries: Any) -> None:
    codes = [make.partner(f"p{number:02}").code for number in range(7)][::-1]
    client = caller()
    assert _walk(client, "/api/partners?page_size=3", "next") == codes
    second = client.get(client.get("/api/partners?page_size=3").json()["next"]).json()
    assert [row["code"] for row in second["results"]] == codes[3:6]
    first = client.get(second["previous"]).json()
    assert [row["code"] for row in first["results"]] == codes[:3]
    assert first["previous"] is None
    with django_assert_num_queries(2):
        client.get("/api/partners")


def test_what_is_made_meanwhile_moves_no_page() -> None:
    codes = [make.partner(f"p{number}").code for number in range(4)][::-1]
    client = caller()
    page = client.get("/api/partners?page_size=2").json()
    make.partner("new")
    assert [row["code"] for row in client.get(page["next"]).json()["results"]] == codes[2:]


def test_a_cursor_of_nothing_or_of_another_list_is_refused() -> None:
    client = caller()
    for number in range(3):
        make.partner(f"p{number}")
    for cursor in ("junk", "", "WyItaWQiLCAibmV4dCIsICJub3QtYS11dWlkIl0", "W10", "bnVsbA", "é"):
        problem(client.get("/api/partners", {"cursor": cursor}), 400, "bad_cursor")


def test_settings_are_changed_only_by_who_has_read_them() -> None:
    kilimo, client = make.partner(), caller()
    url = f"/api/partners/{kilimo.pk}"
    tag = client.get(url).headers["ETag"]
    problem(client.patch(url, {"name": "Other"}), 428, "precondition_required")
    problem(client.patch(url, {"name": "Other"}, headers={"If-Match": '"old"'}), 412, "precondition_failed")
    changed = client.patch(url, {"name": "Other"}, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["name"]) == (200, "Other")
    problem(client.patch(url, {"name": "Third"}, headers={"If-Match": tag}), 412, "precondition_failed")
    assert (
        client.patch(url, {"name": "Third"}, headers={"If-Match": changed.headers["ETag"]}).status_code == 200
    )
    assert Partner.objects.get().name == "Third"


def test_what_is_known_already_is_not_sent_again() -> None:
    url, client = f"/api/partners/{make.partner().pk}", caller()
    tag = client.get(url).headers["ETag"]
    again = client.get(url, headers={"If-None-Match": f'W/"x", {tag}'})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert client.get(url, headers={"If-None-Match": '"x"'}).status_code == 200


def test_each_kind_of_problem_can_be_opened(client: Client) -> None:
    found = problem(client.get("/api/partners"), 401, "key_missing")
    told = client.get(found["type"].removeprefix("http://127.0.0.1:8000")).json()
    assert (told["type"], told["status"]) == (found["type"], 401)
    listed = client.get("/api/problems").json()["problems"]
    assert {one["code"] for one in listed} == set(KINDS)
    problem(client.get("/api/problems/none"), 404, "not_found")
    problem(client.post("/api/problems"), 405, "method_not_allowed")


def test_the_description_is_sound_and_complete(settings: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO())
    described = open_doors.described()
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            if method == "parameters":
                continue
            assert operation["summary"], path
            assert operation["description"], path
            assert {"401", "403", "429", "500", "503"} <= set(operation["responses"]), (path, method)
            assert any(code.startswith("2") for code in operation["responses"])


def test_the_description_and_its_page_need_no_other_host(client: Client) -> None:
    schema = client.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"})
    assert schema.json()["openapi"].startswith("3.")
    page = client.get("/api/docs/").content.decode()
    assert "http://" not in page
    assert "https://" not in page
    assert "<script>" not in page
    assert "style=" not in page
    problem(client.post("/api/schema/"), 405, "method_not_allowed")
