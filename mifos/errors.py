"""Fineract's refusals in four shapes, judged for what they prove, and what to do next.

`.code` of an error is Fineract's own code (the first item's, else the envelope's). Answers without one have
ours: `http.<status>` for Spring Boot's error JSON, `html` for a web page, `""` for no answer at all;
`stored.` goes before it when a server error was replayed from under its Idempotency-Key.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.gateway import GatewayError, OutcomeUnknown, Rejected, Retryable
from common.http import Answer
from mifos import parsing

LOCKED = "error.msg.loan.locked"
SCHEDULER = "error.msg.sheduler.job.currently.running"  # misspelt by Fineract
NOT_AUTHORIZED = "error.msg.not.authorized"
PASSWORD_OUTDATED = "error.msg.password.outdated"
READ_ONLY_NODE = "error.msg.invalid.instance.type"
WRONG_STATE = "error.msg.loan.disbursal.account.is.not.approve.not.disbursed.state"
NO_SUCH_TRANSACTION = "error.msg.loan.transaction.external.id.invalid"
KEY_OF_ANOTHER_LOAN = "key.of.another.loan"  # ours
_UNAVAILABLE = "error.msg.platform.service.unavailable"  # the envelope of a 503; the item says why
NO_ANSWER = ""
HTML = "html"
SHAPE = "shape"  # ours: JSON, but not what was asked for
STORED = "stored."

# A repeated command looks like these, and so does a true refusal: only the loan tells.
MAYBE_DONE = frozenset(
    {
        WRONG_STATE,
        "error.msg.loan.disburse.amount.must.be.less.than.approved.principal",
        "error.msg.loan.disbursal.amount.can't.be.greater.than.maximum.applied.loan.amount.calculation",
        "error.msg.data.integrity.issue",
        "validation.msg.loan.transaction.externalId.value.must.be.unique",
    }
)
_TO_MEND = frozenset(
    {NOT_AUTHORIZED, "error.msg.parameter.unsupported", "error.msg.invalid.request.body", "http.403"}
)
_MAX_WORDS = 300


class Advice(enum.Enum):
    """What to do after a write was not plainly done."""

    READ_THE_LOAN = "read the loan, and decide from its state"
    SAME_KEY_LATER = "send the same again later, with the same key"
    NEW_KEY_AFTER_READING = "read the loan; if it is not done, send again with a new key"
    BUSINESS_DATE = "read the business date, correct the date, send with a new key"
    FIX_DATA_OR_RIGHTS = "a person mends data or rights, then send with a new key"
    CONFIGURATION = "a person mends the connection; nothing was booked"
    BUSINESS_REFUSAL = "Mifos refuses by its rules; a person decides"


def advice(exc: GatewayError) -> Advice:
    """Say what to do about an error of a write."""
    match exc:
        case OutcomeUnknown() if exc.code.startswith(STORED) or exc.code == KEY_OF_ANOTHER_LOAN:
            return Advice.NEW_KEY_AFTER_READING
        case OutcomeUnknown():
            return Advice.READ_THE_LOAN
        case Retryable():
            return Advice.NEW_KEY_AFTER_READING if _conflict(exc.code) else Advice.SAME_KEY_LATER
        case _ if exc.stop:
            return Advice.CONFIGURATION
        case _ if exc.code.endswith((".cannot.be.a.future.date", ".transaction.in.the.future")):
            return Advice.BUSINESS_DATE
        case _ if _to_mend(exc.code):
            return Advice.FIX_DATA_OR_RIGHTS
    return Advice.BUSINESS_REFUSAL


def spends_key(exc: GatewayError) -> bool:
    """Whether the refusal is stored under its key, so that only a new key can bring another answer.

    True also for the answers that may mean "done already": should the loan turn out not to be done, the next
    command needs a new key. False after real doubt and for refusals that come before the command is stored.
    """
    if advice(exc) in (Advice.SAME_KEY_LATER, Advice.CONFIGURATION):
        return False
    return advice(exc) is not Advice.READ_THE_LOAN or exc.code in MAYBE_DONE


def host_failed(exc: GatewayError) -> bool:
    """Whether this speaks of a host that is down or ill rather than of one loan; the circuit counts it."""
    code = exc.code.removeprefix(STORED)
    if isinstance(exc, Rejected):
        return False
    return code in (NO_ANSWER, HTML, "error.msg.platform.server.side.error") or code.startswith("http.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A refusal taken apart. `shaped` means that Fineract itself spoke, not Spring Boot or a proxy."""

    code: str
    words: str
    shaped: bool


