"""Fineract's JSON of accounts, hits and their lines into our values."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from mifos.accounts import PLAIN_SAVINGS, Account, AccountKind, Entry, Hit
from mifos.parsing import Malformed, day, decimal, items, part, printable, whole

_KINDS = {"LOAN": AccountKind.LOAN, "SAVING": AccountKind.SAVINGS}
_PEOPLE = ("CLIENT", "CLIENTIDENTIFIER")


def hit(body: Mapping[str, Any]) -> Hit | None:
    """Read a row of `GET /search`; groups, shares and accounts of groups are nothing that we can pay into."""
    what, found_id = body.get("entityType"), _id(body, "entityId")
    parent = whole(body.get("parentId"))
    if what in _KINDS:
        of_client = body.get("parentType") in (None, "client")
        return Hit(
            kind=_KINDS[what],
            id=found_id,
            account_no=_text(body, "entityAccountNo"),
            external_id=_text(body, "entityExternalId"),
            client_id=parent if of_client else None,
            client_name=_text(body, "parentName"),
            product_name=_text(body, "entityName"),
            status_id=whole(part(body, "entityStatus").get("id")),
        )
    if what not in _PEOPLE:
        return None
    itself = what == "CLIENT"
    return Hit(
        kind=None,
        id=found_id,
        account_no=_text(body, "entityAccountNo"),
        external_id=_text(body, "entityExternalId"),
        client_id=found_id if itself else parent,
        client_name=_text(body, "entityName" if itself else "parentName"),
        status_id=whole(part(body, "entityStatus").get("id")),
        mobile_no=_text(body, "entityMobileNo"),
    )


def account(kind: AccountKind, body: Mapping[str, Any]) -> Account:
    """Read a loan or a savings account that was asked for by its id."""
    status, timeline, summary = part(body, "status"), part(body, "timeline"), part(body, "summary")
    loan = kind == AccountKind.LOAN
    return Account(
        kind=kind,
        id=_id(body, "id"),
        account_no=_text(body, "accountNo"),
        external_id=_text(body, "externalId"),
        status_id=_id(status, "id"),
        status_text=_text(status, "value") or _text(status, "code"),
        client_id=whole(body.get("clientId")),
        client_name=_text(body, "clientName"),
        product_name=_text(body, "loanProductName" if loan else "savingsProductName"),
        outstanding=decimal(summary.get("totalOutstanding")) if loan else None,
        balance=None if loan else decimal(summary.get("accountBalance")),
        plain=loan or part(body, "depositType").get("id", PLAIN_SAVINGS) == PLAIN_SAVINGS,
        opened_on=day(timeline.get("actualDisbursementDate" if loan else "activatedOnDate")),
    )


def accounts(body: Mapping[str, Any], *, client_id: int) -> tuple[Account, ...]:
    """Read `GET /clients/{id}/accounts`."""
    return tuple(_listed(body, client_id))


def _listed(body: Mapping[str, Any], client_id: int) -> Iterator[Account]:
    for name, kind in (("loanAccounts", AccountKind.LOAN), ("savingsAccounts", AccountKind.SAVINGS)):
        for each in items(body.get(name) or []):
            status, loan = part(each, "status"), kind == AccountKind.LOAN
            yield Account(
                kind=kind,
                id=_id(each, "id"),
                account_no=_text(each, "accountNo"),
                external_id=_text(each, "externalId"),
                status_id=_id(status, "id"),
                status_text=_text(status, "value") or _text(status, "code"),
                client_id=client_id,
                client_name="",
                product_name=_text(each, "productName"),
                outstanding=decimal(each.get("loanBalance")) if loan else None,
                balance=None if loan else decimal(each.get("accountBalance")),
                plain=loan or part(each, "depositType").get("id", PLAIN_SAVINGS) == PLAIN_SAVINGS,
            )


def entry(body: Mapping[str, Any]) -> Entry:
    """Read a transaction of a loan (`manuallyReversed`) or of a savings account (`reversed`)."""
    amount = decimal(body.get("amount"))
    if amount is None:
        raise Malformed("amount is missing")
    gone = body.get("manuallyReversed") is True or body.get("reversed") is True
    return Entry(
        id=_id(body, "id"),
        external_id=_text(body, "externalId"),
        receipt=_text(part(body, "paymentDetailData"), "receiptNumber"),
        amount=Decimal(amount),
        on=day(body.get("date")),
        reversed=gone or body.get("reversedOnDate") is not None,
    )


def _text(source: Mapping[str, Any], name: str) -> str:
    value = source.get(name)
    return printable(value) if isinstance(value, str) else ""


def _id(source: Mapping[str, Any], name: str) -> int:
    found = whole(source.get(name))
    if found is None:
        raise Malformed(f"{name} is missing")
    return found
