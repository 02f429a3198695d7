"""Everything that can go wrong with a payout, and that its money still moves at most once."""

from typing import Any

import pytest

from sandbox.daraja.codes import MAGIC_CODES
from tests.sandbox.conftest import Inbox, Sandbox
from tests.sandbox.daraja_client import PHONE, Daraja, values


def fault(sandbox: Sandbox, kind: str, **params: Any) -> None:
    sandbox.fault("daraja", "b2c", kind, times=1, params=params)


@pytest.mark.parametrize(
    ("kind", "params", "status", "code", "text"),
    [
        ("spike_arrest", {}, 500, "500.003.02", "Error Occurred: Spike Arrest Violation"),
        ("spike_arrest", {"text": "busy"}, 500, "500.003.02", "System is busy."),
        ("quota", {}, 500, "500.003.03", "Error Occurred: Quota Violation"),
        ("token_404", {}, 404, "404.001.03", "Invalid Access Token"),
        ("product_401", {}, 401, "401.003.01", "no apiproduct match found"),
        ("maintenance", {}, 500, "500.002.1001", "under maintenance"),
        ("duplicate_text_as_internal_error", {}, 500, "500.002.1001", "System internal error."),
        ("error_200", {}, 200, "500.003.1001", "Internal Server Error"),
    ],
)
def test_the_gateway_refuses_and_pays_nothing(
    daraja: Daraja, sandbox: Sandbox, kind: str, params: dict[str, Any], status: int, code: str, text: str
) -> None:
    fault(sandbox, kind, **params)
    answer = daraja.pay(OriginatorConversationID="again")
    assert (answer.status_code, answer.json()["errorCode"]) == (status, code)
    assert text in answer.json()["errorMessage"]
    assert daraja.books()["payouts"] == []
    assert daraja.pay(OriginatorConversationID="again").status_code == 200  # the id was not used up


def test_rate_errors_may_be_429(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__rate_error="429")
    fault(sandbox, "spike_arrest")
    assert daraja.pay().status_code == 429


def test_apigee_has_a_shape_of_its_own(daraja: Daraja, sandbox: Sandbox) -> None:
    fault(sandbox, "apigee_fault")
    body = daraja.pay().json()
    assert body["fault"]["detail"]["errorcode"] == "policies.ratelimit.SpikeArrestViolation"


@pytest.mark.parametrize(("kind", "status"), [("incapsula_html", 503), ("html_200", 200)])
def test_html_may_come_instead_of_json(daraja: Daraja, sandbox: Sandbox, kind: str, status: int) -> None:
    fault(sandbox, kind)
    answer = daraja.pay()
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert daraja.books()["payouts"] == []


def test_http_200_with_another_response_code_takes_nothing(daraja: Daraja, sandbox: Sandbox) -> None:
    fault(sandbox, "response_code", code="21")
    assert daraja.pay().json()["ResponseCode"] == "21"
    assert daraja.books()["payouts"] == []


def test_an_internal_error_may_hide_an_accepted_payout(daraja: Daraja, sandbox: Sandbox) -> None:
    fault(sandbox, "duplicate_text_as_internal_error", accepted=True)
    answer = daraja.pay(OriginatorConversationID="hidden")
    assert answer.json()["errorMessage"] == "System internal error."
    daraja.results()
    assert "Duplicate" in daraja.pay(OriginatorConversationID="hidden").json()["errorMessage"]
    assert daraja.balance() == 1500


def test_a_lost_result_leaves_the_money_paid(daraja: Daraja, sandbox: Sandbox, inbox: Inbox) -> None:
    fault(sandbox, "result_lost")
    daraja.pay(OriginatorConversationID="lost")
    assert values(daraja.status_of("lost"))["TransactionStatus"] == "Completed"
    assert [post["path"] for post in inbox.posts] == ["/callbacks/status/result"]
    assert daraja.balance() == 1500


def test_a_result_may_come_twice_and_pays_once(daraja: Daraja, sandbox: Sandbox) -> None:
    fault(sandbox, "result_twice")
    daraja.pay()
    first, second = daraja.results(2)
    assert first == second
    assert daraja.balance() == 1500


