"""A wish that moves money is carried out once for each Idempotency-Key, whatever happens on the way."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from partners import idempotency
from partners.idempotency import KEPT, TAKE_OVER_AFTER, IdempotencyKey
from partners.models import Partner
from tests import make, make_api
from tests.make_api import caller, problem, with_key
from tests.wallet import make_bank
from tests.wallet.test_bank_races import at_once
from wallet.bank_models import TopUp

pytestmark = pytest.mark.django_db
URL = "/api/wallet/topups"
WISH = {"amount": "5000.00", "phone": "0711000001"}


@pytest.fixture
def kilimo() -> Partner:
    make_bank.account()
    return make.partner()


def ask(client: APIClient, key: str = "k-1", **changes: Any) -> Any:
    return client.post(URL, WISH | changes, headers={"Idempotency-Key": key})


def test_the_first_answer_comes_again_to_the_letter(kilimo: Partner) -> None:
    client = caller(kilimo)
    first, again = ask(client), ask(client)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.content == again.content
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    assert TopUp.objects.count() == 1


def test_blanks_and_the_order_of_names_do_not_matter(kilimo: Partner) -> None:
    client = caller(kilimo)
    ask(client)
    text = '{ "phone" : "0711000001",\n "amount": "5000.00" }'
    again = client.post(URL, text, content_type="application/json", headers={"Idempotency-Key": "k-1"})
    assert again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("key", [None, "", " ", "x" * 256, "ключ", "two words"])
def test_without_a_key_nothing_is_done(kilimo: Partner, key: str | None) -> None:
    headers = {} if key is None else {"Idempotency-Key": key}
    problem(caller(kilimo).post(URL, WISH, headers=headers), 400, "idempotency_key_missing")
    assert not TopUp.objects.exists()


def test_another_body_or_address_under_the_same_key_is_refused(kilimo: Partner) -> None:
    client = caller(kilimo)
    ask(client)
    problem(ask(client, amount="6000.00"), 422, "idempotency_key_reused")
    other = client.post("/api/wallet/float-purchases", WISH, headers={"Idempotency-Key": "k-1"})
    problem(other, 422, "idempotency_key_reused")
    assert TopUp.objects.count() == 1


def test_while_the_first_is_under_way_the_second_waits(kilimo: Partner) -> None:
    client = caller(kilimo)
    ask(client)
    IdempotencyKey.objects.update(status=None, started_at=timezone.now())
    response = ask(client)
    problem(response, 409, "idempotency_in_progress")
    assert response.headers["Retry-After"]


def test_another_owner_may_use_the_same_key(kilimo: Partner) -> None:
    tunza = make.partner("tunza")
    ids = {ask(caller(owner)).json()["id"] for owner in (kilimo, tunza)}
    ids.add(ask(caller(), partner="kilimo").json()["id"])
    assert len(ids) == TopUp.objects.count() == 3


def test_two_keys_of_one_partner_share_its_wishes(kilimo: Partner) -> None:
    assert ask(caller(kilimo)).json() == ask(caller(kilimo)).json()
    assert TopUp.objects.count() == 1


def test_a_wish_that_was_ill_formed_may_be_corrected_under_its_key(kilimo: Partner) -> None:
    client = caller(kilimo)
    problem(ask(client, amount="5000.50"), 400, "invalid")
    assert ask(client).status_code == 202


def test_a_refusal_is_an_answer_and_comes_again(kilimo: Partner) -> None:
    client = caller(kilimo)
    first = ask(client, amount="9999999.00")
    problem(first, 422, "refused")
    again = ask(client, amount="9999999.00")
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"


def test_an_answer_that_was_lost_is_found_by_asking_again(kilimo: Partner, monkeypatch: Any) -> None:
    """The process dies between the operation and the keeping of its answer."""
    client = caller(kilimo)
    with monkeypatch.context() as patch:
        patch.setattr(IdempotencyKey, "keep", _die)
        with pytest.raises(SystemExit):
            ask(client)
    problem(ask(client), 409, "idempotency_in_progress")
    IdempotencyKey.objects.update(started_at=timezone.now() - TAKE_OVER_AFTER)
    assert ask(client).status_code == 202
    assert TopUp.objects.count() == 1


def test_after_a_fault_of_ours_the_same_may_be_sent_at_once(kilimo: Partner, monkeypatch: Any) -> None:
    client = caller(kilimo)
    with monkeypatch.context() as patch:
        patch.setattr("wallet.topups._insert", _fail)
        problem(ask(client), 500, "internal")
    assert ask(client).status_code == 202


def _die(*_: Any, **__: Any) -> None:
    raise SystemExit


def _fail(*_: Any, **__: Any) -> None:
    raise RuntimeError("broken")


def test_wishes_are_forgotten_after_thirty_days(kilimo: Partner) -> None:
    ask(caller(kilimo))
    made_at = IdempotencyKey.objects.get().made_at
    assert idempotency.purge(at=made_at + KEPT) == 0
    assert idempotency.purge(at=made_at + KEPT + timedelta(seconds=1)) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(3))
def test_eight_at_once_are_one_wish(round_: int) -> None:
    make_bank.account()
    _, text = make_api.key(make.partner())
    found: list[Any] = at_once([lambda: ask(with_key(text))] * 8)
    assert {response.status_code for response in found} <= {202, 409}
    assert TopUp.objects.count() == 1
    ids = {response.json()["id"] for response in found if response.status_code == 202}
    assert ids == {str(TopUp.objects.get().pk)}
    assert ask(with_key(text)).headers["Idempotent-Replayed"] == "true"


@pytest.mark.django_db(transaction=True)
def test_an_abandoned_wish_is_taken_over_by_one() -> None:
    make_bank.account()
    _, text = make_api.key(make.partner())
    first = ask(with_key(text)).json()
    past = timezone.now() - TAKE_OVER_AFTER
    IdempotencyKey.objects.update(status=None, started_at=past)
    found: list[Any] = at_once([lambda: ask(with_key(text))] * 6)
    good = [response for response in found if response.status_code == 202]
    assert good
    assert {response.status_code for response in found} <= {202, 409}
    assert {response.json()["id"] for response in good} == {first["id"]}
    assert TopUp.objects.count() == 1
