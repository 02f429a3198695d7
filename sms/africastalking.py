"""Africa's Talking: a form in, JSON out, the key in a header.

Codes and their names: Africa's Talking, SMS sending, `statusCode` of a recipient.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar

import requests

from common.gateway import OutcomeUnknown
from common.http import call
from sms import gateways
from sms.gateways import Accepted, Account, Meaning, Message, Report

SUCCESS = frozenset({"100", "101", "102"})  # processed, sent, queued
MEANINGS: Mapping[str, Meaning] = MappingProxyType(
    {
        "401": Meaning.UNKNOWN,  # RiskHold: held, may still go out
        "402": Meaning.BAD_SENDER,
        "403": Meaning.BAD_NUMBER,
        "404": Meaning.BAD_NUMBER,  # unsupported number type
        "405": Meaning.NO_CREDIT,
        "406": Meaning.BAD_NUMBER,  # the user has opted out
        "407": Meaning.BAD_NUMBER,  # could not route
        "500": Meaning.UNKNOWN,
        "501": Meaning.UNKNOWN,
        "502": Meaning.BAD_NUMBER,  # rejected by the operator's gateway
    }
)
# Without any recipient in the answer, its message names what is wrong.
NAMED: Mapping[str, Meaning] = MappingProxyType(
    {
        "InvalidSenderId": Meaning.BAD_SENDER,
        "InsufficientBalance": Meaning.NO_CREDIT,
        "InvalidPhoneNumber": Meaning.BAD_NUMBER,
        "UserInBlacklist": Meaning.BAD_NUMBER,
    }
)
DELIVERED = frozenset({"success"})
UNDELIVERED = frozenset({"rejected", "failed"})


class AfricasTalking:
    """One application (`username`) and its key."""

    can_be_asked: ClassVar[bool] = False  # delivery reports are pushed only
    retry_after: ClassVar[Mapping[str, timedelta]] = MappingProxyType({})

    def __init__(self, account: Account, session: requests.Session) -> None:
        self.account, self.session = account, session

    def send(self, message: Message) -> Accepted:
        form = {
            "username": self.account.username,
            "to": gateways.number(message.phone, self.account.phone_format or "+254"),
            "message": message.text,
        }
        if self.account.sender_id:
            form["from"] = self.account.sender_id
        body = self._ask("POST", "/messaging", "send", reference=message.reference, data=form)
        recipient = self._recipient(body)
        code = gateways.first(recipient, "statusCode")
        if code not in (self.account.success_codes or SUCCESS):
            words = self.account.without_secrets(gateways.first(recipient, "status"))
            raise gateways.error(MEANINGS.get(code, Meaning.UNKNOWN), code=code, words=words)
        cost = gateways.amount(gateways.first(recipient, "cost"))
        return Accepted(message_id=gateways.first(recipient, "messageId"), cost=cost)

    def balance(self) -> Decimal:
        body = self._ask("GET", "/user", "balance", params={"username": self.account.username})
        user = body.get("UserData")
        return gateways.credit(gateways.first(user if isinstance(user, dict) else {}, "balance"))

    def report(self, message_id: str) -> Report:
        raise OutcomeUnknown("Africa's Talking cannot be asked for a delivery report")

    def _ask(
        self, method: str, path: str, operation: str, *, reference: str = "", **fields: dict[str, str]
    ) -> dict[str, Any]:
        answer = call(
            self.session,
            method,
            f"{self.account.base_url}/version1{path}",
            system="africastalking",
            operation=operation,
            reference=reference,
            timeout=gateways.TIMEOUT,
            headers={"apiKey": self.account.api_key, "Accept": "application/json"},
            **fields,
        )
        return gateways.body_of(answer)

    def _recipient(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the answer for our one phone.

        :raises GatewayError: there is none; the message says why, or nothing does
        """
        outer = body.get("SMSMessageData")
        inner = outer if isinstance(outer, dict) else {}
        listed = inner.get("Recipients")
        if isinstance(listed, list) and len(listed) == 1 and isinstance(listed[0], dict):
            return listed[0]
        named = gateways.first(inner, "Message")
        empty = isinstance(listed, list) and not listed
        meaning = NAMED.get(named, Meaning.UNKNOWN) if empty else Meaning.UNKNOWN
        raise gateways.error(meaning, code="", words=self.account.without_secrets(named))
