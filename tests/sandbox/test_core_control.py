"""The generic control pages and the faults that every system plays."""

import pytest
import requests

from tests.sandbox.conftest import Inbox, Sandbox
from tests.sandbox.daraja_client import Daraja

TOKEN = "/daraja/oauth/v1/generate"


def test_reset_brings_everything_back_to_the_start(sandbox: Sandbox, daraja: Daraja) -> None:
    daraja.pay()
    daraja.results()
    sandbox.switch(daraja__result_id="gateway")
    sandbox.fault("daraja", "b2c", "result_lost")
    sandbox.control("PUT", "latency", {"*": {"p50_ms": 1}})
    sandbox.control("POST", "clock", {"shift_seconds": 3600})
    sandbox.control("POST", "reset", {"seed": 1})
    assert daraja.books()["payouts"] == []
    assert sandbox.control("GET", "switches")["daraja.result_id"]["value"] == "echo"
    assert sandbox.control("GET", "faults") == []
    assert sandbox.control("GET", "latency") == {}
    assert sandbox.world.clock.offset.total_seconds() == 0


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "switches", {"daraja.nothing": "on"}),
        ("PUT", "switches", {"daraja.result_id": "guess"}),
        ("PUT", "switches", [1]),
        ("PUT", "switches", {"daraja.dedupe_days": "soon"}),
        ("PUT", "switches", {"daraja.lock_after": "3"}),
        ("POST", "daraja/phones", {"phone": "254712000001", "registered": "no"}),
        ("POST", "daraja/tariff", {"from": "2027-01-01", "bands": [[500, 1], [100, 2]]}),
        ("POST", "faults", {"system": "daraja", "kind": "explode"}),
        ("DELETE", "faults/99", None),
        ("DELETE", "faults/all", None),
        ("PUT", "latency", {"daraja.b2c": {"p50": 5}}),
        ("PUT", "latency", {"daraja.b2c": {"p50_ms": 9, "p95_ms": 5}}),
        ("POST", "clock", {}),
        ("POST", "clock", {"shift_seconds": "soon"}),
        ("POST", "reset", {"seed": "x"}),
        ("GET", "feed?after=x", None),
        ("POST", "daraja/shortcodes", {"kind": "b2c"}),
        ("POST", "daraja/shortcodes", {"number": "1", "utility": "much"}),
        ("POST", "daraja/shortcodes", {"number": "1", "kind": "bank"}),
        ("POST", "daraja/phones", {}),
        ("POST", "daraja/payouts/nobody/result", {}),
        ("POST", "damza/accounts", {"api_key": "k"}),
        ("POST", "damza/accounts", {"api_key": "k", "sender_id": "S", "credits": "-1"}),
    ],
)
def test_a_wrong_control_request_is_answered_400_with_words(
    sandbox: Sandbox, method: str, path: str, body: object
) -> None:
    answer = sandbox.request(method, f"/control/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_one_wrong_switch_leaves_all_as_they_were(sandbox: Sandbox) -> None:
    wrong = {"daraja.result_id": "gateway", "daraja.magic": "maybe"}
    assert sandbox.request("PUT", "/control/switches", json=wrong).status_code == 400
    assert sandbox.control("GET", "switches")["daraja.result_id"]["value"] == "echo"


def test_an_unknown_control_page_says_so_in_json(sandbox: Sandbox) -> None:
    answer = sandbox.get("/control/nothing")
    assert answer.status_code == 404
    assert "error" in answer.json()


def test_the_feed_gives_only_what_is_new(sandbox: Sandbox, daraja: Daraja) -> None:
    daraja.pay()
    daraja.results()
    seen = sandbox.control("GET", "feed")
    assert any("1500" in event["text"] for event in seen)
    assert sandbox.control("GET", f"feed?after={seen[-1]['n']}") == []


def test_books_show_every_system(sandbox: Sandbox) -> None:
    assert {"daraja", "damza"} <= sandbox.control("GET", "books").keys()


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("refuse", 503, "503"),
        ("html", 502, "<html>"),
        ("error_500", 500, "Internal Server"),
        ("empty", 200, ""),
    ],
)
def test_a_generic_fault_is_played_instead_of_the_answer(
    daraja: Daraja, sandbox: Sandbox, kind: str, status: int, text: str
) -> None:
    sandbox.fault("daraja", "b2c", kind, times=1)
    answer = daraja.pay()
    assert answer.status_code == status
    assert text in answer.text
    assert daraja.books()["payouts"] == []
    assert daraja.pay().json()["ResponseCode"] == "0"


def test_html_after_is_handled_first(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.fault("daraja", "b2c", "html_after", times=1)
    assert daraja.pay().status_code == 502
    daraja.results()
    assert daraja.balance() == 1500


@pytest.mark.parametrize(("kind", "balance"), [("lost", 1500), ("dropped", 0)])
def test_a_lost_answer_was_handled_and_a_dropped_request_was_not(
    daraja: Daraja, sandbox: Sandbox, kind: str, balance: int
) -> None:
    sandbox.fault("daraja", "b2c", kind, times=1)
    with pytest.raises(requests.ConnectionError):
        daraja.pay()
    if kind == "lost":
        daraja.results()
    assert daraja.balance() == balance


def test_a_slow_operation_waits_before_it_acts(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.fault("daraja", "b2c", "slow", params={"seconds": 0.2})
    assert daraja.pay().elapsed.total_seconds() >= 0.2


def test_latency_is_waited_for_by_operation(sandbox: Sandbox, daraja: Daraja) -> None:
    sandbox.control("PUT", "latency", {"daraja.b2c": {"p50_ms": 100, "p95_ms": 100}})
    assert daraja.pay().elapsed.total_seconds() >= 0.1
    assert daraja.fetch_token().elapsed.total_seconds() < 0.1


def test_moving_the_clock_moves_what_waits_for_it(sandbox: Sandbox, daraja: Daraja, inbox: Inbox) -> None:
    sandbox.control("PUT", "latency", {"daraja.b2c_result": {"p50_ms": 3_600_000, "p95_ms": 3_600_000}})
    daraja.pay()
    assert inbox.posts == []
    assert daraja.balance() == 0
    sandbox.control("POST", "clock", {"shift_seconds": 3601})
    assert daraja.results()[0]["ResultCode"] == 0
    assert daraja.balance() == 1500
