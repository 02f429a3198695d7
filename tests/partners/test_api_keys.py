"""Who may call the REST API, as whom, and what a key may do."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from common.models import AuditLine
from partners import operations
from partners.api import use
from partners.models import ApiKey
from tests import make, make_api
from tests.make_api import caller, problem, with_key

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "key_missing"),
        ("Basic cHY6cHY=", "key_missing"),
        ("Bearer", "key_missing"),
        ("Bearer something", "key_unknown"),
        ("Bearer pv_live_unknown", "key_unknown"),
        ("Bearer pv_live_" + "x" * 500, "key_unknown"),
        ("Bearer pv_live_ключ", "key_unknown"),
        ("Bearer pv_test_unknown", "key_wrong_kind"),
    ],
)
def test_a_request_without_a_good_key_is_told_how_to_bring_one(client: Any, header: str, code: str) -> None:
    response = client.get("/api/keys", headers={"Authorization": header})
    problem(response, 401, code)
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_revoked_key_is_refused() -> None:
    key, text = make_api.key()
    operations.revoke_api_key(key=key, by=operations.By(name="tests"), at=timezone.now())
    problem(with_key(text).get("/api/keys"), 401, "key_revoked")


def test_a_key_is_refused_from_the_moment_it_expires() -> None:
    _, text = make_api.key(expires_at=timezone.now())
    problem(with_key(text).get("/api/keys"), 401, "key_expired")
    _, text = make_api.key(expires_at=timezone.now() + timedelta(hours=1))
    assert with_key(text).get("/api/keys").status_code == 200


def test_the_sandbox_takes_test_keys_only() -> None:
    _, live = make_api.key()
    _, test = make_api.key(live=False)
    problem(with_key(test).get("/api/keys"), 401, "key_wrong_kind")
    with override_settings(DEMO=True):
        problem(with_key(live).get("/api/keys"), 401, "key_wrong_kind")
        assert with_key(test).get("/api/keys").status_code == 200


def test_a_key_does_what_its_scopes_say_and_no_more() -> None:
    found = problem(caller(make.partner(), "read", "wallet").get("/api/keys"), 403, "scope_missing")
    assert "manage" in found["detail"]


def test_a_partner_sees_its_own_keys_and_the_platform_all() -> None:
    kilimo, tunza = make.partner(), make.partner("tunza")
    theirs, _ = make_api.key(tunza)
    own = caller(kilimo)
    assert {row["partner"] for row in own.get("/api/keys").json()["results"]} == {"kilimo"}
    problem(own.get(f"/api/keys/{theirs.pk}"), 404, "not_found")
    problem(own.post(f"/api/keys/{theirs.pk}/revoke"), 404, "not_found")
    assert not ApiKey.objects.get(pk=theirs.pk).revoked_at
    assert len(caller().get("/api/keys").json()["results"]) == 3


def test_a_new_key_is_shown_once_and_works() -> None:
    response = caller(make.partner()).post("/api/keys", {"name": "Reports", "scopes": ["manage"]})
    assert response.status_code == 201
    made = response.json()
    again = with_key(made["key"]).get(response.headers["Location"])
    assert "key" not in again.json()
    assert again.json()["partner"] == "kilimo"
    line = AuditLine.objects.filter(object_id=made["id"], action="created").get()
    assert line.actor_name.startswith("API key pv_live_")
    assert line.remote_address == "127.0.0.1"
    assert made["key"] not in str(list(AuditLine.objects.values()))


def test_a_key_gives_no_scope_away_that_it_lacks() -> None:
    own = caller(make.partner(), "manage")
    problem(own.post("/api/keys", {"name": "more", "scopes": ["disburse"]}), 403, "scope_missing")
    problem(own.post("/api/keys", {"name": "all", "scopes": ["all"]}), 403, "scope_missing")
    assert own.post("/api/keys", {"name": "same", "scopes": ["manage"]}).status_code == 201


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes.0"),
        ({"scopes": "read"}, "scopes"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"rate_per_minute": 5}, "rate_per_minute"),
        ({"partner": "tunza"}, "partner"),
        ({"digest": "x"}, "digest"),
    ],
)
def test_a_wish_for_a_key_that_is_not_right_is_refused_by_field(change: dict[str, Any], field: str) -> None:
    make.partner("tunza")
    wish = {"name": "Reports", "scopes": ["read"]} | change
    found = problem(caller(make.partner()).post("/api/keys", wish), 400, "invalid")
    assert field in [fault["field"] for fault in found["errors"]]


def test_a_revoked_key_stays_so_and_is_noted_once() -> None:
    kilimo = make.partner()
    key, text = make_api.key(kilimo)
    own = caller(kilimo)
    assert own.post(f"/api/keys/{key.pk}/revoke").json()["state"] == "revoked"
    assert own.post(f"/api/keys/{key.pk}/revoke").json()["state"] == "revoked"
    problem(with_key(text).get("/api/keys"), 401, "key_revoked")
    assert AuditLine.objects.filter(object_id=str(key.pk), action="revoked").count() == 1


def test_the_last_use_is_written_without_the_request_waiting_for_it(django_assert_num_queries: Any) -> None:
    key, text = make_api.key()
    with django_assert_num_queries(2):  # the key, and the list
        with_key(text).get("/api/keys")
    assert ApiKey.objects.get(pk=key.pk).last_used_at is None
    assert use.note() == 1
    last = ApiKey.objects.get(pk=key.pk).last_used_at
    assert last is not None
    assert timezone.now() - last < timedelta(seconds=10)
    assert use.note() == 0


def test_keys_are_found_by_their_state() -> None:
    platform = caller()
    make_api.key(expires_at=make.NOW)
    revoked, _ = make_api.key()
    operations.revoke_api_key(key=revoked, by=operations.By(), at=make.NOW)
    for state in ("in_use", "expired", "revoked"):
        found = platform.get("/api/keys", {"state": state}).json()["results"]
        assert [row["state"] for row in found] == [state]
