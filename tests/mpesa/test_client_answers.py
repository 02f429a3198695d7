"""What comes back: one table of answers, one of faults."""

import json
from typing import Any

import pytest
import requests
import responses
from urllib3.exceptions import MaxRetryError, NewConnectionError

from common.gateway import GatewayError, OutcomeUnknown, Rejected, Retryable
from mpesa import bodies, codes
from tests.mpesa.make_mpesa import ADDRESSES, HOST, OUR_ID, client, payout, sample

PAY = HOST + bodies.PAYOUT_PATH
INCAPSULA = "<html><body>Request unsuccessful. Incapsula incident ID: 1-2</body></html>"
STOP = "stop"


def refusal(code: str, text: str) -> str:
    return json.dumps({"requestId": "1c5b-4ba8-815c", "errorCode": code, "errorMessage": text})


def fault(code: str) -> str:
    return json.dumps({"fault": {"faultstring": "Spike arrest violation", "detail": {"errorcode": code}}})


ANSWERS: list[tuple[int, str, type[GatewayError], str, str]] = [
    # HTTP, body, error, its code, "stop" if nothing more is to be sent
    (200, '{"ResponseCode": "1", "ResponseDescription": "x"}', Rejected, "1", ""),
    (200, '{"ResponseCode": "2001", "ResponseDescription": "x"}', Rejected, "2001", STOP),
    (200, '{"ResponseCode": 21, "ResponseDescription": "x"}', Rejected, "21", STOP),
    (200, '{"ResponseCode": "2040"}', Rejected, "2040", ""),
    (200, '{"ResponseCode": "26"}', Retryable, "26", ""),
    (200, '{"ResponseCode": "15"}', OutcomeUnknown, "15", ""),
    (200, '{"ResponseCode": "31337", "ResponseDescription": "?"}', OutcomeUnknown, "31337", ""),
    (200, '{"ResponseCode": true}', OutcomeUnknown, "True", ""),
    (200, "{}", OutcomeUnknown, "", ""),
    (200, "[]", OutcomeUnknown, "", ""),
    (200, "[" * 100_000, OutcomeUnknown, "", ""),
    (200, '"0"', OutcomeUnknown, "", ""),
    (200, "", OutcomeUnknown, "", ""),
    (200, "<html>hello</html>", OutcomeUnknown, "", ""),
    (200, '{"ResponseCode": "0"', OutcomeUnknown, "", ""),
    (200, refusal("500.003.1001", "Internal Server Error"), OutcomeUnknown, "500.003.1001", ""),
    (200, refusal("400.002.02", "Bad Request - Invalid PartyB"), Rejected, "400.002.02", ""),
    (302, "", OutcomeUnknown, "", ""),
    (400, refusal("400.002.02", "Bad Request - Invalid Remarks"), Rejected, "400.002.02", ""),
    (400, refusal("400.002.05", "Invalid Request Payload"), Rejected, "400.002.05", ""),
    (400, refusal("400.003.02", "Bad Request"), Rejected, "400.003.02", ""),
    (400, "", OutcomeUnknown, "", ""),
    (400, "<html></html>", OutcomeUnknown, "", ""),
    (403, INCAPSULA, OutcomeUnknown, "", ""),
    (404, refusal("404.001.01", "Resource not found"), Rejected, "404.001.01", STOP),
    (404, refusal("404.001.04", "Invalid Authentication Header"), Rejected, "404.001.04", ""),
    (404, "<html></html>", OutcomeUnknown, "", ""),
    (405, refusal("405.001", "GET Method Not Allowed"), Rejected, "405.001", ""),
    (429, "", Retryable, "429", ""),
    (500, refusal("500.003.02", "Error Occurred: Spike Arrest Violation"), Retryable, "500.003.02", ""),
    (500, refusal("500.003.02", "System is busy. Please try again"), Retryable, "500.003.02", ""),
    (500, refusal("500.003.03", "Error Occurred: Quota Violation"), Retryable, "500.003.03", ""),
    (500, fault("policies.ratelimit.SpikeArrestViolation"), Retryable, "500.003.02", ""),
    (500, fault("policies.ratelimit.QuotaViolation"), Retryable, "500.003.03", ""),
    (500, fault("messaging.adaptors.http.flow.ErrorResponseCode"), OutcomeUnknown, "", ""),
    (500, '{"fault": "odd"}', OutcomeUnknown, "", ""),
    (500, '{"Envelope": {"Body": {"Fault": {"faultcode": "soap:Server"}}}}', OutcomeUnknown, "", ""),
    (500, refusal("500.002.1001", "System internal error."), OutcomeUnknown, "500.002.1001", ""),
    (500, refusal("500.002.1001", "Service is currently under maintenance"), OutcomeUnknown, "500.002.1001", ""),
    (500, refusal("500.001.1001", "Wrong credentials"), OutcomeUnknown, "500.001.1001", ""),
    (500, refusal("500.003.1001", "Internal Server Error"), OutcomeUnknown, "500.003.1001", ""),
    (500, '{"ResponseCode": "0", "ConversationID": "AG_1"}', OutcomeUnknown, "", ""),
    (500, '{"ResponseCode": "1"}', OutcomeUnknown, "", ""),
    (502, "", OutcomeUnknown, "", ""),
    (503, INCAPSULA, OutcomeUnknown, "", ""),
    (504, "<html></html>", OutcomeUnknown, "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "error", "code", "stop"), ANSWERS)
def test_what_an_answer_to_a_payout_means(
    daraja: responses.RequestsMock, status: int, body: str, error: type[GatewayError], code: str, stop: str
) -> None:
    daraja.post(PAY, body=body, status=status)
    with pytest.raises(GatewayError) as raised:
        client().pay(payout())
    assert (type(raised.value), raised.value.code, raised.value.stop) == (error, code, stop == STOP)
    assert len(raised.value.message) > 20


@pytest.mark.parametrize(("status", "body", "error", "code", "stop"), ANSWERS)
def test_an_unclear_answer_to_a_question_may_be_asked_for_again(
    daraja: responses.RequestsMock, status: int, body: str, error: type[GatewayError], code: str, stop: str
) -> None:
    daraja.post(HOST + bodies.STATUS_PATH, body=body, status=status)
    with pytest.raises(GatewayError) as raised:
        client().ask_status(originator_conversation_id=OUR_ID, **ADDRESSES)
    expected = Retryable if error is OutcomeUnknown else error
    assert (type(raised.value), raised.value.code, raised.value.stop) == (expected, code, stop == STOP)


def test_an_acceptance_names_both_ids(daraja: responses.RequestsMock) -> None:
    daraja.post(PAY, body=sample("payout_answer"))
    accepted = client().pay(payout(originator_conversation_id="600997_Test_32et3241ed8yu"))
    assert accepted.conversation_id == "AG_20240706_20106e9209f64bebd05b"
    assert accepted.originator_conversation_id == "600997_Test_32et3241ed8yu"
    assert not accepted.earlier


@pytest.mark.parametrize("code", ["0", 0])
def test_an_acceptance_without_ids_is_still_one(daraja: responses.RequestsMock, code: object) -> None:
    daraja.post(PAY, json={"ResponseCode": code})
    accepted = client().pay(payout())
    assert (accepted.conversation_id, accepted.originator_conversation_id) == ("", OUR_ID)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, sample("duplicate")),
        (200, sample("duplicate")),
        (400, refusal("400.002.02", "Duplicate OriginatorConversationID")),
    ],
)
def test_a_duplicate_proves_that_the_first_request_arrived(
    daraja: responses.RequestsMock, status: int, body: str
) -> None:
    daraja.post(PAY, body=body, status=status)
    accepted = client().pay(payout())
    assert accepted.earlier
    assert accepted.originator_conversation_id == OUR_ID