def test_a_late_result_comes_late_though_the_money_was_in_time(
    daraja: Daraja, sandbox: Sandbox, inbox: Inbox
) -> None:
    fault(sandbox, "result_late", seconds=7200)
    daraja.pay(OriginatorConversationID="late")
    assert values(daraja.status_of("late"))["TransactionStatus"] == "Completed"
    assert len(inbox.posts) == 1
    sandbox.control("POST", "clock", {"shift_seconds": 7201})
    assert daraja.results()[0]["ResultCode"] == 0


def test_a_result_may_come_before_the_answer(daraja: Daraja, sandbox: Sandbox, inbox: Inbox) -> None:
    fault(sandbox, "result_before_answer")
    assert daraja.pay().status_code == 200
    assert len(inbox.posts) == 1  # no waiting: it was there first


def test_results_may_contradict_each_other(daraja: Daraja, sandbox: Sandbox) -> None:
    fault(sandbox, "result_contradicting")
    daraja.pay()
    assert [result["ResultCode"] for result in daraja.results(2)] == [0, 2001]
    fault(sandbox, "result_contradicting", untrue_first=True)
    daraja.pay()
    assert [result["ResultCode"] for result in daraja.results(4)[2:]] == [2001, 0]
    assert daraja.balance() == 3000


def test_a_result_may_tell_doubt_although_the_money_moved(daraja: Daraja, sandbox: Sandbox) -> None:
    fault(sandbox, "result_code", code="17", paid=True)
    daraja.pay()
    assert daraja.results()[0]["ResultCode"] == 17
    assert daraja.balance() == 1500


def test_a_forged_result_comes_before_the_true_one(daraja: Daraja, sandbox: Sandbox) -> None:
    fault(sandbox, "result_forged", TransactionAmount=1, ConversationID="AG_forged")
    daraja.pay()
    forged, true = daraja.results(2)
    assert (forged["ConversationID"], values(forged)["TransactionAmount"]) == ("AG_forged", 1)
    assert values(true)["TransactionAmount"] == 1500


@pytest.mark.parametrize("body", ["empty", "html", "broken"])
def test_garbage_may_come_before_the_result(
    daraja: Daraja, sandbox: Sandbox, inbox: Inbox, body: str
) -> None:
    fault(sandbox, "result_garbage", body=body)
    daraja.pay()
    inbox.wait(2)
    assert [post["body"] is None for post in inbox.posts] == [True, False]


def test_a_queue_timeout_may_mean_never(daraja: Daraja, sandbox: Sandbox) -> None:
    fault(sandbox, "queue_timeout")
    daraja.pay(OriginatorConversationID="queue")
    notice = daraja.timeouts()[0]
    assert notice["OriginatorConversationID"] == "queue"
    assert notice["SecurityCredential"] == daraja.credential
    assert values(daraja.status_of("queue"))["TransactionStatus"] == "Expired"
    assert daraja.balance() == 0


def test_a_queue_timeout_may_be_followed_by_success(daraja: Daraja, sandbox: Sandbox) -> None:
    fault(sandbox, "queue_timeout", then="result", seconds=0)
    daraja.pay()
    daraja.timeouts()
    assert daraja.results()[0]["ResultCode"] == 0
    assert daraja.balance() == 1500


def test_a_queue_timeout_may_hide_a_payment(daraja: Daraja, sandbox: Sandbox) -> None:
    fault(sandbox, "queue_timeout", then="lost")
    daraja.pay(OriginatorConversationID="hidden")
    daraja.timeouts()
    assert values(daraja.status_of("hidden"))["TransactionStatus"] == "Completed"


@pytest.mark.parametrize(
    ("shape", "place"),
    [("result", ["Result", "ResultCode"]), ("code", ["ResultCode"]), ("empty", [])],
)
def test_the_timeout_notice_has_other_shapes(
    daraja: Daraja, sandbox: Sandbox, inbox: Inbox, shape: str, place: list[str]
) -> None:
    sandbox.switch(daraja__timeout_body=shape)
    fault(sandbox, "queue_timeout")
    daraja.pay()
    notice = daraja.timeouts()[0]
    assert (daraja.credential in inbox.posts[0]["raw"]) is (shape != "empty")
    for key in place:
        notice = notice[key]
    assert notice == (1 if place else None)


