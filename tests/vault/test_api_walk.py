"""Every address of the API: every method, junk, foreign and poor keys. None fails, all speak problem+json."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from common.ids import new_id
from mifos.models import MifosPartner
from partners.api.views import ApiView, ListView
from partners.models import Partner, Scope
from sms.models import SmsGateway
from tests import make
from tests.make_api import caller, key, problem
from tests.mifos import make_mifos
from tests.wallet import make_bank
from wallet import operations, topups
from wallet.purchases import FloatPurchase

pytestmark = pytest.mark.django_db

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE")
JUNK: tuple[tuple[str, bytes], ...] = (
    ("application/json", b""),
    ("application/json", b"{"),
    ("application/json", b"[]"),
    ("application/json", b'"text"'),
    ("application/json", b"null"),
    ("application/json", b'{"amount": NaN}'),
    ("application/json", b'{"a": 1, "a": 2}'),
    ("application/json", b"[" * 5000),
    ("application/json", b'{"amount": 1e999999, "name": "\\ud800", "phone": "\\u0000"}'),
    ("application/json", b"\xff\xfe{}"),
    ("application/json", b'{"x": "' + b"y" * 300_000 + b'"}'),
    ("application/json", json.dumps({"amount": "1" * 400, "id": -1, "code": {}, "partner": []}).encode()),
    ("application/xml", b"<a/>"),
    ("multipart/form-data", b"junk"),
    ("", b"{}"),
)
QUERIES = (
    "page=10000",
    "page_size=0",
    "page_size=9999",
    "cursor=%00",
    "cursor=AAAA",
    "limit=1",
    "x[]=1",
    "%00=1",
    "=",
)


def _views(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, type[ApiView]]]:
    for found in patterns:
        path = prefix + str(found.pattern)
        if isinstance(found, URLResolver):
            yield from _views(found.url_patterns, path)
        elif isinstance(found, URLPattern) and path.startswith("api/"):
            view = getattr(found.callback, "cls", None)
            if view and issubclass(view, ApiView):
                yield "/" + path, view


VIEWS = dict(_views(get_resolver().url_patterns))


def _address(path: str, row_id: Any = None) -> str:
    return re.sub(r"<uuid:\w+>", lambda _: str(row_id or new_id()), path)


@pytest.fixture
def kilimo() -> Partner:
    return make.partner()


@pytest.fixture
def rows(kilimo: Partner) -> dict[type[Model], Any]:
    """One row of kilimo's behind each address that has an id."""
    shortcode = make.shortcode(partner=kilimo)
    make_bank.account()
    operations.open_accounts(partner_id=kilimo.pk, shortcode_id=shortcode.pk, at=make.NOW)
    host = {"mifos_host_url": "https://127.0.0.1:1", "mifos_username": "vault", "mifos_password": "x"}
    make_mifos.product(MifosPartner.objects.create(partner=kilimo, **host))
    topups.ask_topup(partner_id=kilimo.pk, phone=make.JANE, amount=Decimal(10), client_key="k", at=make.NOW)
    FloatPurchase.objects.create(
        reference="R1",
        partner=kilimo,
        shortcode=shortcode,
        amount=Decimal(100),
        confirm="code",
        route="float_purchase",
        asked_at=make.NOW,
        moved_at=make.NOW,
    )
    SmsGateway.objects.create(name="Damza", partner=kilimo)
    key(kilimo)
    found: dict[type[Model], Any] = {}
    for view in VIEWS.values():
        if view.rows is not None:
            found[view.rows.model] = view.rows.model._default_manager.first()
    return found


def _fits(response: Any) -> None:
    """Never a failure of ours, never HTML, and what is no success is a problem."""
    assert response.status_code < 500 or response.json()["code"] == "outside_failed", response.content[:500]
    if response.status_code >= 400:
        assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Correlation-ID"]


