"""What NCBA's answers mean. Whatever is not a clear, documented refusal may have moved money."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from common.gateway import GatewayError, OutcomeUnknown, Rejected, Retryable
from common.http import Answer
from common.money import BadAmount, kes
from common.token_store import NewToken
from wallet.ncba_settings import NcbaSettings
from wallet.ncba_shapes import (
    BankBalance,
    BankStatement,
    Hint,
    OrderTaken,
    QrCode,
    StatementLine,
    StatusHint,
    StkTaken,
)

Fields = Mapping[str, Any]

LONGEST_REFERENCE = 40
_TOKEN = re.compile(r"[!-~]+")
_DUPLICATE = re.compile(r"DUPLICATE[\s|:]*([A-Z0-9]+)?")
_DONE = frozenset({"PASSED", "SUCCESS", "COMPLETED"})
_NOT_DONE = frozenset({"FAILED", "REJECTED", "DECLINED"})
_CODES = ("resultcode", "responsecode", "reserrorcode")
_WORDS = ("statusdescription", "reserrordesc", "reserrormessage", "description", "message")


def folded(value: Any) -> dict[str, Any]:
    """Return an object with its names in small letters and without blanks: NCBA's documents differ in both."""
    if not isinstance(value, dict):
        return {}
    return {str(name).lower().replace(" ", ""): inner for name, inner in value.items()}


def text(fields: Fields, *names: str) -> str:
    """Return the first of these that is there, as text."""
    found = (fields.get(name) for name in names)
    return next((_clean(value) for value in found if value not in (None, "")), "")


def _clean(value: Any) -> str:
    """Take out what no database stores: NULs, and halves of characters."""
    return str(value).replace("\x00", "").encode(errors="replace").decode().strip()


def blocked(answer: Answer) -> Rejected | None:
    """Return why the gateway itself let nothing through, or None if it did, or may have."""
    if answer.status == 401:
        return Rejected(
            "NCBA does not accept our user, password, token or subscription key", code="401", stop=True
        )
    if answer.status == 403 and "security notice" in answer.text.lower():
        words = "NCBA's firewall blocks us: our address is not on its list, or our name is not"
        return Rejected(words, code="403", stop=True)
    return None


def token(answer: Answer, *, names: tuple[str, ...], seconds: int | None) -> NewToken:
    """Read a token.

    :param seconds: its life where the answer never says it; None: by `expires_in`
    :raises Rejected: the login is refused, or the firewall blocks us
    :raises Retryable: anything else; nothing was attempted with it
    """
    if refusal := blocked(answer):
        raise refusal
    top = folded(answer.json())
    for fields in (top, folded(top.get("data"))):
        found = text(fields, *(name.lower() for name in names))
        if answer.ok and _TOKEN.fullmatch(found):
            said = text(fields, "expires_in")
            lives = int(said) if said.isdecimal() and int(said) else 900
            return NewToken(text=found, seconds=seconds or lives)
    raise Retryable(f"NCBA gave no access token (HTTP {answer.status})")


def stk_taken(answer: Answer, *, ncba: NcbaSettings) -> StkTaken:
    """Read the answer to an STK push. HTTP 200 alone means nothing (NCBA till document 2024).

    :raises Rejected: refused in words
    :raises OutcomeUnknown: the phone may ring
    """
    if refusal := blocked(answer):
        raise refusal
    body = folded(answer.json())
    code, transaction = text(body, "statuscode"), text(body, "transactionid")
    words = text(body, "statusdescription")
    if answer.ok and code in ncba.stk_success_codes and transaction:
        return StkTaken(transaction_id=transaction, reference_id=text(body, "referenceid"))
    if answer.ok and code in ncba.stk_reject_codes and not transaction:
        raise Rejected(f"NCBA refused the request: {words or 'no reason given'}", code=code)
    raise OutcomeUnknown(f"NCBA gave no clear answer (HTTP {answer.status})", code=code)


def stk_hint(answer: Answer) -> StatusHint:
    """Read what the till says of a push.

    :raises Retryable: nothing readable
    """
    body = folded(answer.json())
    said = text(body, "status").upper()
    if not answer.ok or not said:
        raise blocked(answer) or Retryable(f"NCBA did not say (HTTP {answer.status})")
    return StatusHint(hint=_hint(said), words=text(body, "description") or said)


def qr_code(answer: Answer) -> QrCode:
    """:raises Rejected, Retryable: there is none"""
    body = folded(answer.json())
    code, image = text(body, "statuscode"), text(body, "base64qrcode")
    if answer.ok and code == "0" and image.startswith("data:image/"):
        return QrCode(image=image)
    if answer.ok and code == "2":
        raise Rejected(
            f"NCBA makes no QR code: {text(body, 'statusdescription') or 'no reason given'}", code=code
        )
    raise blocked(answer) or Retryable(f"NCBA made no QR code (HTTP {answer.status})")