def fault(answer: Answer) -> Fault:
    """Read any of the shapes: envelope, bare item, Spring Boot's, the echo of a 425, or none of them."""
    body = answer.object()
    for shape in (_first_item(body), body):
        code = shape.get("userMessageGlobalisationCode")
        if isinstance(code, str) and code:
            return Fault(code=code, words=_words(shape) or _words(body) or code, shaped=True)
    if answer.status == 425:  # its body is our own request
        return Fault(code="http.425", words="Mifos is still working on this command", shaped=False)
    if answer.json() is None and "<" in answer.text[:500]:
        return Fault(
            code=HTML, words=f"a web page answered instead of Mifos (HTTP {answer.status})", shaped=False
        )
    words = _BY_STATUS.get(answer.status, f"Mifos answered HTTP {answer.status} without a reason")
    if 300 <= answer.status < 400:
        words = f"the host sends us to another address (HTTP {answer.status})"
    return Fault(code=f"http.{answer.status}", words=words, shaped=False)


_BY_STATUS = {
    400: "Mifos does not know the tenant",
    401: "Mifos does not accept the user name or password",
    403: "Mifos does not allow this user to do that",
    404: "there is no Mifos API at this address",
    405: "this Mifos server does not take writes",
}


def judge_read(answer: Answer) -> GatewayError:
    """Return the error that a failed read stands for; it changed nothing, whatever it was."""
    found = fault(answer)
    if _configuration(answer, found) or (found.code == "http.404"):
        return Rejected(found.words, code=found.code, stop=True)
    if found.code == HTML or answer.status in (409, 425, 429) or not 400 <= answer.status < 500:
        return Retryable(found.words, code=found.code)
    return Rejected(found.words, code=found.code)


def judge_write(answer: Answer) -> GatewayError:
    """Return the error that a failed command stands for, never surer than Fineract's own code allows."""
    found = fault(answer)
    if _configuration(answer, found):
        return Rejected(found.words, code=found.code, stop=True)
    if found.code == "http.403" and "error" in answer.object():  # Spring's matcher, before any command
        return Rejected(found.words, code=found.code)
    if not found.shaped or found.code in MAYBE_DONE:
        return OutcomeUnknown(found.words, code=_stored(answer, found))
    if found.code in (LOCKED, SCHEDULER) or (answer.status == 409 and _conflict(found.code)):
        return Retryable(found.words, code=found.code)
    if answer.status in (400, 403, 404) or (answer.status == 503 and found.code != _UNAVAILABLE):
        return Rejected(found.words, code=found.code)
    return OutcomeUnknown(found.words, code=_stored(answer, found))


def from_cache(answer: Answer) -> bool:
    return answer.headers.get("x-served-from-cache", "").lower() == "true"


def _configuration(answer: Answer, found: Fault) -> bool:
    """Credentials, tenant, password age, read-only node: filters refuse them before any command runs."""
    if answer.status in (401, 405) or found.code == PASSWORD_OUTDATED:
        return True
    return found.code == "http.400" and answer.object().get("error") is not None


def _stored(answer: Answer, found: Fault) -> str:
    """Mark a server error that came from under its key: the same key would bring it for ever."""
    return STORED + found.code if answer.status >= 500 and from_cache(answer) else found.code


def _conflict(code: str) -> bool:
    return code.startswith("error.msg.platform.service.") and code.endswith(".conflict")


def _to_mend(code: str) -> bool:
    return (
        code in _TO_MEND
        or code.startswith("validation.msg.")
        or code.endswith(".id.invalid")
        or (code == "error.msg.payment.type.invalid")
    )


def _first_item(body: Mapping[str, Any]) -> Mapping[str, Any]:
    listed = body.get("errors")
    first = listed[0] if isinstance(listed, list) and listed else None
    return first if isinstance(first, dict) else {}


def _words(shape: Mapping[str, Any]) -> str:
    for name in ("defaultUserMessage", "developerMessage"):
        text = shape.get(name)
        if isinstance(text, str) and text.strip():
            return parsing.printable(" ".join(text.split()))[:_MAX_WORDS]
    return ""
