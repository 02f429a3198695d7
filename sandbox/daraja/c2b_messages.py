"""The flat body of validation and confirmation, all values text, in every spelling that the field has seen."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from sandbox.daraja import ids, msisdn
from sandbox.daraja.payments import Payment
from sandbox.world import World

# Any value but 0 cancels; the code selects the SMS to the payer.
REJECTIONS = {
    "C2B00011": "Invalid MSISDN",
    "C2B00012": "Invalid Account Number",
    "C2B00013": "Invalid Amount",
    "C2B00014": "Invalid KYC Details",
    "C2B00015": "Invalid Shortcode",
    "C2B00016": "Other Error",
}
NAMES = ("FirstName", "MiddleName", "LastName")


def notice(world: World, payment: Payment, version: str, *, confirmation: bool) -> dict[str, str]:
    """What validation is asked, or what confirmation tells."""
    switch = world.switches.get
    number = msisdn.told(
        payment.phone, form=switch("daraja.msisdn_form"), version=version, receipt=payment.receipt
    )
    with_balance = confirmation and switch("daraja.c2b_balance") == "on"
    body = {
        "TransactionType": _type(world, payment),
        "TransID": payment.receipt,
        "TransTime": ids.compact(payment.completed_at or payment.at),
        "TransAmount": _amount(payment, switch("daraja.c2b_amount")),
        "BusinessShortCode": payment.shortcode,
        "BillRefNumber": payment.bill_ref,
        "InvoiceNumber": "",
        "OrgAccountBalance": f"{payment.org_balance:.2f}" if with_balance else "",
        "ThirdPartyTransID": payment.third_party_id if confirmation else "",
        "MSISDN": number,
    }
    return body | _names(payment.name, switch("daraja.c2b_names"), version)


def _type(world: World, payment: Payment) -> str:
    wanted = str(world.switches.get("daraja.c2b_type"))
    if wanted != "by_kind":
        return "" if wanted == "empty" else wanted
    till = world.daraja.shortcodes[payment.shortcode].organisation == "till"
    return "Customer Merchant Payment" if till else "Pay Bill"


def _amount(payment: Payment, wanted: str) -> str:
    if wanted == "mixed":
        wanted = msisdn.mixed(payment.receipt, ("two_places", "whole"))
    whole = wanted == "whole" and payment.amount == payment.amount.to_integral_value()
    return str(payment.amount.quantize(Decimal(1))) if whole else f"{payment.amount:.2f}"


def split_name(name: str) -> tuple[str, str, str]:
    """First, middle and last name."""
    first, _, rest = name.partition(" ")
    middle, _, last = rest.rpartition(" ")
    return first, middle, last


def _names(name: str, wanted: str, version: str) -> dict[str, str]:
    if wanted == "by_version":
        wanted = "full" if version == "v1" else "first"
    names = dict(zip(NAMES, split_name(name), strict=True))
    if wanted == "full":
        return names
    if wanted == "first":
        return names | {"MiddleName": "", "LastName": ""}
    if wanted == "first_alone":
        return {"FirstName": names["FirstName"]}
    return dict.fromkeys(NAMES, "") if wanted == "empty" else {}


def verdict(said: tuple[int, str] | None) -> tuple[str, str]:
    """What a validation answer means: result code and ThirdPartyTransID.

    The code is ``0``, a reject code, ``no answer`` or ``unreadable``; the last two leave it to the default.
    """
    if said is None:
        return "no answer", ""
    body = _json(said[1]) if 200 <= said[0] < 300 else None
    code = body.get("ResultCode") if isinstance(body, dict) else None
    if body is None or isinstance(code, bool) or not isinstance(code, (int, str)) or code == "":
        return "unreadable", ""
    third_party = body.get("ThirdPartyTransID")
    return str(code), "" if third_party is None else str(third_party)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
