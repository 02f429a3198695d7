"""Damza, and the other gateways that run the "Ultimate SMS" reseller script.

Little is public about Damza itself; this is the script's way. Errors come with HTTP 200, the key travels in
the query string (so no URL is ever logged), and the original script gives no message id.
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

SUCCESS = frozenset({"ok", "200"})  # 200 at Afrokatt
MEANINGS: Mapping[str, Meaning] = MappingProxyType(
    {
        "100": Meaning.OUR_FAULT,  # parameters are missing
        "101": Meaning.OUR_FAULT,  # wrong action
        "102": Meaning.AUTH,
        "103": Meaning.BAD_NUMBER,
        "104": Meaning.BAD_NUMBER,  # phone coverage not active
        "105": Meaning.NO_CREDIT,
        "106": Meaning.BAD_SENDER,
        "107": Meaning.OUR_FAULT,
        "108": Meaning.TEMPORARY,  # gateway not active
        "109": Meaning.OUR_FAULT,
        "110": Meaning.OUR_FAULT,
        "111": Meaning.UNKNOWN,  # spam word, waits for approval: it may still go out
    }
)


class UltimateSms:
    """One account, asked by GET (or a form, where the account says so)."""

    can_be_asked: ClassVar[bool] = True
    retry_after: ClassVar[Mapping[str, timedelta]] = MappingProxyType({})

    def __init__(self, account: Account, session: requests.Session) -> None:
        self.account, self.session = account, session

    def send(self, message: Message) -> Accepted:
        fields = {
            "to": gateways.number(message.phone, self.account.phone_format or "254"),
            "from": self.account.sender_id,
            "sms": message.text,
        }
        if message.unicode:
            fields["unicode"] = "1"
        body = self._ask("send-sms", fields, reference=message.reference)
        self._check(body)
        return Accepted(
            message_id=gateways.first(body, "message_id", "messageid", "id"),
            cost=gateways.amount(gateways.first(body, "cost")),
        )

    def balance(self) -> Decimal:
        body = self._ask("check-balance", {})
        if "code" in body and "balance" not in body:
            self._check(body)
        return gateways.credit(gateways.first(body, "balance"))

    def report(self, message_id: str) -> Report:
        """Ask as Afrokatt documents it; the shape of the answer is not, so only plain words decide."""
        body = self._ask("check-getdlr", {"messageid": message_id, "username": self.account.username})
        words = gateways.first(body, "status", "delivery_status", "dlr", "delivery-description")
        decided = gateways.fate(words, delivered=gateways.DELIVERED, failed=gateways.UNDELIVERED)
        return Report(message_id=message_id, fate=decided, words=words[:100])

    def _ask(self, action: str, fields: dict[str, str], *, reference: str = "") -> dict[str, Any]:
        asked = {"action": action, "api_key": self.account.api_key} | fields | {"response": "json"}
        method = (self.account.method or "get").upper()
        answer = call(
            self.session,
            method,
            f"{self.account.base_url}/sms/api",
            system="ultimate_sms",
            operation=action,
            reference=reference,
            timeout=gateways.TIMEOUT,
            **{"params" if method == "GET" else "data": asked},
        )
        return gateways.body_of(answer)

    def _check(self, body: dict[str, Any]) -> None:
        code = gateways.first(body, "code").lower()
        if code in (self.account.success_codes or SUCCESS):
            return
        words = self.account.without_secrets(gateways.first(body, "message"))
        raise gateways.error(MEANINGS.get(code, Meaning.UNKNOWN), code=code, words=words)
