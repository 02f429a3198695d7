"""The partnerID family: Advanta, Celcom, TextSMS, Emalify and others on the same software.

Most installations spell the answer's code `respose-code`, Advanta's new papers `response-code`; an error may
come flat, without the list `responses`.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar

import requests

from common.http import call
from sms import gateways
from sms.gateways import Accepted, Account, Meaning, Message, Report

SUCCESS = frozenset({"200"})  # one member (Kemrut) says 1000: set it on the account
MEANINGS: Mapping[str, Meaning] = MappingProxyType(
    {
        "1001": Meaning.BAD_SENDER,
        "1002": Meaning.BAD_NUMBER,  # network not allowed
        "1003": Meaning.BAD_NUMBER,
        "1004": Meaning.NO_CREDIT,
        "1005": Meaning.TEMPORARY,
        "1006": Meaning.AUTH,
        "1007": Meaning.TEMPORARY,
        "1009": Meaning.OUR_FAULT,
        "1010": Meaning.OUR_FAULT,
        "1012": Meaning.OUR_FAULT,
        "1104": Meaning.OUR_FAULT,
        "4090": Meaning.TEMPORARY,
        "4091": Meaning.AUTH,  # no partner id
        "4092": Meaning.AUTH,  # no API key
        "4093": Meaning.AUTH,  # no such account
    }
)
NO_REPORT_YET = frozenset({"1008", "1009"})
UNDELIVERED = gateways.UNDELIVERED | {"unknown"}  # how failures at Airtel and Telkom are told


class PartnerId:
    """One account, asked by JSON (or GET, where the account says so)."""

    can_be_asked: ClassVar[bool] = True
    retry_after: ClassVar[Mapping[str, timedelta]] = MappingProxyType({"4090": timedelta(minutes=5)})

    def __init__(self, account: Account, session: requests.Session) -> None:
        self.account, self.session = account, session

    def send(self, message: Message) -> Accepted:
        fields = {
            "message": message.text,
            "shortcode": self.account.sender_id,
            "mobile": gateways.number(message.phone, self.account.phone_format or "254"),
        }
        body = self._ask("sendsms", fields, reference=message.reference)
        item = _only(body)
        self._check(item)
        return Accepted(message_id=gateways.first(item, "messageid", "message-id"))

    def balance(self) -> Decimal:
        body = self._ask("getbalance", {})
        self._check(body)
        return gateways.credit(gateways.first(body, "credit"))

    def report(self, message_id: str) -> Report:
        body = _only(self._ask("getdlr", {"messageID": message_id}))
        if _code(body) in NO_REPORT_YET:
            return Report(message_id=message_id, fate="waiting")
        self._check(body)
        words = gateways.first(body, "delivery-description")
        decided = gateways.fate(words, delivered=gateways.DELIVERED, failed=UNDELIVERED)
        return Report(message_id=message_id, fate=decided, words=words[:100])

    def _ask(self, service: str, fields: dict[str, str], *, reference: str = "") -> dict[str, Any]:
        asked = {"apikey": self.account.api_key, "partnerID": self.account.partner_code} | fields
        method = (self.account.method or "post").upper()
        answer = call(
            self.session,
            method,
            f"{self.account.base_url}/api/services/{service}/",
            system="partner_id",
            operation=service,
            reference=reference,
            timeout=gateways.TIMEOUT,
            **{"params" if method == "GET" else "json": asked},
        )
        return gateways.body_of(answer)

    def _check(self, item: dict[str, Any]) -> None:
        code = _code(item)
        if code in (self.account.success_codes or SUCCESS):
            return
        words = self.account.without_secrets(gateways.first(item, "response-description"))
        raise gateways.error(MEANINGS.get(code, Meaning.UNKNOWN), code=code, words=words)


def _only(body: dict[str, Any]) -> dict[str, Any]:
    """Return the answer for our one message, in the list or flat."""
    listed = body.get("responses")
    if isinstance(listed, list):
        return listed[0] if len(listed) == 1 and isinstance(listed[0], dict) else {}
    return body


def _code(item: dict[str, Any]) -> str:
    return gateways.first(item, "respose-code", "response-code")
