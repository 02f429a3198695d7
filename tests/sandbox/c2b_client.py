"""A plain client of the simulated Daraja for money that customers pay in, independent of the product's."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import requests
from aiohttp import web

from tests.sandbox.daraja_client import SHORTCODE, Daraja

if TYPE_CHECKING:
    from tests.sandbox.conftest import Inbox, Post, Sandbox

PAYER = "254708374149"
HASH = hashlib.sha256(PAYER.encode()).hexdigest()
PAYBILL = "600984"
PASSKEY = "passkey"
STAMP = "20260602101500"


class Paybill(Daraja):
    """Knows one paybill, lets customers pay it and asks what a test wants."""

    def __init__(self, sandbox: Sandbox, inbox: Inbox) -> None:
        super().__init__(sandbox, inbox)
        self.set_up(utility="1000.00", working="0")
        sandbox.control(
            "POST", "daraja/phones", {"phone": PAYER, "name": "JOHN DOE KAMAU", "balance": "10000"}
        )
        self.token = self.fetch_token().json()["access_token"]

    def set_up(self, **changes: Any) -> None:
        number = {"number": PAYBILL, "kind": "c2b", "passkey": PASSKEY, "name": "Kilimo SACCO"}
        access = {key: SHORTCODE[key] for key in ("consumer_key", "consumer_secret", "initiator_password")}
        self.sandbox.control("POST", "daraja/shortcodes", number | access | changes)

    def ask_for(self, path: str, body: dict[str, Any], /, **changes: Any) -> requests.Response:
        """Post a body; a change to None leaves the field out."""
        headers = {"Authorization": f"Bearer {self.token}"}
        wanted = {name: value for name, value in (body | changes).items() if value is not None}
        return self.sandbox.post(f"/daraja/{path}", json=wanted, headers=headers)

    def register(self, version: str = "v2", **changes: Any) -> requests.Response:
        body = {
            "ShortCode": PAYBILL,
            "ResponseType": "Completed",
            "ConfirmationURL": f"{self.inbox.url}/c2b/confirmation",
            "ValidationURL": f"{self.inbox.url}/c2b/validation",
        }
        return self.ask_for(f"mpesa/c2b/{version}/registerurl", body, **changes)

    def validated(self, **changes: Any) -> None:
        """Register with external validation on."""
        self.set_up(external_validation=True)
        assert self.register(**changes).status_code == 200

    def validation_says(self, *replies: web.Response) -> None:
        """What the validation address answers, one after the other, the last for ever."""
        left = list(replies)

        def reply(post: Post) -> web.Response:
            if post["path"] != "/c2b/validation":
                return web.json_response({"ResultCode": 0, "ResultDesc": "Success"})
            said = left.pop(0) if len(left) > 1 else left[0]
            return web.Response(body=said.body, status=said.status, content_type=said.content_type)

        self.inbox.reply = reply

    def comes_in(self, **changes: Any) -> Any:
        """A customer pays; the payment as the sandbox's books have it when that is decided."""
        body = {"shortcode": PAYBILL, "phone": PAYER, "amount": "500", "bill_ref": "000000017"}
        return self.sandbox.control("POST", "daraja/pay", body | changes)

    def confirmations(self, count: int = 1) -> list[dict[str, Any]]:
        return self.inbox.wait(count, lambda post: post["path"] == "/c2b/confirmation")

    def validations(self, count: int = 1) -> list[dict[str, Any]]:
        return self.inbox.wait(count, lambda post: post["path"] == "/c2b/validation")

    def payments(self) -> list[dict[str, Any]]:
        return list(self.books()["payments"])

    def utility_of(self, number: str = PAYBILL) -> Decimal:
        return Decimal(self.books()["shortcodes"][number]["utility"])

    def push(self, **changes: Any) -> requests.Response:
        body = {
            "BusinessShortCode": int(PAYBILL),
            "Password": password(),
            "Timestamp": STAMP,
            "TransactionType": "CustomerPayBillOnline",
            "Amount": 500,
            "PartyA": int(PAYER),
            "PartyB": int(PAYBILL),
            "PhoneNumber": int(PAYER),
            "CallBackURL": f"{self.inbox.url}/stk/result",
            "AccountReference": "000000017",
            "TransactionDesc": "Loan",
        }
        return self.ask_for("mpesa/stkpush/v1/processrequest", body, **changes)

    def callbacks(self, count: int = 1) -> list[dict[str, Any]]:
        posts = self.inbox.wait(count, lambda post: post["path"] == "/stk/result")
        return [body["Body"]["stkCallback"] for body in posts]

    def ask_stk(self, checkout_request_id: str, **changes: Any) -> requests.Response:
        body = {
            "BusinessShortCode": PAYBILL,
            "Password": password(),
            "Timestamp": STAMP,
            "CheckoutRequestID": checkout_request_id,
        }
        return self.ask_for("mpesa/stkpushquery/v1/query", body, **changes)

    def register_pull(self, **changes: Any) -> requests.Response:
        body = {
            "ShortCode": PAYBILL,
            "RequestType": "Pull",
            "NominatedNumber": PAYER,
            "CallBackURL": f"{self.inbox.url}/pull",
        }
        return self.ask_for("pulltransactions/v1/register", body, **changes)

    def pull(self, **changes: Any) -> requests.Response:
        body = {
            "ShortCode": PAYBILL,
            "StartDate": "2020-01-01 0:00:00",
            "EndDate": "2099-01-01 10:10:000",
            "OffSetValue": "0",
        }
        return self.ask_for("pulltransactions/v1/query", body, **changes)

    def reverse(self, receipt: str, **changes: Any) -> requests.Response:
        body = {
            "Initiator": "testapi",
            "SecurityCredential": self.credential,
            "CommandID": "TransactionReversal",
            "TransactionID": receipt,
            "Amount": "500",
            "ReceiverParty": PAYBILL,
            "RecieverIdentifierType": "11",
            "Remarks": "Payment reversal",
        }
        return self.ask_for("mpesa/reversal/v1/request", body | self.urls("reversal"), **changes)


def password(passkey: str = PASSKEY, timestamp: str = STAMP) -> str:
    return base64.b64encode(f"{PAYBILL}{passkey}{timestamp}".encode()).decode()


def items(callback: dict[str, Any]) -> dict[str, Any]:
    """The metadata of an STK callback by name; None where the value is missing."""
    return {one["Name"]: one.get("Value") for one in callback["CallbackMetadata"]["Item"]}


def everywhere(books: dict[str, Any]) -> Decimal:
    """All money in the world of M-Pesa, less what was brought in cash; charges of customers left it."""
    phones = sum(Decimal(one["balance"]) for one in books["phones"].values())
    accounts = sum(
        Decimal(one[name]) for one in books["shortcodes"].values() for name in ("utility", "working")
    )
    return phones + accounts + sum(_under_way(books)) - Decimal(books["cash_brought"])


def _under_way(books: dict[str, Any]) -> Iterator[Decimal]:
    for one in books["payments"]:
        if one["status"] == "pending":
            yield Decimal(one["amount"]) + Decimal(one["charge"])
        elif one["status"] == "completed":
            yield Decimal(one["charge"])
