"""What is not there or not allowed is said in the house's own words, without a hint of how it is built."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client, RequestFactory
from django.views.defaults import server_error

pytestmark = pytest.mark.django_db


def test_a_page_that_is_not_there() -> None:
    answer = Client().get("/nowhere/at/all")
    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()


def test_a_page_that_is_not_for_the_role() -> None:
    client = Client()
    client.force_login(get_user_model().objects.create_user("mary", is_staff=True))
    answer = client.get("/admin/wallet/partnerwallet/")
    assert answer.status_code == 403
    assert "This is not for your role" in answer.content.decode()


def test_a_page_that_breaks() -> None:

    answer = server_error(RequestFactory().get("/admin/"))
    assert "no money moves by it" in answer.content.decode()
