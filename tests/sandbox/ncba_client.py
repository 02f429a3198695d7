"""A plain client of the simulated bank, independent of the product's, with an inbox for its notices."""

from __future__ import annotations

import base64
import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import requests
from aiohttp import web

if TYPE_CHECKING:
    from tests.sandbox.conftest import Inbox, Sandbox

ACCOUNT, TILL, SHORTCODE, PHONE = "1002003004", "445566", "600992", "254712000001"
SECRET = "s3cret-key"
AGENT = {"User-Agent": "PaymentVault/1.0", "Ocp-Apim-Subscription-Key": "sub-key"}
SOAP = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:n="http://mega.com/ncba"><s:Body>'
    "<n:NCBAPaymentNotificationResult><Result>{}</Result></n:NCBAPaymentNotificationResult></s:Body></s:Envelope>"
)
C_ORDER = ("TransType", "TransID", "TransTime", "TransAmount", "AccountNr", "Narrative")
C_ORDER += ("PhoneNr", "CustomerName", "Status")


def soap(text: str) -> web.Response:
    return web.Response(text=SOAP.format(text), content_type="text/xml")


class Bank:
    """Knows one account with a till, one customer of the gateway, one of the till, one shortcode."""

    def __init__(self, sandbox: Sandbox, inbox: Inbox) -> None:
        self.sandbox, self.inbox = sandbox, inbox
        self.refusals = {"b": 0, "c": 0}  # how often a notice is refused before it is taken
        inbox.reply = self.reply
        self.set_account(name="VAULT LTD", balance="500000", till=TILL)
        user = {"user": "vault", "password": "Pass#1", "subscription_key": "sub-key"}
        sandbox.control("POST", "ncba/users", user)
        sandbox.control("POST", "ncba/till-users", {"user": "vault-till", "secret": "till-secret"})
        sandbox.control("POST", "daraja/shortcodes", {"number": SHORTCODE, "utility": "0", "working": "0"})
        self.token = self.fetch_token().json()["accessToken"]
        self.till_token = self.fetch_till_token().json()["access_token"]

    def set_account(self, **fields: Any) -> Any:
        return self.sandbox.control("POST", "ncba/accounts", {"account": ACCOUNT} | fields)

    def listen(self, **fields: Any) -> None:
        """Subscribe to both kinds of notice."""
        secrets = {"push_user": "ncba", "push_password": "pw", "push_secret": SECRET}
        urls = {"push_b_url": f"{self.inbox.url}/b", "push_c_url": f"{self.inbox.url}/c"}
        self.set_account(**(secrets | urls | fields))

    def reply(self, post: dict[str, Any]) -> web.Response:
        kind = "b" if post["path"] == "/b" else "c"
        refused = self.refusals[kind] > 0
        self.refusals[kind] -= refused
        if post["raw"].startswith("<"):
            return soap("FAIL" if refused else "OK")
        return web.json_response({"ResultCode": "1" if refused else "0", "ResultDesc": "x"})

    def fetch_token(self, headers: Any = None, **changes: Any) -> requests.Response:
        body = {"userID": "vault", "password": "Pass#1"} | changes
        path = "/ncba/api/v1/Auth/generate-token"
        return self.sandbox.post(path, json=body, headers=AGENT if headers is None else headers)

    def fetch_till_token(self, method: str = "GET", secret: str = "till-secret") -> requests.Response:
        path = "/ncba-till/payments/api/v1/auth/token"
        return self.sandbox.request(method, path, auth=("vault-till", secret))

    def call(self, path: str, body: Any, **headers: Any) -> requests.Response:
        sent = AGENT | {"Authorization": f"Bearer {self.token}"} | headers
        wanted = {name: value for name, value in sent.items() if value is not None}
        return self.sandbox.post(f"/ncba/api/v1/{path}", json=body, headers=wanted)

    def till(self, path: str, body: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.till_token}"}
        return self.sandbox.post(f"/ncba-till/payments/api/v1/{path}", json=body, headers=headers)

    def ift(self, reference: str = "PV1", **changes: Any) -> requests.Response:
        body = {
            "country": "Kenya",
            "transactionID": reference,
            "beneficiaryAccountName": "M-PESA Holding Company Limited",
            "debitAccountNumber": ACCOUNT,
            "creditAccountNumber": f"333{SHORTCODE}",
            "currency": "KES",
            "amount": "50000.00",
            "narration": "FLOAT TOPUP",
        }
        return self.call("IFTTransaction/ifttransaction", body | changes)

    def interbank(self, rail: str, reference: str = "PV1", **changes: Any) -> requests.Response:
        """EFT, RTGS or PesaLink, with what any of them wants."""
        body = {
            "transactionID": reference,
            "beneficiaryAccountNumber": "998877",
            "beneficiaryBankBIC": "01000",
            "beneficiaryName": "SUPPLIER",
            "beneficiaryCountry": "KE",
            "narration": "INVOICE",
            "senderCIF": ACCOUNT[:6],
            "senderCountry": "KE",
            "currency": "KES",
            "creditCurrency": "KES",
            "debitCurrency": "KES",
            "purposeCode": "MSC",
            "debitAccountNumber": ACCOUNT,
            "senderAccountNumber": ACCOUNT,
            "amount": "1000.00",
            "creditAmount": "1000",
        }
        paths = {
            "eft": "EFTTransaction/efttransaction",
            "rtgs": "RTGSPayment/RTGSPayment",
            "pesalink": "PesaLinkTransaction/pesaLinktransaction",
        }
        return self.call(paths[rail], body | changes)

    def buy_float(self, reference: str = "PV1", **changes: Any) -> requests.Response:
        body = {
            "reqAgentName": "VAULT",
            "reqCreditAmount": "50000",
            "reqCustomerReference": reference,
            "reqDealReference": reference,
            "reqDebitAccountNumber": ACCOUNT,
            "reqDebitAcCurrency": "KES",
            "reqDebitAmount": "50000",
            "reqMobileNumber": PHONE,
            "reqPayBillTillNo": SHORTCODE,
            "reqPaymentDescription": "FLOAT TOPUP",
            "reqPaymentType": "FloatPurchase",
            "reqToAccountName": "VAULT",
            "reqTransactionReferenceNo": reference,
            "reqTxnDate": "20260603",
            "senderCountry": "Kenya",
        }
        return self.call("FloatPurchase/floatpurchase", body | changes)

    def lipa(self, reference: str = "PV1", **changes: Any) -> requests.Response:
        body = {
            "reqTransactionReferenceNo": reference,
            "reqPaymentType": "Paybill",
            "reqPayBillTillNo": SHORTCODE,
            "DebitAccountNumber": ACCOUNT,
            "DebitAmount": "50000",
            "reqCreditAmount": "50000",
            "reqDebitAcCurrency": "KES",
            "reqToAccountName": "VAULT",
            "reqMobileNumber": PHONE,
            "reqPaymentDescription": "FLOAT TOPUP",
            "reqPaybillAccount": "FLOAT",
            "Country": "Kenya",
            "reqChnlId": "1",
        }
        return self.call("LipaNaMpesa/lipanampesa", body | changes)

    def wallet(self, reference: str = "PV1", **changes: Any) -> requests.Response:
        body = {
            "beneficiaryName": "JANE DOE",
            "date": "2026-06-03",
            "debitAccount": ACCOUNT,
            "debitAmount": "5000.00",
            "mobileNumber": PHONE,
            "transactionNarration": "LOAN",
            "uniqueReferenceNumber": reference,
        }
        return self.call("MobileMoneyTransfer/mobilemoneytransfer", body | changes)

    def ask_stk(self, **changes: Any) -> requests.Response:
        body = {
            "TelephoneNo": PHONE,
            "Amount": "100",
            "PayBillNo": "880100",
            "AccountNo": f"{TILL}#KILIMO",
            "Network": "Safaricom",
            "TransactionType": "CustomerPayBillOnline",
        }
        return self.till("stk-push/initiate", body | changes)

    def pay(self, **changes: Any) -> Any:
        body = {"till": TILL, "code": "KILIMO", "phone": PHONE, "name": "Jane Doe", "amount": "5000"}
        return self.sandbox.control("POST", "ncba/pay", body | changes)

    def transfer_in(self, amount: str = "7500", **more: Any) -> Any:
        body = {"account": ACCOUNT, "amount": amount, "narrative": "TOP UP KILIMO"}
        return self.sandbox.control("POST", "ncba/transfer-in", body | more)

    def books(self) -> Any:
        return self.sandbox.control("GET", "ncba/books")

    def balance(self) -> Decimal:
        return Decimal(self.books()["accounts"][ACCOUNT]["balance"])

    def lines(self) -> Any:
        return self.books()["accounts"][ACCOUNT]["lines"]

    def shortcode(self) -> tuple[Decimal, Decimal]:
        """Utility and Working of the shortcode in M-Pesa's books."""
        held = self.sandbox.control("GET", "daraja/books")["shortcodes"][SHORTCODE]
        return Decimal(held["utility"]), Decimal(held["working"])

    def pass_time(self, seconds: float) -> None:
        self.sandbox.control("POST", "clock", {"shift_seconds": seconds})

    def notices(self, kind: str, count: int = 1) -> list[dict[str, str]]:
        """The fields of the first notices of a kind."""
        self.inbox.wait(count, lambda post: post["path"] == f"/{kind}")
        posts = [post for post in self.inbox.posts if post["path"] == f"/{kind}"]
        return [fields_of(post["raw"]) if post["body"] is None else post["body"] for post in posts]


def fields_of(text: str) -> dict[str, str]:
    """The fields of a SOAP notice."""
    root = ElementTree.fromstring(text)
    request = root.find(".//{http://mega.com/ncba}NCBAPaymentNotificationRequest")
    assert request is not None, text
    return {field.tag: field.text or "" for field in request}


def sealed(*parts: str) -> str:
    """Base64 of the hex text of SHA-256."""
    return base64.b64encode(hashlib.sha256("".join(parts).encode()).hexdigest().encode()).decode()


def hash_b(fields: dict[str, str], credited: str = "880100") -> str:
    named = {"Mobile": fields.get("PhoneNr"), "name": fields.get("CustomerName")} | fields
    return sealed(
        SECRET,
        *(named[name] for name in ("TransType", "TransID", "TransTime", "TransAmount")),
        credited,
        *(named[name] for name in ("BillRefNumber", "Mobile", "name")),
        "1",
    )


def hash_c(fields: dict[str, str]) -> str:
    return sealed(SECRET, *(fields[name] for name in C_ORDER))
