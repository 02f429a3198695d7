"""A flood of what moves no money is stopped at the door; a readable message of money never is."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client as Web

from common import door, tokens
from common.models import InboundMessage
from tests import make
from tests.wallet import make_bank
from tests.wallet.make_bank import paybill, post, wallet_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def two_in_a_minute(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CALLBACK_JUNK_PER_MINUTE = 2
    monkeypatch.setattr(door.time, "monotonic", lambda: 6000.0)
    monkeypatch.setattr(door, "_counted", {})


def mpesa(body: str, token: str) -> int:
    path = f"/callbacks/b2c/{token}/result"
    return Web().post(path, data=body, content_type="application/json").status_code


def test_notices_with_a_wrong_password_are_stored_only_so_often(settings: Any) -> None:
    bank, kilimo = make_bank.account(), make.partner()
    answers = [post(bank, "paybill", paybill(Password=f"guess {number}")).status_code for number in range(5)]
    assert answers == [200, 200, 429, 429, 429]
    assert InboundMessage.objects.count() == 2
    assert (post(bank, "paybill", paybill()).status_code, wallet_of(kilimo)) == (200, 5000)


def test_a_result_that_can_be_read_is_taken_however_many_come() -> None:
    token = tokens.make("b2c", uuid4())
    assert [mpesa(f"<html>{number}</html>", token) for number in range(4)] == [200, 200, 429, 429]
    assert [mpesa(f'{{"Result": {number}}}', token) for number in range(4)] == [200] * 4
    assert InboundMessage.objects.filter(kind="b2c_result").count() == 2 + 4


def test_another_address_is_not_held_up() -> None:
    first, second = (tokens.make("b2c", uuid4()) for _ in range(2))
    assert [mpesa(f"junk {number}", first) for number in range(3)][-1] == 429
    assert mpesa("junk", second) == 200


def test_the_next_minute_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    token = tokens.make("b2c", uuid4())
    assert [mpesa(f"junk {number}", token) for number in range(3)][-1] == 429
    monkeypatch.setattr(door.time, "monotonic", lambda: 6061.0)
    assert mpesa("junk 9", token) == 200
