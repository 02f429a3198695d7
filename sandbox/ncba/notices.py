"""What the notices of interfaces B and C say: their fields in each layout, their hashes, JSON and SOAP."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from xml.sax.saxutils import escape

from sandbox.daraja.ids import NAIROBI
from sandbox.ncba import ids
from sandbox.ncba.state import PAYBILL, Account, Line, Push, State

SOAP = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:ncba="http://mega.com/ncba"><soapenv:Body><ncba:NCBAPaymentNotificationRequest>'
    "{fields}</ncba:NCBAPaymentNotificationRequest></soapenv:Body></soapenv:Envelope>"
)
ALIASES = {
    "Mobile": "PhoneNr",
    "name": "CustomerName",
    "Username": "User",
    "Hash": "HashVal",
}
HASH_NAMES = ("Hash", "HashVal", "SecretKey")
C_HASHED = (
    "TransType",
    "TransID",
    "TransTime",
    "TransAmount",
    "AccountNr",
    "Narrative",
    "PhoneNr",
    "CustomerName",
    "Status",
)


def push_b_fields(state: State, account: Account, line: Line) -> dict[str, str]:
    """The paybill notice of a line, by the documented names, without its hash."""
    reference, narrative = _bill_reference(state, account.till, line.code)
    hashed = state.switch("push_b_mobile") == "hashed"
    fields = {
        "TransType": "Pay Bill",
        "TransID": line.receipt,
        "FTRef": line.reference,
        "TransTime": ids.push_b_time(line.at),
        "TransAmount": _amount_text(state, line.amount),
        "BusinessShortCode": PAYBILL,
        "BillRefNumber": reference,
        "Narrative": narrative,
        "Mobile": hashlib.sha256(line.phone.encode()).hexdigest() if hashed else line.phone,
        "name": line.name,
        "Username": account.push_user,
        "Password": account.push_password,
        "Hash": "",
        "created_at": line.at.astimezone(NAIROBI).strftime("%Y-%m-%dT%H:%M:%S"),
    }
    left_out = {"FTRef": "push_b_ft_ref", "created_at": "push_b_created_at"}
    return {
        name: value
        for name, value in fields.items()
        if name not in left_out or state.switch(left_out[name]) == "on"
    }


def _bill_reference(state: State, till: str, code: str) -> tuple[str, str]:
    """``BillRefNumber`` and ``Narrative``."""
    form = state.switch("push_b_reference")
    if form == "narrative" or not code:
        return till, code
    return (f"{till} {code}" if form == "blank" else f"{till}#{code}"), code


def _amount_text(state: State, amount: Decimal) -> str:
    """``5.00``; or as Java prints a double: ``5.0``, ``5.5``, ``5.25``."""
    return f"{amount:.2f}" if state.switch("push_b_amount") == "two_places" else str(float(amount))


def push_c_fields(state: State, account: Account, line: Line) -> dict[str, str]:
    """The account notice of a line, debit or credit, without its hash."""
    long = state.switch("push_c_customer") == "long" and line.phone
    fields = {
        "User": account.push_user,
        "Password": account.push_password,
        "HashVal": "",
        "TransType": line.trans_type,
        "TransID": line.reference,
        "TransTime": ids.push_c_time(line.at),
        "TransAmount": f"{line.amount:.2f}",
        "AccountNr": account.account,
        "Narrative": line.narrative,
        "PhoneNr": line.phone if state.switch("push_c_phone") == "phone" else account.account,
        "CustomerName": f"{line.name} {line.phone} MPESA" if long else line.name,
        "Status": "SUCCESS",
    }
    if state.switch("push_c_ft_cr_narration") == "on":
        fields["FtCrNarration"] = line.narrative
    return fields


def sealed(state: State, account: Account, kind: str, fields: Mapping[str, str], how: str) -> dict[str, str]:
    """The fields with their hash.

    ``how``: ``hex`` (as documented: Base64 of the hex text), ``extra_equals`` (the same with one ``=`` more),
    ``raw`` (Base64 of the digest itself), ``wrong``.
    """
    text = _hashed_b(account, fields) if kind == "b" else "".join(fields[name] for name in C_HASHED)
    if how == "wrong":
        text += "?"
    digest = hashlib.sha256((account.push_secret + text).encode())
    coded = base64.b64encode(digest.digest() if how == "raw" else digest.hexdigest().encode()).decode()
    name = next(name for name in HASH_NAMES if name in fields)
    return {**fields, name: coded + "=" * (how == "extra_equals")}


def _hashed_b(account: Account, fields: Mapping[str, str]) -> str:
    """What hash B covers, in the order of the account's ``hash_fields``; ``1`` stands for itself."""
    credited = {"paybill": PAYBILL, "till": account.till, "account": account.account}
    values = {
        **fields,
        "1": "1",
        "CreditAccount": credited[account.credit_account],
        "Name": fields.get("name", fields.get("CustomerName", "")),
        "Mobile": fields.get("Mobile", fields.get("PhoneNr", "")),
    }
    return "".join(values.get(name, "") for name in account.hash_fields)


def renamed(state: State, account: Account, fields: Mapping[str, str]) -> dict[str, str]:
    """Notice B in its layout's own names: SOAP uses the aliases, JSON the documented names, unless switched.

    The layouts with aliases also tell the credited account, as ``AccountNr``.
    """
    names = state.switch("push_b_names")
    if names == "documented" or (names == "by_form" and account.push_b_form == "json"):
        return dict(fields)
    aliases = ALIASES | ({"Hash": "SecretKey"} if names == "secret_key" else {})
    named = {aliases.get(name, name): value for name, value in fields.items()}
    return named | {"AccountNr": account.account}


def rendered(push: Push, fields: Mapping[str, str]) -> tuple[bytes, str]:
    """The body and its content type."""
    if push.form == "json":
        return json.dumps(dict(fields)).encode(), "application/json"
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    return SOAP.format(fields=inner).encode(), "text/xml; charset=utf-8"
