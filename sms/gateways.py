"""What every SMS provider looks like from here: values in, values out, three errors.

A provider's HTTP 200 says nothing: only a code of its success set does. To add a provider, write one module
with a class that fits `Gateway`, and name it in `sms.accounts`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, ClassVar, Literal, Protocol

from common.gateway import GatewayError, OutcomeUnknown, Rejected, Retryable
from common.http import Answer, Timeout

TIMEOUT = Timeout(connect=5.0, read=20.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account's address and credentials. Its secrets stay out of `repr`."""

    base_url: str
    api_key: str = field(default="", repr=False)
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    sender_id: str = ""
    partner_code: str = ""
    phone_format: str = ""  # "254", "+254" or "0"; empty as the provider likes it
    method: str = ""  # "get" or "post"; empty as the provider likes it
    success_codes: frozenset[str] = frozenset()  # empty: the provider's usual ones

    def without_secrets(self, text: str) -> str:
        """Take this account's secrets and any phone out of a provider's words."""
        for secret in (self.api_key, self.password, self.username):
            text = text.replace(secret, "…") if secret else text
        return re.sub(r"\d{9,}", "…", text)[:150]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One text for one phone (`2547…`); `reference` is our own id for it."""

    phone: str
    text: str
    reference: str
    unicode: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The provider has the message. Several give no id, and most no cost."""

    message_id: str = ""
    cost: Decimal | None = None


Fate = Literal["delivered", "failed", "waiting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a provider says has become of a message, and in which words."""

    message_id: str
    fate: Fate
    words: str = ""


class Gateway(Protocol):
    """One account at one provider."""

    can_be_asked: ClassVar[bool]  # for the fate of a message
    retry_after: ClassVar[Mapping[str, timedelta]]  # least wait by the code of a Retryable

    def send(self, message: Message) -> Accepted:
        """Hand one message over.

        :raises Rejected: not taken; with `.stop` nothing of this account will be
        :raises Retryable: not taken now
        :raises OutcomeUnknown: it may be on its way
        """

    def balance(self) -> Decimal:
        """Return the credit left, in the provider's own unit.

        :raises GatewayError: it cannot be had
        """

    def report(self, message_id: str) -> Report:
        """Ask what has become of a message.

        :raises GatewayError: no answer that says so
        """


class Meaning(Enum):
    """What a provider's code means for us, in words."""

    BAD_NUMBER = "the provider does not reach this number"
    BAD_SENDER = "the provider does not accept the sender ID"
    NO_CREDIT = "the account has no credit left"
    AUTH = "the provider does not accept the credentials"
    THROTTLED = "the provider asks for a slower pace"
    TEMPORARY = "the provider has a passing trouble"
    OUR_FAULT = "the provider did not understand the request"
    UNKNOWN = "the provider gave an answer that decides nothing"


_STOPS = frozenset({Meaning.AUTH, Meaning.BAD_SENDER, Meaning.NO_CREDIT})
_PASSES = frozenset({Meaning.THROTTLED, Meaning.TEMPORARY})


def error(meaning: Meaning, *, code: str, words: str = "") -> GatewayError:
    """Make the error that a refusal is: it stops the account, may be tried again, is final, or decides nothing."""
    message = f"{meaning.value}: {words}" if words else meaning.value
    if meaning in _STOPS:
        return Rejected(message, code=code, stop=True)
    if meaning in _PASSES:
        return Retryable(message, code=code)
    return (OutcomeUnknown if meaning is Meaning.UNKNOWN else Rejected)(message, code=code)


def body_of(answer: Answer) -> dict[str, Any]:
    """Return an answer's JSON object.

    :raises Rejected: HTTP 401; the credentials were refused before anything was read
    :raises Retryable: HTTP 429
    :raises OutcomeUnknown: HTTP 5xx, or anything that is not a JSON object (plain text, HTML, a list)
    """
    if answer.status == 401:
        raise error(Meaning.AUTH, code="401")
    if answer.status == 429:
        raise error(Meaning.THROTTLED, code="429")
    body = answer.json()
    if answer.status >= 500 or not isinstance(body, dict):
        raise OutcomeUnknown("the provider's answer cannot be read", code=f"HTTP {answer.status}")
    return body


def first(body: Mapping[str, Any], *names: str) -> str:
    """Return the first of these fields that says anything, as text."""
    for name in names:
        if body.get(name) not in (None, "", "None"):
            return str(body[name]).strip()
    return ""


def amount(text: str) -> Decimal | None:
    """Read `545.00`, `KES 1,785.50` or nothing at all."""
    try:
        found = Decimal(re.sub(r"[A-Za-z,\s]", "", text))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def credit(text: str) -> Decimal:
    """:raises OutcomeUnknown: this is no amount"""
    found = amount(text)
    if found is None:
        raise OutcomeUnknown("the provider did not say the balance")
    return found


def number(phone: str, phone_format: str) -> str:
    """Write a canonical phone as a provider wants it."""
    return phone_format + phone.removeprefix("254")


DELIVERED = frozenset({"deliveredtoterminal", "delivered", "delivrd"})
UNDELIVERED = frozenset(
    {"absentsubscriber", "deliveryimpossible", "sendernameblacklisted", "undelivered", "undeliverable"}
    | {"undeliv", "expired", "rejected", "rejectd", "failed"}
)


def fate(words: str, *, delivered: frozenset[str], failed: frozenset[str]) -> Fate:
    """Read a delivery text; anything that is not known to be final is waiting."""
    plain = re.sub(r"[^a-z]", "", words.lower())
    if plain in delivered:
        return "delivered"
    return "failed" if plain in failed else "waiting"