NEVER = requests.ConnectionError(MaxRetryError(None, "/", NewConnectionError(None, "refused")))  # type: ignore[arg-type]
LOST: list[tuple[Exception, type[GatewayError]]] = [
    (NEVER, Retryable),
    (requests.ConnectTimeout(), Retryable),
    (requests.ReadTimeout(), OutcomeUnknown),
    (requests.ConnectionError("reset by peer"), OutcomeUnknown),
    (requests.exceptions.SSLError("handshake"), OutcomeUnknown),
    (requests.exceptions.ChunkedEncodingError(), OutcomeUnknown),
]


@pytest.mark.parametrize(("exc", "error"), LOST)
def test_a_fault_under_a_payout(
    daraja: responses.RequestsMock, exc: Exception, error: type[GatewayError]
) -> None:
    daraja.post(PAY, body=exc)
    with pytest.raises(error):
        client().pay(payout())


@pytest.mark.parametrize(("exc", "_error"), LOST)
def test_a_fault_under_a_question_may_be_tried_again(
    daraja: responses.RequestsMock, exc: Exception, _error: object
) -> None:
    daraja.post(HOST + bodies.BALANCE_PATH, body=exc)
    with pytest.raises(Retryable):
        client().ask_balance(**ADDRESSES)


def test_a_transfer_has_no_duplicates_and_a_lost_one_is_unknown(daraja: responses.RequestsMock) -> None:
    daraja.post(HOST + bodies.TRANSFER_PATH, body=sample("duplicate"), status=500)
    daraja.post(HOST + bodies.TRANSFER_PATH, body=requests.ReadTimeout())
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            client().pay_to_bulk(to_shortcode="600000", amount=payout().amount, reference="FP", **ADDRESSES)


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "400.003.01"), (401, "401.002.01"), (401, "401.001"), (401, "401.003.01"), (404, "404.001.03"), (401, "")],
)  # fmt: skip
class TestARefusedToken:
    def answer(self, daraja: responses.RequestsMock, status: int, code: str, *, then: dict[str, Any]) -> None:
        daraja.replace(responses.GET, f"{HOST}/oauth/v1/generate", json={"access_token": "first"})
        daraja.get(f"{HOST}/oauth/v1/generate", json={"access_token": "second"})
        daraja.post(PAY, body=refusal(code, "Invalid Access Token - first") if code else "", status=status)
        daraja.post(PAY, **then)

    def test_is_renewed_once_and_the_same_request_sent_again(
        self, daraja: responses.RequestsMock, status: int, code: str
    ) -> None:
        self.answer(daraja, status, code, then={"body": sample("payout_answer")})
        assert client().pay(payout()).conversation_id.startswith("AG_")
        sent = [call.request for call in daraja.calls if call.request.method == "POST"]
        assert [request.headers["Authorization"] for request in sent] == ["Bearer first", "Bearer second"]
        assert sent[0].body == sent[1].body

    def test_twice_sends_no_third_request_and_repeats_no_token(
        self, daraja: responses.RequestsMock, status: int, code: str
    ) -> None:
        body = refusal(code, "Invalid Access Token - first") if code else ""
        self.answer(daraja, status, code, then={"body": body, "status": status})
        with pytest.raises(Rejected if code == "401.003.01" else Retryable) as raised:
            client().pay(payout())
        assert raised.value.stop == (code == "401.003.01")
        assert "first" not in str(raised.value)
        assert sum(call.request.method == "POST" for call in daraja.calls) == 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 400}, Rejected),
        ({"status": 400, "body": refusal("400.008.01", "Invalid Authentication passed")}, Rejected),
        ({"status": 401}, Rejected),
        ({"status": 403, "json": {"errorMessage": "no"}}, Rejected),
        ({"status": 403, "body": INCAPSULA}, Retryable),
        ({"status": 500}, Retryable),
        ({"status": 503, "body": INCAPSULA}, Retryable),
        ({"status": 500, "body": refusal("500.003.02", "Spike Arrest Violation")}, Retryable),
        ({"status": 400, "body": fault("policies.ratelimit.SpikeArrestViolation")}, Retryable),
        ({"status": 200, "body": "<html></html>"}, Retryable),
        ({"status": 200, "json": ["a", "list"]}, Retryable),
        ({"status": 200, "body": "[" * 100_000}, Retryable),
        ({"status": 200, "json": {"access_token": ""}}, Retryable),
        ({"status": 200, "json": {"access_token": "a\nb"}}, Retryable),
        ({"body": requests.ReadTimeout()}, Retryable),
        ({"body": NEVER}, Retryable),
    ],
)
def test_without_a_token_no_money_is_asked_for(answer: dict[str, Any], error: type[GatewayError]) -> None:
    with responses.RequestsMock() as daraja:
        daraja.get(f"{HOST}/oauth/v1/generate", **answer)
        with pytest.raises(error) as raised:
            client().pay(payout())
    assert raised.value.stop == (error is Rejected)


@pytest.mark.parametrize(("status", "body", "error", "code", "stop"), ANSWERS)
def test_a_code_alone_tells_the_class_of_a_refusal(
    status: int, body: str, error: type[GatewayError], code: str, stop: str
) -> None:
    kinds = {
        Retryable: {"retry"},
        OutcomeUnknown: {"unknown"},
        Rejected: {"failed", "no_float", "configuration"},
    }
    verdict = codes.verdict(code, "some words")
    assert verdict.kind in kinds[error]
    assert (verdict.kind == "configuration") == (stop == STOP)
