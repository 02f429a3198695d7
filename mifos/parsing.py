"""Fineract's JSON into our values: dates as arrays or text, six decimals, nulls left out."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from mifos.shapes import Client, Hook, Loan, LoanTransaction, Login, PaymentType, Product, Tranche

APPROVED, ACTIVE = 200, 300  # LoanStatus
DISBURSEMENT = 1  # LoanTransactionType
CENT = Decimal("0.01")


class Malformed(ValueError):
    """An answer that lacks what it must have."""


def day(value: Any) -> date | None:
    """Read `[2026, 6, 3]` (Gson), `"2026-06-03"` (Jackson), or either with a time behind it.

    :raises Malformed: anything else
    """
    if value is None or value == "":
        return None
    try:
        if isinstance(value, list):
            return date(*value[:3])
        return date.fromisoformat(value[:10])
    except (TypeError, ValueError):
        raise Malformed(f"{value!r} is not a date") from None


def decimal(value: Any) -> Decimal | None:
    """Read an amount exactly; six places come down to two where nothing is lost.

    :raises Malformed: not a number
    """
    if value is None:
        return None
    if isinstance(value, bool | float):  # a float here is NaN or Infinity
        raise Malformed(f"{value!r} is not an amount")
    try:
        amount = Decimal(str(value))
        if not amount.is_finite():
            raise Malformed(f"{value!r} is not an amount")
        rounded = amount.quantize(CENT)
    except InvalidOperation:
        raise Malformed(f"{value!r} is not an amount") from None
    return rounded if rounded == amount else amount


def whole(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise Malformed(f"{value!r} is not an id")
    return value


def part(source: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object inside, or an empty one where it is left out."""
    inside = source.get(name)
    return inside if isinstance(inside, dict) else {}


def items(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a bare list.

    :raises Malformed: not a list of objects
    """
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Malformed("this is not a list of objects")
    return value


def _text(source: Mapping[str, Any], name: str) -> str:
    value = source.get(name)
    return printable(value) if isinstance(value, str) else ""


def printable(text: str) -> str:
    """Drop what neither a page nor PostgreSQL can hold: control characters, lone surrogates."""
    return "".join(each for each in text if each.isprintable())


def _id(source: Mapping[str, Any], name: str = "id") -> int:
    found = whole(source.get(name))
    if found is None:
        raise Malformed(f"{name} is missing")
    return found


def _amount(source: Mapping[str, Any], name: str) -> Decimal:
    found = decimal(source.get(name))
    if found is None:
        raise Malformed(f"{name} is missing")
    return found


def _flag(source: Mapping[str, Any], name: str, *, absent: bool = False) -> bool:
    value = source.get(name)
    return value if isinstance(value, bool) else absent


def login(body: Mapping[str, Any]) -> Login:
    """`POST /authentication`; an expired password gives the same object with a 403."""
    permissions = body.get("permissions")
    return Login(
        username=_text(body, "username"),
        office_name=_text(body, "officeName"),
        permissions=frozenset(str(name) for name in permissions)
        if isinstance(permissions, list)
        else frozenset(),
        password_expired=_flag(body, "shouldRenewPassword"),
        two_factor=_flag(body, "isTwoFactorAuthenticationRequired"),
    )


def product(body: Mapping[str, Any]) -> Product:
    return Product(
        id=_id(body),
        name=_text(body, "name"),
        currency=_text(part(body, "currency"), "code"),
        min_principal=decimal(body.get("minPrincipal")),
        principal=decimal(body.get("principal")),
        max_principal=decimal(body.get("maxPrincipal")),
        multi_disburse=_flag(body, "multiDisburseLoan"),
        active=_text(body, "status") in ("", "loanProduct.active"),
    )


def loan(body: Mapping[str, Any]) -> Loan:
    status, timeline = part(body, "status"), part(body, "timeline")
    status_id = _id(status)
    principal = _amount(body, "principal")
    approved = decimal(body.get("approvedPrincipal"))
    return Loan(
        id=_id(body),
        account_no=_text(body, "accountNo"),
        external_id=_text(body, "externalId"),
        status_id=status_id,
        status_text=_text(status, "value") or _text(status, "code"),
        waiting_for_disbursal=_flag(status, "waitingForDisbursal", absent=status_id == APPROVED),
        active=_flag(status, "active", absent=status_id == ACTIVE),
        client_id=whole(body.get("clientId")),
        client_name=_text(body, "clientName"),
        group_name=_text(part(body, "group"), "name"),
        product_id=_id(body, "loanProductId"),
        product_name=_text(body, "loanProductName"),
        currency=_text(part(body, "currency"), "code"),
        principal=principal,
        approved_principal=principal if approved is None else approved,
        net_disbursal_amount=decimal(body.get("netDisbursalAmount")),
        multi_disburse=_flag(body, "multiDisburseLoan"),
        is_topup=_flag(body, "isTopup"),
        fraud=_flag(body, "fraud"),
        approved_on=day(timeline.get("approvedOnDate")),
        expected_disbursement_on=day(timeline.get("expectedDisbursementDate")),
        actual_disbursement_on=day(timeline.get("actualDisbursementDate")),
        tranches=tuple(_tranche(each) for each in items(body.get("disbursementDetails") or [])),
    )


def _tranche(body: Mapping[str, Any]) -> Tranche:
    return Tranche(
        id=_id(body),
        expected_on=day(body.get("expectedDisbursementDate")),
        actual_on=day(body.get("actualDisbursementDate")),
        principal=_amount(body, "principal"),
        net=decimal(body.get("netDisbursalAmount")),
    )


def client(body: Mapping[str, Any]) -> Client:
    return Client(
        id=_id(body),
        active=_flag(body, "active", absent=part(body, "status").get("id") == ACTIVE),
        display_name=_text(body, "displayName"),
        mobile_no=_text(body, "mobileNo"),
        status_text=_text(part(body, "status"), "value"),
        external_id=_text(body, "externalId"),
    )


def payment_type(body: Mapping[str, Any]) -> PaymentType:
    return PaymentType(id=_id(body), name=_text(body, "name"), is_cash=_flag(body, "isCashPayment"))


def transaction(body: Mapping[str, Any], *, loan_id: int) -> LoanTransaction:
    kind, paid = part(body, "type"), part(body, "paymentDetailData")
    return LoanTransaction(
        id=_id(body),
        loan_id=whole(body.get("loanId")) or loan_id,
        external_id=_text(body, "externalId"),
        type_code=_text(kind, "code"),
        is_disbursement=_flag(kind, "disbursement", absent=kind.get("id") == DISBURSEMENT),
        on=day(body.get("date")),
        amount=_amount(body, "amount"),
        net_disbursal_amount=decimal(body.get("netDisbursalAmount")),
        receipt=_text(paid, "receiptNumber"),
        payment_type_id=whole(part(paid, "paymentType").get("id")),
        reversed=_flag(body, "manuallyReversed") or body.get("reversedOnDate") is not None,
    )


def hook(body: Mapping[str, Any]) -> Hook:
    """A read gives `config` as a list of fields, while a write takes it as an object; take both."""
    config = body.get("config")
    if isinstance(config, list):
        config = {field.get("fieldName"): field.get("fieldValue") for field in items(config)}
    return Hook(
        id=_id(body),
        display_name=_text(body, "displayName"),
        url=_text(config, "Payload URL") if isinstance(config, dict) else "",
        active=_flag(body, "isActive"),
    )
