"""Daraja's synchronous answers: acceptances, refusals in four shapes, and pages that are no answer at all."""

import re
from dataclasses import dataclass
from typing import Any

from common.gateway import GatewayError, OutcomeUnknown, Rejected, Retryable
from common.http import Answer
from common.token_store import USUAL_SECONDS, NewToken
from mpesa.codes import (
    SLOW_DOWN,
    TOKEN_REFUSED,
    Kind,
    Verdict,
    gateway_verdict,
    payout_verdict,
    quoted,
)

_APIGEE = {
    "policies.ratelimit.SpikeArrestViolation": "500.003.02",
    "policies.ratelimit.QuotaViolation": "500.003.03",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, taken apart. `response_code` is M-Pesa's and needs HTTP 2xx; `code` is the gateway's."""

    status: int
    is_json: bool
    response_code: str = ""
    conversation_id: str = ""
    originator_conversation_id: str = ""
    code: str = ""
    text: str = ""

    @property
    def accepted(self) -> bool:
        return self.response_code == "0"

    @property
    def token_refused(self) -> bool:
        """Whether the gateway refused our token, before M-Pesa saw the request; also as 400 and as 404."""
        return not self.response_code and (self.status == 401 or self.code in TOKEN_REFUSED)

    @property
    def duplicate(self) -> bool:
        """Whether our id had arrived before. The message tells: the code also means an internal error."""
        return not self.response_code and "duplicate originatorconversationid" in self.text.lower()

    @property
    def verdict(self) -> Verdict:
        if self.response_code:
            return payout_verdict(self.response_code, self.text)
        return gateway_verdict(self.code, self.text)

    def error(self) -> GatewayError:
        """Return what to raise for an answer that is no acceptance."""
        verdict, code = self.verdict, self.response_code or self.code
        if verdict.kind == Kind.RETRY:
            return Retryable(verdict.words, code=code)
        if verdict.kind in (Kind.UNKNOWN, Kind.PAID):
            return OutcomeUnknown(verdict.words, code=code)
        return Rejected(verdict.words, code=code, stop=verdict.kind == Kind.CONFIGURATION)


def read(answer: Answer) -> Reply:
    """Take an answer apart, whatever it is: our JSON, an Apigee or SOAP fault as JSON, HTML, nothing."""
    body = _object(answer)
    code, text = _gateway_error(body)
    if not code and answer.status in (401, 429):
        code = str(answer.status)
    if not body:
        text = f"HTTP {answer.status} without a readable answer"
    return Reply(
        status=answer.status,
        is_json=bool(body),
        response_code=_text(body.get("ResponseCode")) if answer.ok else "",
        conversation_id=_text(body.get("ConversationID")),
        originator_conversation_id=_text(body.get("OriginatorConversationID")),
        code=code,
        text=text or f"HTTP {answer.status}",
    )


def given_token(answer: Answer) -> NewToken | None:
    """Return the token that was given; None for a refusal, a page, or a token that no header can carry."""
    body = _object(answer)
    text = body.get("access_token")
    if not answer.ok or not isinstance(text, str) or not re.fullmatch(r"[!-~]+", text):
        return None
    return NewToken(text=text, seconds=_seconds(body.get("expires_in")))


def _seconds(expires_in: Any) -> int:
    """Read the life of a token, a number or the text of one; Safaricom's own pages show both."""
    found = re.fullmatch(r"\s*(\d{1,6})(\.\d+)?\s*", str(expires_in), re.ASCII)
    return int(found[1]) if found and int(found[1]) else USUAL_SECONDS


def token_error(reply: Reply) -> GatewayError:
    """Return what to raise when no token was given: the call that needed it was not attempted."""
    if reply.code in SLOW_DOWN:
        return Retryable("M-Pesa's gateway is too busy to give an access token.", code=reply.code)
    if reply.status in (400, 401) or (reply.status in (403, 404) and reply.is_json):
        words = gateway_verdict("400.008.01", "").words
        return Rejected(words, code=reply.code or str(reply.status), stop=True)
    return Retryable(f"M-Pesa's gateway gave no access token: {quoted(reply.text)}.", code=reply.code)


def _gateway_error(body: dict[str, Any]) -> tuple[str, str]:
    if isinstance(fault := body.get("fault"), dict):
        detail = fault.get("detail")
        code = _text(detail.get("errorcode")) if isinstance(detail, dict) else ""
        return _APIGEE.get(code, ""), _text(fault.get("faultstring"))
    if "Envelope" in body:
        return "", "a SOAP fault"
    message = body.get("errorMessage") or body.get("ResponseDescription")
    return _text(body.get("errorCode")), _text(message)


def _object(answer: Answer) -> dict[str, Any]:
    try:
        return answer.object()
    except RecursionError:  # nested without end
        return {}


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int) else ""
