"""A plain client of the simulated Daraja, independent of the product's."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa

if TYPE_CHECKING:
    from tests.sandbox.conftest import Inbox, Sandbox

PHONE = "254712000001"
SHORTCODE = {
    "number": "600992",
    "consumer_key": "key",
    "consumer_secret": "secret",
    "initiator": "testapi",
    "initiator_password": "Safe#1",
    "utility": "1000000.00",
    "working": "500000.00",
    "kind": "b2c",
}


class Daraja:
    """Knows one shortcode and sends what a test wants."""

    def __init__(self, sandbox: Sandbox, inbox: Inbox) -> None:
        self.sandbox, self.inbox, self.count = sandbox, inbox, 0
        sandbox.control("POST", "daraja/shortcodes", SHORTCODE)
        self.credential = self.seal("Safe#1")
        self.token = self.fetch_token().json()["access_token"]

    def seal(self, password: str) -> str:
        pem = self.sandbox.get("/control/daraja/certificate").content
        key = x509.load_pem_x509_certificate(pem).public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        return base64.b64encode(key.encrypt(password.encode(), padding.PKCS1v15())).decode()

    def fetch_token(self, key: str = "key", secret: str = "secret") -> requests.Response:
        query = {"grant_type": "client_credentials"}
        return self.sandbox.get("/daraja/oauth/v1/generate", params=query, auth=(key, secret))

    def post(self, path: str, body: Any, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"} | more.pop("headers", {})
        return self.sandbox.post(f"/daraja/mpesa/{path}", json=body, headers=headers, **more)

    def urls(self, name: str) -> dict[str, str]:
        return {
            "ResultURL": f"{self.inbox.url}/callbacks/{name}/result",
            "QueueTimeOutURL": f"{self.inbox.url}/callbacks/{name}/timeout",
        }

    def payout(self, **changes: Any) -> dict[str, Any]:
        """A sound B2C body; a change to None leaves the field out."""
        self.count += 1
        body = {
            "OriginatorConversationID": f"pv-{self.count}",
            "InitiatorName": "testapi",
            "SecurityCredential": self.credential,
            "CommandID": "BusinessPayment",
            "Amount": "1500",
            "PartyA": "600992",
            "PartyB": PHONE,
            "Remarks": "Loan 7",
            "Occassion": "Loan",
        }
        body |= self.urls("b2c") | changes
        return {name: value for name, value in body.items() if value is not None}

    def pay(self, **changes: Any) -> requests.Response:
        return self.post("b2c/v3/paymentrequest", self.payout(**changes))

    def ask(self, name: str = "status", **changes: Any) -> requests.Response:
        body = {
            "Initiator": "testapi",
            "SecurityCredential": self.credential,
            "CommandID": "TransactionStatusQuery",
            "PartyA": "600992",
            "IdentifierType": "4",
            "Remarks": "OK",
        }
        return self.post("transactionstatus/v1/query", body | self.urls(name) | changes)

    def results(self, count: int = 1, name: str = "b2c") -> list[dict[str, Any]]:
        """The first results that came in."""
        posts = self.inbox.wait(count, lambda post: post["path"] == f"/callbacks/{name}/result")
        return [body["Result"] for body in posts]

    def timeouts(self, count: int = 1) -> list[Any]:
        return self.inbox.wait(count, lambda post: post["path"] == "/callbacks/b2c/timeout")

    def status_of(self, originator_conversation_id: str, name: str = "status") -> dict[str, Any]:
        """Ask by our own id and wait for the answer."""
        self.ask(name, OriginalConversationID=originator_conversation_id)
        return self.results(1, name)[0]

    def books(self) -> Any:
        return self.sandbox.control("GET", "daraja/books")

    def balance(self, phone: str = PHONE) -> Decimal:
        """What the sandbox's own books say is on the phone."""
        phones = self.books()["phones"]
        return Decimal(phones[phone]["balance"]) if phone in phones else Decimal(0)

    def utility(self) -> Decimal:
        return Decimal(self.books()["shortcodes"]["600992"]["utility"])


def values(result: dict[str, Any]) -> dict[str, Any]:
    """The result parameters by key; None where the value is missing."""
    return {one["Key"]: one.get("Value") for one in result["ResultParameters"]["ResultParameter"]}
