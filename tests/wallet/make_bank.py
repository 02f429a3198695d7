"""Builders for NCBA's tests: an account, notices in all layouts, and what they book."""

import base64
import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from django.http import HttpResponse
from django.test import Client as Web

from tests import make
from wallet import balances, bank
from wallet.bank_models import BankAccount
from wallet.crediting import Channel, Told
from wallet.models import Account, Transfer

SAMPLES = Path(__file__).parent / "samples"
SECRET = "push-secret"
TILL = "123456"
B_ORDER = ("TransType", "TransID", "TransTime", "TransAmount")
C_ORDER = ("TransType", "TransID", "TransTime", "TransAmount", "AccountNr", "Narrative", "PhoneNr")
SOAP = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:n="http://mega.com/ncba">'
    "<soapenv:Body><n:NCBAPaymentNotificationRequest>{}</n:NCBAPaymentNotificationRequest></soapenv:Body>"
    "</soapenv:Envelope>"
)


def account(**fields: Any) -> BankAccount:
    defaults = {
        "account": "1000000001",
        "till": TILL,
        "till_username": "till-user",
        "till_password": "till-pass",
        "gateway_user": "gate-user",
        "gateway_password": "gate-pass",
        "subscription_key": "sub-key",
        "push_username": "pusher",
        "push_password": "push-pass",
        "push_secret": SECRET,
    }
    row = BankAccount.objects.create(**defaults | fields)
    BankAccount.objects.filter(pk=row.pk).update(created_at=make.NOW)
    row.refresh_from_db()
    return row


def sealed(*parts: str) -> str:
    """Base64 of the hex text of SHA-256, as the bank's Java sample makes it."""
    return base64.b64encode(hashlib.sha256("".join(parts).encode()).hexdigest().encode()).decode()


def paybill(*, secret: str = SECRET, credited: str = "880100", **changes: Any) -> dict[str, Any]:
    """The fields of a paybill notice, with its hash; None takes a field away."""
    fields = json.loads((SAMPLES / "paybill.json").read_text())
    fields |= {"TransAmount": "5000.00", "FTRef": "FT26154ABCDE"} | changes
    fields = {name: value for name, value in fields.items() if value is not None}
    text = [fields.get(name, "") for name in B_ORDER]
    rest = [fields.get(name, "") for name in ("BillRefNumber", "Mobile", "name")]
    return {"Hash": sealed(secret, *text, credited, *rest, "1")} | {
        name: value for name, value in fields.items() if name != "Hash" or "Hash" in changes
    }


def line(*, secret: str = SECRET, **changes: Any) -> dict[str, Any]:
    """The fields of an account notice, with its hash."""
    fields = {
        "User": "pusher",
        "Password": "push-pass",
        "TransType": "876",
        "TransID": "FT26154ABCDE",
        "TransTime": "2606031015",
        "TransAmount": "5000.00",
        "AccountNr": "1000000001",
        "Narrative": "123456 KILIMO",
        "PhoneNr": "1000000001",
        "CustomerName": "JANE DOE 254708374149 MPESA",
        "Status": "SUCCESS",
    } | changes
    order = [*C_ORDER, "CustomerName", "Status"]
    return {"HashVal": sealed(secret, *(fields[name] for name in order))} | fields


def xml(fields: dict[str, Any]) -> str:
    return SOAP.format("".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in fields.items()))


def as_aliases(fields: dict[str, Any]) -> dict[str, Any]:
    """The names of the XML layout."""
    names = {"Mobile": "PhoneNr", "name": "CustomerName", "Username": "User", "Hash": "HashVal"}
    return {names.get(name, name): value for name, value in fields.items()}


def post(
    row: BankAccount, what: str, body: Any, *, content_type: str | None = None, token: str | None = None
) -> HttpResponse:
    """Post a notice as NCBA does: a dict as JSON, text as XML."""
    path = bank.callback_address(row, what).partition("/callbacks/")[2]
    if token is not None:
        path = f"ncba/{token}/{what}"
    is_json = isinstance(body, dict)
    data = json.dumps(body) if is_json else body
    kind = content_type or ("application/json" if is_json else "text/xml; charset=utf-8")
    return Web(raise_request_exception=False).post(f"/callbacks/{path}", data=data, content_type=kind)


def told(channel: Channel = Channel.PAYBILL, amount: int = 5000, **fields: Any) -> Told:
    """What a channel says of one payment of KES 5,000 for kilimo."""
    defaults: dict[str, Any] = {
        "core_reference": "FT26154ABCDE",
        "event_at": make.NOW,
        "bill_reference": "123456 KILIMO" if channel == Channel.PAYBILL else "",
        "narrative": "123456 KILIMO",
        "receipt": "RKL51ZDR4F" if channel == Channel.PAYBILL else "",
        "day_only": channel == Channel.STATEMENT,
    }
    return Told(channel=channel, amount=Decimal(amount), **defaults | fields)


def wallet_of(partner: Any) -> Decimal:
    return balances.of_partner(partner.pk).wallet


def total_of(kind: str) -> Decimal:
    """What went into one of the platform's accounts, less what went out."""
    found = Account.objects.filter(kind=kind).first()
    if found is None:
        return Decimal(0)
    into = sum(one.amount for one in Transfer.objects.filter(to_account=found))
    out = sum(one.amount for one in Transfer.objects.filter(from_account=found))
    return Decimal(into - out)