def order_taken(answer: Answer, *, reference: str, ncba: NcbaSettings) -> OrderTaken:
    """Read the answer to an order, in any of the bank's families of fields.

    Seen in the field: money gone although the answer did not say success. So only a listed code, in a whole
    answer about our own reference that names no booking, is a refusal.

    :raises Rejected: refused by a listed code, or the gateway let nothing through
    :raises OutcomeUnknown: anything else
    """
    if refusal := blocked(answer):
        raise refusal
    body = folded(answer.json())
    codes = {text(body, name) for name in _CODES} - {""}
    core, words = text(body, "txnreferenceno", "hdrtranid", "reference"), text(body, *_WORDS)
    code = codes.pop() if answer.ok and len(codes) == 1 else ""
    echoed = text(body, "cbxreferencenumber", "hdrrefno")
    if not code or (echoed and echoed != reference):
        raise OutcomeUnknown(f"NCBA gave no clear answer (HTTP {answer.status})", code=code)
    double = _DUPLICATE.search(f"{words} {core}".upper())
    if double or code in ncba.duplicate_codes:
        earlier = (double.group(1) or "") if double else core
        return OrderTaken(core_reference=core_form(earlier), final=False, earlier=True)
    if code in ncba.success_codes:
        at_once = not text(body, "reserrorcode")
        return OrderTaken(core_reference=core_form(core), final=at_once and bool(core))
    if code in ncba.reject_codes and not core:
        raise Rejected(f"NCBA refused the order: {words or 'no reason given'}", code=code)
    raise OutcomeUnknown(f"NCBA answered {words or 'without words'}, which is no clear refusal", code=code)


def core_form(reference: str) -> str:
    """Bring a core banking reference into the one form in which it is compared."""
    return reference.strip().upper()


def balance(answer: Answer, *, ncba: NcbaSettings) -> BankBalance:
    """:raises Rejected, Retryable: there is none"""
    top = _whole(answer)
    for fields in (top, folded(top.get("data"))):
        available = _amount(_at(fields, ncba.available_balance_field))
        if available is not None:
            return BankBalance(
                available=available,
                current=_amount(_at(fields, ncba.current_balance_field)),
                currency=text(fields, "currency"),
                account_name=text(fields, "accountname"),
            )
    raise Retryable("NCBA's answer names no balance")


def statement(answer: Answer, *, ncba: NcbaSettings) -> BankStatement:
    """Read a statement: a list, one under `data`, or a single row.

    :raises Rejected, Retryable: there is none
    """
    found = answer.json() if answer.ok else None
    if not isinstance(found, list):
        top = _whole(answer)
        found = top["data"] if "data" in top else answer.json()
    rows = found if isinstance(found, list) else [] if found is None else [found]
    lines = [_line(folded(row), ncba) for row in rows]
    read = tuple(line for line in lines if line is not None)
    if rows and not read:
        raise Retryable("NCBA's statement cannot be read")
    return BankStatement(lines=read, unreadable=len(rows) - len(read))


def order_hint(answer: Answer, *, ncba: NcbaSettings) -> StatusHint:
    """Read what a status query says of an order; the call is reported broken in production.

    :raises Retryable: nothing readable
    """
    if refusal := blocked(answer):
        raise refusal
    body = folded(answer.json())
    if not answer.ok or not body:
        raise Retryable(f"NCBA did not say (HTTP {answer.status})")
    inner = folded(body.get("transaction")) or body
    sound = text(body, "code", "errorcode") in ncba.success_codes
    said = text(inner, "status").upper()
    return StatusHint(
        hint=_hint(said) if sound else Hint.UNCLEAR,
        words=text(body, "description", "errormessage") or said,
        core_reference=core_form(text(inner, "cbsreference", "corereference")),
    )


def _hint(said: str) -> Hint:
    if said in _DONE:
        return Hint.DONE
    return Hint.NOT_DONE if said in _NOT_DONE else Hint.UNCLEAR


def _whole(answer: Answer) -> dict[str, Any]:
    """Return the object that answers a question about an account."""
    error: GatewayError | None = blocked(answer)
    body = folded(answer.json())
    code = text(body, *_CODES)
    if error is None and (not answer.ok or not body):
        error = Retryable(f"NCBA did not say (HTTP {answer.status})")
    if error is None and code and code not in ("000", "0"):
        error = Rejected(f"NCBA refused the question: {text(body, *_WORDS) or 'no reason given'}", code=code)
    if error is not None:
        raise error
    return body


def _at(fields: Fields, path: str) -> Any:
    found: Any = fields
    for name in path.lower().split("."):
        found = folded(found).get(name)
    return found


def _amount(value: Any) -> Decimal | None:
    try:
        return kes(str(value).replace(",", "")) if value not in (None, "") else None
    except BadAmount:
        return None


def _line(row: Fields, ncba: NcbaSettings) -> StatementLine | None:
    reference = core_form(text(row, "instrumentreferencenumber", "creditreference", "additionalreference"))
    credit, debit = _amount(row.get("creditamount")), _amount(row.get("debitamount"))
    flag = text(row, "creditdebitflag").upper()[:1]
    amount = -abs(debit) if flag == "D" and debit else credit if flag == "C" else None
    if not reference or len(reference) > LONGEST_REFERENCE or not amount:
        return None
    others = (text(row, "creditreference"), text(row, "additionalreference"))
    return StatementLine(
        core_reference=reference,
        amount=amount,
        value_date=_day(text(row, "valuedate"), ncba.statement_date_format),
        running_balance=_amount(row.get("runningbalance")),
        narrative=text(row, "narrative"),
        details=text(row, "paymentdetails"),
        transaction_code=text(row, "transactioncode"),
        other_references=tuple(one for one in others if one and core_form(one) != reference),
    )


def _day(written: str, form: str) -> date | None:
    try:
        return datetime.strptime(written, form).date()  # noqa: DTZ007 - a day of the bank, in Nairobi
    except ValueError:
        return None