def test_the_addresses_are_those_of_the_design() -> None:
    wanted = {
        *("partners", "shortcodes", "tariffs", "sms/gateways", "mifos/partners", "mifos/partners/<uuid:id>"),
        *("mifos/products", "mifos/products/<uuid:id>", "wallet/balance", "wallet/transactions"),
        *("wallet/topups", "wallet/float-purchases", "keys"),
        *(f"mifos/partners/<uuid:id>/{act}" for act in ("test-connection", "sync-products", "poll")),
        "mifos/partners/<uuid:id>/rotate-webhook-token",
    }
    assert {f"/api/{path}" for path in wanted} <= set(VIEWS)


@pytest.mark.parametrize("path", VIEWS)
def test_without_a_key_nothing_is_told(path: str, client: Client) -> None:
    for method in METHODS:
        response = client.generic(method, _address(path))
        assert response.status_code == 401, method
        _fits(response)


@pytest.mark.parametrize("path", VIEWS)
def test_a_method_that_is_not_there_is_refused_by_name(path: str) -> None:
    platform = caller()
    known = set(VIEWS[path].scopes)
    for method in set(METHODS) - known - ({"HEAD"} if "GET" in known else set()):
        response = platform.generic(method, _address(path))
        problem(response, 405, "method_not_allowed") if method != "HEAD" else _fits(response)
        assert set(response.headers["Allow"].split(", ")) - {"HEAD", "OPTIONS"} == known


@pytest.mark.parametrize("path", VIEWS)
def test_each_method_asks_for_its_scope(path: str, kilimo: Partner) -> None:
    for method, scope in VIEWS[path].scopes.items():
        others = [other for other in Scope.values if other not in (scope, Scope.ALL)]
        response = caller(None, *others).generic(method, _address(path))
        assert scope in problem(response, 403, "scope_missing")["detail"]


@pytest.mark.parametrize("path", VIEWS)
def test_what_is_the_platforms_is_no_partners(path: str, kilimo: Partner) -> None:
    if VIEWS[path].platform_only:
        for method in VIEWS[path].scopes:
            problem(caller(kilimo).generic(method, _address(path)), 403, "platform_only")


@pytest.mark.parametrize("path", VIEWS)
@pytest.mark.parametrize("whose", ["platform", "partner"])
def test_junk_is_refused_and_breaks_nothing(path: str, whose: str, kilimo: Partner, rows: Any) -> None:
    client = caller(None if whose == "platform" else kilimo, rate=60_000)
    view = VIEWS[path]
    row = rows.get(view.rows.model) if view.rows is not None else None
    address = _address(path, row.pk if row else None)
    for method in set(view.scopes) - {"GET"}:
        for number, (content_type, body) in enumerate(JUNK):
            headers = {"Idempotency-Key": f"{method}-{number}", "If-Match": "*"}
            response = client.generic(method, address, body, content_type=content_type, headers=headers)
            _fits(response)
            assert response.status_code >= 400 or not view.takes.get(method) or body in (b"", b"{}")


@pytest.mark.parametrize("path", VIEWS)
def test_what_is_kilimos_is_not_there_for_tunza(path: str, rows: Any) -> None:
    view, other = VIEWS[path], caller(make.partner("tunza"), rate=60_000)
    row = rows.get(view.rows.model) if view.rows is not None else None
    if view.platform_only or row is None:
        return
    if "<uuid" not in path:
        assert "GET" not in view.scopes or str(row.pk) not in other.get(path).content.decode()
        return
    for method in view.scopes:
        headers = {"Idempotency-Key": method, "If-Match": "*"}
        body = b'{"code": "123456"}' if path.endswith("/confirm") else b"{}"
        response = other.generic(method, _address(path, row.pk), body, "application/json", headers=headers)
        assert response.status_code == 404 or (response.status_code == 400 and method != "GET")


@pytest.mark.parametrize("path", VIEWS)
def test_query_parameters_that_mean_nothing_are_refused(path: str) -> None:
    platform = caller(rate=60_000)
    for method in VIEWS[path].scopes:
        for query in QUERIES:
            response = platform.generic(method, f"{_address(path)}?{query}")
            assert 400 <= response.status_code < 500, query
            _fits(response)


