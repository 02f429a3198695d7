"""What machines call goes straight to its view: no session, no cookie, a length, and our correlation id."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_a_callback_is_answered_without_what_is_for_people() -> None:
    answer = Client(enforce_csrf_checks=True).post(
        f"/callbacks/c2b/{'0' * 76}/confirmation", data="{}", content_type="application/json"
    )
    assert answer.status_code == 404
    assert answer.headers["Content-Length"] == "0"
    assert answer.headers["X-Correlation-ID"]
    assert not answer.cookies
    assert "X-Frame-Options" not in answer.headers


def test_a_page_keeps_its_middleware() -> None:
    answer = Client().get("/admin/login/")
    assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("path", ["/callbacks/", "/callbacks/c2b/zz/confirmation", "/callbacks/nothing/here"])
def test_nothing_else_is_to_be_found_there(path: str) -> None:
    assert Client().post(path, data="{}", content_type="application/json").status_code == 404


@pytest.mark.parametrize("host", ["elsewhere.example", "127.0.0.1"])
def test_the_name_we_are_called_by_is_no_secret_and_no_matter(host: str) -> None:
    answer = Client(SERVER_NAME=host).get(f"/callbacks/c2b/{'0' * 76}/confirmation")
    assert answer.status_code == 405
