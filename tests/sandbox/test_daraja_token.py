"""The token: how it is given, how it ends, how a bad one is answered."""

import pytest

from tests.sandbox.conftest import Sandbox
from tests.sandbox.daraja_client import Daraja


def test_a_token_has_28_letters_and_its_life_as_text(daraja: Daraja) -> None:
    body = daraja.fetch_token().json()
    assert len(body["access_token"]) == 28
    assert body["expires_in"] == "3599"


def test_the_life_may_be_a_number(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__expires_in_type="number")
    assert daraja.fetch_token().json()["expires_in"] == 3599


def test_a_new_token_kills_the_old_one(daraja: Daraja) -> None:
    daraja.fetch_token()
    answer = daraja.pay()
    assert answer.status_code == 401
    assert answer.json()["errorCode"] == "401.002.01"


def test_by_switch_old_tokens_live_on(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__invalidate_previous_token="off")
    daraja.fetch_token()
    assert daraja.pay().status_code == 200


def test_a_token_ends_after_an_hour(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.control("POST", "clock", {"shift_seconds": 3600})
    assert daraja.pay().status_code == 401


@pytest.mark.parametrize("pair", [("key", "wrong"), ("nobody", "secret")])
def test_a_wrong_key_gets_an_empty_400(daraja: Daraja, pair: tuple[str, str]) -> None:
    answer = daraja.fetch_token(*pair)
    assert (answer.status_code, answer.text) == (400, "")


def test_by_switch_a_wrong_key_gets_a_body(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__bad_key_body="json")
    assert daraja.fetch_token("nobody").json()["errorCode"] == "400.008.01"


def test_grant_type_and_basic_authentication_are_required(sandbox: Sandbox) -> None:
    path = "/daraja/oauth/v1/generate"
    assert sandbox.get(path).json()["errorCode"] == "400.008.02"
    bearer = {"Authorization": "Bearer x"}
    answer = sandbox.get(path, params={"grant_type": "client_credentials"}, headers=bearer)
    assert answer.json()["errorCode"] == "400.008.01"


@pytest.mark.parametrize(("code", "status"), [("401.002.01", 401), ("404.001.03", 404), ("400.003.01", 400)])
def test_a_bad_token_may_be_answered_401_404_or_400(
    daraja: Daraja, sandbox: Sandbox, code: str, status: int
) -> None:
    sandbox.switch(daraja__invalid_token=code)
    daraja.token = "stale"
    answer = daraja.pay()
    assert (answer.status_code, answer.json()["errorCode"]) == (status, code)


def test_the_old_version_and_wrong_paths_are_refused(daraja: Daraja, sandbox: Sandbox) -> None:
    assert daraja.post("b2c/v1/paymentrequest", {}).json()["errorCode"] == "401.003.01"
    assert daraja.post("b2c/v9/paymentrequest", {}).json()["errorCode"] == "404.001.01"
    assert sandbox.get("/daraja/mpesa/b2c/v3/paymentrequest").json()["errorCode"] == "405.001"
