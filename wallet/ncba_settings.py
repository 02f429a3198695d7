"""How NCBA is spoken to: every path, word, code and format, each with the contract's default.

NCBA documents little of this and changes it by environment, so each field can be set by the environment
variable of its name: `NCBA_` and the field in capitals.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from django.core.exceptions import ImproperlyConfigured

PREFIX = "NCBA_"


@dataclass(frozen=True, slots=True, kw_only=True)
class NcbaSettings:
    """The settings of both interfaces that we call, and of the notices that call us."""

    # Till (interface A).
    till_token_path: str = "/payments/api/v1/auth/token"
    stk_path: str = "/payments/api/v1/stk-push/initiate"
    stk_query_path: str = "/payments/api/v1/stk-push/query"
    qr_path: str = "/payments/api/v1/qr/generate"
    paybill: str = "880100"
    stk_network: str = "Safaricom"
    stk_transaction_type: str = "CustomerPayBillOnline"
    stk_success_codes: tuple[str, ...] = ("0",)
    stk_reject_codes: tuple[str, ...] = ("1",)

    # Open Banking gateway (interface D).
    token_path: str = "/api/v1/Auth/generate-token"
    token_fields: tuple[str, ...] = ("accessToken", "tokenID", "access_token", "token")
    token_seconds: int = 900
    read_timeout_seconds: int = 60
    balance_path: str = "/api/v1/AccountDetails/accountdetails"
    mini_statement_path: str = "/api/v1/AccountMiniStatement/accountministatement"
    statement_path: str = "/api/v1/AccountStatement/accountstatement"
    transfer_path: str = "/api/v1/IFTTransaction/ifttransaction"
    float_path: str = "/api/v1/FloatPurchase/floatpurchase"
    bill_path: str = "/api/v1/LipaNaMpesa/lipanampesa"
    status_path: str = "/api/v1/TransactionStatusQuery/transactionstatusquery"
    balance_country: str = "Kenya"
    statement_country: str = "Kenya"
    transfer_country: str = "Kenya"
    float_country: str = "Kenya"
    bill_country: str = "Kenya"
    status_country: str = "KE"
    available_balance_field: str = "availableBalance"
    current_balance_field: str = "currentBalance"
    statement_date_format: str = "%d%m%Y"
    float_date_format: str = "%Y%m%d"
    float_payment_type: str = "FloatPurchase"
    float_deal_reference: str = ""  # empty: our own reference
    bill_channel: str = "1"
    success_codes: tuple[str, ...] = ("000", "0")
    duplicate_codes: tuple[str, ...] = ("11", "011")
    reject_codes: tuple[str, ...] = ("051", "014", "013")  # funds, account, amount; all others are unknown

    # Notices (interfaces B and C).
    hash_fields_paybill: tuple[str, ...] = (
        "TransType",
        "TransID",
        "TransTime",
        "TransAmount",
        "CreditAccount",
        "BillRefNumber",
        "Mobile",
        "Name",
        "1",
    )
    hash_credit_account: str = "paybill"  # what fills CreditAccount: paybill, till or account
    hash_fields_account: tuple[str, ...] = (
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

    # Pace and limits.
    statement_poll_seconds: int = 300
    topup_ask_seconds: int = 20  # the first question what became of an STK push
    topup_expires_seconds: int = 900
    topup_maximum: Decimal = Decimal(250_000)  # M-Pesa's own, per payment
    possible_duplicate_seconds: int = 600
    freshness_hours: int = 24


def read(environment: Mapping[str, str]) -> NcbaSettings:
    """Read what the environment says; the rest keeps its default.

    :raises ImproperlyConfigured: a number that is none
    """
    given = {}
    for field in fields(NcbaSettings):
        text = environment.get(PREFIX + field.name.upper(), "").strip()
        if text:
            given[field.name] = _value(PREFIX + field.name.upper(), text, field.default)
    return NcbaSettings(**given)


def _value(name: str, text: str, default: Any) -> Any:
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    try:
        return type(default)(text)
    except (ValueError, InvalidOperation):
        raise ImproperlyConfigured(f"{name} is {text!r}, and a number is expected") from None


@lru_cache(maxsize=1)
def current() -> NcbaSettings:
    """Return the settings of this process."""
    return read(os.environ)
