"""Requests and synchronous answers of the collecting APIs: URLs, prompts on phones, Pull."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from common.gateway import OutcomeUnknown, Rejected, Retryable
from common.http import Answer
from common.money import whole_shillings
from mpesa.answers import read
from mpesa.bodies import Body, check_callback_url, plain
from mpesa.times import EAT

REGISTER_PATHS = {"v1": "/mpesa/c2b/v1/registerurl", "v2": "/mpesa/c2b/v2/registerurl"}
PUSH_PATH = "/mpesa/stkpush/v1/processrequest"
PUSH_ASK_PATH = "/mpesa/stkpushquery/v1/query"
PULL_REGISTER_PATH = "/pulltransactions/v1/register"  # no /mpesa before these two
PULL_PATH = "/pulltransactions/v1/query"
PULL_WINDOW = timedelta(hours=48)
PULL_PAGE = 1000
ALREADY = ("urls are already registered", "duplicate notification info")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """M-Pesa has addresses of the shortcode. `earlier`: it had some before, and keeps those.

    In production they can only be changed by hand on the portal, and nobody can read which ones they are.
    """

    earlier: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A payment to be asked for on a customer's phone.

    :param to_number: where the money goes; the till where `store` is its store number
    """

    phone: str = field(repr=False)
    amount: Decimal
    account: str
    description: str
    callback_url: str = field(repr=False)
    passkey: str = field(repr=False)
    store: str = ""
    buy_goods: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompted:
    """The phone is being asked; nothing is paid yet."""

    merchant_id: str
    checkout_id: str


def register_body(shortcode: str, *, confirmation: str, validation: str, response_type: str) -> Body:
    """:raises ValueError: an address that Daraja refuses"""
    check_callback_url(confirmation)
    check_callback_url(validation)
    return {
        "ShortCode": shortcode,
        "ResponseType": response_type,
        "ConfirmationURL": confirmation,
        "ValidationURL": validation,
    }


def registered(answer: Answer) -> Registered:
    """Judge the answer to a registration; "already registered" comes as HTTP 500 `500.003.1001`.

    :raises Rejected, Retryable: M-Pesa has not taken them; asking again does no harm
    """
    reply, body = read(answer), answer.object()
    if any(words in reply.text.lower() for words in ALREADY):
        return Registered(earlier=True, words=reply.text)
    older = answer.ok and "ResponseCode" not in body and "ResponseDescription" in body
    if reply.accepted or (older and "success" in reply.text.lower()):
        return Registered(earlier=False, words=reply.text)
    error = reply.error()
    if isinstance(error, OutcomeUnknown):
        raise Retryable(error.message, code=error.code)
    raise error


def push_body(shortcode: str, prompt: Prompt, *, at: datetime) -> Body:
    """Write a prompt: phones as numbers, the time in East Africa Time.

    :raises ValueError: an amount with cents, or an address that Daraja refuses
    """
    check_callback_url(prompt.callback_url)
    return {
        **_signed(prompt.store or shortcode, prompt.passkey, at),
        "TransactionType": "CustomerBuyGoodsOnline" if prompt.buy_goods else "CustomerPayBillOnline",
        "Amount": whole_shillings(prompt.amount),
        "PartyA": int(prompt.phone),
        "PartyB": int(shortcode),
        "PhoneNumber": int(prompt.phone),
        "CallBackURL": prompt.callback_url,
        "AccountReference": plain(prompt.account)[:12],
        "TransactionDesc": plain(prompt.description)[:13],
    }


def _signed(shortcode: str, passkey: str, at: datetime) -> Body:
    stamp = at.astimezone(EAT).strftime("%Y%m%d%H%M%S")
    password = base64.b64encode(f"{shortcode}{passkey}{stamp}".encode()).decode()
    return {"BusinessShortCode": int(shortcode), "Password": password, "Timestamp": stamp}


def prompted(answer: Answer) -> Prompted:
    """:raises Rejected, Retryable, OutcomeUnknown: the phone is not, or may not be, asked"""
    reply, body = read(answer), answer.object()
    checkout = body.get("CheckoutRequestID")
    if reply.accepted and isinstance(checkout, str) and checkout:
        return Prompted(merchant_id=str(body.get("MerchantRequestID", ""))[:60], checkout_id=checkout[:60])
    if reply.accepted:
        raise OutcomeUnknown("M-Pesa took the request without naming it", code="shape")
    raise reply.error()


def push_ask_body(shortcode: str, *, passkey: str, checkout_id: str, at: datetime) -> Body:
    return {**_signed(shortcode, passkey, at), "CheckoutRequestID": checkout_id}


def pull_register_body(shortcode: str, *, nominated: str, callback_url: str) -> Body:
    """:raises ValueError: an address that Daraja refuses"""
    check_callback_url(callback_url)
    return {
        "ShortCode": shortcode,
        "RequestType": "Pull",
        "NominatedNumber": nominated,
        "CallBackURL": callback_url,
    }


def pull_registered(answer: Answer) -> Registered:
    """Judge the answer; the key is `ResponseStatus`, in production also `Response Status`.

    :raises Rejected, Retryable: it is not registered
    """
    body = answer.object()
    code = str(body.get("ResponseStatus") or body.get("Response Status") or body.get("ResponseCode") or "")
    if answer.ok and code in ("1000", "1001"):
        return Registered(earlier=code == "1001", words=str(body.get("ResponseDescription", "")))
    raise _refused(answer)


def pull_body(shortcode: str, *, since: datetime, until: datetime, offset: int) -> Body:
    layout = "%Y-%m-%d %H:%M:%S"
    return {
        "ShortCode": shortcode,
        "StartDate": since.astimezone(EAT).strftime(layout),
        "EndDate": until.astimezone(EAT).strftime(layout),
        "OffSetValue": str(offset),
    }


def pulled_rows(answer: Answer) -> list[Mapping[str, Any]]:
    """Return the rows of a Pull answer: a list in a list, or the text of one; `1001` is none.

    :raises Rejected, Retryable: it was not answered
    """
    body = answer.object()
    code = str(body.get("ResponseCode") or body.get("Response Code") or body.get("ResponseStatus") or "")
    if not answer.ok or code not in ("1000", "1001"):
        raise _refused(answer)
    return list(_flat(body.get("Response")))


def _flat(found: Any) -> list[Mapping[str, Any]]:
    if isinstance(found, str):
        try:
            found = json.loads(found, parse_float=Decimal)
        except (ValueError, RecursionError):
            raise Retryable("M-Pesa's list of payments cannot be read", code="shape") from None
    if isinstance(found, dict):
        return [found]
    if not isinstance(found, list):
        return []
    return [row for part in found for row in _flat(part)]


def _refused(answer: Answer) -> Rejected | Retryable:
    """Return the error of a question; an unclear answer to it may simply be asked for again."""
    error = read(answer).error()
    if isinstance(error, Rejected):
        return error
    return Retryable(error.message, code=error.code)