@pytest.mark.parametrize("status", ["Initiated", "Authorized", "Pending Authorized", "Cancelled", "Expired"])
def test_a_payout_may_stay_in_any_status_without_a_word(
    daraja: Daraja, sandbox: Sandbox, inbox: Inbox, status: str
) -> None:
    fault(sandbox, "silent", status=status)
    daraja.pay(OriginatorConversationID="still")
    assert values(daraja.status_of("still"))["TransactionStatus"] == status
    assert len(inbox.posts) == 1
    assert daraja.balance() == 0


def test_control_can_send_a_result_again_or_decide_one_that_waits(daraja: Daraja, sandbox: Sandbox) -> None:
    fault(sandbox, "silent", status="Initiated")
    daraja.pay(OriginatorConversationID="waits")
    daraja.status_of("waits")
    for times in (1, 2):
        sandbox.control("POST", "daraja/payouts/waits/result", {"times": times})
    codes = [result["ResultCode"] for result in daraja.results(3)]
    assert codes == [0, 0, 0]
    assert daraja.balance() == 1500
    assert daraja.books()["payouts"][0]["results_sent"] == 3


def test_a_rule_can_name_its_phone(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.fault("daraja", "b2c", "spike_arrest", match={"phone": "254712000009"})
    assert daraja.pay().status_code == 200
    assert daraja.pay(PartyB="254712000009").status_code == 500


@pytest.mark.parametrize(("number", "code"), sorted(MAGIC_CODES.items()))
def test_each_result_code_has_a_magic_phone_and_a_magic_amount(
    daraja: Daraja, number: int, code: str
) -> None:
    daraja.pay(PartyB=f"2547999900{number:02}")
    daraja.pay(Amount=str(249_900 + number))
    assert [str(result["ResultCode"]) for result in daraja.results(2)] == [code, code]
    assert daraja.utility() == 1_000_000


def test_magic_phones_can_lose_a_result_or_refuse_at_the_gateway(daraja: Daraja, inbox: Inbox) -> None:
    assert daraja.pay(PartyB="254799990081").json()["errorCode"] == "500.003.02"
    daraja.pay(PartyB="254799990060", OriginatorConversationID="lost")
    assert values(daraja.status_of("lost"))["TransactionStatus"] == "Completed"
    assert daraja.balance("254799990060") == 1500


def test_a_duplicate_of_a_magic_payout_is_a_duplicate(daraja: Daraja) -> None:
    for status in (200, 500):
        answer = daraja.pay(PartyB="254799990030", OriginatorConversationID="m")
        assert answer.status_code == status


def test_magic_can_be_turned_off(daraja: Daraja, sandbox: Sandbox) -> None:
    sandbox.switch(daraja__magic="off")
    daraja.pay(Amount="249930")
    assert daraja.results()[0]["ResultCode"] == 0


@pytest.mark.parametrize("phone", ["254700000000", "254700000099", "254799989999", "254799990300", PHONE])
def test_ordinary_phones_are_not_magic(daraja: Daraja, phone: str) -> None:
    daraja.pay(PartyB=phone)
    assert daraja.results()[0]["ResultCode"] == 0


def test_a_storm_of_faults_pays_each_accepted_payout_at_most_once(daraja: Daraja, sandbox: Sandbox) -> None:
    for kind in (
        "html_after",
        "result_twice",
        "result_lost",
        "spike_arrest",
        "error_500",
        "result_contradicting",
    ):
        sandbox.fault("daraja", "b2c", kind, rate=0.3, seed=kind)
    for number in range(60):
        for _ in range(3):  # the same intent is sent again and again under the same id
            daraja.pay(OriginatorConversationID=f"storm-{number}", Amount="100")
    sandbox.control("DELETE", "faults")
    daraja.pay(OriginatorConversationID="last", Amount="100")
    daraja.status_of("last")
    books = daraja.books()
    paid = [payout for payout in books["payouts"] if payout["status"] == "Completed"]
    assert len(paid) == len({payout["originator_conversation_id"] for payout in paid})
    assert 40 < len(paid) <= 61  # a few were refused three times
    assert daraja.balance() == 100 * len(paid)
    assert daraja.utility() == 1_000_000 - 100 * len(paid)
