"""AirTouch (which may be what a client means today when it says Damza).

The password is the MD5 of the API key, in hex; it travels in the query string, so no URL is ever logged.
"""

import hashlib
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

SUCCESS = frozenset({"1000"})
MEANINGS: Mapping[str, Meaning] = MappingProxyType(
    {
        "1001": Meaning.BAD_SENDER,
        "1003": Meaning.BAD_NUMBER,
        "1004": Meaning.NO_CREDIT,
        "1006": Meaning.AUTH,
        "1011": Meaning.AUTH,  # no such user
    }
)


class AirTouch:
    """One account, asked by GET (or JSON, where the account says so)."""

    can_be_asked: ClassVar[bool] = False  # said to be possible by `sms_id`; nobody knows the address
    retry_after: ClassVar[Mapping[str, timedelta]] = MappingProxyType({})

    def __init__(self, account: Account, session: requests.Session) -> None:
        self.account, self.session = account, session

    def send(self, message: Message) -> Accepted:
        fields = {
            "issn": self.account.sender_id,
            "msisdn": gateways.number(message.phone, self.account.phone_format or "254"),
            "text": message.text,
            **self._credentials(),
            "sms_id": message.reference,
        }
        method = (self.account.method or "get").upper()
        body = self._ask(method, "/sms/api/", "send", fields, reference=message.reference)
        code = gateways.first(body, "status_code")
        if code not in (self.account.success_codes or SUCCESS):
            self._refuse(code, body)
        return Accepted(message_id=gateways.first(body, "message_id"))

    def balance(self) -> Decimal:
        body = self._ask("GET", "/users/balance-api/", "balance", self._credentials())
        by_name = {name.lower(): value for name, value in body.items()}  # `Balance` or `balance`
        if "balance" not in by_name and "status_code" in body:
            self._refuse(gateways.first(body, "status_code"), body)
        return gateways.credit(gateways.first(by_name, "balance"))

    def report(self, message_id: str) -> Report:
        raise OutcomeUnknown("AirTouch cannot be asked for a delivery report")

    def _credentials(self) -> dict[str, str]:
        digest = hashlib.md5(self.account.api_key.encode(), usedforsecurity=False).hexdigest()
        return {"username": self.account.username, "password": digest}

    def _ask(
        self, method: str, path: str, operation: str, fields: dict[str, str], *, reference: str = ""
    ) -> dict[str, Any]:
        answer = call(
            self.session,
            method,
            self.account.base_url + path,
            system="airtouch",
            operation=operation,
            reference=reference,
            timeout=gateways.TIMEOUT,
            **{"params" if method == "GET" else "json": fields},
        )
        return gateways.body_of(answer)

    def _refuse(self, code: str, body: dict[str, Any]) -> None:
        words = self.account.without_secrets(gateways.first(body, "status_desc"))
        raise gateways.error(MEANINGS.get(code, Meaning.UNKNOWN), code=code, words=words)