@pytest.mark.parametrize("path", [path for path, view in VIEWS.items() if issubclass(view, ListView)])
def test_filters_that_make_no_sense_are_refused_by_name(path: str) -> None:
    platform = caller(rate=60_000)
    filters = getattr(VIEWS[path], "filterset_class", None)
    for name in filters.base_filters if filters else ():
        for junk in (
            "",
            "\x00",
            "x" * 3000,
            "ключ",
            "-1",
            "9" * 40,
            "NaN",
            "1e400",
            "9999-99-99",
            "0001-01-01",
        ):
            response = platform.get(path, {name: junk})
            _fits(response)
            if response.status_code == 400:
                assert name in [fault["field"] for fault in response.json()["errors"]]
        problem(platform.get(path, {name: ""}), 400, "invalid_filter")


@pytest.mark.parametrize("path", [path for path in VIEWS if "<uuid" in path])
def test_an_id_that_is_not_there_is_not_found(path: str, kilimo: Partner) -> None:
    for client in (caller(), caller(kilimo)):
        for method in VIEWS[path].scopes:
            headers = {"Idempotency-Key": "k", "If-Match": "*"}
            response = client.generic(method, _address(path), b"{}", "application/json", headers=headers)
            assert response.status_code in (404, 403, 400)
            _fits(response)
    for junk in ("1", "not-an-id", "0" * 36, "..", "%00"):
        problem(caller().get(path.replace("<uuid:id>", junk)), 404, "not_found")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        *(
            (good, 200)
            for good in ("*/*", "application/json", "application/*;q=0.5", "application/problem+json")
        ),
        *((bad, 406) for bad in ("text/html", "image/png", "junk")),
    ],
)
def test_only_json_is_spoken(accept: str, status: int) -> None:
    response = caller().get("/api/keys", headers={"Accept": accept})
    assert response.status_code == status
    _fits(response)


@pytest.mark.parametrize(
    "path", ["/api/", "/api/nothing", "/api/keys/", "/api/keys.json", "/api/%00", "/api//keys"]
)
def test_addresses_that_are_not_are_problems_too(path: str, client: Client) -> None:
    for method in METHODS:
        assert client.generic(method, path).status_code == 404
    problem(client.get(path), 404, "not_found")


def test_a_host_that_is_not_ours_gets_a_problem(client: Client) -> None:
    problem(client.get("/api/keys", headers={"Host": "evil.example"}), 400, "malformed")


def test_every_table_of_the_views_has_an_owner() -> None:
    for path, view in VIEWS.items():
        if view.rows is not None and not view.platform_only:
            assert issubclass(view.rows.model, Model), path
            assert view.owner or view.of_partner is not ApiView.of_partner, path


def test_a_view_that_forgets_is_refused_at_import() -> None:
    with pytest.raises(TypeError, match="scopes"):
        type("NoScope", (ListView,), {"rows": Partner.objects.all(), "owner": "pk"})
    with pytest.raises(TypeError, match="owner"):
        type("NoOwner", (ListView,), {"rows": Partner.objects.all(), "scopes": {"GET": "read"}})
    with pytest.raises(TypeError, match="rows"):
        type("Plain", (ListView,), {"queryset": Partner.objects.all(), "scopes": {"GET": "read"}})


def test_the_database_away_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    platform = caller()

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(ApiView, "get_queryset", away)
    response = platform.get("/api/keys")
    problem(response, 503, "unavailable")
    assert response.headers["Retry-After"]


def test_our_own_fault_tells_nothing_but_where_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = caller()

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a secret in a message")

    monkeypatch.setattr(ApiView, "get_queryset", broken)
    response = platform.get("/api/keys")
    found = problem(response, 500, "internal")
    assert found["correlation_id"] == response.headers["X-Correlation-ID"]
    assert "secret" not in response.content.decode()
